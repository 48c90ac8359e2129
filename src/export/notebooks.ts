/**
 * Results as the files that the method's own notebooks pickle (github.com/SynapFilter/InferLink), so that what reads those
 * reads ours. Paths are those below the notebooks' `Saved_models` folder.
 */
import { basename, extname } from "node:path";
import { curvesOf, groupBy, type Curve } from "../analysis/curves.js";
import { parseCheckpointName } from "../io/checkpoints/checkpointTree.js";
import * as py from "../io/checkpoints/pickleWriter.js";
import { datasetTitle } from "../io/datasets/titles.js";
import { safeName } from "../results/folder/runFolder.js";
import type { Filter, Row } from "../sweep/row.js";

/** What thresholds and zero counts are in the pickles: plain numbers and NumPy, or PyTorch's tensors as the notebooks have them. */
export type ArrayKind = "numpy" | "torch";

export interface NotebookFile {
  /** Relative, with `/`. */
  path: string;
  bytes: Uint8Array;
}

const FOLDERS: Record<Filter, string> = { h_a: "Step_minmax", h_b: "Step_maxmin", h_c: "Pulse_minmax", magnitude: "Step_magnitude" };
const FILTERS: Record<Filter, string> = { h_a: "minmax", h_b: "maxmin", h_c: "pulseminmax", magnitude: "magnitude" };

/** How the notebooks call a checkpoint. */
interface Name {
  network: string;
  dataset: string;
  /** `advog` for Init_1, `advog2` for Init_2 and so on. */
  init: string;
  /** `<n>epochs`; the file's own name where its path tells no epoch. */
  epoch: string;
}

function nameOf({ network, dataset, checkpoint, init, epoch }: Curve): Name {
  const path = parseCheckpointName(checkpoint);
  // Only in the notebooks' tree are the parts of a file's name sure to be what they seem.
  const tree = init !== null && path.network !== null && path.dataset !== null;
  return {
    network: safeName(tree ? path.network! : network),
    dataset: safeName(tree ? path.dataset! : datasetTitle(dataset)),
    init: init === null || init === 1 ? "advog" : `advog${init}`,
    epoch: epoch === null ? stemOf(checkpoint) : `${epoch}epochs`,
  };
}

const stemOf = (checkpoint: string): string => safeName(basename(checkpoint, extname(checkpoint)));

/** Two checkpoints of one name, and several epsilons, which the names don't tell, get folders of their own. */
function folderOf(curves: Curve[]): (curve: Curve) => string {
  const checkpoints = [...groupBy(curves, checkpointKey).values()].map(([curve]) => curve);
  const sameName = groupBy(checkpoints, (curve) => JSON.stringify(nameOf(curve)));
  const epsilons = new Set(curves.map(({ epsilon }) => epsilon));
  const prefixes = new Map(
    checkpoints.map((curve, i) => [checkpointKey(curve), sameName.get(JSON.stringify(nameOf(curve)))!.length > 1 ? `checkpoint_${i + 1}/` : ""]),
  );
  return (curve) => `${epsilons.size > 1 ? `epsilon_${curve.epsilon}/` : ""}${prefixes.get(checkpointKey(curve))}`;
}

const checkpointKey = ({ network, dataset, checkpoint, init, epoch }: Curve): string => JSON.stringify([network, dataset, checkpoint, init, epoch]);

function pathOf(curve: Curve): string {
  const { network, dataset, init, epoch } = nameOf(curve);
  const filter = FILTERS[curve.filter];
  return curve.scope === "global"
    ? `${network}/${dataset}/global_data/${network}_${init}_global_${filter}_${dataset}_allepochs.pkl`
    : `${network}/${dataset}/${FOLDERS[curve.filter]}/${network}_step_${filter}_${init}_${dataset}_${epoch}.pkl`;
}

/** layer → (accuracy clean, accuracy adversarial, zero count, thresholds) */
function localEntry({ layer, rows }: Curve, arrays: ArrayKind): [py.Pickled, py.Pickled] {
  const alphas = py.float32Array(rows.map(({ alpha }) => alpha));
  const zeros = rows.map((row) => (arrays === "torch" ? py.tensor(py.int64Scalar(row.zeros)) : py.int(row.zeros)));
  return [py.text(layer), py.tuple([...accuracies(rows), py.list(zeros), arrays === "torch" ? py.tensor(alphas) : alphas])];
}

/** epoch → [accuracy clean, accuracy adversarial, adversarial loss, zero count] */
function globalEntry({ checkpoint, epoch, rows }: Curve): [py.Pickled, py.Pickled] {
  const key = epoch === null ? py.text(stemOf(checkpoint)) : py.int(epoch);
  return [key, py.list([...accuracies(rows), py.list(rows.map((row) => py.float(row.loss_adv))), py.list(rows.map((row) => py.int(row.zeros)))])];
}

/** Fractions of 0 to 1, clean and under attack. */
function accuracies(rows: Row[]): py.Pickled[] {
  return [py.list(rows.map((row) => py.float(row.accuracy_clean))), py.list(rows.map((row) => py.float(row.accuracy_adv)))];
}

/** One file per network, dataset, init, filter and, of a local sweep, epoch. Layers stand in their order in the network. */
export function notebookFiles(rows: Row[], arrays: ArrayKind = "numpy"): NotebookFile[] {
  const curves = curvesOf(rows).sort((a, b) => a.layer_index - b.layer_index);
  const folder = folderOf(curves);
  return [...groupBy(curves, (curve) => `${folder(curve)}${pathOf(curve)}`)].map(([path, group]) => ({
    path,
    bytes: py.pickle(py.dict(group.map((curve) => (curve.scope === "global" ? globalEntry(curve) : localEntry(curve, arrays))))),
  }));
}
