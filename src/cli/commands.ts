/** The commands there are, in the order of --help. */
import type { Command } from "./command.js";
import { devicesCommand } from "./devices.js";
import { inspectCommand } from "./inspect.js";
import { runCommand } from "./run.js";

export const COMMANDS: Command[] = [runCommand, devicesCommand, inspectCommand];
