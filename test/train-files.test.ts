/** Everything around a training, with a stand-in for the trainer: the tree, going on, faults, refusals. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "../src/cli/parser.js";
import { train } from "../src/cli/commands/train.js";
import { trainOptions } from "../src/cli/training/options.js";
import { DeviceLostError, OutOfMemoryError } from "../src/errors.js";
import { openInputs } from "../src/inputs/inputs.js";
import { readCheckpoint } from "../src/inputs/weights.js";
import { Unpickler } from "../src/io/checkpoints/pickle.js";
import { MemorySource } from "../src/io/source.js";
import { describeCheckpoint } from "../src/model/checkpoint.js";
import { LOCK } from "../src/results/folder/lock.js";
import { readTrainingManifest } from "../src/results/training/manifest.js";
import { readTrainingRows } from "../src/results/training/rows.js";
import { Batches } from "../src/train/batches.js";
import { trainEpochs } from "../src/train/training.js";
import { openDataset } from "../src/io/datasets/dataset.js";
import { DEFAULT_CONFIG } from "../src/sweep/config.js";
import { DEMO_CHECKPOINT, temporaryFolder } from "./support/cliFiles.js";
import { standInEngine, type StandInOptions } from "./support/standInTrainer.js";
import { writeMnistSplits } from "./support/trainingFiles.js";

const folder = temporaryFolder();
const DATA = writeMnistSplits(join(folder, "MNIST"), 250, 40);
/** 2 steps an epoch. */
const SMALL = { "--network": "ResNet18", "--width": "2", "--data": DATA, "--epochs": "5", "--save-every": "2", "--inits": "1" };

async function command(words: string[], options: StandInOptions = {}): Promise<{ code: number; steps: number }> {
  const argv = ["train", "--quiet", ...words];
  const { engine, counted } = standInEngine(options);
  const code = await train(trainOptions((await parse(argv, "0.0.0"))!.args, {}), argv, engine);
  return { code, steps: counted.steps };
}

/** The small training with other flags in place of some of its own. */
const trained = (out: string, words: string[] = [], options: StandInOptions = {}): ReturnType<typeof command> =>
  command([...Object.entries(SMALL).flatMap(([flag, value]) => (words.includes(flag) ? [] : [flag, value])), ...words, "--out", join(folder, out)], options);

async function refused(message: RegExp, out: string, words: string[] = [], options: StandInOptions = {}): Promise<void> {
  try {
    await trained(out, words, options);
  } catch (error) {
    assert.match((error as Error).message, message);
    return;
  }
  assert.unreachable(`${words.join(" ")} went through`);
}

const initOf = (out: string, init = 1): string => join(folder, out, "Saved_models/ResNet18/MNIST", `Init_${init}`);
/** Files whose bytes have to be those of any other way to the same end. */
const filesOf = (out: string): Map<string, Buffer> => new Map(readdirSync(initOf(out)).filter((name) => name !== "training.json").map((name) => [name, readFileSync(join(initOf(out), name))]));
const CHECKPOINTS = [2, 4, 5].map((epoch) => `ResNet18_MNIST_${epoch}epochs.ckpt`);

function assertSame(out: string, what: string): void {
  const [found, wanted] = [filesOf(out), filesOf("whole")];
  assert.equal([...found.keys()].sort(), [...wanted.keys()].sort(), what);
  for (const [name, bytes] of wanted) assert.ok(found.get(name)!.equals(bytes), `${what}: ${name}`);
}

