/**
 * Turns constant loops of a WGSL file into straight-line code, so that small arrays become registers on every driver
 * and taps that fall into the padding disappear. The files stay legal WGSL; three things are read on top:
 *
 *   const NAME = 3;        module constants, which the host may replace
 *   // @unroll             the `for (var i = A; i < B; i++) {` on the next line is written out
 *   // @static             the `if (…) {` (with its `} else {`) on the next line is decided here
 *
 * A local `const` of integers inside an expanded body is folded in. One statement a line, braces at line ends.
 */
type Values = Map<string, number>;

/**
 * @param source WGSL text
 * @param constants values for module-scope constants of the file (booleans as 0 or 1)
 * @returns WGSL with the constants set and every marked loop and branch expanded
 * @throws Error when a constant is not declared by the file or a marked loop has bounds that are not constant
 */
export function expand(source: string, constants: Record<string, number | boolean>): string {
  const declared = new Set<string>();
  const values: Values = new Map();
  const lines = source.split("\n").map((line) => {
    const match = /^const (\w+) = (.+);(\s*\/\/.*)?$/.exec(line);
    if (!match) return line;
    const name = match[1];
    declared.add(name);
    if (name in constants) {
      values.set(name, Number(constants[name]));
      const literal = match[2] === "true" || match[2] === "false" ? String(Boolean(constants[name])) : String(constants[name]);
      return `const ${name} = ${literal};`;
    }
    const value = evaluate(match[2], values);
    if (value !== undefined) values.set(name, value);
    return line;
  });
  for (const name of Object.keys(constants)) {
    if (!declared.has(name)) throw new Error(`constant ${name} is not declared in the shader`);
  }
  return expandLines(lines, values, new Map()).join("\n");
}

function expandLines(lines: string[], globals: Values, locals: Values): string[] {
  const scope: Values = new Map(locals);
  const lookup: Values = new Map([...globals, ...scope]);
  const out: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    const text = lines[i].trim();
    if (text === "// @unroll") {
      const end = closingLine(lines, i + 1);
      const loop = /^for \(var (\w+) = (.+?); \1 < (.+?); \1(?:\+\+| \+= (.+?))\) \{$/.exec(lines[i + 1].trim());
      if (!loop) throw new Error(`cannot unroll: ${lines[i + 1].trim()}`);
      const [first, last, step] = [loop[2], loop[3], loop[4] ?? "1"].map((e) => {
        const value = evaluate(e, lookup);
        if (value === undefined) throw new Error(`loop bound is not constant: ${e}`);
        return value;
      });
      for (let v = first; v < last; v += step) {
        const body = expandLines(lines.slice(i + 2, end), globals, new Map([...scope, [loop[1], v]]));
        if (body.length > 0) out.push("{", ...body, "}");
      }
      i = end;
    } else if (text === "// @static") {
      const condition = /^if \((.+)\) \{$/.exec(lines[i + 1].trim());
      if (!condition) throw new Error(`cannot decide: ${lines[i + 1].trim()}`);
      const truth = evaluate(condition[1], lookup);
      if (truth === undefined) throw new Error(`condition is not constant: ${condition[1]}`);
      let end = closingLine(lines, i + 1);
      let chosen = truth ? lines.slice(i + 2, end) : [];
      if (lines[end].trim() === "} else {") {
        const otherwise = end;
        end = closingLine(lines, otherwise);
        if (!truth) chosen = lines.slice(otherwise + 1, end);
      }
      const body = expandLines(chosen, globals, scope);
      if (body.length > 0) out.push("{", ...body, "}");
      i = end;
    } else {
      const local = /^const (\w+) = (.+);$/.exec(text);
      const value = local && lines[i] !== text ? evaluate(local[2], lookup) : undefined;
      if (local && value !== undefined) {
        scope.set(local[1], value);
        lookup.set(local[1], value);
      } else if (text !== "" && !text.startsWith("//")) {
        out.push(substitute(text.replace(/\s*\/\/.*$/, ""), scope));
      }
    }
  }
  return out;
}

/** Line that closes the block opened at the end of line `open`. */
function closingLine(lines: string[], open: number): number {
  let depth = 1;
  for (let i = open + 1; i < lines.length; i++) {
    const text = lines[i].trim();
    if (text.startsWith("//")) continue;
    for (const character of text) {
      if (character === "}" && --depth === 0) return i;
      if (character === "{") depth++;
    }
  }
  throw new Error(`block is never closed: ${lines[open].trim()}`);
}

function substitute(text: string, values: Values): string {
  if (values.size === 0) return text;
  return text.replace(/(?<![\w.])[A-Za-z_]\w*/g, (name) => {
    const value = values.get(name);
    return value === undefined ? name : value < 0 ? `(${value})` : String(value);
  });
}

const PRECEDENCE: Record<string, number> = { "||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, "<=": 4, ">": 4, ">=": 4, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6 };

/** Integer value of a constant expression (truth as 0 or 1), undefined where a name or token is unknown. */
export function evaluate(expression: string, values: Values): number | undefined {
  const tokens = expression.match(/\d+\.\d*|\d+|[A-Za-z_]\w*|\|\||&&|[=!<>]=|[-+*/%<>!()[\],.]/g) ?? [];
  let at = 0;
  let known = true;
  const primary = (): number => {
    const token = tokens[at++];
    if (token === "(") {
      const value = binary(1);
      if (tokens[at++] !== ")") known = false;
      return value;
    }
    if (token === "-") return -primary();
    if (token === "!") return primary() === 0 ? 1 : 0;
    if (token === "true" || token === "false") return token === "true" ? 1 : 0;
    if (/^\d+$/.test(token ?? "")) {
      if (/^[ui]$/.test(tokens[at] ?? "")) at++;
      return Number(token);
    }
    const value = values.get(token ?? "");
    if (value === undefined) known = false;
    return value ?? 0;
  };
  const binary = (level: number): number => {
    let left = primary();
    while (known && PRECEDENCE[tokens[at]] >= level) {
      const operator = tokens[at++];
      left = apply(operator, left, binary(PRECEDENCE[operator] + 1));
    }
    return left;
  };
  const value = binary(1);
  return known && at === tokens.length ? value : undefined;
}

function apply(operator: string, a: number, b: number): number {
  switch (operator) {
    case "||": return a || b ? 1 : 0;
    case "&&": return a && b ? 1 : 0;
    case "==": return a === b ? 1 : 0;
    case "!=": return a !== b ? 1 : 0;
    case "<": return a < b ? 1 : 0;
    case "<=": return a <= b ? 1 : 0;
    case ">": return a > b ? 1 : 0;
    case ">=": return a >= b ? 1 : 0;
    case "+": return a + b;
    case "-": return a - b;
    case "*": return a * b;
    case "/": return Math.trunc(a / b);
    default: return a % b;
  }
}
