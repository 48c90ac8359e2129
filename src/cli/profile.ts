/** What `--profile` prints: where the adapter's time went, and how much of it was none. */
import type { Profile, ProfileEntry } from "../gpu/profiler.js";
import { columns } from "./table.js";
import { bold, grouped } from "./terminal.js";

/** Rate on real (non-padding) multiply-adds, two operations each. */
const gigaflops = ({ multiplyAdds, ms }: ProfileEntry): number | null => (multiplyAdds > 0 && ms > 0 ? (2 * multiplyAdds) / ms / 1e6 : null);

/** The profile for scripts. */
export function profileObject({ entries, spanMs, busyMs }: Profile) {
  return { span_ms: spanMs, busy_ms: busyMs, busy_share: spanMs > 0 ? busyMs / spanMs : null, kernels: entries.map((entry) => ({ name: entry.name, calls: entry.calls, ms: entry.ms, share: entry.ms / busyMs, gflops: gigaflops(entry) })) };
}

/** @param firstResult seconds from the process's start until the first numbers came back */
export function renderProfile({ entries, spanMs, busyMs }: Profile, firstResult: number | null, stream: NodeJS.WriteStream): string {
  const lines = entries.map((entry) => [entry.name, grouped(entry.calls), entry.ms.toFixed(1), `${((100 * entry.ms) / busyMs).toFixed(1)} %`, gigaflops(entry)?.toFixed(1) ?? ""]);
  const [head, ...body] = columns([["kernel", "calls", "GPU ms", "share", "GFLOP/s"], ...lines]);
  const idle = spanMs > 0 ? 100 * (1 - busyMs / spanMs) : 0;
  const first = firstResult === null ? "" : `First result ${firstResult.toFixed(1)} s after the start. `;
  return [bold(head, stream), ...body, "", `${first}The adapter was busy for ${(busyMs / 1000).toFixed(2)} s of the ${(spanMs / 1000).toFixed(2)} s from the first kernel to the last: ${idle.toFixed(1)} % idle. GFLOP/s count multiply-adds on real pixels.`].join("\n");
}
