/** An exported program as plain data: which tensors go in, what is done with them in which order, and what comes out. */
import type { Field } from "./fields.js";

/** A size that the file knows as a number, or by the name of a symbol. */
export type Size = number | string;

export type Argument =
  | { kind: "none" }
  | { kind: "tensor"; name: string }
  | { kind: "tensors"; names: string[] }
  /** `symbol` is the name of a number that is computed while the program runs. */
  | { kind: "symbol"; name: string }
  | { kind: "number"; value: number }
  | { kind: "sizes"; values: Size[] }
  | { kind: "numbers"; values: number[] }
  | { kind: "boolean"; value: boolean }
  | { kind: "text"; value: string }
  | { kind: "dtype"; code: number }
  /** Of a type that no op of a network needs. */
  | { kind: "other"; type: string };

export interface ProgramNode {
  name: string;
  /** As `aten.conv2d.default`, or what else is called. */
  target: string;
  /** By the name in the op's schema; those that equal its default are left out. */
  inputs: Map<string, Argument>;
  /** Names of what it makes; null where a result has none. */
  outputs: (string | null)[];
  /** Where in the author's code it stands, as `net.py line 12: x = relu(x)`, if the file says so. */
  source: string | null;
}

export interface ProgramInput {
  /** In the graph. */
  name: string;
  kind: "parameter" | "buffer" | "constant" | "image";
  /** In the state_dict, or among the constants. */
  tensor: string;
}

export interface TensorMeta {
  /** Of the schema: FLOAT32 and so on. */
  dtype: number;
  /** Null: a size that may change from call to call, or cannot be told. */
  sizes: (number | null)[];
}

export interface Program {
  /** Version of PyTorch that wrote it; empty where it doesn't say. */
  torch: string;
  inputs: ProgramInput[];
  nodes: ProgramNode[];
  /** Names of what the user gets. */
  outputs: string[];
  metas: Map<string, TensorMeta>;
}

export const FLOAT32 = 7;

const MAX_NODES = 100_000;
const MAX_RANK = 16;

/** Of a shape; symbols are known by the hint that the example gave, but for the first, which is the batch. */
function metaOf(field: Field): TensorMeta {
  const sizes = field.get("sizes").list().map((size, axis) => {
    const { key, field: value } = size.union();
    if (key === "as_int") return value.integer();
    const hint = axis === 0 ? null : value.get("hint");
    return hint?.isThere() && hint.union().key === "as_int" ? hint.union().field.integer() : null;
  });
  if (sizes.length > MAX_RANK) field.refuse();
  return { dtype: field.get("dtype").integer(), sizes };
}

function sizeOf(field: Field): Size {
  const { key, field: value } = field.union();
  if (key === "as_int") return value.integer();
  return key === "as_name" ? value.name() : field.refuse();
}

function argumentOf(field: Field): Argument {
  const { key, field: value } = field.union();
  const readers: Record<string, () => Argument> = {
    as_none: () => ({ kind: "none" }),
    as_tensor: () => ({ kind: "tensor", name: value.get("name").name() }),
    as_tensors: () => ({ kind: "tensors", names: value.list().map((item) => item.get("name").name()) }),
    as_int: () => ({ kind: "number", value: value.integer() }),
    as_float: () => ({ kind: "number", value: value.float() }),
    as_bool: () => ({ kind: "boolean", value: value.boolean() }),
    as_string: () => ({ kind: "text", value: value.text() }),
    as_ints: () => ({ kind: "sizes", values: value.list().map((item) => item.integer()) }),
    as_sym_ints: () => ({ kind: "sizes", values: value.list().map(sizeOf) }),
    as_floats: () => ({ kind: "numbers", values: value.list().map((item) => item.float()) }),
    as_scalar_type: () => ({ kind: "dtype", code: value.integer() }),
    as_sym_int: () => {
      const size = sizeOf(value);
      return typeof size === "number" ? { kind: "number", value: size } : { kind: "symbol", name: size };
    },
  };
  return Object.hasOwn(readers, key) ? readers[key]() : { kind: "other", type: key.replace(/^as_/, "").slice(0, 40) };
}

