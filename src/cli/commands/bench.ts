/** `bench`: how fast this machine computes, and how fast other programs do on it. */
import { CaseFiles } from "../../bench/files.js";
import { adapterOf, describeMachine, type Environment } from "../../bench/environment.js";
import { measureGrowth } from "../../bench/growth.js";
import { growthFigure, growthReport } from "../../bench/growthReport.js";
import { measure } from "../../bench/measure.js";
import { architectureOf } from "../../bench/networks.js";
import { ours } from "../../bench/peers.js";
import { measureProfile, profileReport } from "../../bench/profile.js";
import { report } from "../../bench/report.js";
import { EXIT } from "../../errors.js";
import type { AdapterSummary } from "../../gpu/device.js";
import { isBoundByStores } from "../../plan/intensity.js";
import { replaceFile } from "../../results/folder/durable.js";
import { BENCH_FLAGS, benchOptions, type BenchOptions } from "./benchOptions.js";
import type { Command } from "../command.js";
import { listenForInterruption } from "../running/signals.js";
import { say } from "../terminal.js";

/** A sample repeats its batch for about so long. */
const SAMPLE_SECONDS = 1;

async function bench({ cases, peers, adapter, kernels, tune, output, growth, profile, ...options }: BenchOptions): Promise<number> {
  using files = new CaseFiles();
  const interruption = listenForInterruption(null, () => process.exit(interruption.code()!)); // what runs beside it ends with it
  const machine = describeMachine();
  const environment = (adapter: AdapterSummary): Environment => ({ adapter: adapterOf(adapter), kernels: kernels ?? (adapter.software ? "software" : "hardware"), ...machine });
  const engine = ours({ adapter, kernels, tune, boundByStores: cases.every((of) => isBoundByStores([architectureOf(of)], of.input)) });
  const note = options.quiet ? () => undefined : say;
  if (growth) {
    const found = await measureGrowth(growth.base, growth.base.sweep!.layers![0], engine, files, { ...options, say: note });
    process.stdout.write(growthReport(found.growths, environment(found.adapter), output));
    if (growth.figure !== null) await replaceFile(growth.figure, growthFigure(found.growths, environment(found.adapter)));
    return EXIT.done;
  }
  if (profile) {
    const found = await measureProfile(profile.of, engine, files, profile.peak === "measured");
    process.stdout.write(profileReport(profile.of, found.profile, profile.peak === "measured" ? found.peak : profile.peak, environment(found.adapter), output));
    return EXIT.done;
  }
  const measured = await measure(cases, [engine, ...peers], files, { ...options, sampleSeconds: SAMPLE_SECONDS, say: note });
  process.stdout.write(report(measured.outcomes, environment(measured.adapter), output));
  return EXIT.done;
}

const DETAILS = `Measures how many images a second this engine computes: networks and images are made from a seed, nothing is
read or downloaded. Rates of unit and sweep count filtered networks x images. Images come from the host's memory and
losses go back there.`;

export const benchCommand: Command = {
  flags: BENCH_FLAGS,
  describe: (y) =>
    y
      .usage(`$0 bench [options]\n\n${DETAILS}`)
      .example("$0 bench", "Forward, gradient and one filtered network, full-width ResNet-18 on 28x28 images")
      .example("$0 bench --input 1x28x28,3x32x32 --batch 64,256 --work unit -o json", "Four cases, every sample in JSON")
      .example("$0 bench --work sweep --batch 64 -r 3", "A whole local sweep, three times")
      .example("$0 bench --compare", "The same beside PyTorch, onnxruntime, TensorFlow.js and tinygrad, where they are installed")
      .example("$0 bench --profile --width 64 --peak", "Which kernels take the time, and their share of what the adapter can do at most")
      .example("$0 bench --growth --width 16 --figure growth.svg", "How time and memory grow")
      .example("$0 bench --compare torch,onnxruntime-cpu --work unit,forward", "Beside some of them"),
  run: (args) => bench(benchOptions(args)),
};
