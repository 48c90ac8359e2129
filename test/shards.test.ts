/** How work is shared out, and how a process learns which part is its own. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { duration } from "../src/cli/duration.js";
import { chooseShard, type Environment } from "../src/cli/running/shard.js";
import { UsageError } from "../src/errors.js";
import { architectureNamed } from "../src/model/recognise.js";
import { planUnit, unrolledBody } from "../src/plan/plan.js";
import { attackPasses, pgdOf, type AttackConfig } from "../src/sweep/attack.js";
import { costOf } from "../src/sweep/cost.js";
import { shardUnits } from "../src/sweep/shards.js";
import type { Unit } from "../src/sweep/units.js";

const unit = (cost: number, i = 0): Unit => ({ checkpoint: 0, layer: "conv1", layerIndex: 0, firstImage: 256 * i, images: 256, cost });
const sum = (units: Unit[]): number => units.reduce((total, { cost }) => total + cost, 0);

function refused(work: () => unknown, message: RegExp): void {
  try {
    work();
  } catch (error) {
    assert.instance(error, UsageError);
    assert.match((error as Error).message, message);
    return;
  }
  assert.unreachable(`was not refused: ${message}`);
}

test("shards are disjoint, in order, and together everything, whatever their number", () => {
  const units = Array.from({ length: 97 }, (_, i) => unit(1 + ((i * 7919) % 13), i));
  for (const count of [1, 2, 3, 10, 96, 97, 98, 1000]) {
    const shards = Array.from({ length: count }, (_, i) => shardUnits(units, { index: i + 1, count }));
    assert.equal(shards.flat(), units);
    const most = Math.max(...shards.map(sum));
    assert.ok(most <= sum(units) / count + 13, `${count} shards: the largest costs ${most} of ${sum(units)}`);
  }
});

test("equal units are spread evenly", () => {
  const units = Array.from({ length: 10 }, (_, i) => unit(5, i));
  assert.equal([1, 2, 3].map((index) => shardUnits(units, { index, count: 3 }).length), [3, 4, 3]);
  assert.equal(Array.from({ length: 20 }, (_, i) => shardUnits(units, { index: i + 1, count: 20 }).length).filter((n) => n > 1), []);
});

const PGD = { attack: "pgd", steps: 3, stepSize: null } as const;
for (const [what, config] of [["FGSM", {}], ["PGD from the images on", { ...PGD, randomStart: null }], ["PGD from random places on", { ...PGD, randomStart: 1 }]] as [string, AttackConfig][]) {
  test(`a unit costs what the plan of its kernels costs, under ${what}`, () => {
    const graph = architectureNamed("resnet18", { width: 16, channels: 1, classes: 10 }).graph;
    const image = { channels: 1, height: 28, width: 28 };
    const cost = costOf(graph, image, attackPasses(config, 2));
    for (const filtered of [["conv1"], ["layer2.0.conv1"], ["layer3.0.downsample.0"], ["fc"]]) {
      const attack = { epsilon: [0, 0, 0, 0], low: [0, 0, 0, 0], high: [0, 0, 0, 0] };
      const network = { name: "", width: 16, channels: 1, classes: 10, graph, layers: [], tensors: new Map() };
      const pgd = pgdOf(config);
      const plan = planUnit(network, { image, filtered, variants: 1, blocksPerVariant: 8, images: 64, attacks: [attack, attack], clamp: false, batchNorm: "running", maxTextureWidth: 16384, lanes: 8, accumulators: 128, shuffle: true, ...(pgd && { pgd }) });
      const convolutions = unrolledBody(plan).filter(({ kernel }) => kernel.startsWith("conv2d")).reduce((total, step) => total + step.cost, 0) / 64;
      assert.is(cost(filtered[0]), convolutions, filtered[0]);
    }
    assert.is(cost("*"), cost("conv1"), "all layers at once start at the first");
  });
}

test("--shard i/n counts from 1", () => {
  assert.equal(chooseShard("2/8", false, {}), { shard: { index: 2, count: 8 }, note: "shard 2/8" });
  assert.is(chooseShard("1/1", false, {}).shard, null);
  assert.is(chooseShard(undefined, false, {}).shard, null);
  for (const text of ["0/8", "9/8", "1/0"]) refused(() => chooseShard(text, false, {}), /there is no part/);
  for (const text of ["2", "2/", "a/b", "1.5/2", "-1/2", "2/8/3"]) refused(() => chooseShard(text, false, {}), /i\/n/);
  refused(() => chooseShard("2/8", true, {}), /one of them/);
});

const array = (id: number, min: number, max: number, count: number, more: Environment = {}): Environment => ({
  SLURM_ARRAY_TASK_ID: `${id}`, SLURM_ARRAY_TASK_MIN: `${min}`, SLURM_ARRAY_TASK_MAX: `${max}`, SLURM_ARRAY_TASK_COUNT: `${count}`, SLURM_ARRAY_TASK_STEP: "1", ...more,
});

test("a task of a Slurm array, from wherever the array is numbered", () => {
  assert.equal(chooseShard("auto", false, array(0, 0, 7, 8)), { shard: { index: 1, count: 8 }, note: "shard 1/8 (task 0 of the Slurm array 0-7)" });
  assert.equal(chooseShard("auto", false, array(14, 11, 14, 4)).shard, { index: 4, count: 4 });
  assert.is(chooseShard("auto", false, array(3, 3, 3, 1)).shard, null, "one task is all of it");
});

test("a Slurm array with gaps is refused: --array=2,5,7 counts 3 tasks in steps of 1", () => {
  refused(() => chooseShard("auto", false, array(5, 2, 7, 3)), /3 tasks between 2 and 7.*--shard i\/n/);
  refused(() => chooseShard("auto", false, array(4, 0, 6, 4, { SLURM_ARRAY_TASK_STEP: "2" })), /without gaps/);
  refused(() => chooseShard("auto", false, { SLURM_ARRAY_TASK_ID: "3" }), /SLURM_ARRAY_TASK_MIN: is not set/);
  refused(() => chooseShard("auto", false, array(1, 1, 4, 4, { INFERLINK_SHARDS: "8" })), /make them equal/);
});

test("a pod of an indexed Kubernetes job; its number of pods comes from INFERLINK_SHARDS", () => {
  assert.equal(chooseShard("auto", false, { JOB_COMPLETION_INDEX: "0", INFERLINK_SHARDS: "5" }).shard, { index: 1, count: 5 });
  assert.equal(chooseShard(undefined, false, { JOB_COMPLETION_INDEX: "4", INFERLINK_SHARDS: "5" }), { shard: { index: 5, count: 5 }, note: "shard 5/5 (pod 4 of 5 of the Kubernetes job)" });
  refused(() => chooseShard("auto", false, { JOB_COMPLETION_INDEX: "4" }), /INFERLINK_SHARDS: is not set/);
  refused(() => chooseShard("auto", false, { JOB_COMPLETION_INDEX: "5", INFERLINK_SHARDS: "5" }), /completions/);
  refused(() => chooseShard("auto", false, { JOB_COMPLETION_INDEX: "x", INFERLINK_SHARDS: "5" }), /no whole number/);
});

test("the environment alone shares nothing out: the array may be one of something else", () => {
  const found = chooseShard(undefined, false, array(2, 1, 4, 4));
  assert.is(found.shard, null);
  assert.match(found.note!, /4 tasks.*whole sweep.*--shard auto.*--no-shard/);
  assert.equal(chooseShard(undefined, true, array(2, 1, 4, 4)), { shard: null, note: null });
  assert.equal(chooseShard(undefined, true, array(2, 1, 4, 4, { INFERLINK_SHARDS: "4" })), { shard: null, note: null });
  assert.equal(chooseShard("3/4", false, array(2, 1, 4, 4)).shard, { index: 3, count: 4 }, "the flag wins");
  refused(() => chooseShard("auto", false, {}), /SLURM_ARRAY_TASK_ID.*JOB_COMPLETION_INDEX/);
  refused(() => chooseShard(undefined, false, { INFERLINK_SHARDS: "4" }), /INFERLINK_SHARDS is 4/);
  refused(() => chooseShard("auto", false, array(1, 1, 4, 4, { JOB_COMPLETION_INDEX: "1" })), /both set/);
});

test("lengths of time need a unit", () => {
  assert.equal(["55m", "1h30m", "90s", "1d", "2H"].map((text) => duration("deadline", text)), [3300, 5400, 90, 86400, 7200]);
  for (const text of ["55", "", "m", "1m1h", "-5m", "1.5h", "5 m"]) refused(() => duration("deadline", text), /55m/);
  refused(() => duration("deadline", "0s"), /above 0/);
});

test.run();
