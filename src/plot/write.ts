/** Puts figures and the report into a folder. */
import { dirname, join } from "node:path";
import { PACKAGE_VERSION } from "../package.js";
import { makeFolder, onFile, replaceFile } from "../results/folder/durable.js";
import { loadRun } from "../results/loadRun.js";
import { REPORT } from "../results/folder/runFolder.js";
import { plotData, type PlotData } from "./data.js";
import { figuresOf } from "./figures.js";
import { reportPage } from "./report.js";

/** A file that will be written: its path is known before anything is drawn. */
export interface PlannedFile {
  path: string;
  content(): string;
}

/** Every figure, in the folder. */
export function plannedFigures(data: PlotData, folder: string): PlannedFile[] {
  return [...figuresOf(data)].map(({ path, draw }) => ({ path: join(folder, path), content: draw }));
}

/** report.html, in the folder. */
export function plannedReport(data: PlotData, folder: string): PlannedFile {
  return { path: join(folder, REPORT), content: () => reportPage(data, PACKAGE_VERSION) };
}

export async function writePlanned({ path, content }: PlannedFile): Promise<void> {
  await onFile(path, () => makeFolder(dirname(path)));
  await replaceFile(path, content());
}

/** The report of a finished run, in its folder. @returns its path */
export async function writeRunReport(folder: string): Promise<string> {
  const report = plannedReport(plotData([await loadRun(folder)]), folder);
  await writePlanned(report);
  return report.path;
}
