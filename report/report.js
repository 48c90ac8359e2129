/** The report's page: fills the chooser, draws what is chosen with the functions that also draw the SVG files, tells values. */
import { epochFigure, epochsOf } from "../dist/src/plot/epochs.js";
import { heatFigure } from "../dist/src/plot/heat.js";
import { responseFigure } from "../dist/src/plot/response.js";
import { scoreFigure } from "../dist/src/plot/scoreBars.js";
import { fixed, significant } from "../dist/src/plot/svg.js";
import { curveAt, epsilonText, filtersOf, layerName, layersOf } from "../dist/src/plot/words.js";
import { node, showTable } from "./table.js";
import { followPointer } from "./tips.js";

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const choice = { checkpoint: 0, layer: "", filter: "", epsilon: 0 };
const ALL = "";

// --- chooser --------------------------------------------------------------------------------------------------------------

/** Fills a select; keeps what was chosen where it is still there. @returns what is chosen now */
function fillSelect(id, options, chosen) {
  const select = byId(id);
  const kept = options.find(([value]) => value === chosen) ?? options[0];
  select.replaceChildren(...options.map(([value, label], i) => node("option", { value: String(i), selected: value === kept[0] }, label)));
  select.closest("label").hidden = options.length < 2 && id === "checkpoint";
  select.onchange = () => choose({ [id]: options[Number(select.value)][0] });
  return kept[0];
}

function fillChooser() {
  choice.checkpoint = fillSelect("checkpoint", data.checkpoints.map(({ label }, i) => [i, label]), choice.checkpoint);
  const checkpoint = data.checkpoints[choice.checkpoint];
  choice.layer = fillSelect("layer", layersOf(checkpoint).map((layer) => [layer, layerName(layer)]), choice.layer);
  const filters = filtersOf(checkpoint);
  choice.filter = fillSelect("filter", [...(filters.length > 1 ? [[ALL, "all"]] : []), ...filters.map((filter) => [filter, filter])], choice.filter);
  choice.epsilon = fillSelect("epsilon", checkpoint.epsilons.map((epsilon) => [epsilon, epsilonText(epsilon, checkpoint)]), choice.epsilon);
}

function choose(change) {
  Object.assign(choice, change);
  fillChooser();
  draw();
}

// --- figures --------------------------------------------------------------------------------------------------------------

const FIGURES = ["response", "epochs", "heat-clean", "heat-adversarial", "heat-difference", "scores"];
const shownFigures = () => FIGURES.map(byId).filter((figure) => !figure.closest("[hidden]"));

function markup(id) {
  const checkpoint = data.checkpoints[choice.checkpoint];
  const { layer, epsilon } = choice;
  const filters = choice.filter === ALL ? filtersOf(checkpoint) : [choice.filter];
  const notice = null; // stands at the head of the page
  const setup = { id: `figure-${id}`, width: Math.max(300, byId(id).clientWidth), inPage: true };
  if (id === "response") return responseFigure({ checkpoint, layers: [layer], filters, notice, epsilon }, setup);
  if (id === "epochs") return epochFigure({ checkpoints: family(checkpoint), layers: [layer], filters, epsilon, notice }, setup);
  if (id === "scores") return scoreFigure({ checkpoint, filters, epsilon, band: data.band, notice, layer }, setup);
  return heatFigure({ kind: id.slice("heat-".length), checkpoint, filters, epsilon, notice, layer }, setup);
}

function drawFigure(figure) {
  figure.innerHTML = markup(figure.id);
  byId("tip").hidden = true; // what it told of is gone
}

/** How far a figure is from being seen, in pixels. */
function distance(figure) {
  const { top, bottom } = figure.getBoundingClientRect();
  return Math.max(0, -bottom, top - innerHeight);
}

let turn = 0;

/** The nearest figure at once, the others one after another; a newer choice ends that. */
function drawFigures() {
  const mine = ++turn;
  const queue = shownFigures().sort((a, b) => distance(a) - distance(b));
  const next = () => {
    if (mine !== turn || queue.length === 0) return;
    drawFigure(queue.shift());
    setTimeout(next);
  };
  next();
}

const family = (checkpoint) => data.checkpoints.filter((other) => other.family === checkpoint.family);

function draw() {
  byId("epochs-section").hidden = epochsOf(family(data.checkpoints[choice.checkpoint])).length < 2;
  drawFigures();
  drawTables();
}

// --- tables ---------------------------------------------------------------------------------------------------------------

const percent = (value) => (100 * value).toFixed(1);
const className = (score) => (score === null ? null : score < -data.band ? "fragile" : score > data.band ? "antifragile" : "robust");

function scoreRows(checkpoint, filters) {
  const e = checkpoint.epsilons.indexOf(choice.epsilon);
  return layersOf(checkpoint).flatMap((layer, place) => filters.flatMap((filter) => {
    const curve = curveAt(checkpoint, layer, filter);
    if (!curve) return [];
    const adversarial = curve.adversarial[e][0];
    return [{ place, layer, filter, weights: curve.weights, clean: curve.clean[0] / curve.images, adversarial: adversarial === null ? null : adversarial / curve.images, score: curve.scores[e] }];
  }));
}

