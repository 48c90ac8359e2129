/** `train` on the real engine, through the real program: it learns, goes on after kill -9 with the same bytes, and run takes its tree. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readRows } from "../src/results/arrow/arrow.js";
import { readTrainingRows } from "../src/results/training/rows.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { cli, start } from "./support/cliProcess.js";
import { writeMnistSplits } from "./support/trainingFiles.js";

const folder = temporaryFolder();
const DATA = writeMnistSplits(join(folder, "MNIST"), 2000, 400);
const COMMAND = ["train", "--network", "ResNet18", "--width", "8", "--data", DATA, "--epochs", "2", "--save-every", "1", "--batch-size", "50", "--lr", "0.003", "--inits", "1"];
const initOf = (out: string): string => join(folder, out, "Saved_models/ResNet18/MNIST/Init_1");

test("a narrow network learns from some thousand images", async () => {
  const ended = await cli([...COMMAND, "--out", "whole", "--json"], { cwd: folder });
  assert.is(ended.code, 0, ended.stderr);
  const result = JSON.parse(ended.stdout) as { status: string; inits: { epochs: number; test_accuracy: number; checkpoints: string[] }[] };
  assert.equal([result.status, result.inits[0].epochs, result.inits[0].checkpoints.length], ["done", 2, 2]);
  assert.ok(result.inits[0].test_accuracy > 0.65, `test accuracy ${result.inits[0].test_accuracy}`);
  const rows = readTrainingRows(initOf("whole"));
  assert.is(rows.length, 2 * 41);
  assert.ok(rows.at(-1)!.loss < 0.6 * rows[40].loss, `loss ${rows[40].loss} in the first epoch, ${rows.at(-1)!.loss} in the second`);
});

test("kill -9 in the middle, then the same command: the same bytes", async () => {
  const stopped = start([...COMMAND, "--out", "killed"], { cwd: folder });
  while (!existsSync(join(initOf("killed"), "ResNet18_MNIST.state")) && stopped.process.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
  stopped.process.kill("SIGKILL");
  assert.is((await stopped.ended).signal, "SIGKILL");
  const resumed = await cli([...COMMAND, "--out", "killed"], { cwd: folder });
  assert.is(resumed.code, 0, resumed.stderr);
  assert.match(resumed.stderr, /going on: \d+ of 80 steps were done before/);
  for (const name of readdirSync(initOf("whole")).filter((each) => each !== "training.json")) assert.ok(readFileSync(join(initOf("killed"), name)).equals(readFileSync(join(initOf("whole"), name))), name);
});

test("run takes the tree as it is", async () => {
  const ended = await cli(["run", "--saved-models", "whole/Saved_models", "--data", DATA, "--epoch", "2", "--layers", "fc", "--filters", "h_a", "--thresholds", "2", "--limit", "64", "--out", "swept", "--no-report"], { cwd: folder });
  assert.is(ended.code, 0, ended.stderr);
  const [row] = await readRows(join(folder, "swept/results.arrow"));
  assert.equal([row.network, row.init, row.epoch], ["ResNet18", 1, 2]);
  assert.ok(row.accuracy_clean > 0.65, `${row.accuracy_clean}`);
});

test.run();
