/** `--config FILE`: the flags of a command in a YAML or JSON file. What stands on the command line wins. */
import { isAlias, isMap, isScalar, isSeq, parseDocument, type Document, type Node } from "yaml";
import { InputError, OptionError, UsageError } from "../errors.js";
import { FileSource } from "../io/source.js";
import { nearest } from "../suggest.js";
import type { Flag } from "./command.js";
import type { Arguments } from "./options.js";

/** Some thousand paths. The parser looks for duplicate keys in a time that grows with their square. */
const MOST_BYTES = 2 ** 17;

/** A flag's value as yargs would hand it on: texts, so that file and command line pass the same checks. */
type Value = string | string[] | boolean;

/** The document in the file. YAML 1.2, of which JSON is a part; no tags, no aliases, so nothing can grow. */
function documentIn(file: string): Document {
  using source = new FileSource(file, MOST_BYTES);
  const refuse = (cause: unknown): never => {
    throw new InputError(file, `is no YAML or JSON: ${(cause as Error).message.split("\n")[0].replace(/:$/, "")}`, { cause });
  };
  let document: Document;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(source.read(0, source.size));
    document = parseDocument(text, { version: "1.2", schema: "core", uniqueKeys: true, stringKeys: true });
  } catch (error) {
    return refuse(error);
  }
  const [problem] = [...document.errors, ...document.warnings];
  return problem ? refuse(problem) : document;
}

/** A scalar as it was written: 0.10 stays 0.10, and 1e-2 stays 1e-2. */
function textOf(file: string, key: string, node: unknown): string {
  if (isAlias(node)) throw new InputError(file, `${key}: *${node.source} is an alias; write the value out`);
  if (!isScalar(node)) throw new InputError(file, `${key}: takes one value or a list of values`);
  if (node.value === null) throw new InputError(file, `${key}: has no value; leave it out for the default`);
  if (typeof node.value === "string") return node.value;
  if (typeof node.value === "boolean") throw new InputError(file, `${key}: takes a text or a number, not ${node.value}`);
  return node.source ?? String(node.value);
}

function valueOf(file: string, key: string, flag: Flag, node: unknown): Value {
  if (flag.type === "boolean") {
    if (isScalar(node) && typeof node.value === "boolean") return node.value;
    throw new InputError(file, `${key}: takes true or false`);
  }
  const items = isSeq(node) ? node.items.map((item) => textOf(file, key, item)) : [textOf(file, key, node)];
  if (items.length === 0) throw new InputError(file, `${key}: is an empty list; leave it out for the default`);
  return flag.type === "array" || items.length > 1 ? items : items[0];
}

/** What a file gave, for the messages about it. */
export class ConfigFile {
  private constructor(
    private readonly file: string,
    /** Flags whose value is the file's. */
    private readonly given: ReadonlySet<string>,
  ) {}

  /**
   * Adds to the arguments what they don't hold and the file does.
   * @param flags of the command that was called
   * @param others flags of all commands that read such files: one file may serve several
   * @throws InputError for a file that isn't YAML or JSON, an unknown key, or a value of the wrong kind
   */
  static async read(file: string, args: Arguments, flags: Record<string, Flag>, others: () => Promise<Set<string>>): Promise<ConfigFile> {
    const { contents } = documentIn(file);
    if (!isMap<Node, Node | null>(contents)) throw new InputError(file, "holds no options; write them as name: value, one a line");
    const given = new Set<string>();
    for (const { key, value } of contents.items) {
      const name = isScalar(key) ? String(key.value) : String(key);
      if (name === "config") throw new InputError(file, "config: a file of options names no other; write one file");
      if (!Object.hasOwn(flags, name)) {
        if ((await others()).has(name)) continue;
        const near = nearest(name, Object.keys(flags));
        throw new InputError(file, `unknown option ${name}; ${near ? `did you mean ${near}?` : "its names are those of the flags"}`);
      }
      const found = valueOf(file, name, flags[name], value);
      if (args[name] !== undefined) continue;
      args[name] = found;
      given.add(name);
    }
    return new ConfigFile(file, given);
  }

  /** The refusal of options, telling which of them stand in the file; any other error as it was. */
  blame(error: unknown): unknown {
    if (!(error instanceof OptionError)) return error;
    const names = error.options.map((option) => option.replace(/^--/, ""));
    if (names.every((name) => this.given.has(name))) return new InputError(this.file, `${names.join(" and ")}: ${error.problem}`, { cause: error });
    return new UsageError(`${names.map((name) => (this.given.has(name) ? `${name} in ${this.file}` : `--${name}`)).join(" and ")}: ${error.problem}`);
  }
}
