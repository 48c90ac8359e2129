/** What a command of the command line is. Each stands in its own file and is listed in commands.ts. */
import type { Argv, Options } from "yargs";
import type { Completion } from "../completion/program.js";
import { KERNELS } from "./choices.js";
import type { Arguments } from "./options.js";

/** A line of the table of commands: what --help lists. The command's own file is loaded only when it is called. */
export interface Listed {
  /** Name and positionals in yargs' words: `inspect <file>`. */
  grammar: string;
  /** One line for the list of commands. */
  summary: string;
  load(): Promise<Command>;
}

/** A flag as yargs reads it, and how its value is completed in a shell. */
export interface Flag extends Options {
  completes?: Completion;
}

export interface Command {
  flags: Record<string, Flag>;
  /** How positionals are completed: files where it isn't said. */
  completes?: Completion;
  /** What --help says beside the flags: usage, positionals, examples. */
  describe?(y: Argv): Argv;
  /** @returns the exit code */
  run(args: Arguments, argv: string[]): Promise<number>;
}

export const nameOf = ({ grammar }: Listed): string => grammar.split(" ")[0];

/** Every command prints for scripts, too. */
export const JSON_FLAG: Record<string, Flag> = { json: { type: "boolean", description: "Print JSON instead of text" } };

/** Which of the two sets of kernels runs; every command that computes takes it. */
export const KERNELS_FLAG: Record<string, Flag> = {
  kernels: { type: "string", requiresArg: true, completes: { oneOf: Object.keys(KERNELS) }, description: "Kernels for software adapters, or for hardware: software, hardware", defaultDescription: "those for the adapter" },
};

/** Commands with many flags take them from a file, too. */
export const CONFIG_FLAG: Record<string, Flag> = {
  config: { type: "string", requiresArg: true, completes: "file", description: "YAML or JSON file of flags by name; those of the command line win" },
};
