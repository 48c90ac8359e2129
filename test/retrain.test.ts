/** `retrain` from the command line: which bytes move, how it is gone on with, and the same in plain PyTorch from the marks it wrote. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "../src/cli/parser.js";
import { retrainOptions } from "../src/cli/retraining/options.js";
import { readMarks } from "../src/export/marks.js";
import { readCheckpoint } from "../src/inputs/weights.js";
import { encodeStateDict } from "../src/io/checkpoints/stateDict.js";
import type { Tensor } from "../src/io/types.js";
import { architectureNamed } from "../src/model/recognise.js";
import { stateOrder } from "../src/model/beginning.js";
import { PACKAGE_ROOT } from "../src/package.js";
import { readRetraining } from "../src/results/retraining/rows.js";
import { readState } from "../src/results/training/state.js";
import { readTrainingRows } from "../src/results/training/rows.js";
import { initialTensors } from "../src/train/initialise.js";
import { ALSO, updatedNumbers } from "../src/train/selective.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { cli, type Ended } from "./support/cliProcess.js";
import { pythonWith } from "./support/python.js";
import { writeMnistSplits } from "./support/trainingFiles.js";

const BATCH = 20;
const STEPS = 10;
const folder = temporaryFolder();
writeMnistSplits(join(folder, "mnist"), BATCH * STEPS, 40);
const architecture = architectureNamed("resnet18", { width: 4, channels: 1, classes: 10 });
const start = initialTensors(architecture, 5);
writeFileSync(join(folder, "net.ckpt"), encodeStateDict(new Map(stateOrder(architecture).map(({ tensor, isCounter }) => [tensor, isCounter ? 0 : start.get(tensor)!])), "ckpt"));

const run = async (...words: string[]): Promise<Ended> => {
  const ended = await cli(words, { cwd: folder });
  assert.is(ended.code, 0, ended.stderr);
  return ended;
};
const SHARED = ["--data", "mnist", "--batch-size", String(BATCH), "--save-every", "1", "--order", "file", "--no-report", "--quiet", "--epsilon", "0.1,0.3", "--attack", "fgsm,pgd", "--steps", "2"];
const SELECTIVE = ["retrain", "swept", "--update", "robust,antifragile", "--rescore-every", "1", ...SHARED];
await run("run", "--checkpoint", "net.ckpt", "--data", "mnist", "--scope", "global", "--range=-0.3,0.3", "--filters", "h_c", "--thresholds", "7", "--no-tune", "--no-report", "--quiet", "--out", "swept");
await run(...SELECTIVE, "--epochs", "1", "--out", "selective");

const initOf = (out: string): string => join(folder, out, "Saved_models/ResNet18/MNIST/Init_1");
const bytes = ({ data: values }: Pick<Tensor, "data">): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** Ten steps of Adam over the same batches, by the marks of the file, as docs/marks.md has it. */
const TORCH = `
import json, sys, torch, torch.nn.functional as F
sys.path.insert(0, sys.argv[1]); sys.dont_write_bytecode = True
from network import build, read_idx
file = open(sys.argv[2], "rb")
header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
body = torch.frombuffer(bytearray(file.read()), dtype=torch.uint8)
header.pop("__metadata__")
chosen = {name: body[slice(*entry["data_offsets"])].reshape(entry["shape"]) >= 2 for name, entry in header.items()}
net = build(torch.load("net.ckpt", weights_only=True)).train()
weights = dict(net.named_parameters())
x = ((torch.tensor(read_idx("mnist/train-images-idx3-ubyte")).float() / 255 - 0.1307) / 0.3081)[:, None]
y = torch.tensor(read_idx("mnist/train-labels-idx1-ubyte")).long()
optimizer = torch.optim.Adam(net.parameters(), 1e-3)
losses = []
for xb, yb in zip(x.split(${BATCH}), y.split(${BATCH})):
    optimizer.zero_grad()
    loss = F.cross_entropy(net(xb), yb)
    loss.backward()
    for name, mask in chosen.items():
        weights[name].grad.masked_fill_(~mask, 0)
    optimizer.step()
    losses.append(loss.item())
print(json.dumps(losses))
`;
const torch = pythonWith("torch");

