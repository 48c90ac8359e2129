/** training.html: the learning curves, and every epoch in numbers. One file without a script, which asks nothing of a network. */
import { createHash } from "node:crypto";
import { escapeXml, fixed, percent } from "../svg.js";
import { darkStyle } from "../theme.js";
import type { InitCurves, TrainingData } from "./data.js";
import { trainingFigure } from "./figure.js";

const STYLE = `
:root{color-scheme:light dark;font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
body{max-width:1000px;margin:1.5rem auto;padding:0 1rem}
svg{width:100%;height:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding:.6rem 0}
th,td{padding:.15rem .8rem;text-align:right;border-bottom:1px solid #8884}
dl{display:grid;grid-template-columns:max-content auto;gap:.1rem 1rem}dt{opacity:.7}dd{margin:0;overflow-wrap:anywhere}
footer{opacity:.7;margin:2rem 0}
${darkStyle()}`;

const cells = (tag: "th" | "td", values: string[]): string => `<tr>${values.map((value) => `<${tag}>${escapeXml(value)}</${tag}>`).join("")}</tr>`;

function table({ init, epochs, manifest }: InitCurves): string {
  const rows = epochs.map((row) => [
    String(row.epoch), fixed(row.loss, 5), percent(row.correct / row.images),
    row.test_loss === null ? "" : fixed(row.test_loss, 5), row.test_images === null ? "" : percent(row.test_correct! / row.test_images),
    String(Number(row.learning_rate.toPrecision(4))), manifest.checkpoints.find(({ epoch }) => epoch === row.epoch)?.file ?? "",
  ]);
  return `<table><caption>Init ${init}</caption><thead>${cells("th", ["epoch", "loss", "right", "test loss", "test right", "learning rate", "checkpoint"])}</thead><tbody>${rows.map((row) => cells("td", row)).join("")}</tbody></table>`;
}

/** What was trained how; the same for all initialisations but for the seeds. */
function settings({ inits }: TrainingData): string {
  const [{ manifest: { identity, adapter, versions } }] = inits;
  const { config, network, dataset } = identity;
  const { kind, ...optimizer } = config.optimizer;
  const entries: [string, string][] = [
    ["network", `${network.name}, width ${network.width}, ${network.channels} channel${network.channels === 1 ? "" : "s"}, ${network.classes} classes`],
    ["images", `${dataset.name}, ${dataset.images.toLocaleString("en-US")}, SHA-256 ${dataset.sha256}`],
    ["normalisation", dataset.normalisation ? `mean ${dataset.normalisation.mean.join(", ")}, std ${dataset.normalisation.std.join(", ")}` : "as in the files"],
    ["seeds", inits.map(({ init, manifest }) => `init ${init}: ${manifest.identity.seed.own} (of ${manifest.identity.seed.given})`).join("; ")],
    ["optimizer", `${kind}: ${Object.entries(optimizer).map(([name, value]) => `${name} ${String(value)}`).join(", ")}`],
    ["schedule", Object.entries(config.schedule).map(([name, value]) => `${name} ${value}`).join(", ")],
    ["batches", `${config.batch} images, ${config.order === "file" ? "in the order of the files" : "shuffled each epoch"}${config.augment.length > 0 ? `, augmented by ${config.augment.join(" and ")}` : ""}`],
    ["adversarial", config.adversarial ? Object.entries(config.adversarial).map(([name, value]) => `${name} ${value}`).join(", ") : "no"],
    ["adapter", `${adapter.name}: ${adapter.description}`],
    ["versions", Object.entries(versions).map(([name, value]) => `${name} ${value}`).join(", ")],
  ];
  return `<dl>${entries.map(([name, value]) => `<dt>${escapeXml(name)}</dt><dd>${escapeXml(value)}</dd>`).join("")}</dl>`;
}

/** @param version of this package, for the page's foot */
export function trainingPage(data: TrainingData, version: string): string {
  const policy = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${escapeXml(policy)}">
<title>${escapeXml(`Training of ${data.network} on ${data.dataset}`)}</title>
<style>${STYLE}</style>
<main>
${trainingFigure(data, { id: "training", width: 960, inPage: true })}
${data.inits.map(table).join("\n")}
<h2>Settings</h2>
${settings(data)}
</main>
<footer>wgpu-inferlink ${escapeXml(version)}</footer>
</html>
`;
}