test("a training leaves the notebooks' tree, a row a step and one an epoch, and curves", async () => {
  const { code, steps } = await trained("whole");
  assert.equal([code, steps], [0, 10]);
  assert.equal(readdirSync(initOf("whole")).sort(), [...CHECKPOINTS, "ResNet18_MNIST.state", "ResNet18_MNIST_training_Init_1.pkl", "training.arrow", "training.json"].sort());
  const rows = readTrainingRows(initOf("whole"));
  assert.equal(rows.map(({ kind, epoch, step }) => `${kind} ${epoch} ${step}`), [1, 2, 3, 4, 5].flatMap((epoch) => [`step ${epoch} ${2 * epoch - 1}`, `step ${epoch} ${2 * epoch}`, `epoch ${epoch} ${2 * epoch}`]));
  const [first, second, epoch] = rows;
  assert.equal([first.images, first.learning_rate, first.test_loss, epoch.images, epoch.test_images], [100, 0.001, null, 200, 40]);
  assert.is(epoch.loss, (first.loss + second.loss) / 2);
  assert.is(epoch.correct, first.correct + second.correct);
  assert.equal(new Unpickler(new MemorySource("pkl", readFileSync(join(initOf("whole"), "ResNet18_MNIST_training_Init_1.pkl")))).loadWhole(), new Map([["training_loss", rows.filter(({ kind }) => kind === "epoch").map(({ loss }) => loss)], ["training_accuracy", rows.filter(({ kind }) => kind === "epoch").map(({ correct, images }) => correct / images)]]));
  const manifest = readTrainingManifest(initOf("whole"))!;
  assert.equal([manifest.status, manifest.epochs_done, manifest.identity.seed.given, manifest.checkpoints.map(({ epoch: saved }) => saved)], ["done", 5, 0, [2, 4, 5]]);
  const page = readFileSync(join(initOf("whole"), "../training.html"), "utf8");
  assert.match(page, /<svg[^]*Accuracy[^]*ResNet18_MNIST_4epochs\.ckpt/);
  assert.match(readFileSync(join(initOf("whole"), "../training.svg"), "utf8"), /^<svg[^]*test images/);
});

test("run takes the tree as it is", async () => {
  const source = { kind: "tree", folder: join(folder, "whole/Saved_models"), network: "ResNet18", dataset: null, inits: null, epochs: null } as const;
  const job = await openInputs({ source, key: null, graph: null, stem: {}, data: DATA, dataset: null, split: "test", limit: 8, coarse: false, resize: null, crop: null, normalisation: null, epsilonUnit: { said: "open", fractions: [], naming: (field) => field } }, DEFAULT_CONFIG);
  assert.equal(job.checkpoints.map(({ network, init, epoch }) => [network, init, epoch]), [2, 4, 5].map((epoch) => ["ResNet18", 1, epoch]));
  const network = describeCheckpoint(await job.checkpoints[2].file.load());
  assert.equal([network.width, network.classes, network.channels], [2, 10, 1]);
});

test("a complete training is left alone, a longer one goes on with it, another one is refused", async () => {
  assert.equal(await trained("whole"), { code: 0, steps: 0 });
  cpSync(join(folder, "whole"), join(folder, "longer"), { recursive: true });
  assert.equal(await trained("longer", ["--epochs", "6"]), { code: 0, steps: 2 });
  assert.ok(existsSync(join(initOf("longer"), "ResNet18_MNIST_6epochs.ckpt")));
  await refused(/Init_1: holds another training \(schedule\.rate: there 0\.001, here 0\.01\); choose another --out, or start it anew with --overwrite/, "longer", ["--lr", "0.01"]);
  await refused(/seed\.given: there 0, here 3/, "longer", ["--seed", "3"]);
  await refused(/kernels: there "software", here "hardware"/, "longer", ["--kernels", "hardware"]);
  assert.equal(await trained("longer", ["--lr", "0.01", "--overwrite", "--epochs", "1"]), { code: 0, steps: 2 });
  assert.equal(readdirSync(initOf("longer")).filter((name) => name.endsWith(".ckpt")), ["ResNet18_MNIST_1epochs.ckpt"]);
});

test("what nobody here wrote is not touched", async () => {
  const strange = initOf("strange");
  mkdirSync(strange, { recursive: true });
  cpSync(DEMO_CHECKPOINT, join(strange, "ResNet18_MNIST_2epochs.ckpt"));
  await refused(/Init_1: holds ResNet18_MNIST_2epochs\.ckpt, which no training by this program wrote/, "strange");
  assert.ok(readFileSync(DEMO_CHECKPOINT).equals(readFileSync(join(strange, "ResNet18_MNIST_2epochs.ckpt"))));
  await refused(/--resume: .*Init_1 holds no training to go on with/, "nothing", ["--resume"]);
  assert.not.ok(existsSync(join(folder, "nothing/Saved_models/ResNet18/MNIST/Init_1/training.json")));
});

