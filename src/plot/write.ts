/** Puts figures and the report into a folder. */
import { dirname, join } from "node:path";
import { PACKAGE_VERSION } from "../package.js";
import { makeFolder, onFile, replaceFile } from "../results/durable.js";
import { loadRun } from "../results/loadRun.js";
import { REPORT } from "../results/runFolder.js";
import { plotData, type PlotData } from "./data.js";
import { figuresOf } from "./figures.js";
import { reportPage } from "./report.js";

/** Writes every figure below the folder. @returns their paths */
export async function writeFigures(data: PlotData, folder: string): Promise<string[]> {
  const paths: string[] = [];
  for (const { path, svg } of figuresOf(data)) {
    const file = join(folder, path);
    await onFile(dirname(file), () => makeFolder(dirname(file)));
    await replaceFile(file, svg);
    paths.push(file);
  }
  return paths;
}

/** Writes report.html into the folder. @returns its path */
export async function writeReport(data: PlotData, folder: string): Promise<string> {
  const path = join(folder, REPORT);
  await onFile(folder, () => makeFolder(folder));
  await replaceFile(path, reportPage(data, PACKAGE_VERSION));
  return path;
}

/** The report of a finished run, in its folder. @returns its path */
export async function writeRunReport(folder: string): Promise<string> {
  return writeReport(plotData([await loadRun(folder)]), folder);
}
