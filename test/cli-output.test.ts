/** Progress and the table at the end, without a run. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Progress } from "../src/cli/running/progress.js";
import { summarise } from "../src/cli/running/summary.js";
import { renderTable } from "../src/cli/table.js";
import { clock, quoted } from "../src/cli/terminal.js";
import type { Unit } from "../src/sweep/units.js";
import { row } from "./support/cliRows.js";

function stream(isTTY: boolean): { stream: NodeJS.WriteStream; text: () => string } {
  let written = "";
  return { stream: { isTTY, columns: 100, write: (text: string) => (written += text) } as unknown as NodeJS.WriteStream, text: () => written };
}

/** With these variables, and none of the others that are asked. */
function withEnvironment<T>(variables: Record<string, string>, act: () => T): T {
  const before = { ...process.env };
  for (const name of ["NO_COLOR", "FORCE_COLOR", "TERM"]) delete process.env[name];
  Object.assign(process.env, { TERM: "xterm" }, variables);
  try {
    return act();
  } finally {
    process.env = before;
  }
}

const unit = (checkpoint: number, cost: number): Unit => ({ checkpoint, layer: "conv1", layerIndex: 0, firstImage: 0, images: 100, cost });
const UNITS = [unit(0, 10), unit(0, 10), unit(0, 10), unit(1, 30)];

test("progress tells checkpoints, units, rate and time left", () => {
  let now = 0;
  const progress = new Progress({ stream: stream(false).stream, units: UNITS, left: UNITS.slice(2), variants: 5, now: () => now });
  assert.is(progress.text(), "checkpoint 1/2, 2/4 units, 0 networks×images/s, time left unknown");
  now = 2000;
  progress.advance({ unit: UNITS[2], networkImages: 250 });
  progress.unitDone();
  // The fourth unit costs three times the third.
  assert.is(progress.text(), "checkpoint 1/2, 3/4 units, 125 networks×images/s, 0:14 left");
  progress.advance({ unit: UNITS[3], networkImages: 125 });
  assert.match(progress.text(), /^checkpoint 2\/2, 3\/4 units, 188/);
  progress.end();
});

test("a terminal gets one line drawn over, a log gets no control characters", () => {
  for (const isTTY of [true, false]) {
    const out = stream(isTTY);
    withEnvironment({}, () => {
      const progress = new Progress({ stream: out.stream, units: UNITS, left: UNITS, variants: 5 });
      for (let i = 0; i < 50; i++) progress.advance({ unit: UNITS[0], networkImages: 1 });
      progress.end();
    });
    assert.is(out.text().includes("\u001b"), isTTY);
    assert.not.ok(out.text().includes("\n"));
  }
});

test("a layer's summary: start, half, lowest", () => {
  const curve = (filter: "h_a" | "h_c", accuracies: number[]) =>
    accuracies.map((accuracy_clean, i) => row({ filter, threshold_index: i, alpha: i, removed: 10 * i + 1, density: 1 - i / 10, accuracy_clean, accuracy_adv: accuracy_clean / 2 }));
  const [summary] = summarise([...curve("h_a", [0.9, 0.8, 0.4, 0.1]), ...curve("h_c", [0.9, 0.7, 0.9]), row({ epsilon: 0.5, removed: 0, accuracy_clean: 0 })]);
  assert.is(summary.accuracy_clean, 0.9);
  assert.is(summary.accuracy_adv, 0.45);
  assert.equal(summary.filters, [
    { filter: "h_a", halved_alpha: 2, halved_density: 0.8, lowest_accuracy_clean: 0.1, lowest_alpha: 3 },
    { filter: "h_c", halved_alpha: null, halved_density: null, lowest_accuracy_clean: 0.7, lowest_alpha: 1 },
  ]);
  const table = withEnvironment({}, () => renderTable([summary], stream(false).stream));
  assert.match(table, /layer +weights +clean +adversarial +h_a half at +h_c lowest\nconv1 +784 +90\.0 +45\.0 +80\.0 +70\.0/);
});

const COLOURS: [variables: Record<string, string>, terminal: boolean, pipe: boolean][] = [
  [{}, true, false],
  [{ NO_COLOR: "1" }, false, false],
  [{ NO_COLOR: "0" }, false, false],
  [{ NO_COLOR: "" }, true, false],
  [{ FORCE_COLOR: "1" }, true, true],
  [{ FORCE_COLOR: "0" }, false, false],
  [{ FORCE_COLOR: "false" }, false, false],
  [{ FORCE_COLOR: "" }, true, false],
  [{ FORCE_COLOR: "1", NO_COLOR: "1" }, true, true],
  [{ TERM: "dumb" }, false, false],
];

test("colour only where it is wanted", () => {
  const summary = summarise([row()]);
  for (const [variables, terminal, pipe] of COLOURS) {
    for (const [isTTY, wanted] of [[true, terminal], [false, pipe]]) {
      const table = withEnvironment(variables, () => renderTable(summary, stream(isTTY).stream));
      assert.is(table.includes("\u001b["), wanted, JSON.stringify([variables, isTTY]));
    }
  }
});

test("nothing is drawn over on a terminal that can't", () => {
  const out = stream(true);
  withEnvironment({ TERM: "dumb" }, () => {
    const progress = new Progress({ stream: out.stream, units: UNITS, left: UNITS, variants: 5 });
    progress.advance({ unit: UNITS[0], networkImages: 1 });
    progress.end();
  });
  assert.is(out.text(), "");
});

test("times and shell words", () => {
  assert.equal([0, 59.6, 3725].map(clock), ["0:00", "1:00", "1:02:05"]);
  assert.is(quoted(["run", "--layers", "layer4.*", "--out", "my runs/it's"]), "run --layers 'layer4.*' --out 'my runs/it'\\''s'");
});

test.run();
