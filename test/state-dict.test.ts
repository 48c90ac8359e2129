/** What a training saves of an exported program: trained, tied, counted and untouched tensors, from weights of their own. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openGraph } from "../src/inputs/graphs.js";
import { programState } from "../src/inputs/stateDict.js";
import { openCheckpoint, readCheckpoint } from "../src/inputs/weights.js";
import { toNumbers } from "../src/io/arrays.js";
import { openCheckpointFile, readContents } from "../src/io/checkpoints/checkpoint.js";
import type { Entry } from "../src/io/checkpoints/entry.js";
import { encodeStateDict } from "../src/io/checkpoints/stateDict.js";
import { PACKAGE_ROOT } from "../src/package.js";

const folder = mkdtempSync(join(tmpdir(), "state-dict-"));
test.after(() => rmSync(folder, { recursive: true }));
const FIXTURES = join(PACKAGE_ROOT, "fixtures/exported");
const program = join(folder, "beside.pt2");
writeFileSync(program, gunzipSync(readFileSync(join(FIXTURES, "beside.pt2.gz"))));
const other = join(FIXTURES, "beside.other.ckpt");
const graph = openGraph(program);

test("a graph's tensors are its own, whatever they are named or shaped like", async () => {
  const { tensors } = await readCheckpoint(other, { graph });
  for (const name of ["mean", "std", "gain", "glossy.weight", "slope.weight", "aux.weight"]) assert.ok(tensors.has(name), name);
  assert.equal(tensors.get("gain"), { shape: [], data: Float32Array.of(1.75) });
  // The program's own file for its graph, too.
  const own = await openCheckpoint(program, { graph });
  assert.is(own.choice.chosen.architecture.graph.nodes.length, graph.architecture.graph.nodes.length);
});

test("what no training changes is as in the weights to begin with; counters go on from theirs, by each call", async () => {
  const start = await readCheckpoint(other, { graph });
  const state = programState(graph, start);
  const of = new Map(state.map((entry) => [entry.name, entry]));
  using source = openCheckpointFile(other);
  const names = [...readContents(source).mappings[0].entries.keys()];
  assert.equal([...of.keys()].sort(), names.sort());
  assert.equal(of.get("bn.num_batches_tracked"), { kind: "counter", name: "bn.num_batches_tracked", start: 100, each: 2 });
  assert.equal(of.get("unused.num_batches_tracked"), { kind: "counter", name: "unused.num_batches_tracked", start: 100, each: 0 });
  assert.equal(programState(graph, null).find(({ name }) => name === "bn.num_batches_tracked"), { kind: "counter", name: "bn.num_batches_tracked", start: 0, each: 2 });
  for (const name of ["slope.weight", "aux.weight", "gain", "mean"]) {
    const entry = of.get(name)!;
    assert.ok(entry.kind === "fixed", name);
    assert.equal((entry as { value: Entry }).value, start.tensors.get(name), name);
  }
  const trained = state.filter((entry) => entry.kind === "trained");
  assert.equal(trained.filter(({ tensor, name }) => tensor !== name).length, 1);
  assert.equal(new Set(trained.filter(({ name }) => /^[bc]\.weight$/.test(name)).map(({ tensor }) => tensor)).size, 1);
});

test("numbers of other types are written as they were, in both formats", () => {
  const entries = new Map(programState(graph, null).flatMap((entry): [string, Entry][] => (entry.kind === "fixed" ? [[entry.name, entry.value]] : [])));
  for (const format of ["ckpt", "safetensors"] as const) {
    const path = join(folder, `written.${format}`);
    writeFileSync(path, encodeStateDict(entries, format));
    using source = openCheckpointFile(path);
    const found = readContents(source).mappings[0].entries as Map<string, Parameters<typeof toNumbers>[1]>;
    const [steps, flags] = [found.get("steps")!, found.get("flags")!];
    assert.equal([steps.dtype, flags.dtype, found.get("gain")!.shape], ["int32", "bool", []]);
    assert.equal([Array.from(toNumbers(path, steps)), Array.from(toNumbers(path, flags))], [[3, -2, 2 ** 20], [1, 0]]);
  }
});

test.run();
