/** Marks of single weights, and what a retraining chooses by them; the file, and the page's snippets in real PyTorch where it is installed. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { curvesOf, type Curve } from "../src/analysis/curves.js";
import { MARKS, marksOf, networkMarks } from "../src/analysis/marks.js";
import { changesOf, RESPONSES, sharesOf, countWeights, windowsOf } from "../src/analysis/parameters.js";
import { chosenWeights, parseUpdate, updateText } from "../src/analysis/update.js";
import { variantsOf } from "../src/sweep/filters.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { cli } from "./support/cliProcess.js";
import { noise } from "./support/close.js";
import { curveRows } from "./support/curves.js";
import { pythonWith } from "./support/python.js";
import { writeRun } from "./support/runs.js";
import { snippetsOf } from "./support/snippets.js";

/** A pulse curve whose windows change accuracy by these factors, in turn. */
function pulseCurve(weights: Float32Array, factors: [clean: number, adv: number][], layer = "fc"): Curve {
  const { variants } = variantsOf(layer, 0, [{ name: layer, data: weights }], { filters: ["h_c"], thresholds: 6, alphas: null, delta: null, range: null });
  const shape = {
    alpha: variants.map(({ alpha }) => alpha), removed: variants.map(({ removed }) => removed), density: variants.map(({ removed }) => 1 - removed / weights.length),
    accuracy_clean: variants.map((_, i) => 0.5 * (i === 0 ? 1 : factors[i % factors.length][0])), accuracy_adv: variants.map((_, i) => 0.25 * (i === 0 ? 1 : factors[i % factors.length][1])),
  };
  return curvesOf(curveRows(shape, { filter: "h_c", layer, delta: variants[0].delta, weights: weights.length }))[0];
}

const FACTORS: [number, number][] = [[1, 1], [0.5, 1.5], [1, 0.9], [1.2, 0.4], [1.04, 0.96]];
const weights = noise(1000, 3);
const curve = pulseCurve(weights, FACTORS);

test("a weight has the class of its window, as plain comparisons say, and there are as many as the shares say", () => {
  const windows = windowsOf(curve);
  for (const by of RESPONSES) {
    const change = changesOf(curve)[by]!;
    const marks = marksOf(curve, weights, { by, band: 0.05 })!;
    weights.forEach((w, i) => {
      const inside = windows.findIndex(({ low, high }) => w >= low && w < high);
      if (inside < 0) return;
      assert.is(MARKS[marks[i]], change[inside] < -0.05 ? "fragile" : change[inside] > 0.05 ? "antifragile" : "robust");
    });
    assert.not.ok(marks.includes(0));
    const counted = (name: string): number => marks.filter((code) => MARKS[code] === name).length / weights.length;
    const shares = sharesOf(curve, 0.05, countWeights([weights], windows));
    if (by === "adversarial") assert.equal([counted("fragile"), counted("robust"), counted("antifragile")], [shares.share_fragile_adv, shares.share_robust_adv, shares.share_antifragile_adv]);
    if (by === "difference") assert.is(counted("fragile"), shares.share_targeted);
  }
});

test("weights far from every window are uncovered", () => {
  const [low] = [...weights].sort((a, b) => a - b);
  assert.equal([...marksOf(curve, Float32Array.of(low - 1, low, 9), { by: "clean", band: 0.05 })!], [0, MARKS.indexOf("robust"), 0]);
});

test("a network's marks: by layer, from one curve where all layers were filtered at once, and why a layer has none", () => {
  const layers = new Map([["conv1", noise(20, 1)], ["fc", weights]]);
  const { marks, missing } = networkMarks([curve], layers, { by: "adversarial", band: 0.05 });
  assert.equal([...marks.keys()], ["fc"]);
  assert.match(missing.get("conv1")!, /not swept with the pulse filter/);
  const all = networkMarks([{ ...curve, layer: "*" }], layers, { by: "clean", band: 0.05 });
  assert.equal([...all.marks].map(([layer, { length }]) => [layer, length]), [["conv1", 20], ["fc", 1000]]);
  const none = networkMarks([pulseCurve(weights, [[1, NaN]])].map((each) => ({ ...each, rows: each.rows.map((row) => ({ ...row, accuracy_adv: 0 })) })), new Map([["fc", weights]]), { by: "difference", band: 0.05 });
  assert.match(none.missing.get("fc")!, /no adversarial image is classified correctly/);
});

test("what an update chooses", () => {
  const marks = new Map([["a", Uint8Array.of(0, 1, 2, 3, 1)], ["b", Uint8Array.of(3, 3)]]);
  const chosen = (text: string, seed = 1): number[][] => [...chosenWeights(marks, parseUpdate(text)!, seed).values()].map((codes) => [...codes]);
  assert.equal(chosen("robust,antifragile"), [[0, 0, 1, 1, 0], [1, 1]]);
  assert.equal(chosen("antifragile,robust"), chosen("robust,antifragile"));
  assert.equal(chosen("fragile"), [[0, 1, 0, 0, 1], [0, 0]]);
  assert.equal(chosen("targeted"), chosen("fragile"), "of marks by the difference");
  assert.equal([chosen("all"), chosen("none")], [[[1, 1, 1, 1, 1], [1, 1]], [[0, 0, 0, 0, 0], [0, 0]]]);
  for (const text of ["robust,robust", "", "robusty", "random", "random:", "random:1.1", "random:-0.1", "all,none"]) assert.is(parseUpdate(text), null, text);
  for (const text of ["fragile", "robust,antifragile", "targeted", "all", "none", "random:0.6"]) assert.is(updateText(parseUpdate(text)!), text);
});

