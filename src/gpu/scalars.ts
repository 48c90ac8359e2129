/**
 * Small arrays to single variables: `var x: array<vec4f, 3>` whose indexes are all numbers becomes x_0, x_1, x_2. Drivers do so
 * themselves, but only after every access has been written, checked and read as one into memory.
 */

const DECLARATION = /^var (\w+): array<(.+), [^<>]+>;$/;

/** @param lines WGSL, one statement a line, with constant indexes already written as numbers */
export function scalarise(lines: string[]): string[] {
  const declared = new Set(lines.flatMap((line) => DECLARATION.exec(line)?.[1] ?? []));
  // One use with an index that is not known leaves the array as it is, wherever else it stands.
  for (const line of lines) {
    if (DECLARATION.test(line)) continue;
    for (const [, name] of line.matchAll(/(?<![\w.])(\w+)\b(?!\[\d+\])/g)) declared.delete(name);
  }
  if (declared.size === 0) return lines;
  const out: string[] = [];
  /** Last declaration of each name: its place, its type, and the elements used since. */
  const open = new Map<string, { at: number; type: string; used: Set<string> }>();
  const close = (name: string): void => {
    const { at, type, used } = open.get(name)!;
    out[at] = [...used].sort((a, b) => Number(a) - Number(b)).map((index) => `var ${name}_${index}: ${type};`).join("\n");
  };
  for (const line of lines) {
    const declaration = DECLARATION.exec(line);
    if (declaration && declared.has(declaration[1])) {
      const [, name, type] = declaration;
      if (open.has(name)) close(name);
      open.set(name, { at: out.push("") - 1, type, used: new Set() });
      continue;
    }
    out.push(
      line.replace(/(?<![\w.])(\w+)\[(\d+)\]/g, (whole, name: string, index: string) => {
        if (!declared.has(name)) return whole;
        open.get(name)!.used.add(index);
        return `${name}_${index}`;
      }),
    );
  }
  for (const name of open.keys()) close(name);
  return out.filter((line) => line !== "");
}
