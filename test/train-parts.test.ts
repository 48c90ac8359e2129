/** Parts of a training by themselves: random numbers, beginnings of networks, orders, rates, augmentation, files of weights. */
import { writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { gunzipSync } from "node:zlib";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readCheckpoint } from "../src/inputs/weights.js";
import type { Entry } from "../src/io/checkpoints/entry.js";
import { encodeStateDict } from "../src/io/checkpoints/stateDict.js";
import type { Dataset } from "../src/io/types.js";
import { beginningsOf, headOf, stateOrder, withClasses } from "../src/model/beginning.js";
import { describeCheckpoint } from "../src/model/checkpoint.js";
import type { Distribution } from "../src/model/networks/initialisation.js";
import { MEMBERS, memberNamed } from "../src/model/networks/table.js";
import { architectureNamed } from "../src/model/recognise.js";
import { PACKAGE_ROOT } from "../src/package.js";
import { augmenter } from "../src/train/augment.js";
import { Batches } from "../src/train/batches.js";
import { initialTensors } from "../src/train/initialise.js";
import { orderOf } from "../src/train/order.js";
import { partsOf } from "../src/train/parts.js";
import { Numbers, philox, PURPOSE, seedOf } from "../src/train/random.js";
import { learningRate, type Schedule } from "../src/train/schedule.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { pythonWith } from "./support/python.js";

const folder = temporaryFolder();

test("Philox gives the numbers that its authors publish", () => {
  const out = new Uint32Array(4);
  const drawn = (...[key, counter]: Parameters<typeof philox> extends [Uint32Array, ...infer Rest] ? Rest : never): string => {
    philox(out, key, counter);
    return [...out].map((word) => word.toString(16).padStart(8, "0")).join(" ");
  };
  assert.is(drawn([0, 0], [0, 0, 0, 0]), "6627e8d5 e169c58d bc57ac4c 9b00dbd8");
  assert.is(drawn([0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff]), "408f276d 41c83b0e a20bc7c6 6d5451fd");
  assert.is(drawn([0xa4093822, 0x299f31d0], [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344]), "d16cfe09 94fdcceb 5001e420 24126ea1");
});

test("a step's images are cut into few parts of one size, but for one image", () => {
  const sizes = (images: number, most?: number): number[] => partsOf(images, most).map((part) => part.images);
  assert.equal(sizes(100), [100]);
  assert.equal(sizes(100, 33), [25, 25, 25, 25]);
  assert.equal(sizes(10, 4), [4, 3, 3]);
  assert.equal(partsOf(5, 2), [{ first: 0, images: 2 }, { first: 2, images: 2 }, { first: 4, images: 1 }]);
});

test("normal numbers are normal, whole numbers are even", () => {
  const numbers = new Numbers(7, PURPOSE.initial, [3]);
  const normal = Array.from({ length: 100_000 }, () => numbers.normal());
  const moment = (power: number): number => normal.reduce((sum, value) => sum + value ** power, 0) / normal.length;
  [0, 1, 0, 3].forEach((wanted, i) => assert.ok(Math.abs(moment(i + 1) - wanted) < 0.06, `moment ${i + 1}: ${moment(i + 1)}`));
  const counts = new Array<number>(7).fill(0);
  for (let i = 0; i < 70_000; i++) counts[numbers.below(7)]++;
  assert.ok(counts.every((count) => Math.abs(count - 10_000) < 400), String(counts));
  assert.is(new Set([0, 1, 2].flatMap((seed) => [1, 2, 3].map((init) => seedOf(seed, init)))).size, 9);
});

const { initialisation: EXPECTED } = JSON.parse(readFileSync(join(PACKAGE_ROOT, "fixtures/golden/initialisation.json"), "utf8")) as { initialisation: Record<string, Record<string, [deviation: number, largest: number]>> };

/** Deviation and largest value of a distribution. */
const spreadOf = (distribution: Distribution): [deviation: number, largest: number] =>
  distribution.kind === "constant" ? [0, Math.abs(distribution.value)] : distribution.kind === "uniform" ? [distribution.bound / Math.sqrt(3), distribution.bound] : [distribution.deviation, Infinity];

