/** Networks by their tensors, against torchvision's own names and shapes (golden/networks/tensors.json.gz). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { gunzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readCheckpoint } from "../src/inputs/weights.js";
import type { Architecture } from "../src/model/architecture.js";
import { describeShapes } from "../src/model/checkpoint.js";
import { parametersOf } from "../src/model/graph.js";
import { MEMBERS, namesOf } from "../src/model/networks/table.js";
import { architectureNamed, isMismatch, recognise, type Mismatch } from "../src/model/recognise.js";
import { PACKAGE_ROOT } from "../src/package.js";
import { refuses } from "./support/io.js";

type Shapes = Record<string, number[]>;

const FOLDER = join(PACKAGE_ROOT, "fixtures/golden/networks");
const TORCHVISION = JSON.parse(gunzipSync(readFileSync(join(FOLDER, "tensors.json.gz"))).toString("utf8")) as Record<string, { shapes: Shapes; layers: string[] }>;

function recognised(shapes: Shapes): Architecture {
  const found = recognise(new Map(Object.entries(shapes)));
  if (isMismatch(found)) throw new Error(found.problem);
  return found;
}

/** Why the tensors are no network. */
function problem(shapes: Shapes): Mismatch {
  const found = recognise(new Map(Object.entries(shapes)));
  assert.ok(isMismatch(found));
  return found;
}

const tensorsOf = (architecture: Architecture): Shapes => Object.fromEntries(parametersOf(architecture.graph).map(({ tensor, shape }) => [tensor, shape]));

for (const [name, { shapes, layers }] of Object.entries(TORCHVISION)) {
  test(`torchvision's ${name} is recognised, its layers in torchvision's order`, () => {
    const found = recognised(shapes);
    assert.is(found.name, MEMBERS.get(name)!.title);
    assert.equal([found.channels, found.classes, found.width], [3, 10, MEMBERS.get(name)!.width]);
    assert.equal(found.layers.map((layer) => layer.name), layers);
    for (const layer of found.layers) assert.equal(layer.shape, shapes[`${layer.name}.weight`]);
  });
}

test("every network is made from its name with torchvision's tensors", () => {
  for (const [name, { shapes }] of Object.entries(TORCHVISION)) {
    const expected = Object.entries(shapes).filter(([tensor]) => !tensor.endsWith("num_batches_tracked"));
    const made = tensorsOf(architectureNamed(name, { width: MEMBERS.get(name)!.width, channels: 3, classes: 10 }));
    assert.equal(Object.fromEntries(Object.entries(made).sort()), Object.fromEntries(expected.sort()), name);
  }
});

test("every network of every width is recognised", () => {
  for (const name of MEMBERS.keys()) {
    for (const [width, channels, classes] of [[8, 1, 7], [16, 3, 200], [40, 4, 2]]) {
      const made = architectureNamed(name, { width, channels, classes });
      const found = recognised(tensorsOf(made));
      assert.equal([found.name, found.width, found.channels, found.classes], [made.name, width, channels, classes], name);
      assert.equal(found.graph, made.graph, name);
      assert.equal(found.layers, made.layers, name);
    }
  }
});

test("where torchvision is installed, it still has these tensors", () => {
  const script = join(PACKAGE_ROOT, "fixtures/make_networks.py");
  const python = process.env.PYTHON ?? "python3";
  if (spawnSync(python, ["-c", "import torchvision, numpy"]).status !== 0) return console.log("torchvision is not installed: nothing to compare with");
  const { status, stdout, stderr } = spawnSync(python, ["-B", "-W", "ignore", script, "--tensors"], { encoding: "utf8", maxBuffer: 2 ** 26 });
  assert.is(status, 0, stderr);
  assert.equal(JSON.parse(stdout), TORCHVISION);
});

test("narrow networks that torchvision made", async () => {
  const expected: Record<string, string> = {
    resnet50: "ResNet50 4x1", resnext: "ResNeXt14 4x3", "resnet18-cifar": "ResNet18 4x3, taken with a 3x3 stem of stride 1 and no max-pool",
    resnet20: "ResNet20 4x3, taken with a 3x3 stem of stride 1 and no max-pool, taken with shortcuts of every other pixel and channels of zeros on both sides",
    squeezenet1_0: "SqueezeNet1_0 12x3", squeezenet1_1: "SqueezeNet 8x1, taken with a 3x3 stem of stride 2 and a max-pool", shufflenet_v2: "ShuffleNetV2 6x1, taken with a 3x3 stem of stride 2 and a max-pool",
    vgg11_bn: "VGG11_BN 4x3", "vgg13-cifar": "VGG13 4x3", mobilenet_v2: "MobileNetV2 8x1, taken with a 3x3 stem of stride 2 and no max-pool", densenet: "DenseNet23 6x1",
  };
  for (const [name, text] of Object.entries(expected)) {
    const { tensors } = await readCheckpoint(join(FOLDER, `${name}.safetensors`));
    const found = describeShapes({ path: name, shapes: new Map([...tensors].map(([tensor, { shape }]) => [tensor, shape])) });
    assert.is([`${found.name} ${found.width}x${found.channels}`, ...(found.assumed ?? [])].join(", "), text);
  }
});

