/** Figures: that what is drawn is what the rows say, read back off the SVG. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { curvesOf } from "../src/analysis/curves.js";
import { scoreOf } from "../src/analysis/scores.js";
import { bundle } from "../src/plot/bundle.js";
import { plotData, type PlotCheckpoint } from "../src/plot/data.js";
import { epochFigure } from "../src/plot/epochs.js";
import { distinctNames, fileName, figuresOf } from "../src/plot/figures.js";
import { heatFigure } from "../src/plot/heat.js";
import { reportPage } from "../src/plot/report.js";
import { responseFigure } from "../src/plot/response.js";
import { domainWithZero, linearScale, roundTicks } from "../src/plot/scale.js";
import { scoreFigure } from "../src/plot/scoreBars.js";
import { escapeXml, wrapText } from "../src/plot/svg.js";
import { mapColour, SEQUENTIAL } from "../src/plot/theme.js";
import { epsilonText } from "../src/plot/words.js";
import { loadRun } from "../src/results/loadRun.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { cli } from "./support/cliProcess.js";
import { curveRows, loadCut, sweepRows, writeRun } from "./support/plotRows.js";

const setup = { id: "f", width: 960, inPage: false };
const one = [{ path: "net.ckpt", init: 1, epoch: 10 }];
const rows = sweepRows(one);
const data = plotData([await loadRun(await writeRun(rows))]);
const [checkpoint] = data.checkpoints;
const FILTERS = ["h_a", "h_b", "h_c"];

/** Attributes of every element of a kind. */
function elements(svg: string, name: string): Record<string, string>[] {
  return [...svg.matchAll(new RegExp(`<${name} ([^>]*?)/?>`, "g"))].map(([, text]) => Object.fromEntries([...text.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key, value])));
}

/** Texts with where they stand. */
function texts(svg: string): { x: number; y: number; content: string }[] {
  return [...svg.matchAll(/<text x="([-\d.]+)" y="([-\d.]+)"[^>]*>([^<]*)<\/text>/g)].map(([, x, y, content]) => ({ x: Number(x), y: Number(y), content: content.replace("\u2212", "-") }));
}

/** The value at a place along an axis, told by two of its ticks. */
function axis(ticks: { at: number; content: string }[]): (at: number) => number {
  const [a, b] = [ticks[0], ticks.at(-1)!];
  return (at) => Number(a.content) + ((at - a.at) / (b.at - a.at)) * (Number(b.content) - Number(a.content));
}

const points = (path: Record<string, string>): [number, number][] => path.d.split(/[ML]/).slice(1).map((pair) => pair.replace(/h.*|z/, "").split(",").map(Number) as [number, number]);
const near = (actual: number, expected: number, tolerance: number, what: string): void => assert.ok(Math.abs(actual - expected) <= tolerance, `${what}: ${actual} instead of ${expected}`);

test("response curves stand where the rows say, h_b from its largest threshold down", () => {
  const svg = responseFigure({ checkpoint, layers: ["layer1.0.conv1"], filters: FILTERS, notice: null }, setup);
  const y = axis(texts(svg).filter(({ x, content }) => x < 60 && /^\d+$/.test(content)).map(({ y: at, content }) => ({ at: at - 4, content })));
  const ticks = texts(svg).filter(({ content }) => /^-?0\.\d$/.test(content));
  const lines = (style: string): [number, number][][] => elements(svg, "path").filter((path) => path.class === `s-${style}` && path.d.includes("L") && !path.d.includes("h")).map(points);
  const [clean, weak, strong, density] = ["clean", "attack0", "attack4", "density"].map(lines);
  FILTERS.forEach((filter, f) => {
    const [low, high] = [50 + 302 * f, 350 + 302 * f];
    const x = axis(ticks.filter((tick) => tick.x > low && tick.x < high).map(({ x: at, content }) => ({ at, content })));
    const curve = (epsilon: number) => rows[0].filter((r) => r.layer === "layer1.0.conv1" && r.filter === filter && r.epsilon === epsilon);
    curve(0.1).forEach((r, i) => {
      near(x(clean[f][i][0]), r.alpha, 0.002, `${filter}: threshold ${i}`);
      near(y(clean[f][i][1]), 100 * r.accuracy_clean, 0.1, `${filter}: clean ${i}`);
      near(y(weak[f][i][1]), 100 * r.accuracy_adv, 0.1, `${filter}: weak attack ${i}`);
      near(y(strong[f][i][1]), 100 * curve(0.3)[i].accuracy_adv, 0.1, `${filter}: strong attack ${i}`);
      near(y(density[f][i][1]), 100 * r.density, 0.1, `${filter}: density ${i}`);
    });
    assert.ok(clean[f][0][0] < clean[f][4][0], "the sweep goes to the right");
  });
  for (const label of ["threshold α (value of a weight)", "threshold α (value of a weight), falling", "accuracy, density (%)", "adversarial, ε = 0.3"]) assert.ok(svg.includes(`>${label}</text>`), label);
});

