/** Where the adapter's time goes in one case, kernel by kernel, and what share of its arithmetic peak each reaches. */
import type { AdapterSummary } from "../gpu/device.js";
import type { Profile } from "../gpu/profiler.js";
import { csvText } from "../tables/csv.js";
import { markdownText } from "../tables/markdown.js";
import type { Column } from "../tables/table.js";
import { caseText, type Case } from "./case.js";
import { environmentLines, type Environment } from "./environment.js";
import type { CaseFiles } from "./files.js";
import { engineError, PeerProcess } from "./peerProcess.js";
import type { Peer } from "./peers.js";
import type { AdapterHello } from "./protocol.js";
import { rounded, type Output } from "./report.js";

/** @param asksPeak whether to measure first what the adapter can do at most */
export async function measureProfile(of: Case, engine: Peer, files: CaseFiles, asksPeak: boolean): Promise<{ adapter: AdapterSummary; profile: Profile; peak: number | null }> {
  const process = new PeerProcess(engine.command);
  try {
    const { adapter } = (await process.hello()) as AdapterHello;
    const peak = asksPeak ? (await process.peak()).tflops : null;
    await process.prepare(of, files.write(of));
    await process.warm(of.batch);
    return { adapter, profile: await process.profile(), peak };
  } catch (error) {
    throw engineError(error);
  } finally {
    await process.end();
  }
}

interface Line {
  kernel: string;
  calls: number;
  gpu_ms: number;
  share: number;
  gflops: number | null;
  of_peak: number | null;
}

/** Two operations each, on real pixels: multiplications by padding are not counted. */
function lineOf({ name, calls, ms, multiplyAdds }: Profile["entries"][number], busyMs: number, peak: number | null): Line {
  const gflops = multiplyAdds > 0 && ms > 0 ? (2 * multiplyAdds) / ms / 1e6 : null;
  return { kernel: name, calls, gpu_ms: rounded(ms), share: rounded(ms / busyMs), gflops: gflops && rounded(gflops), of_peak: gflops && peak && rounded(gflops / (1000 * peak)) };
}

/** @param peak the adapter's in float32, in TFLOP/s; null where it isn't known */
export function profileReport(of: Case, { entries, spanMs, busyMs }: Profile, peak: number | null, environment: Environment, output: Output): string {
  const lines = entries.map((entry) => lineOf(entry, busyMs, peak));
  const whole = { case: caseText(of), span_ms: spanMs, busy_ms: busyMs, peak_tflops: peak, environment };
  if (output === "json") return `${JSON.stringify({ ...whole, kernels: lines }, null, 2)}\n`;
  if (output === "jsonl") return lines.map((line) => `${JSON.stringify({ ...line, ...whole })}\n`).join("");
  const columns = [
    { name: "kernel", type: "utf8", nullable: false }, { name: "calls", type: "int32", nullable: false }, { name: "gpu_ms", type: "float64", nullable: false }, { name: "share", type: "float64", nullable: false },
    { name: "gflops", type: "float64", nullable: true }, ...(peak === null ? [] : [{ name: "of_peak", type: "float64", nullable: true }]),
  ] as Column<keyof Line>[];
  if (output === "csv") return csvText({ columns, rows: lines });
  const notes = [`${caseText(of)}: busy for ${rounded(busyMs)} of ${rounded(spanMs)} ms; gflops count multiply-adds on real pixels${peak === null ? "" : `, of_peak is their share of ${rounded(peak)} TFLOP/s`}`, ...environmentLines(environment)];
  return `${markdownText({ columns, rows: lines })}\n${notes.join("\n")}\n`;
}
