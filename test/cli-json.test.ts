/** `--json` of every command: one JSON document on stdout, and nothing else there; nothing at all when it fails. */
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { COMMANDS } from "../src/cli/commands.js";
import { nameOf } from "../src/cli/command.js";
import { DEMO_CHECKPOINT, temporaryFolder } from "./support/cliFiles.js";
import { cli } from "./support/cliProcess.js";

const folder = temporaryFolder();
const RUN = join(folder, "run");

/** A cheap call of each command, and a field of what it prints. `run` comes first: others read what it wrote. */
const CALLS: Record<string, [args: string[], field: string]> = {
  run: [["--limit", "8", "--thresholds", "3", "--layers", "fc", "--out", RUN], "summary"],
  devices: [[], "0"],
  verify: [["--network", "demo"], "adapter"],
  inspect: [[DEMO_CHECKPOINT], "layers"],
  score: [[RUN], "runs"],
  plot: [[RUN], "report"],
  export: [[RUN, "--format", "csv"], "files"],
  status: [[RUN], "state"],
  merge: [[RUN, "--out", join(folder, "merged")], "rows"],
  completion: [["bash"], "script"],
};

test("every command has the flag", async () => {
  // `setup` prepares the machine for a person, and has nothing to tell but that it did.
  for (const listed of COMMANDS.filter((command) => nameOf(command) !== "setup")) assert.is((await listed.load()).flags.json?.type, "boolean", nameOf(listed));
});

for (const [name, [args, field]] of Object.entries(CALLS)) {
  test(`${name} --json prints one document`, async () => {
    const { code, stdout, stderr } = await cli([name, ...args, "--json"], { cwd: folder, env: { FORCE_COLOR: "1" } });
    assert.is(code, 0, stderr);
    assert.ok(field in (JSON.parse(stdout) as object), `${name}: ${stdout.slice(0, 300)}`);
  });
}

test("a failing command prints none: one line on stderr, and the exit code", async () => {
  for (const name of ["inspect", "score", "plot", "export", "status", "merge"]) {
    const { code, stdout, errors } = await cli([name, "nowhere", "--json"], { cwd: folder });
    assert.ok(code === 65 || code === 74, `${name}: ${code}`);
    assert.is(stdout, "");
    assert.is(errors.length, 1);
  }
});

test.run();