test("a heat map's cells have the colours of their values", () => {
  const svg = heatFigure({ kind: "adversarial", checkpoint, filters: FILTERS, epsilon: 0.3, notice: null }, setup);
  const group = /<g shape-rendering="crispEdges">(.*?)<\/g>/.exec(svg)![1];
  const cells = elements(group, "path").flatMap(({ d, fill }) => d.split("M").slice(1).map((cell) => ({ x: parseFloat(cell), y: Number(/,([\d.]+)/.exec(cell)![1]), fill })));
  const ordered = cells.sort((a, b) => a.y - b.y || a.x - b.x).map(({ fill }) => fill);
  const expected = ["conv1", "layer1.0.conv1", "fc"].flatMap((layer) => rows[0].filter((r) => r.layer === layer && r.filter === "h_a" && r.epsilon === 0.3));
  assert.equal(ordered, expected.map((r) => mapColour(SEQUENTIAL, Math.round(r.accuracy_adv * 200) / 200)));
});

test("the colours of accuracies grow lighter all the way", () => {
  const lightness = (colour: string): number => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => sum + weight * parseInt(colour.slice(1 + 2 * i, 3 + 2 * i), 16), 0);
  for (let i = 1; i <= 100; i++) assert.ok(lightness(mapColour(SEQUENTIAL, i / 100)) > lightness(mapColour(SEQUENTIAL, (i - 1) / 100)), `at ${i} %`);
});

test("bars are as long as the scores", () => {
  const svg = scoreFigure({ checkpoint, filters: ["h_a"], epsilon: 0.1, band: 0.05, notice: null }, setup);
  const ticks = texts(svg).filter(({ content }) => /^-?\d\.\d+$/.test(content)).map(({ x: at, content }) => ({ at, content }));
  const x = axis(ticks);
  const scores = curvesOf(rows[0]).filter((curve) => curve.filter === "h_a" && curve.epsilon === 0.1).map((curve) => scoreOf(curve));
  const ends = (colour: string): number[] => elements(svg, "rect").filter((rect) => rect.class === `f-${colour}`).slice(1).map((rect) => x(Number(rect.x) + (Math.abs(x(Number(rect.x))) < 1e-3 ? Number(rect.width) : 0)));
  ends("clean").forEach((value, i) => near(value, scores[i].s_clean!, 0.002, `clean ${i}`));
  ends("attack1").forEach((value, i) => near(value, scores[i].s_adv!, 0.002, `adversarial ${i}`));
  assert.is(ends("clean").length, 3);
});

