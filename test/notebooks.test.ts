/** The notebooks' pickles: their names, and what Python and NumPy find in them. The notebooks: github.com/SynapFilter/InferLink. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { notebookFiles, type ArrayKind } from "../src/export/notebooks.js";
import type { Filter, Row } from "../src/sweep/row.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { row } from "./support/cliRows.js";
import { python, readersTest } from "./support/python.js";

const f32 = Math.fround;
const TREE = (init: number, epoch: number): Partial<Row> => ({ checkpoint: `Saved_models/ResNet18/MNIST/Init_${init}/ResNet18_MNIST_${epoch}epochs.ckpt`, init, epoch });

/** Three thresholds of one layer; every number tells where it came from. */
function curve(changes: Partial<Row> & { filter: Filter }): Row[] {
  const base = (changes.layer_index ?? 0) * 10 + (changes.epoch ?? 0);
  return [0, 1, 2].map((i) => row({ threshold_index: i, alpha: f32(base + i / 10), removed: 7, zeros: base + i, accuracy_clean: 1 - (base + i) / 128, accuracy_adv: (base + i) / 100, loss_adv: base + i / 3, ...changes }));
}

const paths = (rows: Row[]): string[] => notebookFiles(rows).map(({ path }) => path).sort();

/** What Python makes of the files: text stands for kinds, so that 1 and 1.0, or a list and a tuple, don't look the same. */
function load(rows: Row[], arrays: ArrayKind = "numpy"): Record<string, unknown> {
  const folder = temporaryFolder();
  const files = notebookFiles(rows, arrays);
  for (const { path, bytes } of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  return python(
    `
import json, os, pickle, sys, types, warnings
warnings.simplefilter("error")
class Tensor:
    def __init__(self, array): self.array = array
sys.modules["torch"] = types.SimpleNamespace(from_numpy=Tensor)  # PyTorch itself would be a large download
import numpy
def told(value):
    kind = type(value).__name__
    if isinstance(value, dict): return [[told(key), told(item)] for key, item in value.items()]
    if isinstance(value, (list, tuple)): return [kind, *map(told, value)]
    if isinstance(value, numpy.ndarray): return [f"{value.dtype.str}{value.shape}{'w' if value.flags.writeable else ''}", *value.reshape(-1).tolist()]
    if isinstance(value, Tensor): return ["tensor", told(value.array)]
    return [kind, value] if kind in ("int", "float") else value
def load(path):
    with open(path, "rb") as file: return told(pickle.load(file))
print(json.dumps({path: load(os.path.join(sys.argv[1], path)) for path in sys.argv[2:]}))`,
    folder,
    ...files.map(({ path }) => path),
  );
}

const floats = (values: number[]): unknown[] => ["list", ...values.map((value) => ["float", value])];
const ints = (values: number[]): unknown[] => ["list", ...values.map((value) => ["int", value])];

test("names as the notebooks build them", () => {
  const filters: Filter[] = ["h_a", "h_b", "h_c"];
  const local = filters.flatMap((filter) => curve({ filter, ...TREE(1, 20) }));
  assert.equal(paths(local), [
    "ResNet18/MNIST/Pulse_minmax/ResNet18_step_pulseminmax_advog_MNIST_20epochs.pkl",
    "ResNet18/MNIST/Step_maxmin/ResNet18_step_maxmin_advog_MNIST_20epochs.pkl",
    "ResNet18/MNIST/Step_minmax/ResNet18_step_minmax_advog_MNIST_20epochs.pkl",
  ]);
  const global = filters.flatMap((filter) => [10, 20].flatMap((epoch) => curve({ filter, scope: "global", layer: "*", layer_index: -1, ...TREE(3, epoch) })));
  assert.equal(paths(global), ["maxmin", "minmax", "pulseminmax"].map((filter) => `ResNet18/MNIST/global_data/ResNet18_advog3_global_${filter}_MNIST_allepochs.pkl`));
});

test("datasets are called as in the notebooks, or as in their tree of checkpoints", () => {
  const one = (changes: Partial<Row>): string => paths(curve({ filter: "h_a", ...changes }))[0].split("/").slice(0, 2).join("/");
  assert.is(one({ dataset: "mnist", checkpoint: "a.ckpt" }), "ResNet18/MNIST");
  assert.is(one({ dataset: "cifar10", checkpoint: "a.ckpt" }), "ResNet18/CIFAR10");
  assert.is(one({ dataset: "tiny-imagenet", checkpoint: "a.ckpt" }), "ResNet18/ImageNet");
  assert.is(one({ dataset: "mnist", init: 2, checkpoint: "t/Init_2/MyNet_FashionMNIST_5epochs.ckpt" }), "MyNet/FashionMNIST");
  assert.is(one({ dataset: "mnist", init: null, checkpoint: "old_best_5epochs.ckpt" }), "ResNet18/MNIST");
});

test("nothing overwrites anything: epsilons, inits, epochs, checkpoints of one name, and none", () => {
  const rows = [1, 2].flatMap((init) => [10, 20].flatMap((epoch) => [0.1, 0.38].flatMap((epsilon) => curve({ filter: "h_a", epsilon, ...TREE(init, epoch) }))));
  const expected = [0.1, 0.38].flatMap((epsilon) => ["advog2", "advog"].flatMap((init) => [10, 20].map((epoch) => `epsilon_${epsilon}/ResNet18/MNIST/Step_minmax/ResNet18_step_minmax_${init}_MNIST_${epoch}epochs.pkl`)));
  assert.equal(paths(rows), expected);
  const twins = ["a/best.pt", "b/best.pt", "c/last.pt"].flatMap((checkpoint) => curve({ filter: "h_b", checkpoint, init: null, epoch: null }));
  assert.equal(paths(twins), [
    "ResNet18/MNIST/Step_maxmin/ResNet18_step_maxmin_advog_MNIST_last.pkl",
    "checkpoint_1/ResNet18/MNIST/Step_maxmin/ResNet18_step_maxmin_advog_MNIST_best.pkl",
    "checkpoint_2/ResNet18/MNIST/Step_maxmin/ResNet18_step_maxmin_advog_MNIST_best.pkl",
  ]);
  const first = [null, 1].flatMap((init) => curve({ filter: "h_a", ...TREE(1, 10), checkpoint: `${init}.ckpt`, init }));
  assert.equal(paths(first).map((path) => path.split("/")[0]), ["checkpoint_1", "checkpoint_2"]);
});

test("names in a file from elsewhere lead out of no folder", () => {
  for (const hostile of ["../../x", "..", "/etc", "a/../../b", "c:\\d", "é\n", "constructor", "__proto__"]) {
    for (const path of paths(curve({ filter: "h_a", network: hostile, dataset: hostile, checkpoint: hostile, epoch: null }))) {
      assert.match(path, /^[\w.-]+\/[\w.-]+\/Step_minmax\/[\w.-]+\.pkl$/);
      assert.not.ok(path.split("/").some((part) => /^\.*$/.test(part)), path);
    }
  }
});

readersTest("local: layer → (accuracies, accuracies, zero counts, thresholds), in the order of the network", () => {
  // As a run that was interrupted leaves them: layers out of order.
  const rows = [...curve({ filter: "h_a", layer: "fc", layer_index: 20, ...TREE(1, 2) }), ...curve({ filter: "h_a", ...TREE(1, 2) }).reverse()];
  const entry = (layer: string, base: number): unknown => [
    layer,
    ["tuple", floats([0, 1, 2].map((i) => 1 - (base + i) / 128)), floats([0, 1, 2].map((i) => (base + i) / 100)), ints([base, base + 1, base + 2]), ["<f4(3,)w", ...[0, 1, 2].map((i) => f32(base + i / 10))]],
  ];
  assert.equal(load(rows), { "ResNet18/MNIST/Step_minmax/ResNet18_step_minmax_advog_MNIST_2epochs.pkl": [entry("conv1", 2), entry("fc", 202)] });
});

readersTest("the pickles name what NumPy 1 and 2 both have, and nothing else", () => {
  const names = (arrays: ArrayKind): string[] => python(`
import base64, json, pickletools, sys
print(json.dumps(sorted({argument for op, argument, _ in pickletools.genops(base64.b64decode(sys.argv[1])) if "GLOBAL" in op.name})))`, Buffer.from(notebookFiles(curve({ filter: "h_a" }), arrays)[0].bytes).toString("base64"));
  const numpy = ["numpy dtype", "numpy ndarray", "numpy.core.multiarray _reconstruct"];
  assert.equal(names("numpy"), numpy);
  assert.equal(names("torch"), [...numpy, "torch from_numpy"]);
});

readersTest("local with tensors: thresholds and zero counts as the notebooks save them", () => {
  const [[[, [, , , zeros, alphas]]]] = Object.values(load(curve({ filter: "h_c", ...TREE(1, 2) }), "torch")) as [[string, unknown[]]][];
  assert.equal(zeros, ["list", ...[2, 3, 4].map((value) => ["tensor", ["<i8()w", value]])]);
  assert.equal(alphas, ["tensor", ["<f4(3,)w", ...[2, 2.1, 2.2].map(f32)]]);
});

readersTest("global: epoch → [accuracies, accuracies, losses, zero counts], every epoch of an init in one file", () => {
  const rows = [2, 30].flatMap((epoch) => curve({ filter: "h_b", scope: "global", layer: "*", layer_index: 0, ...TREE(2, epoch) }));
  const entry = (epoch: number): unknown => [
    ["int", epoch],
    ["list", floats([0, 1, 2].map((i) => 1 - (epoch + i) / 128)), floats([0, 1, 2].map((i) => (epoch + i) / 100)), floats([0, 1, 2].map((i) => epoch + i / 3)), ints([epoch, epoch + 1, epoch + 2])],
  ];
  assert.equal(load(rows), { "ResNet18/MNIST/global_data/ResNet18_advog2_global_maxmin_MNIST_allepochs.pkl": [entry(2), entry(30)] });
});

test.run();
