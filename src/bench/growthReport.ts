/** What `bench --growth` found, as a table, as data and as a figure. */
import { shapeText } from "../layout/shape.js";
import { figure, horizontalAxis, lineLegend, lineMarkup, panels, verticalAxis } from "../plot/figure.js";
import { linearScale } from "../plot/scale.js";
import { attackStyle, CLEAN, DENSITY, DIFFERENCE, type LineStyle } from "../plot/theme.js";
import { csvText } from "../tables/csv.js";
import { markdownText } from "../tables/markdown.js";
import type { Column } from "../tables/table.js";
import type { Case } from "./case.js";
import { environmentLines, type Environment } from "./environment.js";
import { MEMORY_LIMIT, type Growth } from "./growth.js";
import { rateOf } from "./measure.js";
import { rounded, type Output } from "./report.js";

const COLUMNS = [
  ...["grows", "from", "to"].map((name) => ({ name, type: "utf8", nullable: false })),
  ...["from_s", "to_s", "times_as_long", "at_most"].map((name) => ({ name, type: "float64", nullable: false })),
  { name: "holds", type: "utf8", nullable: false },
  ...["from_peak_mib", "to_peak_mib"].map((name) => ({ name, type: "float64", nullable: false })),
] as Column[];

const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20);

export const timeHolds = ({ time, limit }: Growth): boolean => time < limit;
export const memoryHolds = ({ small, large }: Growth): boolean => Math.max(small.peakMemory, large.peakMemory) < MEMORY_LIMIT;

function row(growth: Growth): Record<string, string | number> {
  const { grows, from, to, small, large, time, limit } = growth;
  const holds = timeHolds(growth) && memoryHolds(growth) ? "yes" : "no";
  return {
    grows, from, to, from_s: rounded(small.seconds), to_s: rounded(large.seconds), times_as_long: Number(time.toPrecision(3)), at_most: Number(limit.toPrecision(3)), holds,
    from_peak_mib: mebibytes(small.peakMemory), to_peak_mib: mebibytes(large.peakMemory),
  };
}

/** What all sweeps have in common. */
function commonOf({ network, width, input, sweep }: Case): string {
  return `${network} width ${width}, ${shapeText(input)} images, layers ${sweep!.layers?.join(", ") ?? "all"}; unless they grow: ${sweep!.thresholds} thresholds, filter ${sweep!.filters.join("+")}, epsilon ${sweep!.epsilons.join(", ")}`;
}

function data(growths: Growth[], environment: Environment): object[] {
  const side = ({ samples, seconds, peakMemory, case: of }: Growth["small"]): object => ({ ...of, input: shapeText(of.input), seconds, peak_memory: peakMemory, samples: samples.map((sample) => ({ ...sample, rate: rateOf(sample) })) });
  return growths.map((growth) => {
    const { grows, from, to, size, limit, time, small, large } = growth;
    return { grows, from, to, size, limit, time, time_holds: timeHolds(growth), memory_limit: MEMORY_LIMIT, memory_holds: memoryHolds(growth), small: side(small), large: side(large), environment };
  });
}

export function growthReport(growths: Growth[], environment: Environment, output: Output): string {
  if (output === "json") return `${JSON.stringify(data(growths, environment), null, 2)}\n`;
  if (output === "jsonl") return data(growths, environment).map((item) => `${JSON.stringify(item)}\n`).join("");
  const table = { columns: COLUMNS, rows: growths.map(row) };
  if (output === "csv") return csvText(table);
  const notes = [commonOf(growths[0].small.case), `peak: memory of the process, a software adapter's included; at most ${MEMORY_LIMIT / 2 ** 30} GiB`, ...environmentLines(environment)];
  return `${markdownText(table)}\n${notes.join("\n")}\n`;
}

const WIDTH = 640;

/** Times as long against times as large, a line each; on the dotted line time grows as the size does. */
export function growthFigure(growths: Growth[], environment: Environment): string {
  // The last one, for the memory, is too large for a common axis.
  const shown = growths.slice(0, -1);
  const names = [...new Set(shown.map(({ grows }) => grows))];
  const styles = new Map<string, LineStyle>(names.map((name, i) => [name, [CLEAN, DIFFERENCE][i] ?? attackStyle(i - 2, names.length - 2)]));
  const largest = Math.max(...shown.map(({ size }) => size));
  const slowest = Math.max(largest, ...shown.map(({ time }) => time));
  const heading = {
    title: "Time of a sweep as it grows",
    subtitle: `${commonOf(growths[0].small.case)}. ${environment.adapter.name} (${environment.adapter.type}), ${environment.cpu}, ${environment.date.slice(0, 10)}`,
    notice: null,
    description: shown.map(({ grows, size, time }) => `${grows} ${size} times: ${time.toFixed(2)} times as long`).join("; "),
  };
  const legend = [...names.map((name) => lineLegend(name, styles.get(name)!)), lineLegend("proportional", DENSITY)];
  return figure({ id: "growth", width: WIDTH, inPage: false }, heading, legend, (top) => {
    const grid = panels(1, { columns: 1, left: 64, gap: 0, height: 320, above: 16, below: 44 }, WIDTH, top);
    const [panel] = grid.panels;
    const x = linearScale([1, largest], [panel.x, panel.x + panel.width]);
    const y = linearScale([0, slowest * 1.05], [panel.y + panel.height, panel.y]);
    const at = (size: number, time: number) => ({ x: x(size), y: y(time) });
    let markup = verticalAxis(panel, y, "times as long") + horizontalAxis(panel, x, "times as large");
    markup += lineMarkup([at(1, 1), at(largest, largest)], DENSITY, false);
    for (const name of names) {
      const points = shown.filter(({ grows }) => grows === name);
      markup += lineMarkup([at(1, 1), ...points.map(({ size, time }) => at(size, time))], styles.get(name)!, true);
    }
    return { markup, bottom: grid.bottom };
  });
}
