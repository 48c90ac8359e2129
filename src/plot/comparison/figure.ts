/** Accuracy of retrained networks over the attack's strength: a panel an attack, a line a variant, means with their spread over seeds. */
import type { Compared } from "../../analysis/comparison.js";
import { groupBy } from "../../analysis/curves.js";
import { figure, horizontalAxis, lineLegend, lineMarkup, panelHeading, panels, verticalAxis, type Panel, type Setup } from "../figure.js";
import { linearScale } from "../scale.js";
import { element, percent, pixels } from "../svg.js";
import { attackStyle, CLEAN, DENSITY, DIFFERENCE, stroke, type LineStyle } from "../theme.js";

/** Rows of one network and dataset. */
export interface ComparisonGroup {
  network: string;
  dataset: string;
  rows: Compared[];
}

export const comparisonGroups = (rows: readonly Compared[]): ComparisonGroup[] =>
  [...groupBy(rows, ({ network, dataset }) => JSON.stringify([network, dataset])).values()].map((group) => ({ network: group[0].network, dataset: group[0].dataset, rows: group }));

const STYLES: LineStyle[] = [DENSITY, CLEAN, DIFFERENCE, ...Array.from({ length: 5 }, (_, i) => attackStyle(i, 5))];

/** `before` and the first variants have looks of their own; where there are more, looks come again. */
const styleOf = (variants: string[], variant: string): LineStyle => STYLES[variants.indexOf(variant) % STYLES.length];

export const attackTitle = (attack: string): string => attack.toUpperCase();

interface Point {
  epsilon: number;
  mean: number;
  std: number | null;
}

/** Accuracy at strength 0 is the clean one. */
function pointsOf(rows: Compared[]): Point[] {
  const [first] = rows;
  const attacked = rows.filter(({ epsilon }) => epsilon !== 0).map(({ epsilon, accuracy_adv, accuracy_adv_std }) => ({ epsilon, mean: accuracy_adv, std: accuracy_adv_std }));
  return [{ epsilon: 0, mean: first.accuracy_clean, std: first.accuracy_clean_std }, ...attacked.sort((a, b) => a.epsilon - b.epsilon)];
}

function panelMarkup(panel: Panel, attack: string, rows: Compared[], variants: string[]): string {
  const x = linearScale([0, Math.max(...rows.map(({ epsilon }) => epsilon))], [panel.x, panel.x + panel.width - 6]);
  const y = linearScale([0, 100], [panel.y + panel.height, panel.y]);
  const lines = variants.map((variant) => {
    const own = rows.filter((row) => row.variant === variant);
    if (own.length === 0) return "";
    const style = styleOf(variants, variant);
    const points = pointsOf(own);
    const spread = points.filter(({ std }) => std !== null).map(({ epsilon, mean, std }) => {
      const [low, high] = [Math.max(0, mean - std!), Math.min(1, mean + std!)];
      return `M${pixels(x(epsilon))},${pixels(y(100 * low))}V${pixels(y(100 * high))}`;
    });
    return (spread.length > 0 ? element("path", { d: spread.join(""), "stroke-width": 1, ...stroke(style.colour) }) : "") + lineMarkup(points.map(({ epsilon, mean }) => ({ x: x(epsilon), y: y(100 * mean) })), style, true);
  });
  return [verticalAxis(panel, y, "% right"), horizontalAxis(panel, x, "strength of the attack, ε"), panelHeading(panel, attackTitle(attack)), ...lines].join("");
}

/** The strongest attack's numbers, told. */
function description({ rows }: ComparisonGroup): string {
  return [...groupBy(rows, ({ attack }) => attack)].map(([attack, group]) => {
    const epsilon = Math.max(...group.map((row) => row.epsilon));
    const told = group.filter((row) => row.epsilon === epsilon).map(({ variant, accuracy_adv }) => `${variant} ${percent(accuracy_adv)}`);
    return `${attackTitle(attack)} at ${epsilon}: ${told.join(", ")}.`;
  }).join(" ");
}

/** @returns the SVG */
export function comparisonFigure(group: ComparisonGroup, setup: Setup): string {
  const { network, dataset, rows } = group;
  const variants = [...new Set(rows.map(({ variant }) => variant))];
  const attacks = [...groupBy(rows, ({ attack }) => attack)];
  const seeds = rows.map((row) => row.seeds);
  const [least, most] = [Math.min(...seeds), Math.max(...seeds)];
  const epochs = Math.max(...rows.map(({ epoch }) => epoch));
  const heading = {
    title: `Retraining of ${network} on ${dataset}`,
    subtitle: `after ${epochs} epoch${epochs === 1 ? "" : "s"}; mean over ${least === most ? most : `${least} to ${most}`} seed${most === 1 ? "" : "s"}, bars: standard deviation; at ε 0 the images are clean`,
    notice: null,
    description: description(group),
  };
  return figure(setup, heading, variants.map((variant) => lineLegend(variant, styleOf(variants, variant))), (top) => {
    const places = panels(attacks.length, { columns: 2, left: 60, gap: 60, height: 260, above: 30, below: 44 }, setup.width, top);
    return { markup: attacks.map(([attack, own], i) => panelMarkup({ ...places.panels[i], first: true }, attack, own, variants)).join(""), bottom: places.bottom };
  });
}
