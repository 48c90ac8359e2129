/** The commands there are, in the order of --help. */
import type { Listed } from "./command.js";

export const COMMANDS: Listed[] = [
  { grammar: "run", summary: "Sweep networks and write results.arrow", load: async () => (await import("./run.js")).runCommand },
  { grammar: "status <run>", summary: "How far a run or its shards are: done, left, rate, errors", load: async () => (await import("./status.js")).statusCommand },
  { grammar: "merge <part..>", summary: "Put the shards of a run together", load: async () => (await import("./merge.js")).mergeCommand },
  { grammar: "devices", summary: "List the adapters: type, limits, software or not", load: async () => (await import("./devices.js")).devicesCommand },
  { grammar: "verify", summary: "Compare this machine's adapter with PyTorch on stored networks", load: async () => (await import("./verify.js")).verifyCommand },
  { grammar: "inspect <file>", summary: "Layers of a checkpoint, and the size of a sweep over them", load: async () => (await import("./inspect.js")).inspectCommand },
  { grammar: "score <run..>", summary: "Scores, classes and shares of weights from a run's results", load: async () => (await import("./score.js")).scoreCommand },
  { grammar: "plot <run..>", summary: "Figures of runs as SVG files, and report.html", load: async () => (await import("./plot.js")).plotCommand },
  { grammar: "export <run>", summary: "Results as Parquet, CSV, JSON Lines, or the notebooks' pickles", load: async () => (await import("./export.js")).exportCommand },
  { grammar: "bench", summary: "Measure speed on this machine, alone or beside other programs", load: async () => (await import("./bench.js")).benchCommand },
  { grammar: "completion <shell>", summary: "Completion for bash, zsh or fish", load: async () => (await import("./completion.js")).completionCommand },
];
