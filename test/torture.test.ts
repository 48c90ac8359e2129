/** A few runs killed at any moment, and a few at once in one folder; `npm run torture` does it with more. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { temporaryFolder } from "./support/cliFiles.js";
import { seeded, Torture } from "./torture/torture.js";

const torture = new Torture(temporaryFolder(), seeded(Number(process.env.INFERLINK_FUZZ_SEED ?? 1)));
test.before(() => torture.reference());

test("five runs killed at any moment, each gone on with: the same bytes as in peace", async () => {
  const hits = await torture.kills(5);
  assert.is([...hits.values()].reduce((sum, count) => sum + count, 0), 5);
});

test("six at once in one folder, the one at work killed, six more: one takes over, the same bytes as in peace", async () => {
  const { killed, after } = await torture.crowd(6);
  assert.is(killed.killed, 1);
  assert.ok(after[0] >= 1);
});

test.run();
