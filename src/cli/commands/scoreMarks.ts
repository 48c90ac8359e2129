/** `score --marks`: the class of every single weight, as a file that PyTorch's users train on by. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import type { Curve } from "../../analysis/curves.js";
import { networkMarks } from "../../analysis/marks.js";
import { RESPONSES, type ResponseName } from "../../analysis/parameters.js";
import { InputError, UsageError } from "../../errors.js";
import { encodeMarks, thresholdsOf } from "../../export/marks.js";
import { PACKAGE_VERSION } from "../../package.js";
import { makeFolder, onFile, replaceFile } from "../../results/folder/durable.js";
import type { LoadedRun } from "../../results/loadRun.js";
import type { Flag } from "../command.js";
import type { Arguments } from "../options.js";
import { say } from "../terminal.js";
import { choice, fraction, single, wrong, type Given } from "../values.js";
import { checkpointsOf, type CheckpointFinder } from "../weights.js";

export interface MarksCommand {
  path: string;
  by: ResponseName;
  /** Null: the run's only one. */
  epsilon: number | null;
}

export const MARKS_FLAGS: Record<string, Flag> = {
  marks: { type: "string", requiresArg: true, completes: "file", description: "Also write the class of every single weight, by h_c: FILE.safetensors (docs/scores.md)" },
  by: { type: "string", requiresArg: true, completes: { oneOf: [...RESPONSES] }, description: `Response that the marks go by: ${RESPONSES.join(", ")}`, defaultDescription: "adversarial" },
  epsilon: { type: "string", requiresArg: true, description: "Strength of the attack that the marks go by", defaultDescription: "the run's only one" },
};

export const responseOf = (text: string | null): ResponseName => (text === null ? "adversarial" : choice("by", text, Object.fromEntries(RESPONSES.map((name) => [name, name])) as Record<string, ResponseName>));

/** @throws OptionError for flags that belong to --marks and have none */
export function marksOptions(args: Arguments): MarksCommand | null {
  const [path, by, epsilon] = ["marks", "by", "epsilon"].map((name) => single(name, args[name] as Given));
  if (path === null) {
    const stray = by !== null ? "by" : epsilon !== null ? "epsilon" : null;
    if (stray !== null) throw wrong(stray, "goes with --marks FILE");
    return null;
  }
  if (!path.endsWith(".safetensors")) throw wrong("marks", `writes a safetensors file; call it ${path}.safetensors`);
  return { path, by: responseOf(by), epsilon: epsilon === null ? null : fraction("epsilon", epsilon) };
}

/** The one strength that is meant. */
export function chosenEpsilon(run: Pick<LoadedRun, "rows" | "file">, given: number | null, flag = "epsilon"): number {
  const epsilons = [...new Set(run.rows.map(({ epsilon }) => epsilon))];
  const found = given === null && epsilons.length === 1 ? epsilons[0] : epsilons.find((epsilon) => epsilon === given);
  if (found === undefined) throw wrong(flag, `${given === null ? "is needed, for" : `is not ${given} in`} ${run.file}, which has ${epsilons.join(", ")}; name one of them`);
  return found;
}

/** @param curves with all their thresholds. @returns the file's path */
export async function writeMarks(run: LoadedRun, curves: Curve[], { path, by, epsilon: given }: MarksCommand, band: number, overwrite: boolean, finder: CheckpointFinder): Promise<string> {
  const checkpoints = [...new Set(curves.map(({ checkpoint }) => checkpoint))];
  if (checkpoints.length > 1) throw new UsageError(`--marks: ${run.file} holds ${checkpoints.length} checkpoints, and marks are those of one; make a run of the one that is meant`);
  if (existsSync(path) && !overwrite) throw new UsageError(`${path}: exists; choose another --marks, or replace it with --overwrite`);
  const epsilon = chosenEpsilon(run, given);
  const [{ checkpoint, network, dataset, rows: [{ images }] }] = curves;
  const found = checkpointsOf(run, finder)(checkpoint);
  if (typeof found === "string") throw new InputError(checkpoint, `${found}; its weights are needed for marks, say where it is by --checkpoint`);
  const tensors = new Map(found.choice.chosen.architecture.layers.map(({ name }) => [name, found.tensors.get(`${name}.weight`)!]));
  const { marks, missing } = networkMarks(curves.filter((curve) => curve.epsilon === epsilon), new Map([...tensors].map(([layer, { data }]) => [layer, data])), { by, band });
  const [first] = missing;
  if (marks.size === 0) throw new InputError(run.file, `has no marks: layer ${first[0]}: ${first[1]}`);
  if (first) say(`${path}: ${missing.size} of ${tensors.size} layers have no marks (${first[0]}: ${first[1]})`);
  const shapes = new Map([...tensors].map(([layer, { shape }]) => [layer, shape]));
  const bytes = encodeMarks(marks, shapes, { thresholds: thresholdsOf(curves.filter((curve) => curve.epsilon === epsilon)), by, band, epsilon, network, dataset, images, checkpoint, checkpointSha256: found.sha256, packageVersion: PACKAGE_VERSION, results: run.metadata });
  await onFile(path, () => makeFolder(dirname(path)));
  await replaceFile(path, bytes);
  return path;
}
