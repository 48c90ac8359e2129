/** What a command of the command line is. Each stands in its own file and is listed in commands.ts. */
import type { Argv, Options } from "yargs";
import type { Arguments } from "./options.js";

/** A line of the table of commands: what --help lists. The command's own file is loaded only when it is called. */
export interface Listed {
  /** Name and positionals in yargs' words: `inspect <file>`. */
  grammar: string;
  /** One line for the list of commands. */
  summary: string;
  load(): Promise<Command>;
}

export interface Command {
  flags: Record<string, Options>;
  /** What --help says beside the flags: usage, positionals, examples. */
  describe?(y: Argv): Argv;
  /** @returns the exit code */
  run(args: Arguments, argv: string[]): Promise<number>;
}

export const nameOf = ({ grammar }: Listed): string => grammar.split(" ")[0];

/** Every command prints for scripts, too. */
export const JSON_FLAG: Record<string, Options> = { json: { type: "boolean", description: "Print JSON instead of text" } };
