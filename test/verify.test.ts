/** `verify`: a good adapter passes, one that is off by a weight does not, and the numbers are those of a plain comparison. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { verify } from "../src/cli/commands/verify.js";
import { compareOutcomes, GOLDEN_CASES, goldenOutcome } from "../src/verify/golden.js";
import { cli } from "./support/cliProcess.js";

interface Report {
  same: boolean;
  adapter: { name: string };
  networks: { network: string; images: number; logits: number; loss: number; signs: number; same: boolean }[];
}

// All of them are in network.test.ts.
test("this machine's adapter gives the same answers", async () => {
  const { code, stdout, stderr } = await cli(["verify", "--network", "demo,densenet"]);
  assert.is(code, 0, stderr);
  const rows = stdout.split("\n").filter((line) => / same$/.test(line));
  assert.equal(rows.map((row) => row.slice(0, row.search(/  /))), ["ResNet-18, 28x28x1, 10 classes, trained", "DenseNet-23, 35x33x1", "DenseNet-23, 35x33x1, batch's own statistics"]);
  for (const row of rows) {
    const [, logits, loss, signs] = / (\S+e\S+) +(\S+e\S+) +(\S+) % +same$/.exec(row)!.map(Number);
    assert.ok(logits > 0 && logits < 1e-4 && loss < 1e-4 && signs >= 99.9, row);
  }
  assert.match(stdout, /computes what PyTorch does/);
});

test("an adapter that loses one value of a thousand: not the same, and exit 69", async () => {
  const { writeTexture } = GPUQueue.prototype;
  const { write } = process.stdout;
  let printed = "";
  try {
    GPUQueue.prototype.writeTexture = function (to, data, layout, size) {
      const values = (data as Float32Array).slice();
      if (values.length > 10_000) values.forEach((_, i) => i % 1000 === 0 && (values[i] = 0));
      return writeTexture.call(this, to, values, layout, size);
    };
    process.stdout.write = ((text: string) => ((printed += text), true)) as typeof write;
    assert.is(await verify({ adapter: null, json: true, cases: GOLDEN_CASES.slice(0, 2) }), 69);
  } finally {
    process.stdout.write = write;
    GPUQueue.prototype.writeTexture = writeTexture;
  }
  const report = JSON.parse(printed) as Report;
  assert.not(report.same);
  assert.ok(report.networks.some(({ same }) => !same));
});

test("differences are relative to the largest value, and no number is within no tolerance", () => {
  const expected = goldenOutcome({ name: "demo", batchNorm: "running" });
  assert.equal(compareOutcomes(expected, expected), { images: 64, logits: 0, loss: 0, signs: 1 });
  const largest = expected.logits.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  const changed = { ...expected, logits: expected.logits.slice(), loss: expected.loss.slice(), gradient: expected.gradient.map((g) => -g) };
  changed.logits[7] += largest / 4;
  changed.loss[3] = NaN;
  const { logits, loss, signs } = compareOutcomes(changed, expected);
  assert.ok(Math.abs(logits - 0.25) < 1e-6);
  assert.ok(Number.isNaN(loss));
  assert.is(signs, 0);
});

test("a network that there isn't", async () => {
  const { code, errors } = await cli(["verify", "--network", "demo,squeezenet"]);
  assert.is(code, 2);
  assert.match(errors[0], /--network: "squeezenet" is none of demo, .*squeezenet1_0/);
});

test("an adapter that isn't there", async () => {
  const { code, errors } = await cli(["verify", "--adapter", "Voodoo2"]);
  assert.is(code, 69);
  assert.match(errors[0], /no adapter matches "Voodoo2"/);
});

test.run();
