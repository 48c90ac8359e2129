/** Imports point downward only, so that a part can be read without the parts above it. */
import { readdirSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";

const SOURCE = new URL("../../src/", import.meta.url);
/** What each folder may import from, beside itself and the errors. */
const BELOW: Record<string, string[]> = {
  io: [],
  tables: [],
  plan: ["model", "ops"],
  ops: ["plan"], // the layout of activations alone
  model: ["io", "plan"], // types and the shape of a map alone
  gpu: [],
  run: ["gpu", "plan", "ops"],
  sweep: ["run", "gpu", "plan", "model", "ops", "io", "results"],
  results: ["sweep", "io", "gpu", "tables"],
  analysis: ["results", "tables"],
  library: ["sweep", "results", "io", "run", "gpu"],
  export: ["analysis", "results", "tables", "io"],
  plot: ["analysis", "results"],
  completion: [],
  bench: ["plot", "sweep", "run", "plan", "model", "io", "gpu", "results", "analysis", "tables"],
  cli: ["bench", "plan", "completion", "plot", "export", "analysis", "sweep", "results", "tables", "io", "model", "run", "gpu"],
};

for (const [folder, below] of Object.entries(BELOW)) {
  test(`${folder}/ imports from ${below.join(", ") || "nothing else"}`, () => {
    for (const file of readdirSync(new URL(`${folder}/`, SOURCE)).filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))) {
      const text = readFileSync(new URL(`${folder}/${file}`, SOURCE), "utf8");
      for (const [, imported] of text.matchAll(/from "\.\.\/(\w+)\//g)) {
        assert.ok([folder, ...below].includes(imported), `${folder}/${file} imports from ${imported}/`);
      }
    }
  });
}

test("what is allocated on the device is allocated in one place, which checks it", () => {
  for (const folder of Object.keys(BELOW)) {
    for (const file of readdirSync(new URL(`${folder}/`, SOURCE)).filter((name) => name.endsWith(".ts") && `${folder}/${name}` !== "gpu/memory.ts")) {
      const text = readFileSync(new URL(`${folder}/${file}`, SOURCE), "utf8");
      assert.not.match(text, /device\.create(Buffer|Texture|QuerySet)\(/, `${folder}/${file}`);
    }
  }
});

test("no file is much over 300 lines", () => {
  for (const folder of Object.keys(BELOW)) {
    for (const file of readdirSync(new URL(`${folder}/`, SOURCE))) {
      const lines = readFileSync(new URL(`${folder}/${file}`, SOURCE), "utf8").split("\n").length;
      assert.ok(lines <= 320, `${folder}/${file} has ${lines} lines`);
    }
  }
});

test.run();
