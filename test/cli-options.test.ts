/** The command line's words to options, and what is said of wrong ones. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { UsageError } from "../src/errors.js";
import { runOptions, type RunOptions } from "../src/cli/options.js";
import { parse } from "../src/cli/parser.js";
import { DEFAULT_CONFIG } from "../src/sweep/config.js";

async function options(...words: string[]): Promise<RunOptions> {
  const parsed = await parse(["run", ...words], "0.0.0");
  return runOptions(parsed!.args, {});
}

const NET = ["--checkpoint", "net.ckpt", "--data", "images"];

test("without arguments it is the demo with the defaults", async () => {
  const { source, config, data } = await options();
  assert.equal(source, { kind: "demo" });
  assert.equal(config, DEFAULT_CONFIG);
  assert.is(data, null);
});

test("every flag of a sweep", async () => {
  const { epsilonUnit: { said, fractions }, ...found } = await options(...NET, "--filters", "pulseminmax,minmax", "--alpha", "-0.01,0.02", "--delta", "1e-3", "--epsilon", "2/255,8/255", "--epsilon-space", "pixel", "--clamp",
    "--layers", "conv1,layer4.*", "--batch-norm", "batch", "--batch-size", "50", "--stem-stride", "2", "--stem-pool", "no", "--limit", "7", "--split", "train", "--dataset", "CIFAR10", "--adapter", "1", "--kernels", "Hardware", "--out", "here", "--overwrite", "--deadline", "1h30m", "--no-report", "--no-tune", "--json", "--quiet");
  assert.equal(found, {
    source: { kind: "files", files: ["net.ckpt"] }, key: null, graph: null, stem: { stride: 2, pool: false }, data: "images", dataset: "cifar10", split: "train", limit: 7, out: "here", overwrite: true, part: { shard: null, note: null }, deadline: 5400, report: false, adapter: "1", kernels: "hardware", json: true, tune: false, profile: false, quiet: true,
    coarse: false, resize: null, crop: null, normalisation: null,
    config: { ...DEFAULT_CONFIG, filters: ["h_a", "h_c"], alphas: [-0.01, 0.02], delta: 0.001, epsilons: [2 / 255, 8 / 255], epsilonSpace: "pixel", clamp: true, layers: ["conv1", "layer4.*"], batchNorm: "batch", batchSize: 50 },
  });
  assert.equal([said, fractions], ["given", ["--epsilon"]]);
});

test("an attack of several steps; one of a single step leaves no trace in the options", async () => {
  const pgd = { ...DEFAULT_CONFIG, attack: "pgd", steps: 10, stepSize: null, randomStart: null };
  assert.equal((await options("--attack", "pgd")).config, pgd);
  assert.equal((await options(...NET, "--attack", "PGD", "--epsilon", "8/255", "--step-size", "2/255", "--steps", "20", "--random-start", "0")).config, { ...pgd, epsilons: [8 / 255], steps: 20, stepSize: 2 / 255, randomStart: 0 });
  assert.equal((await options("--attack", "fgsm")).config, DEFAULT_CONFIG);
});

test("ranges may start with a minus, with and without an equals sign", async () => {
  for (const words of [["--range=-0.5,0.5"], ["--range", "-0.5,0.5"]]) {
    assert.equal((await options(...NET, "--scope", "global", ...words)).config.range, [-0.5, 0.5]);
  }
});

test("several checkpoints, and the notebooks' tree", async () => {
  assert.equal((await options("--checkpoint", "a", "b", "--checkpoint", "c", "--data", "d")).source, { kind: "files", files: ["a", "b", "c"] });
  assert.equal((await options("--saved-models", "S", "--network", "ResNet18", "--dataset", "MNIST", "--init", "1,2", "--epoch", "10,20", "--data", "d")).source, {
    kind: "tree", folder: "S", network: "ResNet18", dataset: "MNIST", inits: [1, 2], epochs: [10, 20],
  });
});

const WRONG: [string[], RegExp][] = [
  [["--epsilonn", "1"], /unknown option --epsilonn; did you mean --epsilon\?/],
  [["--treshold=3"], /did you mean --thresholds\?/],
  [["surplus"], /unexpected argument surplus/],
  [["--attack", "bim"], /--attack: "bim" is none of fgsm, pgd/],
  [["--steps", "3"], /--steps: goes with --attack pgd; fgsm is one step/],
  [["--attack", "fgsm", "--random-start", "1"], /--random-start: goes with --attack pgd/],
  [["--attack", "pgd", "--steps", "0"], /--steps: "0" is no whole number of at least 1/],
  [["--attack", "pgd", "--steps", "10001"], /--steps: takes a whole number from 1 to 10,000/],
  [["--attack", "pgd", "--step-size", "0"], /--step-size: takes a number above 0/],
  [["--attack", "pgd", "--step-size", "2/255"], /--step-size: is a pixel's fraction/],
  [["--attack", "pgd", "--step-size", "2", "--epsilon", "0.1", "--epsilon-space", "pixel"], /--step-size: is in pixels of 0 to 1, so 2 is far too much; did you mean 2\/255\?/],
  [["--attack", "pgd", "--random-start", "-1"], /--random-start: "-1" is no whole number of at least 0/],
  [["--limit", "0"], /--limit: "0" is no whole number of at least 1/],
  [["--limit", "1e2"], /--limit/],
  [["--thresholds", "2", "--thresholds", "3"], /given 2 times/],
  [["--epsilon", "8/255"], /--epsilon-space pixel/],
  [["--epsilon", "0.1,,0.2"], /empty item/],
  [["--epsilon=-1"], /--epsilon: takes numbers of at least 0, each once, not \[-1\]/],
  [["--epsilon", "NaN"], /no number/],
  [["--filters", "h_a,minmax"], /h_a comes twice/],
  [["--filters", "maxmim"], /did you mean maxmin\?/],
  [["--alpha", "0.1"], /needs --delta/],
  [["--alpha", "0.1", "--thresholds", "3"], /one of them/],
  [["--alpha"], /--alpha: wants a value/],
  [["--range=-1,1"], /belongs to --scope global/],
  [["--scope", "global", "--range=1,-1"], /lower first/],
  [["--scope", "globl"], /did you mean global\?/],
  [["--dataset", "imagenet"], /none of mnist, fashion-mnist, .*cifar100, tiny-imagenet, images/],
  [["--data", "x"], /needs networks/],
  [["--checkpoint", "x"], /--data: is missing/],
  [["--init", "1"], /--saved-models/],
  [["--checkpoint", "x", "--saved-models", "y", "--data", "z"], /one of them/],
];

for (const [words, message] of WRONG) {
  test(`run ${words.join(" ")} is refused`, async () => {
    try {
      await options(...words);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, UsageError);
      assert.match((error as Error).message, message);
    }
  });
}

test.run();