for (const at of [1, 3, 4, 7]) {
  test(`Ctrl-C at step ${at}, then the same command: the same bytes`, async () => {
    const out = `stopped-${at}`;
    const stopped = await trained(out, [], { onStep: (step) => void (step === at && process.emit("SIGINT")) });
    assert.equal(stopped, { code: 130, steps: at });
    assert.is(readTrainingManifest(initOf(out))!.status, "interrupted");
    assert.equal(await trained(out, ["--resume"]), { code: 0, steps: 10 - at });
    assertSame(out, `stopped at ${at}`);
  });

  test(`ended without a word at step ${at}: the same bytes`, async () => {
    const out = `killed-${at}`;
    // What was there when the process went away: a copy of the folder, with a lock of nobody and half a file.
    await trained(out, [], { onStep: (step) => void (step === at && cpSync(join(folder, out), join(folder, `${out}-then`), { recursive: true })) });
    const then = join(folder, `${out}-then/Saved_models/ResNet18/MNIST/Init_1`);
    for (const name of readdirSync(then)) if (name.startsWith(LOCK)) renameSync(join(then, name), join(folder, `${out}-${name}`));
    writeFileSync(join(then, "ResNet18_MNIST_2epochs.ckpt.0123abcd.tmp"), "half");
    assert.is((await trained(`${out}-then`)).code, 0);
    assertSame(`${out}-then`, `killed at ${at}`);
  });
}

test("the middle of an epoch is saved, too, once time has gone by", async () => {
  const { config } = trainOptions((await parse(["train", "--network", "ResNet18", "--data", DATA, "--epochs", "2", "--batch-size", "50"], "0.0.0"))!.args, {});
  const dataset = await openDataset(DATA, { split: "train" });
  const saved: string[] = [];
  const learner = await standInEngine().engine.openLearner(null as never, { tensors: new Map() } as never, null as never, 0, 50);
  const batches = new Batches(dataset, { batch: 50, order: "shuffle", augment: [], seed: 1 });
  const isOver = await trainEpochs({ learner, batches, config, from: 0, pauseEvery: -1 }, {
    onStep: () => undefined,
    onEpoch: async (epoch, { step }) => void saved.push(`epoch ${epoch} at ${step}`),
    onPause: async ({ step }) => void saved.push(`pause at ${step}`),
  });
  assert.ok(isOver);
  assert.equal(saved, [1, 2, 3, 4, 0, 6, 7, 8, 9, 0].map((step, i) => (step === 0 ? `epoch ${(i + 1) / 5} at ${i + 1}` : `pause at ${step}`)));
});

test("a lost device is opened again, and the training goes on from what was saved", async () => {
  let lost = false;
  const { code } = await trained("lost", [], {
    onStep(step) {
      if (step !== 6 || lost) return;
      lost = true;
      throw new DeviceLostError("stand-in: the device was lost");
    },
  });
  assert.is(code, 0);
  assertSame("lost", "after a loss");
  assert.is(lost, true);
});

test("where the memory is too small, the parts of a step get smaller", async () => {
  const opened: number[] = [];
  const onOpen = (microBatch: number): void => {
    opened.push(microBatch);
    if (microBatch > 30) throw new OutOfMemoryError("stand-in: out of memory");
  };
  assert.is((await trained("tight", [], { onOpen })).code, 0);
  assert.equal(opened, [100, 50, 25]);
  assert.equal(readTrainingManifest(initOf("tight"))!.faults.map(({ kind, action }) => `${kind}: ${action}`), ["out-of-memory: trying again with 50 images at a time", "out-of-memory: trying again with 25 images at a time"]);
  opened.length = 0;
  const never = trained("tighter", ["--batch-size", "5"], { onOpen: (microBatch) => {
    opened.push(microBatch);
    throw new OutOfMemoryError("stand-in: out of memory");
  } });
  await never.then(() => assert.unreachable(), (error: Error) => assert.instance(error, OutOfMemoryError));
  assert.equal(opened, [5, 3], "two images and one again would leave norms one value");
  opened.length = 0;
  assert.is((await trained("tight", ["--epochs", "6"], { onOpen })).code, 0);
  assert.equal(opened, [25], "it is known from then on");
});

