/** Joins ES modules into one script for the report's page. Knows the imports and exports that our own modules use, no others. */
import { readFileSync } from "node:fs";

const IMPORT = /^import \{([^}]*)\} from "(\.[^"]+)";$/gm;
const EXPORT = /^export (?=(?:async )?(?:function|const|class) (\w+))/gm;

/**
 * The entry and everything it imports, each module in a scope of its own, in the order of their imports.
 * @throws Error for a module that imports or exports in another way
 */
export function bundle(entry: URL): string {
  const names = new Map<string, string>();
  let script = "";
  const add = (url: URL): string => {
    const known = names.get(url.href);
    if (known) return known;
    const exported: string[] = [];
    const source = readFileSync(url, "utf8").replace(/\r\n/g, "\n").replace(/^\/\/# sourceMappingURL=.*$/m, "");
    const body = source
      .replace(IMPORT, (_, imported: string, path: string) => `const {${imported.replaceAll(" as ", ": ")}} = ${add(new URL(path, url))};`)
      .replace(EXPORT, (_, name: string) => (exported.push(name), ""))
      .replace(/^export \{\};$/m, "");
    const foreign = /^(import|export)\b.*/m.exec(body);
    if (foreign) throw new Error(`${url.href}: can't be joined into the report: ${foreign[0]}`);
    const name = `module${names.size}`;
    names.set(url.href, name);
    script += `const ${name} = (() => {\n${body.trim()}\nreturn { ${exported.join(", ")} };\n})();\n`;
    return name;
  };
  add(entry);
  return script;
}
