/** comparison.html: retrainings side by side, as figures and in numbers. One file without a script, which asks nothing of a network. */
import { createHash } from "node:crypto";
import type { Compared } from "../../analysis/comparison.js";
import { groupBy } from "../../analysis/curves.js";
import { escapeXml, fixed, percent } from "../svg.js";
import { darkStyle } from "../theme.js";
import { attackTitle, comparisonFigure, comparisonGroups, type ComparisonGroup } from "./figure.js";

const STYLE = `
:root{color-scheme:light dark;font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
body{max-width:1000px;margin:1.5rem auto;padding:0 1rem}
svg{width:100%;height:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin-bottom:1rem}
caption{text-align:left;font-weight:600;padding:.6rem 0}
th,td{padding:.15rem .8rem;text-align:right;border-bottom:1px solid #8884}
th:first-child,td:first-child{text-align:left}
footer,p{opacity:.8}
${darkStyle()}`;

const cells = (tag: "th" | "td", values: string[]): string => `<tr>${values.map((value) => `<${tag}>${escapeXml(value)}</${tag}>`).join("")}</tr>`;
const withSpread = (mean: number, std: number | null): string => `${percent(mean)}${std === null ? "" : ` ± ${fixed(100 * std, 1)}`}`;
const points = (value: number): string => `${value > 0 ? "+" : ""}${fixed(100 * value, 1)}`;

function differenceText(mean: number | null, low: number | null, high: number | null): string {
  if (mean === null) return "";
  return low === null || high === null ? points(mean) : `${points(mean)} (${points(low)} to ${points(high)})`;
}

function table(rows: Compared[]): string {
  const [{ attack, epsilon, baseline }] = rows;
  const head = ["variant", "seeds", "weights updated", "clean", "under attack", `under attack − ${baseline}, points`, `clean − ${baseline}, points`];
  const body = rows.map((row) => [
    row.variant, String(row.seeds), percent(row.updated), withSpread(row.accuracy_clean, row.accuracy_clean_std), withSpread(row.accuracy_adv, row.accuracy_adv_std),
    differenceText(row.difference_adv, row.difference_adv_low, row.difference_adv_high), differenceText(row.difference_clean, row.difference_clean_low, row.difference_clean_high),
  ]);
  return `<table><caption>${escapeXml(`${attackTitle(attack)}, ε ${epsilon}`)}</caption><thead>${cells("th", head)}</thead><tbody>${body.map((row) => cells("td", row)).join("")}</tbody></table>`;
}

const section = (group: ComparisonGroup, i: number): string =>
  [comparisonFigure(group, { id: `comparison-${i + 1}`, width: 960, inPage: true }), ...[...groupBy(group.rows, ({ attack, epsilon }) => JSON.stringify([attack, epsilon])).values()].map(table)].join("\n");

/** @param confidence of the intervals; @param version of this package, for the page's foot */
export function comparisonPage(rows: readonly Compared[], confidence: number, version: string): string {
  const policy = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'; base-uri 'none'; form-action 'none'`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${escapeXml(policy)}">
<title>Retrainings side by side</title>
<style>${STYLE}</style>
<main>
${comparisonGroups(rows).map(section).join("\n")}
<p>Mean ± standard deviation over seeds. Differences are of the same seed, their mean and in brackets the ${escapeXml(percent(confidence))} percentile interval of the bootstrap over seeds.</p>
</main>
<footer>wgpu-inferlink ${escapeXml(version)}</footer>
</html>
`;
}
