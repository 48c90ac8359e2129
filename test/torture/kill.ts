/** A hundred runs killed, and sixteen at once in one folder. `npm run torture` [-- kills [processes [seed]]] */
import { temporaryFolder } from "../support/cliFiles.js";
import { seeded, Torture } from "./torture.js";

const [kills = 100, processes = 16, seed = 1] = process.argv.slice(2).map(Number);
const torture = new Torture(temporaryFolder(), seeded(seed));
await torture.reference();
console.log(`a run in peace takes ${(torture.duration / 1000).toFixed(1)} s; seed ${seed}`);
const hits = await torture.kills(kills, (done) => void (done % 10 === 0 && console.log(`${done} killed`)));
console.log(`${kills} killed, every result the same bytes. Killed while this changed in the folder:`);
for (const [where, count] of [...hits].sort(([, a], [, b]) => b - a)) console.log(`  ${String(count).padStart(4)}  ${where}`);
const { killed, after } = await torture.crowd(processes);
console.log(`${processes} at once, the one at work killed: exit codes ${JSON.stringify(killed)}; ${processes} more: ${JSON.stringify(after)}; the result the same bytes`);
