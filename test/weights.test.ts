/** A network's weights in what people save around them: the same tensors, or a refusal that names what is in the way. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseCheckpoint } from "../src/inputs/weights.js";
import { MemorySource } from "../src/io/source.js";
import type { Tensor } from "../src/io/types.js";
import { fixture, refuses, ROOT, safetensors } from "./support/io.js";
import { call, dict, global, op, text } from "./support/ioPickle.js";
import { numbers, torchFile, type Saved } from "./support/torchFile.js";

type Tensors = Map<string, Tensor>;
const read = (file: Uint8Array, key?: string) => parseCheckpoint(new MemorySource("net.pt", file), { key });

/** Of all tensors, as fixtures/io/make_weights.py hashed PyTorch's. */
function digest(tensors: Tensors): string {
  const hash = createHash("sha256");
  for (const name of [...tensors.keys()].sort()) hash.update(name).update(tensors.get(name)!.data);
  return hash.digest("hex");
}
const EXPECTED = readFileSync(join(ROOT, "fixtures/io/weights.sha256"), "utf8").trim();

const BY_PYTORCH: Record<string, string> = {
  "rezipped.pt": "torch-zip", "objects_zip.pt": "torch-zip", "objects_p4.pt": "torch-zip", "objects_legacy.pt": "torch-legacy", "attributes.pt": "torch-zip", "tpu.pt": "torch-zip", "old_stream.pth": "torch-legacy", "old_tar.pth": "torch-tar",
};
for (const [name, format] of Object.entries(BY_PYTORCH)) {
  test(`${name} holds the weights that PyTorch wrote`, () => {
    const checkpoint = read(fixture(name));
    assert.is(digest(checkpoint.tensors), EXPECTED);
    assert.is(checkpoint.format, format);
    assert.equal(checkpoint.notes, []);
    assert.not(existsSync("executed"));
  });
}

test("a whole model is told as such, with the line that saves its weights", async () => {
  for (const [name, kind] of [["whole_model.pt", "torch.nn.parallel.data_parallel.DataParallel"], ["whole_model_legacy.pt", "network.ResNet18"]]) {
    await refuses(() => read(fixture(name)), new RegExp(`whole model \\(an object of ${kind}\\).*torch\\.save\\(torch\\.load\\("net\\.pt", map_location="cpu", weights_only=False\\)\\.state_dict\\(\\)`));
  }
});

const net = read(fixture("rezipped.pt")).tensors;
const other: Tensors = new Map([...net].map(([name, { shape }]) => [name, numbers(shape, 0.25)]));
const named = (rename: (name: string) => string, tensors: Tensors = net): Tensors => new Map([...tensors].map(([name, tensor]) => [rename(name), tensor]));
const under = (prefix: string, tensors: Tensors = net): Tensors => named((name) => prefix + name, tensors);
const head = (to: string, prefix = ""): Tensors => named((name) => (name.startsWith("fc.") ? to + name.slice(2) : prefix + name));
const and = (...parts: (Tensors | Record<string, Saved>)[]): Map<string, Saved> => new Map(parts.flatMap((part) => [...(part instanceof Map ? part : Object.entries(part))]) as [string, Saved][]);
const at = (key: string, value: Saved): Map<string, Saved> => new Map([[key, value]]);

/** Tensors of some names, the first letters of which are left out. */
const part = (isTaken: (name: string) => boolean, prefix = "", cut = 0, tensors: Tensors = net): Tensors => new Map([...tensors].filter(([name]) => isTaken(name)).map(([name, tensor]) => [prefix + name.slice(cut), tensor]));
const inTwo = (tensors: Tensors): Saved => and({ backbone: and(part((name) => !name.startsWith("fc."), "", 0, tensors)), fc: and(part((name) => name.startsWith("fc."), "", 3, tensors)) });
/** As nn.Sequential(*net.children()) names them; numbers of layers without weights are passed over. */
const numbered = (prefix: string, whole = true): Tensors => named((name) => {
  const [top, ...rest] = name.split(".");
  const number = ["conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool", "flatten", "fc"].indexOf(top);
  return prefix + [top === "fc" && !whole ? top : String(number), ...rest].join(".");
});

