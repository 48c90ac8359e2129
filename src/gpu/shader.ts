/** Shader files: read once, bindings and parameters told by wgsl_reflect, expanded for a set of constants. */
import { WgslReflect } from "wgsl_reflect/wgsl_reflect.module.js";
import { shaderText } from "../platform.js";
import { compile, expand } from "./unroll.js";

export interface Binding {
  name: string;
  binding: number;
  layout: Omit<GPUBindGroupLayoutEntry, "binding" | "visibility">;
}

export interface Shader {
  name: string;
  source: string;
  bindings: Binding[];
  /** Members of `struct Params`, in bytes. */
  params: { size: number; members: Map<string, { offset: number; float: boolean }> };
}

const shaders = new Map<string, Shader>();

/**
 * A file's text, with that of shaders/shared/NAME.wgsl in place of each line `// @import NAME`, in those files, too. By `// @import NAME as
 * WHAT` names there that begin with `place_` and `PLACE_` begin with `what_` and `WHAT_`.
 */
function readSource(name: string): string {
  return shaderText(name).replace(/^ *\/\/ @import (\w+)(?: as (\w+))?$/gm, (_, shared: string, as?: string) => {
    const text = readSource(`shared/${shared}`);
    return as ? text.replace(/\bplace_/g, `${as}_`).replace(/\bPLACE_/g, `${as.toUpperCase()}_`) : text;
  });
}

/** Without what stands in `// @static` branches outside of functions, which WGSL itself doesn't know: aliases of types. */
const withoutBranches = (source: string): string => source.replace(/^\/\/ @static\nif [^]*?^}$/gm, "");

/** @throws Error when the file or one that it imports is missing or a binding is of a kind that no kernel here uses */
export function shader(name: string): Shader {
  let known = shaders.get(name);
  if (!known) {
    const source = readSource(name);
    const reflected = new WgslReflect(withoutBranches(source)).getBindGroups()[0];
    const params = reflected.find((resource) => resource.name === "params");
    known = {
      name,
      source,
      bindings: reflected.map((resource) => ({ name: resource.name, binding: resource.binding, layout: layoutOf(name, resource) })),
      params: {
        size: Math.ceil((params?.size ?? 0) / 16) * 16,
        members: new Map(params?.members?.map((member) => [member.name, { offset: member.offset, float: /f32|vec\df/.test(member.type.name) }]) ?? []),
      },
    };
    shaders.set(name, known);
  }
  return known;
}

/** The kernel's text for these constants, and which of its bindings are left in it. */
export function specialise({ source, bindings }: Shader, constants: Record<string, number | boolean>, subgroups: boolean): { code: string; bindings: Binding[] } {
  const code = expand(source, constants);
  const used = bindings.filter(({ name }) => (code.match(new RegExp(`(?<![.\\w])${name}\\b`, "g")) ?? []).length > 1);
  return { code: subgroups ? code : code.replace(/^enable subgroups;$/m, "").replace(/, @builtin\(subgroup_\w+\) \w+: u32/, ""), bindings: used };
}

/** The same text asking for subgroups of `size`, where they fill its workgroups: WebGPU asks for that. */
export function withSubgroupSize(code: string, size: number): string {
  const values = new Map<string, number>();
  for (const [, name, text] of code.matchAll(/^const (\w+) = (.+);$/gm)) {
    const value = compile(text)(values);
    if (value !== undefined) values.set(name, value);
  }
  const invocations = compile(/@workgroup_size\((.+?)\)/.exec(code)![1])(values);
  return invocations === undefined || invocations % size > 0 ? code : `enable subgroup_size_control;\n${code.replace("@compute", `@compute @subgroup_size(${size})`)}`;
}

type Resource = ReturnType<WgslReflect["getBindGroups"]>[0][0];

function layoutOf(shaderName: string, { name, type, access, resourceType }: Resource): Binding["layout"] {
  if (type.name === "texture_storage_2d") {
    return { storageTexture: { access: access === "write" ? "write-only" : "read-only", format: "rgba32float" } };
  }
  if (type.name.startsWith("texture_2d")) return { texture: { sampleType: "unfilterable-float" } };
  if (resourceType === 0) return { buffer: { type: "uniform" } };
  if (resourceType === 1) return { buffer: { type: access === "read" ? "read-only-storage" : "storage" } };
  throw new Error(`${shaderName}.wgsl: binding ${name} is of a kind the host does not know`);
}