function torchTest(): void {
  if (!torch) return console.log("left out: PyTorch is not installed");
  const ended = spawnSync(torch, ["-c", TORCH, join(PACKAGE_ROOT, "fixtures"), join(initOf("selective"), "ResNet18_MNIST_marks_0epochs.safetensors")], { cwd: folder, encoding: "utf8", env: { ...process.env, OMP_NUM_THREADS: "1" } });
  assert.is(ended.status, 0, ended.stderr);
  const expected = JSON.parse(ended.stdout) as number[];
  const losses = readTrainingRows(initOf("selective")).filter(({ kind }) => kind === "step").map(({ loss }) => loss);
  assert.is(losses.length, STEPS);
  losses.forEach((loss, i) => assert.ok(Math.abs(loss - expected[i]) <= 1e-4 * Math.abs(expected[i]), `step ${i + 1}: ${loss}, PyTorch ${expected[i]}`));
}

test("weights that aren't chosen keep their bytes and have no moments; chosen ones, biases and batch norms move", async () => {
  const marks = readMarks(join(initOf("selective"), "ResNet18_MNIST_marks_0epochs.safetensors"));
  assert.equal([...marks.keys()], architecture.layers.map(({ name }) => name));
  const after = (await readCheckpoint(join(initOf("selective"), "ResNet18_MNIST_1epochs.ckpt"))).tensors;
  const { state } = readState(join(initOf("selective"), "ResNet18_MNIST.state"), new Map([...start].map(([name, { shape }]) => [name, shape])));
  let [kept, moved] = [0, 0];
  for (const [layer, codes] of marks) {
    const name = `${layer}.weight`;
    const [a, b] = [start.get(name)!.data, after.get(name)!.data];
    codes.forEach((code, i) => {
      if (code >= 2) moved += Number(a[i] !== b[i]);
      else {
        kept += 1;
        assert.ok(Object.is(a[i], b[i]) && state.moments.every((moment) => Object.is(moment.get(name)![i], 0)), `${name} ${i}`);
      }
    });
  }
  assert.ok(kept > 1000 && moved > 1000, `${kept} kept, ${moved} moved`);
  for (const name of ["fc.bias", "bn1.weight", "layer2.0.bn1.bias", "bn1.running_mean"]) assert.not.equal(bytes(after.get(name)!), bytes(start.get(name)!), name);
});

test("retraining.arrow: before and after each epoch, under each attack and strength; what is updated of each class", () => {
  const { rows, metadata } = readRetraining(join(folder, "selective"));
  assert.equal(rows.map(({ epoch, attack, epsilon }) => [epoch, attack, epsilon]), [0, 1].flatMap((epoch) => (["fgsm", "pgd"] as const).flatMap((attack) => [0.1, 0.3].map((epsilon) => [epoch, attack, epsilon]))));
  const marks = [...readMarks(join(initOf("selective"), "ResNet18_MNIST_marks_0epochs.safetensors")).values()];
  const count = (code: number): number => marks.reduce((sum, codes) => sum + codes.filter((each) => each === code).length, 0);
  const [first, last] = [rows[0], rows.at(-1)!];
  assert.equal([first.updated, last.updated_fragile, last.updated_robust, last.updated_antifragile, last.updated, last.weights], [0, 0, count(2), count(3), count(2) + count(3), marks.reduce((sum, { length }) => sum + length, 0)]);
  assert.equal([last.variant, last.by, last.images, last.init, last.seed, last.checkpoint], ["robust,antifragile", "adversarial", 40, null, 0, "net.ckpt"]);
  assert.match(metadata.get("attacks")!, /"attack":"pgd","steps":2/);
  assert.is(metadata.get("kernels"), "software");
});