test("a CIFAR ResNet-18 in pytorch-cifar's names: shortcuts behind the block's convolutions", () => {
  const made = tensorsOf(architectureNamed("resnet18_cifar", { width: 64, channels: 3, classes: 10 }));
  const renamed = Object.fromEntries(Object.entries(made).map(([name, shape]) => [name.replace("downsample", "shortcut").replace("fc.", "linear."), shape]));
  assert.equal(recognised(renamed).layers.map(({ name }) => name).slice(5, 9), ["layer2.0.conv1", "layer2.0.conv2", "layer2.0.shortcut.0", "layer2.1.conv1"]);
});

test("what no tensor tells may be said", () => {
  const shapes = new Map(Object.entries(tensorsOf(architectureNamed("resnet18_cifar", { width: 8, channels: 3, classes: 10 }))));
  const stem = (options: object): unknown => (recognise(shapes, options) as Architecture).graph.nodes.filter(({ op }) => op === "conv2d" || op === "max_pool").slice(0, 2).map((node) => (node.op === "max_pool" ? "pool" : node.op === "conv2d" && node.stride[0]));
  assert.equal(stem({}), [1, 1]);
  assert.equal(stem({ pool: true }), [1, "pool"]);
  assert.equal(stem({ stride: 2, pool: true }), [2, "pool"]);
  const vgg = recognise(new Map(Object.entries(TORCHVISION.vgg11.shapes)), { stride: 2 });
  assert.match(isMismatch(vgg) ? vgg.problem : "", /VGG11, of whose first convolution nothing has to be said/);
});

test("the nearest network is named, and its first tensor that doesn't fit", () => {
  const { shapes } = TORCHVISION.resnet50;
  const without = (all: Shapes, tensor: string): Shapes => Object.fromEntries(Object.entries(all).filter(([name]) => name !== tensor));
  assert.is(problem(without(shapes, "layer3.5.conv2.weight")).problem, "tensor layer3.5.conv2.weight is missing for a ResNet50 of width 64");
  assert.is(problem({ ...shapes, "layer2.0.conv1.weight": [100, 256, 1, 1] }).problem, "tensor layer2.0.conv1.weight has shape [100, 256, 1, 1], expected [128, 256, 1, 1] for a ResNet50 of width 64");
  assert.is(problem({ ...shapes, "attention.weight": [3, 3] }).problem, "tensor attention.weight does not belong to a ResNet50 of width 64");
  assert.ok(problem({ ...shapes, "attention.weight": [3, 3] }).fit > 0.99);
  assert.match(problem({ ...TORCHVISION.vgg16.shapes, "features.5.bias": [1, 2] }).problem, /^tensor features\.5\.bias has shape \[1, 2\], expected \[128\] for a VGG16 of width 64$/);
  assert.match(problem(without(TORCHVISION.densenet121.shapes, "features.norm5.bias")).problem, /^tensor features\.norm5\.bias is missing for a DenseNet121 of width 64$/);
  assert.match(problem(without(TORCHVISION.mobilenet_v2.shapes, "features.18.1.weight")).problem, /^tensor features\.18\.1\.weight is missing for a MobileNetV2/);
  assert.match(problem(without(TORCHVISION.shufflenet_v2_x1_0.shapes, "fc.bias")).problem, /^tensor fc\.bias is missing for a ShuffleNetV2 of width 24, taken with a 3x3 stem of stride 2 and a max-pool$/);
  assert.match(problem(without(TORCHVISION.squeezenet1_1.shapes, "features.6.squeeze.weight")).problem, /^tensor features\.6\.squeeze\.weight is missing for a SqueezeNet of width 64, taken with/);
  assert.match(problem({ "encoder.weight": [3, 3] }).problem, /^tensor encoder\.weight belongs to no network that is known/);
  assert.is(problem({}).fit, 0);
});

test("a checkpoint of another network is refused in one line that says what to do", () =>
  refuses(() => describeShapes({ path: "vit.ckpt", shapes: new Map([["blocks.0.attn.qkv.weight", [9, 3]]]) }), /^vit\.ckpt: tensor blocks\.0\.attn\.qkv\.weight belongs to no network .*docs\/networks\.md/));

test("shapes that no network can have end in a message, not in a crash", () => {
  const { shapes } = TORCHVISION.resnext50_32x4d;
  for (const size of [[], [0], [0, 0, 0, 0], [1e9, 1e9, 1, 1], [7, 3]]) {
    for (const tensor of ["conv1.weight", "layer1.0.conv1.weight", "layer1.0.conv2.weight", "fc.weight"]) assert.type(problem({ ...shapes, [tensor]: size }).problem, "string");
    assert.type(problem({ ...TORCHVISION.densenet121.shapes, "features.denseblock1.denselayer1.conv2.weight": size }).problem, "string");
    assert.type(problem({ ...TORCHVISION.vgg16.shapes, "classifier.0.weight": size }).problem, "string");
  }
});

test("a network goes by any spelling of its names", () => {
  assert.equal(namesOf("resnet-50"), ["resnet-50", "ResNet50", "resnet50"]);
  assert.equal(namesOf("SQUEEZENET1_1"), ["SQUEEZENET1_1", "SqueezeNet", "squeezenet1_1"]);
  assert.ok(namesOf("shufflenet_v2_x0_5").includes("ShuffleNetV2"));
  assert.equal(namesOf("MyNet"), ["MyNet"]);
});

test.run();