test("scores over epochs: the mean of the initialisations, between the lowest and the highest", async () => {
  const checkpoints = [1, 2, 3].flatMap((init) => [5, 10].map((epoch) => ({ path: `${init}-${epoch}.ckpt`, init, epoch })));
  const many = sweepRows(checkpoints);
  const family = plotData([await loadRun(await writeRun(many))]).checkpoints;
  assert.is(new Set(family.map((each) => each.family)).size, 1);
  const svg = epochFigure({ checkpoints: family, layers: ["fc"], filters: ["h_c"], epsilon: 0.3, notice: null }, setup);
  const ticks = texts(svg).filter(({ x, content }) => x < 60 && /^-?\d\.\d+$/.test(content));
  const y = axis(ticks.map(({ y: at, content }) => ({ at: at - 4, content })));
  const [line] = elements(svg, "path").filter((path) => path.class === "s-clean" && /^M[^M]*L/.test(path.d)).map(points);
  const [band] = elements(svg, "path").filter((path) => path.class === "f-clean").map(points);
  [5, 10].forEach((epoch, i) => {
    const scores = many.flat().filter((r) => r.epoch === epoch && r.layer === "fc" && r.filter === "h_c" && r.epsilon === 0.3);
    const values = curvesOf(scores).map((curve) => scoreOf(curve).s_clean!);
    assert.is(values.length, 3);
    near(y(line[i][1]), (values[0] + values[1] + values[2]) / 3, 2e-4, `mean at ${epoch}`);
    near(y(band[i][1]), Math.max(...values), 2e-4, `highest at ${epoch}`);
    near(y(band[3 - i][1]), Math.min(...values), 2e-4, `lowest at ${epoch}`);
  });
});

test("one threshold, no correct image, missing curves, many epsilons, global: every figure is drawn, without a NaN", async () => {
  const strange = [
    await writeRun([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7].map((epsilon) => curveRows({ clean: [0], adv: [0], epsilon })), { epsilonSpace: "pixel" }),
    await writeRun([curveRows({ layer: "*", layer_index: -1, scope: "global", filter: "h_b", clean: [200, 0], adv: [0, 0] })]),
    await writeRun([curveRows({ clean: [9, 9, 9], adv: [1, 1, 1] }), curveRows({ layer: "fc", filter: "h_c", clean: [9, 8], adv: [1, 1] })]),
    await writeRun([curveRows({ clean: [9, 9], adv: [1, 1], alpha: 0.5 })]),
  ];
  const runs = await Promise.all(strange.map(loadRun));
  for (const run of runs) {
    for (const { path, draw } of figuresOf(plotData([run]))) assert.not.match(draw(), /NaN|Infinity|undefined|null/, `${run.folder} ${path}`);
  }
  const [, , missing] = runs.map((run) => plotData([run]).checkpoints[0]);
  assert.equal(missing.curves.map(({ scores }) => scores[0] === null), [false, true], "a curve that lacks thresholds has no score");
  assert.match(responseFigure({ checkpoint: missing, layers: ["fc"], filters: ["h_a", "h_c"], notice: null }, setup), />not in the results</);
  assert.is(plotData([runs[0]]).checkpoints[0].curves[0].scores[0]!.reason, "there is one threshold only");
  assert.match(scoreFigure({ checkpoint: plotData([runs[0]]).checkpoints[0], filters: ["h_a"], epsilon: 0.1, band: 0.05, notice: null }, setup), />no score</);
});

