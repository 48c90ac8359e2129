/** Puts the learning curves beside the initialisations they are of. */
import { join } from "node:path";
import { PACKAGE_VERSION } from "../../package.js";
import { writePlanned } from "../write.js";
import { trainingData } from "./data.js";
import { trainingFigure } from "./figure.js";
import { trainingPage } from "./page.js";

/** @param folder `…/<network>/<dataset>`. @returns paths of the page and of the figure alone */
export async function writeTrainingPage(folder: string): Promise<{ report: string; figure: string }> {
  const data = trainingData(folder);
  const [report, figure] = [join(folder, "training.html"), join(folder, "training.svg")];
  await writePlanned({ path: figure, content: () => trainingFigure(data, { id: "training", width: 960, inPage: false }) });
  await writePlanned({ path: report, content: () => trainingPage(data, PACKAGE_VERSION) });
  return { report, figure };
}
