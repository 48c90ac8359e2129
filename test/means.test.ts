/** Means and standard deviations over initialisations and epochs. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { curvesOf } from "../src/analysis/curves.js";
import { meansOf, momentsOf } from "../src/analysis/means.js";
import { scoresOf, type Score } from "../src/analysis/scores.js";
import type { Row } from "../src/sweep/row.js";
import { curveRows } from "./support/curves.js";

/** A curve whose clean score is `score`: two thresholds, all weights left at both; `attacked`: the first adversarial accuracy. */
function curve(score: number, changes: Partial<Row>, attacked = 0.5): Row[] {
  const shape = { alpha: [0, 1], density: [1, 1], accuracy_clean: [0.5, 0.5 + score], accuracy_adv: [attacked, 0.5] };
  return curveRows(shape, { checkpoint: `${changes.init}/${changes.epoch}`, ...changes });
}
const scores = (...rows: Row[][]): Score[] => scoresOf(curvesOf(rows.flat()));

test("moments: the sample's standard deviation, none of one value", () => {
  assert.equal(momentsOf([2, 4, 4, 4, 5, 5, 7, 9]), { count: 8, mean: 5, std: Math.sqrt(32 / 7) });
  assert.equal([momentsOf([3]), momentsOf([])], [{ count: 1, mean: 3, std: null }, null]);
});

test("over initialisations at each epoch, and over epochs of each initialisation", () => {
  const { means, ambiguous } = meansOf(scores(curve(0.1, { init: 1, epoch: 5 }), curve(0.3, { init: 2, epoch: 5 }), curve(0.2, { init: 1, epoch: 9 })));
  assert.is(ambiguous.length, 0);
  const clean = means.filter(({ measure }) => measure === "s_clean");
  assert.equal(clean.map(({ over, init, epoch, count, mean, std }) => [over, init, epoch, count, mean.toFixed(12), std!.toFixed(12)]), [
    ["init", null, 5, 2, "0.200000000000", (0.2 / Math.SQRT2).toFixed(12)],
    ["epoch", 1, null, 2, "0.150000000000", (0.1 / Math.SQRT2).toFixed(12)],
  ]);
});

test("a null score is left out, and counted as missing", () => {
  const { means } = meansOf(scores(curve(0.1, { init: 1, epoch: 5 }, 0), curve(0.3, { init: 2, epoch: 5 }), curve(0.2, { init: 3, epoch: 5 })));
  assert.equal(Object.fromEntries(means.map(({ measure, count }) => [measure, count])), { s_clean: 3, s_adv: 2, s_diff: 2, auc_clean: 3, auc_adv: 3 });
});

test("nothing is averaged over different layers, filters, epsilons or numbers of images, or without knowing the initialisation", () => {
  const one = { init: 1, epoch: 5 };
  const others: Partial<Row>[] = [{ layer: "fc" }, { filter: "h_b" }, { epsilon: 0.5 }, { images: 10 }, { dataset: "cifar10" }, { network: "ResNet50" }, { scope: "global" }];
  for (const other of others) assert.is(meansOf(scores(curve(0.1, one), curve(0.3, { init: 2, epoch: 5, ...other }))).means.length, 0, JSON.stringify(other));
  assert.is(meansOf(scores(curve(0.1, { init: null, epoch: null, layer: "a" }), curve(0.3, { init: null, epoch: null, layer: "b" }))).means.length, 0);
});

test("an initialisation that comes twice gives no mean", () => {
  const { means, ambiguous } = meansOf([...scores(curve(0.1, { init: 1, epoch: 5 }), curve(0.3, { init: 2, epoch: 5 })), ...scores(curve(0.4, { init: 1, epoch: 5 }))]);
  assert.is(means.filter(({ over }) => over === "init").length, 0);
  assert.ok(ambiguous.length > 0);
});

test.run();
