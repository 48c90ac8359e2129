/** A million damaged files over all parsers, with a table of what came of them. `npm run fuzz` [-- cases [seed]] */
import { fuzz, type Outcome } from "./fuzz.js";
import { peakMemory } from "./guard.js";
import { PARSERS } from "./parsers.js";

const [cases = 1_000_000, seed = 2] = process.argv.slice(2).map(Number);
const each = Math.ceil(cases / PARSERS.length);
const started = Date.now();

function line({ name, accepted, refused, seconds, slowest, growth }: Outcome): string {
  return `| ${name} | ${accepted + refused} | ${accepted} | ${refused} | ${seconds.toFixed(1)} | ${(1000 * slowest).toFixed(0)} | ${(growth / 2 ** 20).toFixed(0)} |`;
}

console.log(`${each * PARSERS.length} cases, seed ${seed}, Node ${process.versions.node}, ${process.platform} ${process.arch}\n`);
console.log("| parser | cases | accepted | refused | processor, s | slowest, ms | growth, MiB |\n|---|---|---|---|---|---|---|");
for (const parser of PARSERS) console.log(line(await fuzz(parser, each, seed)));
console.log(`\n${((Date.now() - started) / 60_000).toFixed(1)} minutes, largest resident set ${(peakMemory() / 2 ** 20).toFixed(0)} MiB`);
