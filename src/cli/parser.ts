/** The command line's grammar. Parsing only says which command runs with what; nothing runs here. */
import yargs from "yargs";
import { UsageError } from "../errors.js";
import { nameOf, type Command, type Listed } from "./command.js";
import { COMMANDS } from "./commands.js";
import type { ConfigFile } from "./configFile.js";
import type { Arguments } from "./options.js";
import { nearest } from "../suggest.js";
import { single, type Given } from "./values.js";

export interface Parsed {
  command: Command;
  /** With what the file named by --config adds. */
  args: Arguments;
  config: ConfigFile | null;
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

interface Called {
  listed: Listed;
  command: Command;
}

/** yargs' complaint as our error, with the nearest flag or command to an unknown one. */
function complaint(message: string, argv: string[], called: Called | null): UsageError {
  const unknown = /^Unknown (?:argument|command)s?: (.*)$/.exec(message)?.[1].split(", ")[0];
  const missing = /^Not enough arguments following: (.*)$/.exec(message)?.[1];
  if (missing !== undefined) return new UsageError(`--${missing}: wants a value`);
  if (!called) {
    if (unknown === undefined) return new UsageError(message);
    const near = nearest(argv[0], NAMES);
    return new UsageError(`unknown command ${argv[0]}; ${near ? `did you mean ${near}?` : `there are ${NAMES.join(", ")}`}`);
  }
  const name = nameOf(called.listed);
  if (message.startsWith("Not enough non-option arguments")) return new UsageError(`${name}: wants ${called.listed.grammar.split(" ").slice(1).join(" ")}; see ${name} --help`);
  if (unknown === undefined) return new UsageError(message);
  const near = nearest(unknown, [...Object.keys(called.command.flags), "help", "version"]);
  const isFlag = argv.some((word) => word.replace(/=.*/s, "").replace(/^--?/, "") === unknown && word.startsWith("-"));
  if (!isFlag) return new UsageError(`unexpected argument ${unknown}; see ${name} --help`);
  return new UsageError(`unknown option --${unknown}; ${near ? `did you mean --${near}?` : `see ${name} --help`}`);
}

/** Flags that files of options may hold, those of other commands among them. */
async function configurable(): Promise<Set<string>> {
  const commands = await Promise.all(COMMANDS.map(({ load }) => load()));
  return new Set(commands.filter(({ flags }) => "config" in flags).flatMap(({ flags }) => Object.keys(flags)));
}

async function withConfig(command: Command, args: Arguments): Promise<Parsed> {
  const file = single("config", args.config as Given);
  if (file === null) return { command, args, config: null };
  const { ConfigFile } = await import("./configFile.js");
  return { command, args, config: await ConfigFile.read(file, args, command.flags, configurable) };
}

/** @returns null when help or the version was asked for, and printed */
export async function parse(argv: string[], version: string): Promise<Parsed | null> {
  let called: Called | null = null;
  let chosen: { command: Command; args: Arguments } | null = null as { command: Command; args: Arguments } | null;
  const words = tieNegatives(argv);
  // Loaded beforehand, for yargs hands on complaints of commands that it has to wait for as bare errors.
  const loaded = new Map<Listed, Command>();
  for (const listed of COMMANDS) if (words.includes(nameOf(listed))) loaded.set(listed, await listed.load());
  const parser = yargs(words);
  parser
    .locale("en")
    .scriptName("wgpu-inferlink")
    .usage("$0 <command>\n\nSynaptic filtering of trained networks on any GPU.")
    .parserConfiguration({ "camel-case-expansion": false, "boolean-negation": false, "dot-notation": false, "parse-numbers": false, "parse-positional-numbers": false, "short-option-groups": false });
  for (const listed of COMMANDS) {
    parser.command(
      listed.grammar,
      listed.summary,
      (y) => {
        const command = loaded.get(listed)!;
        called = { listed, command };
        return (command.describe?.(y) ?? y.usage(`$0 ${listed.grammar} [options]`)).options(command.flags);
      },
      (args) => void (chosen = { command: called!.command, args: args as Arguments }),
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
      throw error && error.name !== "YError" ? error : complaint(message ?? error.message, words, called);
    })
    .parseAsync();
  return chosen && withConfig(chosen.command, chosen.args);
}
