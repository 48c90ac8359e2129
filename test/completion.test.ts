/** Completion in the real shells: commands, flags, words, lists by commas, files and folders. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { COMMANDS } from "../src/cli/commands.js";
import { nameOf } from "../src/cli/command.js";
import { FILTER_NAMES } from "../src/cli/choices.js";
import { RUN_FLAGS } from "../src/cli/flags.js";
import { bashScript } from "../src/completion/bash.js";
import { fishScript } from "../src/completion/fish.js";
import type { Program } from "../src/completion/program.js";
import { zshScript } from "../src/completion/zsh.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { cli } from "./support/cliProcess.js";
import { isThere, SHELLS } from "./support/shells.js";

const folder = temporaryFolder();
for (const name of ["images", "my runs"]) mkdirSync(join(folder, name));
for (const name of ["net.ckpt", "sweep.yaml"]) writeFileSync(join(folder, name), "");
const FOLDERS = ["images", "my runs"];
const ALL = [...FOLDERS, "net.ckpt", "sweep.yaml"];

/** What stands before the cursor, and all that may stand there. */
const LINES: [string, string[]][] = [
  ["", COMMANDS.map(nameOf)],
  ["ins", ["inspect"]],
  ["completion ", ["bash", "zsh", "fish"]],
  ["devices --", ["--help", "--json", "--version"]],
  ["run --", [...Object.keys(RUN_FLAGS).map((name) => `--${name}`), "--help", "--version"]],
  ["run --sco", ["--scope"]],
  ["run --scope ", ["local", "global"]],
  ["run --scope g", ["global"]],
  ["run --scope=g", ["global"]],
  ["run --limit 3 --split ", ["test", "train"]],
  ["run --filters h_a,mi", ["minmax"]],
  ["run --filters=h_a,h_b,pu", ["pulseminmax"]],
  ["run --filters ", Object.keys(FILTER_NAMES)],
  ["run --limit ", []],
  ["run --checkpoint ", ALL],
  ["run --checkpoint n", ["net.ckpt"]],
  ["run --config s", ["sweep.yaml"]],
  ["run --data ", ALL],
  ["run --data im", ["images"]],
  ["inspect ", ALL],
  ["inspect net.ckpt --lay", ["--layers"]],
  ["inspect n", ["net.ckpt"]],
  ["score i", ["images"]],
];

/** Nothing in a description may end a quotation or run. */
const HOSTILE: Program = {
  name: "wgpu-inferlink",
  commands: [{
    name: "run",
    summary: "it's $(touch executed) `touch executed` \\ [a]: \"b\"",
    positional: null,
    flags: [{ name: "scope", description: "it's [a]: $(touch executed) `touch executed` \\", takes: "one value", value: { oneOf: ["local", "global"] } }],
  }],
};
const WRITERS = { bash: bashScript, zsh: zshScript, fish: fishScript };

for (const [shell, ask] of Object.entries(SHELLS) as [keyof typeof SHELLS, (typeof SHELLS)["bash"]][]) {
  const reason = isThere(shell) ? null : `there is no ${shell}`;
  if (reason) console.log(`skipped: ${reason}`);
  const check = reason ? test.skip : test;

  check(`${shell} completes commands, flags and values`, async () => {
    const { code, stdout, stderr } = await cli(["completion", shell]);
    assert.is(code, 0);
    assert.is(stderr, "");
    const found = ask(stdout, LINES.map(([line]) => `wgpu-inferlink ${line}`), folder);
    LINES.forEach(([line, expected], i) => {
      // bash has nothing else to offer --help at.
      const offered = line === "" ? found[i].filter((word) => !word.startsWith("-")) : found[i];
      assert.equal(offered.toSorted(), expected.toSorted(), `${shell}: ${line}`);
    });
  });

  check(`${shell} takes descriptions as text`, () => {
    assert.equal(ask(WRITERS[shell](HOSTILE), ["wgpu-inferlink run --scope ", "wgpu-inferlink ru"], folder).map((words) => words.toSorted()), [["global", "local"], ["run"]]);
    assert.not.ok(existsSync(join(folder, "executed")));
  });
}

test("another shell is refused, and scripts get JSON", async () => {
  const refused = await cli(["completion", "bsh"]);
  assert.is(refused.code, 2);
  assert.is(refused.stderr, 'wgpu-inferlink: no completion for "bsh"; did you mean bash?\n');
  const { shell, script } = JSON.parse((await cli(["completion", "fish", "--json"])).stdout) as { shell: string; script: string };
  assert.is(shell, "fish");
  assert.match(script, /^complete -c wgpu-inferlink /m);
});

test.run();
