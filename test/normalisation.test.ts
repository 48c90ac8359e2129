/** Which normalisation images get, how it is asked for and told, and the warning where another one would do better. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { OptionError } from "../src/errors.js";
import { normalisedImages } from "../src/inputs/normalisation.js";
import { openInputs, type Inputs } from "../src/inputs/inputs.js";
import { openDataset } from "../src/io/datasets/dataset.js";
import type { CheckpointFile, Normalisation } from "../src/io/types.js";
import { runOptions, type RunOptions } from "../src/cli/options.js";
import { parse } from "../src/cli/parser.js";
import { loadRun } from "../src/results/loadRun.js";
import { readManifest } from "../src/results/manifest.js";
import { completeConfig } from "../src/sweep/config.js";
import { DEMO_CHECKPOINT, DEMO_DATA, temporaryFolder } from "./support/cliFiles.js";
import { cli } from "./support/cliProcess.js";

const folder = temporaryFolder();
const NET = ["--checkpoint", DEMO_CHECKPOINT, "--data", DEMO_DATA];
const options = async (...words: string[]): Promise<RunOptions> => runOptions((await parse(["run", ...NET, ...words], "0.0.0"))!.args, {});

test("mean and std are numbers, fractions or none, or one of the names", async () => {
  const asked = async (...words: string[]): Promise<Normalisation | null> => {
    const { normalisation } = await options(...words);
    return normalisation && { mean: normalisation.mean, std: normalisation.std };
  };
  assert.is(await asked(), null);
  assert.is(await asked("--normalisation", "default"), null);
  assert.equal(await asked("--mean", "none"), { mean: [0], std: [1] });
  assert.equal(await asked("--mean", "none", "--std", "none"), { mean: [0], std: [1] });
  assert.equal(await asked("--mean", "0.4914,0.4822,0.4465", "--std=0.2023,0.1994,0.2010"), { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] });
  assert.equal(await asked("--mean=-0.5", "--std", "1/2"), { mean: [-0.5], std: [0.5] });
  assert.equal(await asked("--normalisation", "cifar10_statistics"), { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] });
  assert.equal(await asked("--normalisation", "imagenet"), { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] });
});

const WRONG: [string[], RegExp][] = [
  [["--mean", "0.5"], /--std: is missing/],
  [["--std", "0.5"], /--mean: is missing/],
  [["--mean", "0.5", "--std", "0"], /deviations above 0/],
  [["--mean", "0.5", "--std=-1"], /deviations above 0/],
  [["--mean", "nan", "--std", "1"], /no number/],
  [["--mean", "123.675,116.28,103.53", "--std", "58.395,57.12,57.375"], /such as 123\.675\/255/],
  [["--mean", "0.5", "--std", "0.5", "--normalisation", "half"], /a name or numbers/],
  [["--normalisation", "imagnet"], /did you mean imagenet/],
  [["--epsilon", "8", "--epsilon-space", "pixel"], /--epsilon: is in pixels of 0 to 1.*did you mean 8\/255\?/],
  [["--epsilon", "8/255", "--epsilon-space", "input"], /pixel's fraction/],
];
for (const [words, message] of WRONG) {
  test(`${words.join(" ")} is refused`, async () => {
    try {
      await options(...words);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, OptionError);
      assert.match((error as Error).message, message);
    }
  });
}

test("pixels are (byte / 255 - mean) / std of each channel, whatever the default was", async () => {
  const bytes = Buffer.alloc(2 * 3072, 0).map((_, i) => (i * 7) % 256);
  const labels = Buffer.from([3, 9]);
  writeFileSync(join(folder, "test_batch.bin"), Buffer.concat([labels.subarray(0, 1), bytes.subarray(0, 3072), labels.subarray(1), bytes.subarray(3072)]));
  const plain = await openDataset(folder, { dataset: "cifar10", split: "test" });
  const [mean, std] = [[0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.201]];
  const { dataset } = normalisedImages(plain, [], { mean, std, options: [] });
  assert.equal(dataset.normalisation, { mean, std });
  assert.equal(plain.normalisation, { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] });
  assert.is(dataset.sha256, plain.sha256);
  const pixels = dataset.read(1, 1);
  for (let i = 0; i < 3072; i++) {
    const c = Math.floor(i / 1024);
    assert.ok(Math.abs(pixels[i] - (bytes[3072 + i] / 255 - mean[c]) / std[c]) < 1e-6, `pixel ${i}`);
  }
});

const file = (path: string, normalisation: Normalisation | null = null): CheckpointFile => ({ path, format: "torch-zip", key: null, notes: [], bytes: 0, modified: 0, shapes: new Map(), normalisation, load: () => Promise.reject(new Error("not read")) });
const stored = { mean: [Math.fround(0.1307)], std: [Math.fround(0.3081)] };

test("a stored layer is used, as it was before it became float32, and may be said again but not contradicted", async () => {
  const images = await openDataset(DEMO_DATA, { dataset: "mnist", split: "test", limit: 4 });
  const own = { mean: [Math.fround(0.45)], std: [0.25] };
  const found = normalisedImages(images, [file("a.pt", own)], null);
  assert.is(found.layerOf, "a.pt");
  assert.equal(found.dataset.normalisation, { mean: [0.45], std: [0.25] });
  assert.equal(normalisedImages(images, [file("a.pt", stored)], { mean: [0.1307], std: [0.3081], options: ["--mean"] }).dataset.normalisation, images.normalisation);
  assert.throws(() => normalisedImages(images, [file("a.pt", own)], { mean: [0], std: [1], options: ["--mean"] }), /--mean: mean 0, std 1 contradicts the normalising layer in a\.pt \(mean 0\.45, std 0\.25\)/);
  assert.throws(() => normalisedImages(images, [file("a.pt", own), file("b.pt")], null), /b\.pt: stores no normalising layer, and a\.pt stores one.*a run of its own/);
  assert.throws(() => normalisedImages(images, [file("a.pt", { mean: [0, 0, 0], std: [1, 1, 1] })], null), /a\.pt: stores a normalising layer of 3 channels, and the images have 1/);
  assert.throws(() => normalisedImages(images, [file("a.pt", { mean: [0], std: [0] })], null), /deviations have to be above 0/);
  assert.throws(() => normalisedImages(images, [], { mean: [0, 0, 0], std: [1, 1, 1], options: ["--mean", "--std"] }), /--mean and --std: .* is of 3 channels, and the images have 1/);
  const ready = { ...images, normalisation: null, normalisedBy: undefined };
  assert.throws(() => normalisedImages(ready, [file("a.pt", stored)], null), /normalised already/);
  assert.throws(() => normalisedImages(ready, [], { mean: [0], std: [1], options: ["--mean"] }), /normalised already/);
});

test("epsilon written as a pixel's fraction needs pixels, which only a stored layer implies", async () => {
  const inputs: Inputs = { ...(await options("--epsilon", "8/255")), limit: 4 };
  assert.is(inputs.epsilonUnit.said, "pixel");
  try {
    await openInputs(inputs, completeConfig({ epsilons: [8 / 255] }));
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /--epsilon: is a pixel's fraction/);
  }
});

test("a run says its normalisation first, stores it everywhere, warns near chance and is no other's continuation", async () => {
  const flags = ["--layers", "fc", "--limit", "64", "--thresholds", "2", "--filters", "h_a"];
  const wrong = await cli(["run", ...NET, ...flags, "--mean", "0.9", "--std", "0.04", "--out", "wrong"], { cwd: folder });
  assert.is(wrong.code, 0, wrong.stderr);
  assert.match(wrong.stderr, /on 64 mnist images \(mean 0\.9, std 0\.04\), epsilon 0\.38 \(input space\)/);
  assert.match(wrong.stderr, /only \d+ % of the first 64 images are right with mean 0\.9, std 0\.04; was it trained with another normalisation\? --normalisation .*mnist gives (9\d|100) %/);
  assert.equal((await readManifest(join(folder, "wrong")))!.data.normalisation, { mean: [0.9], std: [0.04] });
  assert.is((await loadRun(join(folder, "wrong"))).metadata.get("normalisation"), '{"mean":[0.9],"std":[0.04]}');
  assert.match(readFileSync(join(folder, "wrong/report.html"), "utf8"), /mean 0\.9, std 0\.04/);
  const other = await cli(["run", ...NET, ...flags, "--out", "wrong"], { cwd: folder });
  assert.is(other.code, 2);
  assert.match(other.errors[0], /dataset\.normalisation\.mean: there \[0\.9\], here \[0\.1307\]/);
  const right = await cli(["run", ...NET, ...flags, "--normalisation", "mnist", "--out", "right"], { cwd: folder });
  assert.is(right.code, 0, right.stderr);
  assert.not.match(right.stderr, /another normalisation/);
});

test.run();