const good: Record<string, Saved> = {
  "in a tuple in a dict": at("state", [3, [and(net), "x"]]),
  "under any key": at("MODEL-STATE", and(under("student.encoder."), { epoch: 3 })),
  "behind wrappers": at("state_dict", under("module._orig_mod.model.")),
  "behind wrappers inside": named((name) => name.replace("layer1.", "layer1.module.").replace("layer3.0.", "layer3.0._checkpoint_wrapped_module.")),
  "in front of a dropout": head("fc.1"),
  "with the last layer beside the others": head("module.head.fc", "module.backbone."),
  "in a sequence": head("1", "0."),
  "of a program that says classifier": head("classifier.1", "features_extractor."),
  "in dicts of their own": and({ encoder: and(part((name) => !name.startsWith("fc."), "module.")), classifier: and(part((name) => name.startsWith("fc."), "", 3)), epoch: 3 }),
  "in a tuple of a network and its last layer": [and(part((name) => !name.startsWith("fc."))), and(part((name) => name.startsWith("fc."), "", 3))],
  "in dicts of their own beside an average of them": and({ ema: inTwo(other), model: inTwo(net), optimizer: at("state", [at("exp_avg", numbers([4, 4]))]) }),
  "under numbers": numbered("net."),
  "under numbers, the last layer by name": named((name) => (name.startsWith("fc.") ? name : `encoder.${name}`), numbered("", false)),
  "under numbers, the last layer beside them": named((name) => (name.startsWith("fc.") ? `2${name.slice(2)}` : `0.${name}`), numbered("", false)),
  "with a stem in a sequence": named((name) => name.replace(/^conv1/, "layer0.0").replace(/^bn1/, "layer0.1")),
  "with its last layer's average beside it": and(under("backbone.", part((name) => !name.startsWith("fc."))), under("head.", part((name) => name.startsWith("fc."), "", 3)), under("head_ema.", part((name) => name.startsWith("fc."), "", 3, other))),
  "as a list of names and tensors": at("model", [...net].map(([name, tensor]) => [name, tensor])),
  "behind a last layer of a program's own name": head("module.new_fc", "module.net."),
  "beside counters, losses and metrics": and(under("net."), { n_averaged: numbers([]), step: numbers([1]), "criterion.pos_weight": numbers([3]), "loss_fn.weight": numbers([3, 3]), class_weights: numbers([3]), "val_acc.tp": numbers([3]) }),
  "beside an optimizer": and({ optimizer: at("state", [at("exp_avg", numbers([4, 4])), at("exp_avg", numbers([3, 3]))]), net: and(net) }),
  "beside a moving average without dots": and(under("model."), named((name) => `model_ema.${name.replaceAll(".", "")}`, other)),
  "beside a copy under another name": and(under("module.model."), under("module.attacker.model.")),
  "beside objects": and(under("module."), { options: op(global("argparse", "Namespace"), ")", 0x81, dict(text("w"), text("x")), "b") }),
};
for (const [what, saved] of Object.entries(good)) {
  test(`weights are found ${what}`, () => assert.is(digest(read(torchFile(saved)).tensors), EXPECTED));
}

const PRUNED = ["conv1.weight", "fc.weight"];
test("pruned weights are multiplied by their masks", () => {
  const saved = and(...[...net].map(([name, tensor]) => (PRUNED.includes(name) ? { [`${name}_orig`]: tensor, [`${name}_mask`]: numbers(tensor.shape, 1, 0, 1) } : { [name]: tensor })));
  const { tensors, notes } = read(torchFile(saved));
  for (const [name, { data }] of net) assert.equal([...tensors.get(name)!.data], [...data].map((value, i) => (PRUNED.includes(name) && i % 3 === 1 ? value * 0 : value)), name);
  assert.match(notes[0], /2 pruned tensors/);
});

