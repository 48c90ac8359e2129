/** docs/networks.md: its snippets run as they stand, the one in Python through PyTorch where that is installed; its table names the ops there are. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { OPS } from "../src/model/aten/table.js";
import { PACKAGE_ROOT } from "../src/package.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { pythonWith } from "./support/python.js";
import { snippetsOf } from "./support/snippets.js";

const PAGE = "docs/networks.md";
const FOLDER = temporaryFolder();
const snippets = snippetsOf(PAGE);
const torch = pythonWith("torch");

/** What it prints; it has to end well. */
function run(command: string, args: string[]): string {
  const ended = spawnSync(command, args, { cwd: FOLDER, encoding: "utf8", env: { ...process.env, PATH: [join(FOLDER, "bin"), process.env.PATH].join(delimiter) } });
  assert.is(ended.status, 0, ended.stderr);
  return ended.stdout;
}

test.before(() => {
  mkdirSync(join(FOLDER, "bin"));
  mkdirSync(join(FOLDER, "Dataset"));
  symlinkSync(join(PACKAGE_ROOT, "fixtures/demo/MNIST"), join(FOLDER, "Dataset/MNIST"));
  const command = join(FOLDER, "bin/wgpu-inferlink");
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${join(PACKAGE_ROOT, "bin/wgpu-inferlink.js")}" "$@"\n`);
  chmodSync(command, 0o755);
});

if (torch === null) console.log(`skipped "${PAGE} through PyTorch": no python3 here has torch`);
(torch === null ? test.skip : test)("what the snippet exports is inspected and swept", () => {
  const [python, shell] = [snippets.find(({ language }) => language === "python")!, snippets.find(({ language, code }) => language === "sh" && code.includes("net.pt2"))!];
  run(torch!, ["-c", python.code]);
  const printed = run("sh", ["-ec", shell.code]);
  assert.match(printed, /net\.pt2: net, width 8, 1 input channel, 10 classes \(exported\)/);
  assert.match(printed, /^0 +8x1x3x3 +72 /m);
});

test("the same commands take a file that is there", () => {
  writeFileSync(join(FOLDER, "net.pt2"), gunzipSync(readFileSync(join(PACKAGE_ROOT, "fixtures/exported/preactivation.pt2.gz"))));
  assert.match(run("wgpu-inferlink", ["inspect", "net.pt2"]), /net\.pt2: net, width 6/);
});

test("every op of the table on the page is there, and every op that is there is on the page", () => {
  const page = readFileSync(join(PACKAGE_ROOT, PAGE), "utf8");
  const table = page.slice(page.indexOf("### What is read"), page.indexOf("### What is refused"));
  const there = new Set(OPS.map((op) => op.split(".")[0]));
  const named = [...table.matchAll(/`([a-z_0-9]+)`/g)].map(([, name]) => name).filter((name) => !/^relu_$/.test(name));
  assert.equal(named.filter((name) => !there.has(name) && !["dropout", "to"].includes(name)), []);
  // Forms that PyTorch decomposes to are not written by people.
  const silent = /^_|dropout|legit|native|_with_indices|detach|softmax|concat|split_with_sizes|swapaxes|^t$|as$|lift_fresh|sym_size|constant_pad/;
  assert.equal([...there].filter((name) => !named.includes(name) && !silent.test(name)), []);
});

test.run();
