/** Which network a checkpoint's tensors belong to. */
import { InputError } from "../errors.js";
import { describeShapes, resnet18, type Architecture } from "./resnet.js";

/** The nearest architecture, and why the tensors are none of its networks. */
export interface Mismatch {
  network: string;
  /** The first tensor that does not fit. */
  problem: string;
  /** Share of tensors that fit. */
  fit: number;
}

export const isMismatch = (recognised: Architecture | Mismatch): recognised is Mismatch => "problem" in recognised;

const NAMES = new Set(resnet18(1, 1, 1).nodes.flatMap((node) => {
  if (node.op === "batch_norm") return ["weight", "bias", "running_mean", "running_var"].map((part) => `${node.name}.${part}`);
  return node.op === "conv2d" ? [`${node.name}.weight`] : node.op === "linear" ? [`${node.name}.weight`, `${node.name}.bias`] : [];
}));

export function recognise(shapes: ReadonlyMap<string, number[]>): Architecture | Mismatch {
  try {
    return describeShapes({ path: "", shapes: new Map(shapes) });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const fitting = [...shapes.keys()].filter((name) => NAMES.has(name)).length;
    return { network: "ResNet18", problem: error.message.replace(/^: /, ""), fit: fitting / Math.max(shapes.size, NAMES.size) };
  }
}