function assertSpread([deviation, largest]: [number, number], wanted: Distribution, numbers: number, what: string): void {
  const [sigma, bound] = spreadOf(wanted);
  if (sigma === 0) return assert.equal([deviation, largest], [0, bound], what);
  // Few numbers scatter more. A uniform distribution ends sharply, a normal one goes on.
  assert.ok(Math.abs(deviation / sigma - 1) < 6 / Math.sqrt(numbers), `${what}: deviation ${deviation}, wanted ${sigma}`);
  assert.ok(largest <= bound * (1 + 1e-6) && (numbers < 100 || largest > (bound < Infinity ? 0.9 * bound : 2 * sigma)), `${what}: largest ${largest}, deviation ${sigma}, bound ${bound}`);
}

for (const [name, parameters] of Object.entries(EXPECTED)) {
  test(`${name} begins as torchvision's does`, () => {
    const beginnings = new Map(beginningsOf(architectureNamed(name, { width: MEMBERS.get(name)!.width, channels: 3, classes: 10 })).map((beginning) => [beginning.parameter.tensor, beginning]));
    for (const [tensor, spread] of Object.entries(parameters)) {
      const { parameter: { shape }, distribution } = beginnings.get(tensor)!;
      assertSpread(spread, distribution, shape.reduce((product, size) => product * size, 1), tensor);
    }
  });
}

test("what is drawn is of its distribution", () => {
  for (const name of ["resnet18", "squeezenet1_1", "mobilenet_v2"]) {
    const architecture = architectureNamed(name, { width: 16, channels: 1, classes: 10 });
    const tensors = initialTensors(architecture, seedOf(0, 1));
    for (const { parameter: { tensor }, distribution } of beginningsOf(architecture)) {
      const { data } = tensors.get(tensor)!;
      const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
      const deviation = distribution.kind === "constant" ? 0 : Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length);
      assertSpread([deviation, data.reduce((most, value) => Math.max(most, Math.abs(value)), 0)], distribution, data.length, `${name} ${tensor}`);
      if (distribution.kind !== "constant") assert.ok(Math.abs(mean) < (6 * spreadOf(distribution)[0]) / Math.sqrt(data.length), `${name} ${tensor}: mean ${mean}`);
    }
  }
});

test("a network's initialisations differ, and begin alike again", () => {
  const architecture = architectureNamed("resnet18", { width: 4, channels: 1, classes: 10 });
  const [one, again, two] = [1, 1, 2].map((init) => initialTensors(architecture, seedOf(0, init)));
  assert.equal([...one], [...again]);
  for (const { parameter: { tensor }, distribution } of beginningsOf(architecture)) if (distribution.kind !== "constant") assert.not.equal(one.get(tensor), two.get(tensor), tensor);
});

test("every network's state_dict is in torchvision's order", () => {
  const known = JSON.parse(gunzipSync(readFileSync(join(PACKAGE_ROOT, "fixtures/golden/networks/tensors.json.gz"))).toString()) as Record<string, { shapes: object }>;
  for (const [name, { shapes }] of Object.entries(known)) {
    const architecture = architectureNamed(name, { width: MEMBERS.get(name)!.width, channels: 3, classes: 1000 });
    assert.equal(stateOrder(architecture).map(({ tensor }) => tensor), Object.keys(shapes), name);
  }
});

test("a network for other classes differs in its last layer alone", () => {
  for (const name of ["resnet18", "squeezenet1_1", "vgg11", "densenet121"]) {
    const [ten, seven] = [10, 7].map((classes) => architectureNamed(name, { width: MEMBERS.get(name)!.width, channels: 3, classes }));
    assert.equal(withClasses(ten, 7), seven, name);
  }
  assert.equal(headOf(architectureNamed("squeezenet1_1", { width: 64, channels: 3, classes: 10 }).graph).tensors, ["classifier.1.weight", "classifier.1.bias"]);
});

