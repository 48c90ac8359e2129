/** The commands there are, in the order of --help. */
import type { Listed } from "./command.js";

export const COMMANDS: Listed[] = [
  { grammar: "run", summary: "Sweep networks and write results.arrow", load: async () => (await import("./commands/run.js")).runCommand },
  { grammar: "train", summary: "Train networks into a tree of checkpoints that run takes", load: async () => (await import("./commands/train.js")).trainCommand },
  { grammar: "status <run>", summary: "How far a run or its shards are: done, left, rate, errors", load: async () => (await import("./commands/status.js")).statusCommand },
  { grammar: "merge <part..>", summary: "Put the shards of a run together", load: async () => (await import("./commands/merge.js")).mergeCommand },
  { grammar: "devices", summary: "List the adapters: type, limits, software or not", load: async () => (await import("./commands/devices.js")).devicesCommand },
  { grammar: "verify", summary: "Compare this machine's adapter with PyTorch on stored networks", load: async () => (await import("./commands/verify.js")).verifyCommand },
  { grammar: "inspect <file..>", summary: "Layers of checkpoints, and the size of a sweep over them", load: async () => (await import("./commands/inspect.js")).inspectCommand },
  { grammar: "score <run..>", summary: "Scores, classes and shares of weights from a run's results", load: async () => (await import("./commands/score.js")).scoreCommand },
  { grammar: "retrain <run>", summary: "Train a sweep's networks on, with only chosen weights updated", load: async () => (await import("./commands/retrain.js")).retrainCommand },
  { grammar: "compare <retraining..>", summary: "Retrainings side by side: accuracy under attack, with intervals", load: async () => (await import("./commands/compare.js")).compareCommand },
  { grammar: "plot <run..>", summary: "Figures of runs as SVG files, and report.html", load: async () => (await import("./commands/plot.js")).plotCommand },
  { grammar: "export <run>", summary: "Results as Parquet, CSV, JSON Lines, or the notebooks' pickles", load: async () => (await import("./commands/export.js")).exportCommand },
  { grammar: "bench", summary: "Measure speed on this machine, alone or beside other programs", load: async () => (await import("./commands/bench.js")).benchCommand },
  { grammar: "setup", summary: "Make sure that there is a WebGPU adapter: software Vulkan where there is none", load: async () => (await import("./commands/setup.js")).setupCommand },
  { grammar: "completion <shell>", summary: "Completion for bash, zsh or fish", load: async () => (await import("./commands/completion.js")).completionCommand(COMMANDS) },
];
