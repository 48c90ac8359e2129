/** --key: a file that holds several networks, from inspect over a run and its folder to the scores. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readCheckpoint } from "../src/inputs/weights.js";
import { readRows, readResults } from "../src/results/arrow/arrow.js";
import type { Manifest } from "../src/results/manifest.js";
import type { Row } from "../src/sweep/row.js";
import { DEMO_CHECKPOINT, DEMO_DATA, temporaryFolder, withTensor } from "./support/cliFiles.js";
import { cli } from "./support/cliProcess.js";
import { torchFile } from "./support/torchFile.js";

const folder = temporaryFolder();
const SWEEP = ["--data", DEMO_DATA, "--limit", "24", "--thresholds", "2", "--layers", "fc", "--no-report"];
const shell = (...args: string[]) => cli(args, { cwd: folder });
const numbersOf = async (out: string): Promise<Omit<Row, "checkpoint">[]> => (await readRows(join(folder, out, "results.arrow"))).map(({ checkpoint: _, ...numbers }) => numbers);

test.before(async () => {
  const demo = await readCheckpoint(DEMO_CHECKPOINT);
  const averaged = withTensor(demo, "fc.weight", ({ shape, data }) => ({ shape, data: data.map((w) => w * 0.5) }));
  const write = (name: string, file: Buffer): void => writeFileSync(join(folder, name), file);
  write("both.pt", torchFile(new Map([["state_dict_ema", averaged], ["state_dict", new Map(demo.tensors)]])));
  write("averaged.pt", torchFile(averaged));
});

test("inspect lists the networks of a file and shows the one that is asked for", async () => {
  const told = async (...args: string[]) => JSON.parse((await shell("inspect", "both.pt", "--json", ...args)).stdout) as { candidates: unknown[]; notes: string[]; layers: { layer: string; max: number }[] };
  const plain = await told();
  assert.equal(plain.candidates, [{ key: "state_dict", network: "ResNet18", chosen: true }, { key: "state_dict_ema", network: "ResNet18", chosen: false }]);
  assert.match(plain.notes[0], /takes the weights under state_dict; there is a network under state_dict_ema/);
  const other = await told("--key", "state_dict_ema");
  assert.is(other.layers.at(-1)!.max, Math.fround(plain.layers.at(-1)!.max * 0.5));
  assert.match((await shell("inspect", "both.pt")).stdout, /state_dict_ema/);
});

test("a run of another key has that network's numbers, keeps to it, and is scored by its weights", async () => {
  const alone = await shell("run", "--checkpoint", "averaged.pt", ...SWEEP, "--out", "alone");
  assert.is(alone.code, 0, alone.stderr);
  const keyed = await shell("run", "--checkpoint", "both.pt", "--key", "state_dict_ema", ...SWEEP, "--out", "keyed");
  assert.is(keyed.code, 0, keyed.stderr);
  assert.match(keyed.stderr, /both\.pt: takes the weights under state_dict_ema/);
  assert.equal(await numbersOf("keyed"), await numbersOf("alone"));
  const manifest = JSON.parse(readFileSync(join(folder, "keyed/manifest.json"), "utf8")) as Manifest;
  assert.is(manifest.identity.key, "state_dict_ema");
  assert.is((await readResults(join(folder, "keyed/results.arrow"))).metadata.get("checkpoint_key"), "state_dict_ema");

  const without = await shell("run", "--checkpoint", "both.pt", ...SWEEP, "--out", "keyed");
  assert.is.not(without.code, 0);
  assert.match(without.stderr, /key: there "state_dict_ema", here nothing/);

  const shares = async (out: string) => (JSON.parse((await shell("score", out, "--json")).stdout) as { scores: Record<string, unknown>[] }).scores.map(({ run: _, checkpoint: __, ...score }) => score);
  assert.equal(await shares("keyed"), await shares("alone"));
});

test("a key that no network has is refused with those there are", async () => {
  const ended = await shell("run", "--checkpoint", "both.pt", "--key", "ema", ...SWEEP, "--out", "none");
  assert.is(ended.code, 65);
  assert.equal(ended.errors, ["wgpu-inferlink: both.pt: holds no network under --key ema; there is state_dict_ema, state_dict"]);
});

test.run();