/** Names of the results in one entry of a node's outputs. */
function resultsOf(field: Field): (string | null)[] {
  const { key, field: value } = field.union();
  if (key === "as_tensor") return [value.get("name").name()];
  if (key === "as_tensors") return value.list().map((item) => item.get("name").name());
  if (key === "as_sym_int" || key === "as_sym_bool" || key === "as_sym_float") {
    const inner = value.union();
    return [inner.key === "as_name" ? inner.field.name() : null];
  }
  return [null];
}

/** The innermost line of a stack trace; folders are the author's business. */
function sourceOf(metadata: Field): string | null {
  const trace = metadata.isThere() ? metadata.get("stack_trace") : null;
  if (!trace?.isThere()) return null;
  const lines = [...trace.text().matchAll(/File "([^"]*)", line (\d+)[^\n]*\n?([^\n]*)/g)].map(([, path, line, code]) => ({ path, line, code }));
  // The author's own line says more than PyTorch's.
  const last = lines.findLast(({ path }) => !/[\\/](?:torch|torchvision)[\\/]/.test(path)) ?? lines.at(-1);
  if (!last) return null;
  const code = last.code.trim().slice(0, 100);
  return `${last.path.split(/[\\/]/).at(-1)!.slice(0, 80)} line ${last.line}${code ? `: ${code}` : ""}`.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, " ");
}

function nodeOf(field: Field): ProgramNode {
  const inputs = new Map<string, Argument>();
  for (const input of field.get("inputs").list()) {
    const name = input.get("name").text().slice(0, 80);
    if (inputs.has(name) && name !== "") input.refuse();
    inputs.set(name, argumentOf(input.get("arg")));
  }
  const outputs = field.get("outputs").list().flatMap(resultsOf);
  const target = field.get("target").name().replace(/^torch\.ops\./, "").slice(0, 200);
  const named = field.get("name");
  const name = named.isThere() ? named.name() : (outputs.find((output) => output !== null) ?? target);
  return { name, target, inputs, outputs, source: sourceOf(field.get("metadata")) };
}

/** Of the signature; null for what the program was specialised on. */
function inputOf(spec: Field): ProgramInput | null {
  const { key, field } = spec.union();
  const from = (kind: "parameter" | "buffer" | "constant", tensor: string): ProgramInput => ({ name: field.get("arg").get("name").name(), kind, tensor: field.get(tensor).name() });
  if (key === "parameter") return from("parameter", "parameter_name");
  if (key === "buffer") return from(field.get("persistent").json === false ? "constant" : "buffer", "buffer_name");
  if (key === "tensor_constant") return from("constant", "tensor_constant_name");
  if (key === "constant_input") return null;
  const argument = key === "user_input" ? field.get("arg").union() : null;
  if (argument?.key === "as_none") return null;
  const name = argument?.key === "as_tensor" ? argument.field.get("name").name() : null;
  return { name: name ?? `${key} ${argument?.key.replace(/^as_/, "") ?? ""}`.trim(), kind: "image", tensor: "" };
}

/**
 * @param root what the program's JSON says
 * @throws InputError where it is not of PyTorch's schema (major version 8, since 2.6)
 */
export function programOf(root: Field): Program {
  const major = root.get("schema_version").get("major").integer();
  const torch = root.get("torch_version").isThere() ? root.get("torch_version").text().slice(0, 40) : "";
  if (major !== 8) root.get("schema_version").refuse();
  const graph = root.get("graph_module").get("graph");
  const signature = root.get("graph_module").get("signature");
  const nodes = graph.get("nodes").list();
  if (nodes.length > MAX_NODES) graph.get("nodes").refuse();
  const outputs = signature.get("output_specs").list().flatMap((spec) => {
    const { key, field } = spec.union();
    // Others are buffers that training counts up.
    if (key !== "user_output") return [];
    const argument = field.get("arg").union();
    return [argument.key === "as_tensor" ? argument.field.get("name").name() : `a ${argument.key.replace(/^as_/, "")}`];
  });
  const metas = graph.get("tensor_values");
  return {
    torch,
    inputs: signature.get("input_specs").list().flatMap((spec) => inputOf(spec) ?? []),
    nodes: nodes.map(nodeOf),
    outputs,
    metas: new Map(metas.isThere() ? metas.entries().map(([name, field]) => [name, metaOf(field)]) : []),
  };
}
