/** Ten thousand damaged files for every parser. INFERLINK_FUZZ_SEED repeats a failing run, INFERLINK_FUZZ_CASES makes it longer. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fuzz } from "./fuzz/fuzz.js";
import { PARSERS } from "./fuzz/parsers.js";

const SEED = Number(process.env.INFERLINK_FUZZ_SEED ?? 1);
const CASES = Number(process.env.INFERLINK_FUZZ_CASES ?? 10_000);

for (const parser of PARSERS) {
  test(`${parser.name}, changed in ${CASES} ways`, async () => {
    const { accepted, refused } = await fuzz(parser, CASES, SEED);
    assert.is(accepted + refused, CASES);
    assert.ok(parser.takesAll || refused > CASES / 20, `only ${refused} were refused: the changes do not reach the parser`);
    assert.ok(accepted > CASES / 100, `only ${accepted} were accepted: the changes leave nothing of the file`);
  });
}

test.run();