test("a loss that is no number ends the training; what was saved stays", async () => {
  await refused(/the loss is no number after step 7 \(epoch 4\); the largest gradient is that of layer4\.1\.conv2 \(1\.00e\+30\); try a lower --lr/, "diverged", [], { loss: (step) => (step === 7 ? Number.NaN : 1) });
  assert.equal(readdirSync(initOf("diverged")).filter((name) => name.endsWith(".ckpt")), [CHECKPOINTS[0]]);
  const manifest = readTrainingManifest(initOf("diverged"))!;
  assert.is(manifest.status, "interrupted");
  assert.match(manifest.faults[0].message, /no number after step 7/);
  assert.ok(readTrainingRows(initOf("diverged")).every(({ step }) => step <= 4));
});

test("initialisations differ; one alone is the same as among others", async () => {
  assert.equal(await trained("several", ["--inits", "3", "--epochs", "2"]), { code: 0, steps: 12 });
  const bytes = (out: string, init: number): Buffer => readFileSync(join(initOf(out, init), CHECKPOINTS[0]));
  assert.not.ok(bytes("several", 1).equals(bytes("several", 2)));
  assert.is((await trained("alone", ["--inits", "3", "--init", "2", "--epochs", "2"])).code, 0);
  assert.ok(bytes("alone", 2).equals(bytes("several", 2)));
  assert.not.ok(existsSync(initOf("alone", 1)));
  assert.is((await trained("alone", ["--inits", "3", "--shard", "1/2", "--epochs", "2"])).code, 0);
  assert.ok(bytes("alone", 1).equals(bytes("several", 1)) && bytes("alone", 3).equals(bytes("several", 3)));
  assert.equal((await trained("alone", ["--inits", "2", "--shard", "3/3", "--epochs", "2"])), { code: 0, steps: 0 });
});

test("--from begins with a checkpoint; other classes get a new last layer", async () => {
  const from = ["--from", DEMO_CHECKPOINT, "--lr", "1e-30", "--epochs", "1", "--inits", "1"];
  const given = describeCheckpoint(await readCheckpoint(DEMO_CHECKPOINT));
  await refused(/holds weights of a ResNet18 of width 16; leave --width out/, "tuned", from);
  assert.is((await command([...from, "--data", DATA, "--out", join(folder, "tuned")])).code, 0);
  const tuned = describeCheckpoint(await readCheckpoint(join(initOf("tuned"), "ResNet18_MNIST_1epochs.ckpt")));
  for (const [name, { data }] of given.tensors) assert.equal(tuned.tensors.get(name)!.data, data, name);
  const letters = join(folder, "letters");
  mkdirSync(letters);
  for (const kind of ["images-idx3", "labels-idx1"]) for (const [split, stem] of [["train", "train"], ["test", "t10k"]]) cpSync(join(DATA, `${stem}-${kind}-ubyte`), join(letters, `emnist-balanced-${split}-${kind}-ubyte`));
  const labels = readFileSync(join(letters, "emnist-balanced-train-labels-idx1-ubyte"));
  labels[8] = 46;
  writeFileSync(join(letters, "emnist-balanced-train-labels-idx1-ubyte"), labels);
  assert.is((await command([...from, "--data", letters, "--out", join(folder, "other")])).code, 0);
  const other = describeCheckpoint(await readCheckpoint(join(folder, "other/Saved_models/ResNet18/emnist-balanced/Init_1/ResNet18_emnist-balanced_1epochs.ckpt")));
  assert.is(other.classes, 47);
  for (const [name, { data }] of given.tensors) if (!name.startsWith("fc.")) assert.equal(other.tensors.get(name)!.data, data, name);
});