test("chance chooses exactly as many of each layer as it is told, others by another seed, evenly over a layer", () => {
  const marks = new Map([["a", new Uint8Array(1001)], ["b", new Uint8Array(1001)]]);
  const of = (share: number, seed: number): Uint8Array[] => [...chosenWeights(marks, { kind: "random", share }, seed).values()];
  const count = (codes: Uint8Array): number => codes.reduce((a, b) => a + b, 0);
  for (const share of [0, 0.001, 0.6, 1]) assert.equal(of(share, 4).map(count), [Math.round(1001 * share), Math.round(1001 * share)]);
  assert.equal(of(0.6, 4), of(0.6, 4));
  const [[a, b], [other]] = [of(0.6, 4), of(0.6, 5)];
  const agree = (x: Uint8Array, y: Uint8Array): number => x.filter((value, i) => value === y[i]).length / 1001;
  for (const [x, y] of [[a, b], [a, other]]) assert.ok(Math.abs(agree(x, y) - 0.52) < 0.06, "as two draws that know nothing of each other");
  const halves = Array.from({ length: 200 }, (_, seed) => count(of(0.5, seed)[0].subarray(0, 500)));
  assert.ok(Math.abs(halves.reduce((x, y) => x + y, 0) / 200 - 250) < 3);
});

const folder = temporaryFolder();
const PAGE = "docs/marks.md";

test("the page's commands write marks; what can't be marked is refused in a line", async () => {
  const [shell] = snippetsOf(PAGE).filter(({ language }) => language === "sh");
  for (const line of shell.code.trim().split("\n")) {
    const ended = await cli(line.split(" ").slice(1), { cwd: folder });
    assert.is(ended.code, 0, ended.stderr);
  }
  const file = readFileSync(join(folder, "marks.safetensors"));
  const { __metadata__: about, ...tensors } = JSON.parse(file.toString("utf8", 8, 8 + Number(file.readBigUInt64LE(0)))) as Record<string, { dtype: string; shape: number[] }> & { __metadata__: Record<string, string> };
  assert.equal(Object.entries(tensors).map(([name, { dtype, shape }]) => [name, dtype, shape]), [["conv1.weight", "U8", [16, 1, 7, 7]], ["fc.weight", "U8", [10, 128]]]);
  assert.equal([about.by, about.codes, about.attack, about.robust_band], ["adversarial", '{"0":"uncovered","1":"fragile","2":"robust","3":"antifragile"}', "fgsm", "0.05"]);
  const refused = async (words: string[], problem: RegExp): Promise<void> => {
    const ended = await cli(["score", ...words], { cwd: folder });
    assert.ok(ended.code !== 0 && ended.errors.length === 1);
    assert.match(ended.errors[0], problem);
  };
  await refused(["runs/mine", "--marks", "marks.safetensors"], /marks\.safetensors: exists/);
  await refused(["runs/mine", "--marks", "marks.bin"], /call it marks\.bin\.safetensors/);
  await refused(["runs/mine", "--by", "clean"], /--by: goes with --marks/);
  await refused(["runs/mine", "--marks", "b.safetensors", "--by", "loss"], /--by: "loss" is none of clean, adversarial, difference/);
  await refused(["runs/mine", "--marks", "b.safetensors", "--epsilon", "0.5"], /--epsilon: is not 0\.5 in .*, which has 0\.38/);
  const rows = curveRows({ alpha: [-1, 1], accuracy_clean: [1, 1], accuracy_adv: [1, 1], density: [1, 1] }, { filter: "h_c", delta: 0.5, checkpoint: "gone.ckpt" });
  await refused([await writeRun(rows), "--marks", "b.safetensors"], /^wgpu-inferlink: gone\.ckpt: .*needed for marks.*--checkpoint/);
});

/** A step of AdamW by the page's function: what isn't chosen keeps its bytes and has no moments. */
const CHECK = `
torch.manual_seed(0)
network = torch.nn.ModuleDict({"conv1": torch.nn.Conv2d(1, 16, 7, bias=False), "fc": torch.nn.Linear(128, 10)})
start = {name: p.detach().clone() for name, p in network.named_parameters()}
optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.1)
for _ in range(3):
    optimizer.zero_grad()
    sum((p ** 2).sum() + p.sum() for p in network.parameters()).backward()
    step_chosen(network, optimizer, chosen)
for name, p in network.named_parameters():
    mask = chosen.get(name, torch.ones_like(p, dtype=torch.bool))
    assert torch.equal(p[~mask], start[name][~mask]) and not (p[mask] == start[name][mask]).any(), name
    assert not optimizer.state[p]["exp_avg"][~mask].any(), name
print("kept")
`;

const torch = pythonWith("torch");
if (!torch) console.log(`skipped "the page's snippets in PyTorch": it is not installed`);
(torch ? test : test.skip)("the page's snippets in PyTorch read the marks and leave what isn't chosen as it was", () => {
  const code = snippetsOf(PAGE).filter(({ language }) => language === "python").map((snippet) => snippet.code).join("\n");
  const ended = spawnSync(torch!, ["-c", code + CHECK], { cwd: folder, encoding: "utf8", env: { ...process.env, OMP_NUM_THREADS: "1" } });
  assert.is(ended.status, 0, ended.stderr);
  assert.match(ended.stdout, /^conv1\.weight \{'uncovered': 0, 'fragile': \d+, 'robust': \d+, 'antifragile': \d+\}\nfc\.weight .*\nkept\n$/);
});

test.run();