const whyNot = (row) => row.score?.reason ?? "thresholds are missing";
const SCORE_COLUMNS = [
  { name: "Layer", isText: true, value: (row) => row.place, text: (row) => layerName(row.layer) },
  { name: "Filter", isText: true, value: (row) => row.filter },
  { name: "Weights", value: (row) => row.weights, text: (row) => row.weights.toLocaleString("en-US") },
  { name: "Clean %", hint: "accuracy at the first threshold", value: (row) => row.clean, text: (row) => percent(row.clean) },
  { name: "Adversarial %", hint: "accuracy at the first threshold", value: (row) => row.adversarial, text: (row) => percent(row.adversarial) },
  { name: "S clean", value: (row) => row.score?.clean ?? null, text: (row) => fixed(row.score.clean, 3), whyNot },
  { name: "S adversarial", value: (row) => row.score?.adversarial ?? null, text: (row) => fixed(row.score.adversarial, 3), whyNot },
  { name: "S difference", hint: "adversarial − clean", value: (row) => row.score?.difference ?? null, text: (row) => fixed(row.score.difference, 3), whyNot },
  { name: "Class clean", isText: true, value: (row) => className(row.score?.clean ?? null), whyNot },
  { name: "Class adversarial", isText: true, value: (row) => className(row.score?.adversarial ?? null), whyNot },
];

const CURVE_COLUMNS = [
  { name: "Filter", isText: true, value: (row) => row.filter },
  { name: "Threshold", value: (row) => row.i + 1 },
  { name: "α", value: (row) => row.alpha, text: (row) => significant(row.alpha, 5) },
  { name: "Removed", value: (row) => row.removed, text: (row) => row.removed.toLocaleString("en-US") },
  { name: "Density %", value: (row) => row.density, text: (row) => percent(row.density) },
  { name: "Clean %", value: (row) => row.clean, text: (row) => percent(row.clean) },
  { name: "Adversarial %", value: (row) => row.adversarial, text: (row) => percent(row.adversarial) },
];

function curveRows(checkpoint, filters) {
  const e = checkpoint.epsilons.indexOf(choice.epsilon);
  return filters.flatMap((filter) => {
    const curve = curveAt(checkpoint, choice.layer, filter);
    return (curve?.alphas ?? []).map((alpha, i) => ({
      filter, i, alpha, removed: curve.removed[i], density: 1 - curve.removed[i] / curve.weights, clean: curve.clean[i] / curve.images,
      adversarial: curve.adversarial[e][i] === null ? null : curve.adversarial[e][i] / curve.images,
    }));
  });
}

function drawTables() {
  const checkpoint = data.checkpoints[choice.checkpoint];
  const filters = choice.filter === ALL ? filtersOf(checkpoint) : [choice.filter];
  const at = `${checkpoint.label}, ε = ${epsilonText(choice.epsilon, checkpoint)}`;
  showTable(byId("score-table"), { caption: `Scores of ${at}. Robust: within ±${data.band} of 0.`, columns: SCORE_COLUMNS, rows: scoreRows(checkpoint, filters), isChosen: (row) => row.layer === choice.layer });
  if (byId("numbers").open) showTable(byId("curve-table"), { caption: `${layerName(choice.layer)}, ${at}`, columns: CURVE_COLUMNS, rows: curveRows(checkpoint, filters), isChosen: () => false });
}

// --- the page -------------------------------------------------------------------------------------------------------------

function settingValue(value) {
  if (!Array.isArray(value)) return [value];
  const list = node("ul", {}, ...value.map((item) => node("li", {}, item)));
  return value.length > 3 ? [node("details", {}, node("summary", {}, `${value.length}`), list)] : [list];
}

function showSettings() {
  byId("notices").replaceChildren(...data.runs.filter((run) => run.notice).map((run) => node("p", { className: "notice" }, data.runs.length > 1 ? `${run.name}: ${run.notice}` : run.notice)));
  byId("settings").append(...data.runs.flatMap(({ name, settings }) => [
    ...(data.runs.length > 1 ? [node("h3", {}, name)] : []),
    node("dl", {}, ...settings.flatMap(([key, value]) => [node("dt", {}, key), node("dd", {}, ...settingValue(value))])),
  ]));
}

showSettings();
if (data.checkpoints.length > 0) {
  fillChooser();
  draw();
  byId("numbers").ontoggle = drawTables;
  byId("chooser").onsubmit = (event) => event.preventDefault();
  let width = byId("response").clientWidth;
  new ResizeObserver(() => {
    if (byId("response").clientWidth === width) return;
    width = byId("response").clientWidth;
    draw();
  }).observe(byId("response"));
  addEventListener("beforeprint", () => shownFigures().forEach(drawFigure));
  for (const figure of FIGURES.map(byId)) {
    figure.onclick = (event) => event.target.dataset.layer && choose({ layer: event.target.dataset.layer });
    followPointer(figure, byId("tip"), byId("told"));
  }
}
