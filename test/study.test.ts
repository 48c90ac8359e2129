/** The four commands of the README's study, one after the other as they stand there, and what it shows of their output. */
import { spawnSync } from "node:child_process";
import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PACKAGE_ROOT } from "../src/package.js";
import { readRows } from "../src/results/arrow/arrow.js";
import { temporaryFolder } from "./support/cliFiles.js";

const section = /^## The whole study.*?(?=^## )/ms.exec(readFileSync(join(PACKAGE_ROOT, "README.md"), "utf8"))![0];
const commands = [...section.matchAll(/^ {4}node (bin\/\S+ .*)\n\n```text\n([^]*?)```/gm)].map(([, words, shown]) => ({ words: words.split(" "), shown: shown.trim().split("\n") }));

const folder = temporaryFolder();
for (const name of ["bin", "node_modules"]) symlinkSync(join(PACKAGE_ROOT, name), join(folder, name));

/** Numbers are those of one adapter, as is how wide a column has to be for them. */
const form = (line: string): string => line.replaceAll(/\d+(?:[.,]\d+)*/g, "#").replaceAll(/ +/g, " ").trim();

test("train, run, score, retrain", () => {
  assert.equal(commands.map(({ words }) => words[1]), ["train", "run", "score", "retrain"]);
  for (const { words, shown } of commands) {
    const { status, stdout, stderr } = spawnSync(process.execPath, words, { cwd: folder, encoding: "utf8" });
    assert.is(status, 0, stderr);
    const printed = stripVTControlCharacters(`${stdout}\n${stderr}`).split("\n").map(form);
    for (const line of shown) assert.ok(printed.includes(form(line)), `${words[1]} does not print "${line}" but\n${stdout}\n${stderr}`);
  }
});

test("the network learned, and only what was chosen", async () => {
  const rows = await readRows(join(folder, "study/swept/results.arrow"));
  assert.is(rows.length, 21 * 10);
  assert.ok(Math.max(...rows.map(({ accuracy_clean }) => accuracy_clean)) > 0.25, "better than chance");
  const compared = spawnSync(process.execPath, ["bin/wgpu-inferlink.js", "compare", "study/selective", "--json"], { cwd: folder, encoding: "utf8" });
  const variants = (JSON.parse(compared.stdout) as { rows: { variant: string; updated: number }[] }).rows;
  assert.equal(variants.map(({ variant }) => variant).sort(), ["before", "robust,antifragile"]);
  const { updated } = variants.find(({ variant }) => variant !== "before")!;
  assert.ok(updated > 0.05 && updated < 0.95, `${updated} of the weights`);
});

test.run();