test("a run that isn't finished says so in its figures and its page", async () => {
  const cut = await loadCut(await writeRun([curveRows({ clean: [9, 8], adv: [1, 0] })], { cut: true }));
  const unfinished = plotData([cut]);
  assert.match(unfinished.runs[0].notice!, /^Unfinished run: 2 rows are there so far/);
  for (const { draw } of figuresOf(unfinished)) assert.match(draw(), />Unfinished run/);
  assert.match(reportPage(unfinished, "0"), /"notice":"Unfinished run/);
  const beside = plotData([await loadRun(await writeRun(rows)), cut]);
  assert.equal([...figuresOf(beside)].map(({ draw }) => /Unfinished/.test(draw())), [...Array<boolean>(11).fill(false), ...Array<boolean>(5).fill(true)], "but not the figures of a whole run beside it");
});

test("checkpoints get the shortest names that tell them apart", async () => {
  const labels = async (...runs: { path: string; init: number | null; epoch: number | null }[][]): Promise<string[]> =>
    plotData(await Promise.all(runs.map(async (checkpoints) => loadRun(await writeRun(sweepRows(checkpoints)))))).checkpoints.map(({ label }) => label);
  assert.equal(await labels(one), ["init 1, epoch 10"]);
  assert.equal(await labels([{ path: "x/a.ckpt", init: null, epoch: null }, { path: "x/b.ckpt", init: null, epoch: null }]), ["a.ckpt", "b.ckpt"]);
  assert.equal(await labels([{ path: "x/a.ckpt", init: null, epoch: null }, { path: "y/a.ckpt", init: null, epoch: null }]), ["x/a.ckpt", "y/a.ckpt"]);
  const [first, second] = await labels(one, one);
  assert.match(first, /^inferlink-test-.*: net\.ckpt$/);
  assert.is.not(first, second);
});

test("thresholds are embedded short, and are the same float32", async () => {
  const alphas = checkpoint.curves[0].alphas;
  assert.equal(alphas.map(Math.fround), rows[0].slice(0, 5).map((r) => r.alpha));
  assert.equal(alphas, [-0.2, -0.1, 0, 0.1, 0.2]);
  const third = await loadRun(await writeRun([curveRows({ clean: [1], adv: [1], alpha: Math.fround(1 / 3) })]));
  assert.equal(plotData([third]).checkpoints[0].curves[0].alphas, [0.33333334]);
});

test("files have names that any file system takes, and that differ", () => {
  const names = ["a/b", "a-b", "A/B", "..", ".hidden", "con\u0000trol", "x".repeat(300), "été", "", "1/255"].map(fileName);
  assert.equal(names.slice(0, 6), ["a-b", "a-b", "A-B", "unnamed", "hidden", "con-trol"]);
  assert.is(names[6].length, 40);
  assert.equal(names.slice(7), ["été", "unnamed", "1-255"]);
  assert.equal(distinctNames(["a/b", "a-b", "A b"]), ["a-b", "a-b-2", "A-b-3"]);
});

test("epsilons of pixels are told in 255ths where they are that", () => {
  const pixel = { ...checkpoint, epsilonUnit: "pixels of 0 to 1" } as PlotCheckpoint;
  assert.equal([8 / 255, 0.1, 1].map((epsilon) => epsilonText(epsilon, pixel)), ["8/255", "0.1", "255/255"]);
  assert.is(epsilonText(8 / 255, checkpoint), "0.0313725");
});

test("scales, ticks and texts", () => {
  assert.equal(roundTicks([-0.26, 0.51], 4).map(({ text }) => text), ["\u22120.2", "0.0", "0.2", "0.4"]);
  assert.equal(roundTicks([1, 0], 5).map(({ text }) => text), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
  assert.is(linearScale([3, 3], [0, 100])(3), 50);
  assert.equal(domainWithZero([]), [-0.5, 0.5]);
  assert.is(escapeXml(`<a b="c">'&\u0001\ud800`), "&lt;a b=&quot;c&quot;&gt;&#39;&amp;\ufffd\ufffd");
  assert.equal(wrapText("one two three", 60, 12), ["one two", "three"]);
  assert.is(wrapText("a".repeat(100), 60, 12)[0].length, 9);
});

test("the page's data and script can't be left by what a file is called", async () => {
  const hostile = plotData([await loadRun(await writeRun([curveRows({ checkpoint: "</script><!--{{script}}$&", layer: "</style>", clean: [9, 8], adv: [1, 0] })]))]);
  const page = reportPage(hostile, "0");
  assert.is(page.match(/<script/g)!.length, 2);
  assert.is(page.match(/<\/script/g)!.length, 2);
  assert.not.match(page, /\{\{\w+\}\}(?!\$&)/);
  const embedded = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)![1];
  assert.equal(JSON.parse(embedded), JSON.parse(JSON.stringify(hostile)));
});

test("a module that the joiner doesn't understand is refused", () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "a.js"), 'import { b as c } from "./b.js";\nexport const a = c;\n');
  writeFileSync(join(folder, "b.js"), "const hidden = 1;\nexport const b = hidden + 1;\n//# sourceMappingURL=b.js.map\n");
  assert.is(new Function(`${bundle(pathToFileURL(join(folder, "a.js")))}; return module1.a;`)(), 2);
  for (const text of ['import fs from "node:fs";', "export default 1;", 'import * as all from "./b.js";', 'export { b } from "./b.js";']) {
    writeFileSync(join(folder, "c.js"), `${text}\n`);
    assert.throws(() => bundle(pathToFileURL(join(folder, "c.js"))), /can't be joined/);
  }
});

