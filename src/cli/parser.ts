/** The command line's grammar. Parsing only says which command runs with what; nothing runs here. */
import yargs from "yargs";
import { UsageError } from "../errors.js";
import { nameOf, type Command } from "./command.js";
import { COMMANDS } from "./commands.js";
import type { Arguments } from "./options.js";
import { nearest } from "./suggest.js";

export interface Parsed {
  command: Command;
  args: Arguments;
}

const NAMES = COMMANDS.map(nameOf);

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
  const command = COMMANDS.find((known) => nameOf(known) === argv[0]);
  if (message.startsWith("Not enough non-option arguments")) return new UsageError(`${argv[0]}: wants ${command!.grammar.split(" ").slice(1).join(" ")}; see ${argv[0]} --help`);
  if (unknown === undefined) {
    const missing = /^Not enough arguments following: (.*)$/.exec(message)?.[1];
    return new UsageError(missing ? `--${missing}: wants a value` : message);
  }
  if (!command) {
    const near = nearest(argv[0], NAMES);
    return new UsageError(`unknown command ${argv[0]}; ${near ? `did you mean ${near}?` : `there are ${NAMES.join(", ")}`}`);
  }
  const near = nearest(unknown, [...Object.keys(command.flags), "help", "version"]);
  const isFlag = argv.some((word) => word.replace(/=.*/s, "").replace(/^--?/, "") === unknown && word.startsWith("-"));
  if (!isFlag) return new UsageError(`unexpected argument ${unknown}; see ${argv[0]} --help`);
  return new UsageError(`unknown option --${unknown}; ${near ? `did you mean --${near}?` : `see ${argv[0]} --help`}`);
}

/** @returns null when help or the version was asked for, and printed */
export async function parse(argv: string[], version: string): Promise<Parsed | null> {
  let parsed: Parsed | null = null;
  const words = tieNegatives(argv);
  const parser = yargs(words);
  parser
    .locale("en")
    .scriptName("wgpu-inferlink")
    .usage("$0 <command>\n\nSynaptic filtering of trained networks on any GPU.")
    .parserConfiguration({ "camel-case-expansion": false, "boolean-negation": false, "dot-notation": false, "parse-numbers": false, "parse-positional-numbers": false, "short-option-groups": false });
  for (const command of COMMANDS) {
    parser.command(
      command.grammar,
      command.summary,
      (y) => (command.describe?.(y) ?? y.usage(`$0 ${command.grammar} [options]`)).options(command.flags),
      (args) => void (parsed = { command, args: args as Arguments }),
    );
  }
  await parser
    .demandCommand(1, `name a command: ${NAMES.join(", ")}; see --help`)
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