/** Norms of rows are summed as PyTorch sums them. */
const BY_ROWS = ["conv1", "layer2.0.conv2", "layer3.1.conv2", "layer4.1.conv1", "fc"].map((layer) => `${layer}.weight`);
test("weights of weight_norm and spectral_norm are what PyTorch computes", () => {
  const [made, plain] = ["made", "copy"].map((key) => read(fixture("norms.pt"), key));
  assert.equal([...made.tensors.keys()].sort(), [...plain.tensors.keys()].sort());
  for (const [name, { shape, data }] of plain.tensors) {
    const found = made.tensors.get(name)!;
    assert.equal(found.shape, shape);
    const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    assert.ok(data.every((value, i) => Math.abs(value - found.data[i]) <= 1e-6 * largest), name);
    if (BY_ROWS.includes(name)) assert.equal(found.data, data, name);
  }
  assert.equal(made.notes.slice(-2), ["computes 9 weights from the directions and lengths of weight_norm", "divides 2 weights by the spectral norms that are stored beside them"]);
});

test("of several networks the plain one is taken, said so, and --key picks another", async () => {
  const file = torchFile(and({ state_dict_ema: and(other), state_dict: and(net) }));
  const { tensors, notes, choice } = read(file);
  assert.is(digest(tensors), EXPECTED);
  assert.equal(notes, ["takes the weights under state_dict; there is a network under state_dict_ema, too (--key)"]);
  assert.equal(choice.others.map(({ key }) => key), ["state_dict_ema"]);
  assert.is(digest(read(file, "state_dict_ema").tensors), digest(other));
  await refuses(() => read(file, "ema"), /no network under --key ema; there is state_dict_ema, state_dict/);
  const inside = torchFile(and(under("model."), under("ema_model.module.", other)));
  assert.is(digest(read(inside).tensors), EXPECTED);
  assert.is(digest(read(inside, "ema_model").tensors), digest(other));
  await refuses(() => read(torchFile([and(net), and(other)])), /several networks: \[0\], \[1\]; choose one by --key/);
  assert.is(digest(read(torchFile([and(net), and(other)]), "[1]").tensors), digest(other));
});

const ones = (...values: number[]): Tensor => numbers([1, values.length, 1, 1], ...values);
test("a normalising layer in front of the network is found", () => {
  const normalised = (...parts: (Tensors | Record<string, Saved>)[]) => read(torchFile(and(...parts)));
  const expected = { mean: [0.1307], std: [0.3081] };
  for (const [mean, std] of [["0.mean", "0.std"], ["normalize.mean", "normalize.std"], ["normalizer.new_mean", "normalizer.new_std"], ["mu", "sigma"]]) {
    const { normalisation, tensors, notes } = normalised({ [mean]: ones(0.1307), [std]: ones(0.3081) }, under("1."));
    assert.equal(normalisation, expected);
    assert.is(digest(tensors), EXPECTED);
    assert.match(notes[0], /normalising layer in front of the network: mean 0\.1307, std 0\.3081/);
  }
  assert.equal(normalised({ mean: numbers([], 0.5), std: numbers([1], 0.25) }, net).normalisation, { mean: [0.5], std: [0.25] });
  assert.equal(normalised({ "n.mean": ones(0.5), "n.std": ones(0.25), "attacker.n.mean": ones(0.5), "attacker.n.std": ones(0.25) }, under("m.")).normalisation, { mean: [0.5], std: [0.25] });
  assert.equal(normalised({ pixel_mean: ones(51), pixel_std: ones(102) }, under("m.")).normalisation, { mean: [0.2], std: [0.4] });
  assert.is(normalised(net).normalisation, null);
});

