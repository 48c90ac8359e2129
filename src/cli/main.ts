/** The command line: argv in, exit code out. Errors are one line on stderr; a bug shows its stack. */
import { EXIT, InferlinkError } from "../errors.js";
import { typedError } from "../results/folder/durable.js";
import { PACKAGE_VERSION } from "../package.js";
import { parse, type Parsed } from "./parser.js";
import { say, toleratePipes } from "./terminal.js";

/** One line for what a user can cause or meet, the stack for what is our fault. */
function explain(thrown: unknown): number {
  const error = typedError(thrown);
  if (error instanceof InferlinkError) {
    say(`wgpu-inferlink: ${error.message.replace(/\s*\n\s*/g, " ")}`);
    return error.exitCode;
  }
  say(`wgpu-inferlink: this is a bug, please report it with what follows (version ${PACKAGE_VERSION}, node ${process.versions.node})`);
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return EXIT.bug;
}

/** @returns the exit code */
export async function main(argv: string[]): Promise<number> {
  toleratePipes();
  let parsed: Parsed | null = null;
  try {
    parsed = await parse(argv, PACKAGE_VERSION);
    return parsed ? await parsed.command.run(parsed.args, argv) : EXIT.done;
  } catch (error) {
    return explain(parsed?.config ? parsed.config.blame(error) : error);
  }
}
