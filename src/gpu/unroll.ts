/**
 * Turns constant loops of a WGSL file into straight-line code, so that small arrays become registers on every driver
 * and taps that fall into the padding disappear. The files stay legal WGSL; three things are read on top:
 *
 *   const NAME = 3;        module constants, which the host may replace
 *   // @unroll             the `for (var i = A; i < B; i++) {` on the next line is written out
 *   // @static             the `if (…) {` (with its `} else {`) on the next line is decided here
 *
 * A local `const` of integers inside an expanded body is folded in, and so is every index that is constant. An array whose
 * indexes all turn out constant becomes single variables (scalars.ts). One statement a line, braces at line ends.
 */
import { scalarise } from "./scalars.js";


/** Constant integers by name, inner scopes in front. */
class Scope {
  private readonly values = new Map<string, number>();
  constructor(private readonly outer: Scope | null) {}
  set(name: string, value: number): void {
    this.values.set(name, value);
  }
  get(name: string): number | undefined {
    return this.values.get(name) ?? this.outer?.get(name);
  }
}

type Names = Pick<Scope, "get">;
type Expression = (scope: Names) => number | undefined;

/** Text in which names are odd elements, or what stands between brackets. */
type Piece = { words: string[]; index: Expression | null };

type Statement =
  | { kind: "text"; pieces: Piece[] }
  | { kind: "const"; name: string; value: Expression; pieces: Piece[] }
  | { kind: "unroll"; name: string; first: Expression; last: Expression; step: Expression; text: string; body: Statement[] }
  | { kind: "static"; condition: Expression; text: string; then: Statement[]; otherwise: Statement[] };

interface ShaderFile {
  enables: string[];
  constants: Map<string, string>;
  body: Statement[];
}

const parsed = new Map<string, ShaderFile>();

/**
 * @param source WGSL text
 * @param constants values for module-scope constants of the file (booleans as 0 or 1)
 * @returns WGSL with the constants set and every marked loop and branch expanded
 * @throws Error when a constant is not declared by the file or a marked loop has bounds that are not constant
 */
export function expand(source: string, constants: Record<string, number | boolean>): string {
  let file = parsed.get(source);
  if (!file) parsed.set(source, (file = parse(source)));
  for (const name of Object.keys(constants)) {
    if (!file.constants.has(name)) throw new Error(`constant ${name} is not declared in the shader`);
  }
  const globals = new Scope(null);
  const out = [...file.enables];
  for (const [name, text] of file.constants) {
    const given = constants[name];
    const value = given === undefined ? compile(text)(globals) : Number(given);
    if (value !== undefined) globals.set(name, value);
    const literal = given === undefined ? text : text === "true" || text === "false" ? String(Boolean(given)) : String(given);
    out.push(`const ${name} = ${literal};`);
  }
  write(file.body, globals, new Scope(null), out);
  return scalarise(out).join("\n");
}

function parse(source: string): ShaderFile {
  const constants = new Map<string, string>();
  const enables: string[] = [];
  const lines = source.split("\n").filter((line) => {
    const match = /^const (\w+) = (.+);(?:\s*\/\/.*)?$/.exec(line);
    if (match) constants.set(match[1], match[2]);
    else if (line.startsWith("enable ")) enables.push(line);
    return !match && !line.startsWith("enable ");
  });
  return { enables, constants, body: parseLines(lines) };
}

