/** A command line as its completion in shells sees it. Plain data: bash.ts, zsh.ts and fish.ts write a script of it. */

/** What a value may be: a path, one of some words, or several words by commas. */
export type Completion = "file" | "folder" | { oneOf: string[] } | { someOf: string[] };

export interface CompletedFlag {
  /** Without dashes. */
  name: string;
  description: string;
  takes: "nothing" | "one value" | "several values";
  /** Null where nothing can be offered: numbers, names. */
  value: Completion | null;
}

export interface CompletedCommand {
  name: string;
  summary: string;
  flags: CompletedFlag[];
  /** Null: it takes none. */
  positional: Completion | null;
}

export interface Program {
  /** As it is typed. */
  name: string;
  commands: CompletedCommand[];
}

/** The program's name as a name of a shell function. */
export const functionName = ({ name }: Program): string => `_${name.replaceAll("-", "_")}`;

/** Text between single quotes, for bash and zsh. */
export const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