test("what else trains, and what not, is the caller's to say", () => {
  const chosen = new Map(architecture.layers.map(({ name, weights }) => [name, Uint8Array.from({ length: weights }, (_, i) => i % 2)]));
  const of = (also: (typeof ALSO)[number][], tensor: string): number[] => [...new Set(updatedNumbers(architecture.graph, chosen, also).get(tensor)!)];
  assert.equal([of([], "conv1.weight"), of([], "fc.bias"), of([], "bn1.weight")], [[0, 1], [0], [0]]);
  assert.equal([of(["bias"], "fc.bias"), of(["bias"], "bn1.bias"), of(["batch-norm"], "fc.bias"), of(["batch-norm"], "layer1.0.bn2.bias")], [[1], [0], [0], [1]]);
  assert.not.ok(updatedNumbers(architecture.graph, chosen, []).has("bn1.running_mean"));
});

test("ten steps in plain PyTorch from the marks have the same losses", torchTest);

test("gone on with after an epoch, with marks renewed, it writes what it writes in one go", async () => {
  await run(...SELECTIVE, "--epochs", "2", "--out", "whole");
  await run(...SELECTIVE, "--epochs", "2", "--out", "selective");
  const names = readdirSync(initOf("whole")).filter((name) => /ckpt|state|marks|retraining/.test(name)).sort();
  assert.equal(names, ["ResNet18_MNIST.state", "ResNet18_MNIST_1epochs.ckpt", "ResNet18_MNIST_2epochs.ckpt", "ResNet18_MNIST_marks_0epochs.safetensors", "ResNet18_MNIST_marks_1epochs.safetensors", "retraining.arrow"]);
  for (const name of names) assert.ok(readFileSync(join(initOf("whole"), name)).equals(readFileSync(join(initOf("selective"), name))), name);
  assert.is(new Set(readRetraining(join(folder, "whole")).rows.map(({ updated }) => updated)).size, 3, "renewed marks choose other weights");
  assert.match((await run("compare", "whole", "--attack", "pgd")).stdout, /pgd, epsilon 0\.3, after 2 epochs/);
});

const WRONG: [string[], RegExp][] = [
  [["--update", "sturdy"], /--update: "sturdy" is not some of robust/],
  [[], /--update: is missing/],
  [["--update", "all", "--by", "clean"], /--by: has nothing to say/],
  [["--update", "targeted", "--by", "clean"], /--update and --by: targeted weights are those that are fragile by the difference/],
  [["--update", "random:0.5", "--rescore-every", "1"], /--rescore-every: renews marks/],
  [["--update", "all", "--also", "conv"], /--also: "conv" is none of bias, batch-norm, none/],
  [["--update", "all", "--lr", "0"], /--lr: takes a number above 0/],
];
for (const [words, message] of WRONG) {
  test(`${words.join(" ") || "nothing"} is refused`, async () => {
    const { args } = (await parse(["retrain", "swept", ...words, "--data", "mnist", "--out", "refused"], "0.0.0"))!;
    assert.throws(() => retrainOptions(args), message);
  });
}

test("what the run doesn't have is refused in one line", async () => {
  for (const [words, message] of [
    [["swept", "--marks-epsilon", "0.7"], /--marks-epsilon: is not 0\.7 in .*, which has 0\.38/],
    [["swept", "--init", "4"], /none of its checkpoints is of init 4/],
    [["gone"], /^wgpu-inferlink: gone: does not exist/],
  ] as [string[], RegExp][]) {
    const ended = await cli(["retrain", ...words, "--update", "all", "--data", "mnist", "--out", "refused", "--quiet"], { cwd: folder });
    assert.ok(ended.code !== 0 && ended.errors.length === 1, `${words.join(" ")}: ${ended.stderr}`);
    assert.match(ended.errors[0], message);
  }
});

test.run();
