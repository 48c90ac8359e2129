/** What a command of the command line is. Each stands in its own file and is listed in commands.ts. */
import type { Argv, Options } from "yargs";
import type { Arguments } from "./options.js";

export interface Command {
  /** Name and positionals in yargs' words: `inspect <file>`. */
  grammar: string;
  /** One line for the list of commands. */
  summary: string;
  flags: Record<string, Options>;
  /** What --help says beside the flags: usage, positionals, examples. */
  describe?(y: Argv): Argv;
  /** @returns the exit code */
  run(args: Arguments, argv: string[]): Promise<number>;
}

export const nameOf = (command: Command): string => command.grammar.split(" ")[0];

/** Every command prints for scripts, too. */
export const JSON_FLAG: Record<string, Options> = { json: { type: "boolean", description: "Print JSON instead of text" } };