const bad: Record<string, [saved: Saved, message: RegExp]> = {
  "weights of nothing known beside the network": [and(under("net."), { "projector.weight": numbers([3, 8]) }), /tensor projector\.weight does not belong to the ResNet18 beside it.*--key net/],
  "a layer of its own in a dict beside the network": [and({ encoder: and(net), classifier: at("weight", numbers([3, 3])) }), /tensor classifier\.weight does not belong to the ResNet18 beside it.*--key encoder/],
  "a layer beside a network in two dicts": [and({ backbone: and(part((name) => !name.startsWith("fc."))), fc: and(part((name) => name.startsWith("fc."), "", 3)), projector: at("weight", numbers([3, 8])) }), /tensor projector\.weight does not belong/],
  "other names under numbers": [named((name) => name.replace(/^7\./, "7.x."), numbered("")), /tensor \S+ (?:is missing|has shape)/],
  "a dict for each of thousands": [and(...Array.from({ length: 3000 }, (_, i) => ({ [`k${i}`]: at("0.weight", numbers([2, 2])) }))), /tensor weight belongs to no network/],
  "a direction without length": [and(net, { "conv1.weight_g": numbers([1, 1, 1, 1], 0), "conv1.weight_v": numbers([1, 1, 7, 7], 0) }, part((name) => name === "none")), /tensor conv1\.weight_g does not belong/],
  "a direction of no length": [and(part((name) => name !== "conv1.weight"), { "conv1.weight_g": numbers([1, 1, 1, 1], 1), "conv1.weight_v": numbers([1, 1, 7, 7], 0) }), /computes no number for conv1\.weight from conv1\.weight_g/],
  "a layer with one number": [and(under("net."), { "act.weight": numbers([1]) }), /tensor act\.weight does not belong/],
  "a hidden layer in the head": [and(head("fc.3"), { "fc.1.weight": numbers([8, 8]), "fc.1.bias": numbers([8]) }), /tensor fc\.weight is missing/],
  "a weight that is an object": [and(net, { "layer1.0.conv1.weight": call(global("torch._utils", "_rebuild_qtensor"), text("x")) }), /tensor layer1\.0\.conv1\.weight as an object of torch\._utils\._rebuild_qtensor/],
  "a mean without a deviation": [and({ "0.mean": ones(0.5) }, under("1."), { "0.scale": numbers([3]) }), /tensor 0\.scale does not belong/],
  "two different normalising layers": [and({ "0.mean": ones(0.5), "0.std": ones(0.5), "1.mean": ones(0.4), "1.std": ones(0.5) }, under("2.")), /several normalising layers that differ/],
  "a normalising layer of three channels before one": [and({ "0.mean": ones(0.5, 0.4, 0.3), "0.std": ones(0.5, 0.5, 0.5) }, under("1.")), /of 3 values in front of a network of 1 channel/],
  "a deviation of nothing": [and({ "0.mean": ones(0.5), "0.std": ones(0) }, under("1.")), /0\.std is not above 0/],
  "pixels of no range": [and({ "0.mean": ones(0.5), "0.std": ones(1.5) }, under("1.")), /neither of 0 to 1 nor of 0 to 255/],
};
for (const [what, [saved, message]] of Object.entries(bad)) test(`${what} is refused`, () => refuses(() => read(torchFile(saved)), message));

test("a float8 tensor of safetensors is in nobody's way unless it is wanted", async () => {
  const body: Uint8Array[] = [];
  let end = 0;
  const entry = (shape: number[], data: Uint8Array, dtype: string) => {
    body.push(data);
    return { dtype, shape, data_offsets: [end, (end += data.length)] };
  };
  const bytes = ({ data }: Tensor): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const header = Object.fromEntries([...net].map(([name, tensor]) => [`model.${name}`, entry(tensor.shape, bytes(tensor), "F32")]));
  const extra = { ...header, "scales.weight": entry([2, 2], Buffer.alloc(4), "F8_E4M3") };
  assert.is(digest(read(safetensors(extra, Buffer.concat(body))).tensors), EXPECTED);
  const wanted = { ...header, "model.fc.bias": { ...header["model.fc.bias"], dtype: "F8_E4M3", shape: [12] } };
  await refuses(() => read(safetensors(wanted, Buffer.concat(body.slice(0, -1)))), /tensor fc\.bias as float8_e4m3fn/);
});

test.run();
