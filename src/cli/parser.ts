/** The command line's grammar. Parsing only says which command runs with what; nothing runs here. */
import yargs from "yargs";
import { UsageError } from "../errors.js";
import { RUN_FLAGS, SWEEP_FLAGS } from "./flags.js";
import type { Arguments } from "./options.js";
import { nearest } from "./suggest.js";

export type Command = "run" | "devices" | "inspect";
export interface Parsed {
  command: Command;
  args: Arguments;
}

const COMMANDS: Command[] = ["run", "devices", "inspect"];
const DETAILS = `A sweep removes weights of a trained network by threshold, layer by layer, and measures what is left of its
accuracy on clean and on FGSM-attacked images. Without --checkpoint or --saved-models it runs the demo that comes
with the package.`;

/** yargs reads "-1,1" after a flag as further flags: ties it to the flag before. */
function tieNegatives(argv: string[]): string[] {
  const tied: string[] = [];
  for (const word of argv) {
    const before = tied.at(-1);
    if (/^-[\d.]/.test(word) && before?.startsWith("--") && !before.includes("=")) tied[tied.length - 1] = `${before}=${word}`;
    else tied.push(word);
  }
  return tied;
}

/** yargs' complaint as our error, with the nearest flag or command to an unknown one. */
function complaint(message: string, argv: string[]): UsageError {
  const unknown = /^Unknown (?:argument|command)s?: (.*)$/.exec(message)?.[1].split(", ")[0];
  if (message.startsWith("Not enough non-option arguments")) return new UsageError("inspect: name the checkpoint's file");
  if (unknown === undefined) {
    const missing = /^Not enough arguments following: (.*)$/.exec(message)?.[1];
    return new UsageError(missing ? `--${missing}: wants a value` : message);
  }
  if (!COMMANDS.includes(argv[0] as Command)) {
    const near = nearest(argv[0], COMMANDS);
    return new UsageError(`unknown command ${argv[0]}; ${near ? `did you mean ${near}?` : `there are ${COMMANDS.join(", ")}`}`);
  }
  const flags = argv[0] === "run" ? RUN_FLAGS : argv[0] === "inspect" ? { ...SWEEP_FLAGS, json: {} } : { json: {} };
  const near = nearest(unknown, [...Object.keys(flags), "help", "version"]);
  const isFlag = argv.some((word) => word.replace(/=.*/s, "").replace(/^--?/, "") === unknown && word.startsWith("-"));
  if (!isFlag) return new UsageError(`unexpected argument ${unknown}; see ${argv[0]} --help`);
  return new UsageError(`unknown option --${unknown}; ${near ? `did you mean --${near}?` : `see ${argv[0]} --help`}`);
}

/** @returns null when help or the version was asked for, and printed */
export async function parse(argv: string[], version: string): Promise<Parsed | null> {
  let parsed: Parsed | null = null;
  const choose = (command: Command) => (args: object): void => {
    parsed = { command, args: args as Arguments };
  };
  const words = tieNegatives(argv);
  const parser = yargs(words);
  await parser
    .locale("en")
    .scriptName("wgpu-inferlink")
    .usage("$0 <command>\n\nSynaptic filtering of trained networks on any GPU.")
    .parserConfiguration({ "camel-case-expansion": false, "boolean-negation": false, "dot-notation": false, "parse-numbers": false, "parse-positional-numbers": false, "short-option-groups": false })
    .command("run", "Sweep networks and write results.arrow", (y) =>
      y
        .usage(`$0 run [options]\n\n${DETAILS}`)
        .options(RUN_FLAGS)
        .example("$0 run", "The demo: a small ResNet-18 on MNIST")
        .example("$0 run --checkpoint net.ckpt --data MNIST/raw", "All layers, all filters")
        .example("$0 run --saved-models DIR --init 1 --epoch 10,20 --data MNIST/raw", "Networks of the notebooks' tree")
        .example("$0 run ... --epsilon 2/255,8/255 --epsilon-space pixel", "Two attacks, in units of pixels")
        .example("$0 run ... --scope global --range=-0.5,0.5", "All layers at once")
        .epilogue("Results: results.arrow (Arrow IPC file) and manifest.json in the run's folder; tables go to stdout, the rest to stderr.\nExit codes: 0 done, 2 usage, 65 bad input, 69 no adapter, 74 file system, 75 try again, 130 interrupted, 143 terminated, 1 a bug."),
      choose("run"))
    .command("devices", "List the adapters: type, limits, software or not", (y) =>
      y.usage("$0 devices [options]").option("json", { type: "boolean", description: "Print a JSON array" }), choose("devices"))
    .command("inspect <file>", "Layers of a checkpoint, and the size of a sweep over them", (y) =>
      y
        .usage("$0 inspect <file> [options]")
        .positional("file", { type: "string", description: "State dict: .ckpt, .pt, .pth or .safetensors" })
        .options(SWEEP_FLAGS)
        .option("json", { type: "boolean", description: "Print one JSON object" }), choose("inspect"))
    .demandCommand(1, "name a command: run, devices or inspect; see --help")
    .strict()
    .wrap(Math.min(110, parser.terminalWidth() || 110))
    .help()
    .alias("help", "h")
    .version(version)
    .exitProcess(false)
    .fail((message, error) => {
      throw error && error.name !== "YError" ? error : complaint(message ?? error.message, words);
    })
    .parseAsync();
  return parsed;
}
