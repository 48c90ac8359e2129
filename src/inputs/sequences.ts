/** Networks whose modules were put into a torch.nn.Sequential: `nn.Sequential(*net.children())` has numbers where names were. */
import { topModules } from "../model/networks/table.js";
import type { Weight } from "./reparametrised.js";

export interface Renamed {
  weights: Map<string, Weight>;
  /** Modules of the file and what the network calls them. */
  names: { from: string; to: string }[];
}

const NUMBER = /^\d+$/;
let known: string[][] | null = null;

const byNumbers = new Intl.Collator("en", { numeric: true });

/** Names that hold layers alone, one a number: a stem that is a sequence itself. */
function layerSequences(names: string[]): Set<string> {
  const all = new Set<string>();
  const others = new Set<string>();
  for (const name of names) {
    const [top, number, ...rest] = name.split(".");
    (rest.length === 1 && NUMBER.test(number) ? all : others).add(top);
  }
  return new Set([...all].filter((top) => !others.has(top)));
}

/** Modules that have numbers, for the network's that are not there by name; the last layer may be elsewhere. */
function paired(modules: string[], network: string[]): Renamed["names"] | null {
  const numbered = modules.filter((module) => !network.includes(module) && NUMBER.test(module.split(".").at(-1)!)).sort(byNumbers.compare);
  const missing = network.filter((module) => !modules.includes(module));
  const isWhole = numbered.length === missing.length || (numbered.length === missing.length - 1 && missing.at(-1) === network.at(-1));
  return isWhole && numbered.length > 0 ? numbered.map((from, i) => ({ from, to: missing[i] })) : null;
}

/** The weights under the names of each network that may have been numbered so. */
export function* unnumbered(weights: Map<string, Weight>): Generator<Renamed> {
  const names = [...weights.keys()];
  if (!names.some((name) => name.split(".", 2).some((part) => NUMBER.test(part)))) return;
  known ??= topModules();
  const sequences = layerSequences(names);
  for (const opened of sequences.size > 0 ? [new Set<string>(), sequences] : [sequences]) {
    const moduleOf = (name: string): string => name.split(".", opened.has(name.split(".", 1)[0]) ? 2 : 1).join(".");
    const modules = [...new Set(names.map(moduleOf))];
    for (const network of known) {
      const pairs = paired(modules, network);
      if (!pairs) continue;
      const targets = new Map(pairs.map(({ from, to }) => [from, to]));
      const renamed = [...weights].map(([name, weight]): [string, Weight] => {
        const module = moduleOf(name);
        return [(targets.get(module) ?? module) + name.slice(module.length), weight];
      });
      yield { weights: new Map(renamed), names: pairs };
    }
  }
}
