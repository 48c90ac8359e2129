/** Small JSON files that others may have changed: read whole, bounded in size and depth. */
import { InputError } from "../../errors.js";
import { FileSource } from "../../io/source.js";

/** Nothing of ours nests half as deep. */
const MAX_DEPTH = 32;

/** Whether brackets outside of texts nest too deep: parsers and readers call themselves once a level. */
function isTooDeep(json: string): boolean {
  let depth = 0;
  for (let i = 0; i < json.length; i++) {
    const char = json[i];
    if (char === '"') for (i++; i < json.length && json[i] !== '"'; i++) if (json[i] === "\\") i++;
    if (char === "{" || char === "[") depth++;
    else if (char === "}" || char === "]") depth--;
    if (depth > MAX_DEPTH) return true;
  }
  return false;
}

/**
 * The value in a JSON text; undefined for anything else, and for what nests over 32 levels deep. A key `__proto__` becomes a
 * property like any other.
 */
export function parseJson(text: string): unknown {
  try {
    return isTooDeep(text) ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}

/**
 * @param limit bytes
 * @throws InputError for a file that is missing, larger or no regular file, and for one that is no JSON
 */
export function readJson(path: string, limit: number): unknown {
  using source = new FileSource(path, limit);
  const value = parseJson(Buffer.from(source.read(0, source.size).buffer).toString("utf8"));
  if (value === undefined) throw new InputError(path, "is no JSON; choose another folder, or start it anew with --overwrite");
  return value;
}