test("networks go by titles and by torchvision's names", () => {
  assert.equal(["ResNet18", "resnet-18", "SqueezeNet1_1", "SqueezeNet", "ShuffleNetV2_x0_5", "shufflenetv2", "VGG11_BN", "resnet18_cifar"].map(memberNamed), ["resnet18", "resnet18", "squeezenet1_1", "squeezenet1_1", "shufflenet_v2_x0_5", "shufflenet_v2_x0_5", "vgg11_bn", "resnet18_cifar"]);
  assert.is(memberNamed("ResNet17"), null);
});

test("every epoch has an order of its own, with every image in it", () => {
  const [first, second, other] = [orderOf("shuffle", 1000, 1, 0), orderOf("shuffle", 1000, 1, 1), orderOf("shuffle", 1000, 2, 0)];
  const all = Array.from({ length: 1000 }, (_, i) => i);
  for (const order of [first, second, other]) assert.equal([...order].sort((a, b) => a - b), all);
  assert.equal(orderOf("shuffle", 1000, 1, 0), first);
  for (const order of [second, other]) assert.ok(order.filter((image, i) => image === first[i]).length < 10);
  assert.equal([...orderOf("file", 1000, 1, 5)], all);
});

test("learning rates", () => {
  const schedule: Schedule = { kind: "constant", rate: 0.5, warmUp: 0, every: 0, factor: 1 };
  const rates = (given: Partial<Schedule>, steps: number[]): number[] => steps.map((step) => Number(learningRate({ ...schedule, ...given }, step, 10, 6).toPrecision(6)));
  assert.equal(rates({}, [0, 59]), [0.5, 0.5]);
  assert.equal(rates({ kind: "step", every: 2, factor: 0.1 }, [0, 19, 20, 39, 40, 59]), [0.5, 0.5, 0.05, 0.05, 0.005, 0.005]);
  assert.equal(rates({ kind: "cosine" }, [0, 30, 60]), [0.5, 0.25, 0]);
  assert.equal(rates({ kind: "cosine", warmUp: 0.5 }, [0, 4, 5, 60]), [0.1, 0.5, 0.5, 0]);
});

/** Images whose pixels say where they are. */
const numbered = (images: number): Dataset => ({
  name: "mnist", split: "train", files: [], sha256: "", images, channels: 2, height: 8, width: 8, classes: 10, labels: Int32Array.from({ length: images }, (_, i) => i % 10),
  normalisation: { mean: [0.5, 0.25], std: [0.5, 0.25] },
  read: (first, count) => Float32Array.from({ length: count * 128 }, (_, i) => first + Math.floor(i / 128) + (i % 128) / 1000),
});

test("batches are whole, of the epoch's order, and the same from any step on", () => {
  const options = { batch: 3, order: "shuffle", augment: [], seed: 5 } as const;
  const batches = new Batches(numbered(11), options);
  assert.is(batches.stepsPerEpoch, 3);
  const seen = [0, 1, 2].flatMap((step) => [...batches.at(step).images].filter((_, i) => i % 128 === 0));
  assert.equal(seen, [...orderOf("shuffle", 11, 5, 0)].slice(0, 9));
  assert.equal([...batches.at(0).labels], seen.slice(0, 3).map((image) => image % 10));
  const late = new Batches(numbered(11), options).at(7);
  for (let step = 0; step < 7; step++) batches.at(step);
  assert.equal(batches.at(7), late);
});