for (const [what, words, message] of [
  ["no network", ["--network", ""], /--network: is empty/],
  ["a network that isn't", ["--network", "ResNet81"], /--network: "ResNet81" is no network that is known by its name; did you mean/],
  ["images too small for a network", ["--network", "VGG11", "--width", "8"], /--network: a VGG11 can't take the mnist images of 28x28 pixels: layer/],
  ["larger batches than images", ["--batch-size", "251"], /--batch-size: a step takes 251 images, and there are 250; lower it/],
  ["larger parts than batches", ["--micro-batch", "101"], /--micro-batch: takes at most the 100 images of a step/],
  ["norms over one value", ["--batch-size", "1"], /layer4.0.bn1 sees one value of each channel, which have no variance; learn from 2 images at once or more/],
  ["norms over one value of a part", ["--batch-size", "5", "--micro-batch", "2"], /layer4.0.bn1 sees one value of each channel/],
  ["a negative rate", ["--lr=-1"], /--lr: takes a number above 0, not -1/],
  ["momentum for Adam", ["--momentum", "0.9"], /--momentum: belongs to --optimizer sgd/],
  ["Nesterov alone", ["--optimizer", "sgd", "--nesterov"], /--nesterov: wants --momentum/],
  ["a long warm-up", ["--warm-up", "5"], /--warm-up: takes fewer epochs than the 5/],
  ["steps of a cosine", ["--schedule", "cosine", "--step-every", "3"], /--step-every: belongs to --schedule step/],
  ["an attack's strength alone", ["--epsilon", "0.1"], /--epsilon: belongs to --adversarial/],
  ["an attack without strength", ["--adversarial", "fgsm"], /--epsilon: is missing beside --adversarial/],
  ["an attack that isn't known", ["--adversarial", "cw", "--epsilon", "0.1"], /--adversarial: "cw" is none of fgsm, pgd/],
  ["steps of the attack that has one", ["--adversarial", "fgsm", "--epsilon", "0.1", "--steps", "5"], /steps: goes with .*adversarial pgd/],
  ["no share of attacked images", ["--adversarial", "fgsm", "--epsilon", "0.1", "--mix", "0"], /--mix: takes a number above 0 and at most 1, not 0/],
  ["a pixel's fraction of the input", ["--adversarial", "fgsm", "--epsilon", "8/255"], /--epsilon: is a pixel's fraction/],
  ["an initialisation too many", ["--init", "4", "--inits", "3"], /--init: there is no Init_4 among 3; raise --inits/],
  ["a place in a file of weights alone", ["--key", "ema"], /--key: belongs to --from/],
  ["both ways at once", ["--resume", "--overwrite"], /--resume and --overwrite: give one of them/],
] as const) {
  test(`${what} is refused, and nothing is written`, async () => {
    await refused(message, "refused", [...words]);
    assert.not.ok(existsSync(join(folder, "refused")));
  });
}

test("a folder without images to learn from", async () => {
  const only = join(folder, "only-test");
  mkdirSync(only);
  for (const kind of ["images-idx3", "labels-idx1"]) cpSync(join(DATA, `t10k-${kind}-ubyte`), join(only, `t10k-${kind}-ubyte`));
  await refused(/only-test: holds images to test with and none to learn from; add the train split/, "refused", ["--data", only]);
  const none = join(folder, "only-train");
  mkdirSync(none);
  for (const kind of ["images-idx3", "labels-idx1"]) cpSync(join(DATA, `train-${kind}-ubyte`), join(none, `train-${kind}-ubyte`));
  await refused(/only-train: holds images to learn from and none to test with; add the test split, or do without by --no-test/, "refused", ["--data", none]);
  assert.is((await trained("untested", ["--data", none, "--no-test", "--epochs", "1"])).code, 0);
  assert.is(readTrainingRows(initOf("untested")).at(-1)!.test_images, null);
});

test.run();