test("a checkpoint of 1,575 filtered networks at three epsilons takes less than 120 kB in the page", () => {
  const layers = Array.from({ length: 21 }, (_, l) => `layer${l}.0.downsample.0`);
  const many = layers.flatMap((layer) => FILTERS.flatMap((filter) => [0.1, 0.2, 0.3].flatMap((epsilon) =>
    curveRows({ layer, filter: filter as "h_a", epsilon, clean: Array<number>(25).fill(9876), adv: Array<number>(25).fill(1234), images: 10_000, removed: 123_456, alpha: Math.fround(-0.123456789) }))));
  const run = { given: "", folder: "run", file: "", rows: many, metadata: new Map<string, string>(), manifest: null, complete: true };
  const bytes = JSON.stringify(plotData([run])).length;
  assert.ok(bytes < 120_000, `${bytes} bytes`);
});

test("plot writes what it says, into the run's folder or --out", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "run"));
  await writeRun(rows, { folder: join(folder, "run") });
  const first = await cli(["plot", "run", "--json"], { cwd: folder });
  assert.is(first.code, 0, first.stderr);
  const told = JSON.parse(first.stdout) as { complete: boolean; report: string; files: string[] };
  assert.is(told.complete, true);
  assert.is(told.report, join("run", "report.html"));
  for (const file of told.files) assert.ok(readFileSync(join(folder, file), "utf8").length > 500, file);
  assert.equal(readdirSync(join(folder, "run/plots")).sort(), [
    "heat-adversarial-epsilon-0.1.svg", "heat-adversarial-epsilon-0.3.svg", "heat-clean.svg", "heat-difference-epsilon-0.1.svg", "heat-difference-epsilon-0.3.svg",
    "response", "responses.svg", "scores-epsilon-0.1.svg", "scores-epsilon-0.3.svg",
  ]);
  assert.equal(readdirSync(join(folder, "run/plots/response")).sort(), ["conv1.svg", "fc.svg", "layer1.0.conv1.svg"]);
  assert.match(first.stderr, /11 figures in run.plots\nreport in run.report\.html/);
  assert.is((await cli(["plot", "run"], { cwd: folder })).code, 0, "again, over its own files");

  const out = ["plot", "run", "run/results.arrow", "--no-report", "--out", "figures"];
  const several = await cli(out, { cwd: folder });
  assert.is(several.code, 0, several.stderr);
  assert.equal(readdirSync(join(folder, "figures")).length, 2, "a folder for each checkpoint");
  const refused = await cli(out, { cwd: folder });
  assert.is(refused.code, 2);
  assert.match(refused.errors[0], /figures.*conv1\.svg: exists; choose another --out, or replace it with --overwrite/);
  assert.is((await cli([...out, "--overwrite"], { cwd: folder })).code, 0);
});

test("plot says what is wrong in one line", async () => {
  const folder = temporaryFolder();
  await writeRun([], { folder, cut: true });
  for (const [words, code, message] of [
    [["plot"], 2, /wants <run\.\.>/],
    [["plot", "a", "b"], 2, /--out: is missing/],
    [["plot", "nowhere"], 74, /nowhere: does not exist/],
    [["plot", folder, "--robust-band=-1"], 2, /--robust-band: has to be 0 or more/],
    [["plot", folder], 65, new RegExp(basename(folder))],
  ] as [string[], number, RegExp][]) {
    const ended = await cli(words);
    assert.is(ended.code, code, ended.stderr);
    assert.is(ended.errors.length, 1);
    assert.match(ended.errors[0], message);
  }
});

test.run();
