/** Files of torch.export.save (.pt2), by PyTorch 2.6 and later: a program and its weights in one zip archive. Nothing of it is executed. */
import { InputError } from "../../errors.js";
import type { ArrayRef } from "../arrays.js";
import type { ByteSource } from "../source.js";
import { Field } from "./fields.js";
import { parseJson } from "./json.js";
import { programOf, type Program } from "./program.js";
import { listedTensors, savedTensors } from "./tensors.js";

export interface Exported {
  program: Program;
  /** Parameters and persistent buffers, in the order of the state_dict. */
  state: Map<string, ArrayRef>;
  /** Buffers that are not in the state_dict, and plain tensors of the author's. */
  constants: Map<string, ArrayRef>;
}

type Parts = Map<string, ByteSource>;
type Tensors = Map<string, ArrayRef>;

const textOf = (part: ByteSource | undefined): string => (part ? Buffer.from(part.read(0, Math.min(part.size, 64))).toString("latin1").trim() : "");

const MODEL = /^([^/]+)\/models\/([^/]+)\.json$/;
const OLD_MODEL = "serialized_exported_program.json";

/** True if the parts are those of such an archive, of any version, whole or not. */
const isExported = (parts: Parts): boolean => [...parts.keys()].some((name) => name === OLD_MODEL || MODEL.test(name) || /^[^/]+\/archive_format$/.test(name));

/** Up to 2.7: parts without a common folder. */
function readOld(file: string, parts: Parts, model: ByteSource): Exported {
  const tensors = (name: string): Tensors => {
    const part = parts.get(name);
    if (!part) throw new InputError(file, `has no part ${name}; it is damaged, export it again`);
    return savedTensors(part, name);
  };
  const program = programOf(new Field(file, "program", parseJson(model, OLD_MODEL)));
  return { program, state: tensors("serialized_state_dict.pt"), constants: tensors("serialized_constants.pt") };
}

/** Since 2.8: parts in a folder called after the file. */
function readNew(file: string, parts: Parts): Exported {
  const models = [...parts.keys()].filter((name) => MODEL.test(name));
  if (models.length !== 1) {
    throw new InputError(file, models.length === 0 ? "holds no exported program (a compiled one, perhaps); save it by torch.export.save" : "holds several exported programs; save the network alone");
  }
  const [, folder, name] = MODEL.exec(models[0])!;
  const order = textOf(parts.get(`${folder}/byteorder`));
  if (order !== "little" && order !== "big") throw new InputError(file, "does not say the byte order of its weights; it is damaged, export it again");
  const tensors = (kind: "weights" | "constants"): Tensors => {
    const at = `${folder}/data/${kind}/`;
    const [saved, listed] = [`${at}${name}.pt`, `${at}${name}_${kind}_config.json`];
    const config = parts.get(listed);
    if (config) return listedTensors(config, listed, (path) => parts.get(at + path), order === "big");
    const part = parts.get(saved);
    if (!part) throw new InputError(file, `has no part ${listed}; it is damaged, export it again`);
    return savedTensors(part, saved);
  };
  const program = programOf(new Field(file, "program", parseJson(parts.get(models[0])!, models[0])));
  return { program, state: tensors("weights"), constants: tensors("constants") };
}

/**
 * What torch.export.save wrote into a zip archive; null if the archive is something else. Weights stay in the file.
 * @param parts contents of the archive
 * @throws InputError if it is such a file, but damaged, or of a version before 2.6
 */
export function readExported(file: string, parts: Parts): Exported | null {
  if (!isExported(parts)) return null;
  const old = parts.get(OLD_MODEL);
  return old ? readOld(file, parts, old) : readNew(file, parts);
}