function parseLines(lines: string[]): Statement[] {
  const out: Statement[] = [];
  for (let i = 0; i < lines.length; i++) {
    const text = lines[i].trim();
    if (text === "// @unroll") {
      const end = closingLine(lines, i + 1);
      const header = lines[i + 1].trim();
      const loop = /^for \(var (\w+) = (.+?); \1 < (.+?); \1(?:\+\+| \+= (.+?))\) \{$/.exec(header);
      if (!loop) throw new Error(`cannot unroll: ${header}`);
      out.push({ kind: "unroll", name: loop[1], first: compile(loop[2]), last: compile(loop[3]), step: compile(loop[4] ?? "1"), text: header, body: parseLines(lines.slice(i + 2, end)) });
      i = end;
    } else if (text === "// @static") {
      const condition = /^if \((.+)\) \{$/.exec(lines[i + 1].trim());
      if (!condition) throw new Error(`cannot decide: ${lines[i + 1].trim()}`);
      let end = closingLine(lines, i + 1);
      const then = parseLines(lines.slice(i + 2, end));
      let otherwise: Statement[] = [];
      if (lines[end].trim() === "} else {") {
        const from = end;
        end = closingLine(lines, from);
        otherwise = parseLines(lines.slice(from + 1, end));
      }
      out.push({ kind: "static", condition: compile(condition[1]), text: condition[1], then, otherwise });
      i = end;
    } else if (text !== "" && !text.startsWith("//")) {
      const code = text.replace(/\s*\/\/.*$/, "");
      const pieces = code.split(/(?<=\[)([^[\]]+)(?=\])/).map((text, place) => ({ words: text.split(/((?<![\w.])[A-Za-z_]\w*)/), index: place % 2 === 1 ? compile(text) : null }));
      const local = /^const (\w+) = (.+);$/.exec(code);
      out.push(local ? { kind: "const", name: local[1], value: compile(local[2]), pieces } : { kind: "text", pieces });
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

/** @param locals names to write as numbers; module constants stay names */
function write(statements: Statement[], globals: Scope, outer: Scope, out: string[]): void {
  const locals = new Scope(outer);
  const all: Names = { get: (name) => locals.get(name) ?? globals.get(name) };
  const known = (expression: Expression, text: string): number => {
    const value = expression(all);
    if (value === undefined) throw new Error(`not constant: ${text}`);
    return value;
  };
  for (const statement of statements) {
    switch (statement.kind) {
      case "unroll": {
        const last = known(statement.last, statement.text);
        const step = known(statement.step, statement.text);
        for (let v = known(statement.first, statement.text); v < last; v += step) {
          const inner = new Scope(locals);
          inner.set(statement.name, v);
          writeBlock(statement.body, globals, inner, out);
        }
        break;
      }
      case "static":
        writeBlock(known(statement.condition, statement.text) ? statement.then : statement.otherwise, globals, locals, out);
        break;
      case "const": {
        const value = statement.value(all);
        if (value !== undefined) {
          locals.set(statement.name, value);
          break;
        }
        out.push(substitute(statement.pieces, locals, all));
        break;
      }
      default:
        out.push(substitute(statement.pieces, locals, all));
    }
  }
}

/** A block of its own where something is declared; fewer braces are less for the compiler to read. */
function writeBlock(statements: Statement[], globals: Scope, locals: Scope, out: string[]): void {
  if (!statements.some((statement) => statement.kind === "text" && /^(let|var)\b/.test(statement.pieces[0].words[0] + statement.pieces[0].words[1]))) {
    write(statements, globals, locals, out);
    return;
  }
  const start = out.push("{");
  write(statements, globals, locals, out);
  if (out.length === start) out.pop();
  else out.push("}");
}

function substitute(pieces: Piece[], locals: Names, all: Names): string {
  let text = "";
  for (const { words, index } of pieces) {
    const constant = index?.(all);
    if (constant !== undefined) {
      text += constant;
      continue;
    }
    for (let i = 0; i < words.length; i++) {
      const value = i % 2 === 1 ? locals.get(words[i]) : undefined;
      text += value === undefined ? words[i] : value < 0 ? `(${value})` : value;
    }
  }
  return text;
}

const PRECEDENCE: Record<string, number> = { "||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, "<=": 4, ">": 4, ">=": 4, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6 };

/** Compiles a constant expression over integers (truth as 0 or 1); its value is undefined where a name or token is unknown. */
export function compile(expression: string): Expression {
  const tokens = expression.match(/\d+\.\d*|\d+|[A-Za-z_]\w*|\|\||&&|[=!<>]=|[-+*/%<>!()[\],.]/g) ?? [];
  let at = 0;
  let legal = true;
  const primary = (): Expression => {
    const token = tokens[at++] ?? "";
    if (token === "(") {
      const inner = binary(1);
      if (tokens[at++] !== ")") legal = false;
      return inner;
    }
    if (token === "-" || token === "!") {
      const inner = primary();
      return (scope) => {
        const value = inner(scope);
        return value === undefined ? undefined : token === "-" ? -value : value === 0 ? 1 : 0;
      };
    }
    if (token === "true" || token === "false") return () => (token === "true" ? 1 : 0);
    if (/^\d+$/.test(token)) return () => Number(token);
    if (!/^[A-Za-z_]/.test(token)) legal = false;
    return (scope) => scope.get(token);
  };
  const binary = (level: number): Expression => {
    let left = primary();
    while (legal && PRECEDENCE[tokens[at]] >= level) {
      const operator = tokens[at++];
      const [a, b] = [left, binary(PRECEDENCE[operator] + 1)];
      left = (scope) => {
        const [x, y] = [a(scope), b(scope)];
        return x === undefined || y === undefined ? undefined : apply(operator, x, y);
      };
    }
    return left;
  };
  const value = binary(1);
  return legal && at === tokens.length ? value : () => undefined;
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