test("augmented images are cut and turned, each epoch otherwise, and black where nothing is", () => {
  const shape = { channels: 2, height: 8, width: 8 };
  const dataset = numbered(1);
  const black = [-1, -2];
  const image = (of: string[], epoch: number): Float32Array => {
    const pixels = dataset.read(0, 1);
    augmenter(of as ("crop" | "flip")[], shape, black, 9)?.(pixels, 0, epoch);
    return pixels;
  };
  const plain = dataset.read(0, 1);
  const at = (pixels: Float32Array, channel: number, y: number, x: number): number => pixels[(channel * 8 + y) * 8 + x];
  const seen = new Set<string>();
  for (let epoch = 0; epoch < 60; epoch++) {
    const both = image(["crop", "flip"], epoch);
    const [turned, moved] = [image(["flip"], epoch), image(["crop"], epoch)];
    const isTurned = turned[0] !== plain[0];
    for (const [c, y, x] of [[0, 0, 0], [1, 3, 6]]) assert.is(at(turned, c, y, x), at(plain, c, y, isTurned ? 7 - x : x));
    // The middle stays in the picture, and says how far it went.
    const place = moved.indexOf(plain[3 * 8 + 3]);
    const [down, right] = [Math.floor(place / 8) - 3, (place % 8) - 3];
    for (let y = 0; y < 8; y++) for (let x = 0; x < 8; x++) {
      const [row, column] = [y - down, x - right];
      const wanted = row >= 0 && row < 8 && column >= 0 && column < 8 ? at(plain, 1, row, column) : black[1];
      assert.is(at(moved, 1, y, x), wanted);
      assert.is(at(both, 1, y, isTurned ? 7 - x : x), wanted);
    }
    seen.add(`${down} ${right} ${isTurned}`);
  }
  assert.ok(seen.size > 12, `${seen.size} different ones`);
  assert.equal(image(["crop", "flip"], 3), image(["crop", "flip"], 3));
});

function entriesOf(name: string): { entries: Map<string, Entry>; tensors: ReturnType<typeof initialTensors> } {
  const architecture = architectureNamed(name, { width: MEMBERS.get(name)!.width >> 2, channels: 3, classes: 5 });
  const tensors = initialTensors(architecture, 1);
  return { tensors, entries: new Map(stateOrder(architecture).map(({ tensor, isCounter }) => [`model.${tensor}`, isCounter ? 2 ** 31 + 5 : tensors.get(tensor)!])) };
}

test("checkpoints that are written are read again, in both formats", async () => {
  const { entries, tensors } = entriesOf("shufflenet_v2_x0_5");
  for (const format of ["ckpt", "safetensors"] as const) {
    const file = join(folder, `net.${format}`);
    writeFileSync(file, encodeStateDict(entries, format));
    const network = describeCheckpoint(await readCheckpoint(file));
    assert.is(network.name, "ShuffleNetV2");
    for (const [name, { shape, data }] of tensors) assert.equal(network.tensors.get(name), { shape, data }, name);
  }
});

/** Opens them as its users do; where there is no PyTorch, the bytes are told by our own reader alone. */
const python = pythonWith("torch");
if (!python) console.log("not checked: checkpoints in PyTorch itself; there is none here ($PYTHON names one)");
test("PyTorch opens checkpoints without a word, weights only, mapped into memory or not", () => {
  if (!python) return;
  const { entries } = entriesOf("resnet18");
  const file = join(folder, "torch.ckpt");
  writeFileSync(file, encodeStateDict(entries, "ckpt"));
  const script = `
import json, sys, torch, warnings
warnings.simplefilter("error")
for mapped in (False, True):
    state = torch.load(sys.argv[1], weights_only=True, mmap=mapped)
print(json.dumps([[name, str(tensor.dtype), list(tensor.shape), tensor.double().sum().item()] for name, tensor in state.items()]))`;
  const { stdout, stderr, status } = spawnSync(python, ["-c", script, file], { encoding: "utf8", maxBuffer: 2 ** 26 });
  assert.is(status, 0, stderr);
  const found = JSON.parse(stdout) as [string, string, number[], number][];
  assert.equal(found.map(([name]) => name), [...entries.keys()]);
  for (const [name, dtype, shape, sum] of found) {
    const entry = entries.get(name)!;
    if (typeof entry === "number") assert.equal([dtype, shape, sum], ["torch.int64", [], entry]);
    else {
      assert.equal([dtype, shape], ["torch.float32", entry.shape]);
      const own = Array.from(entry.data).reduce((total, value) => total + value, 0);
      assert.ok(Math.abs(own - sum) < 1e-6, name);
    }
  }
});

test.run();
