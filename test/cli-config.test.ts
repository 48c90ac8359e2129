/** `--config FILE`: the same options as from flags, and one line naming the file for whatever is wrong in it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { stringify } from "yaml";
import { COMMANDS } from "../src/cli/commands.js";
import { runOptions, sweepConfig, type RunOptions } from "../src/cli/options.js";
import { parse } from "../src/cli/parser.js";
import { PACKAGE_ROOT } from "../src/package.js";
import { DEMO_CHECKPOINT, temporaryFolder } from "./support/cliFiles.js";
import { cli } from "./support/cliProcess.js";
import { refuses } from "./support/io.js";

const folder = temporaryFolder();
const FILE = join(folder, "sweep.yaml");

/** Options of `run` with a file of this text. */
async function withFile(text: string | Buffer, ...words: string[]): Promise<RunOptions> {
  writeFileSync(FILE, text);
  const parsed = (await parse(["run", "--config", FILE, ...words], "0.0.0"))!;
  try {
    return runOptions(parsed.args);
  } catch (error) {
    throw parsed.config!.blame(error);
  }
}

const withFlags = async (...words: string[]): Promise<RunOptions> => runOptions((await parse(["run", ...words], "0.0.0"))!.args);

const FLAGS = ["--checkpoint", "a, b.ckpt", "c.ckpt", "--data", "d", "--layers", "conv1,layer4.*", "--epsilon", "0.10,8/255", "--epsilon-space", "pixel", "--thresholds", "7", "--limit", "010", "--clamp", "--filters", "minmax,h_c", "--out", "1e3", "--json"];
const YAML = `# what stands in a file is what stands on the command line
checkpoint:
  - a, b.ckpt
  - c.ckpt
data: d
layers: [conv1, layer4.*]
epsilon: 0.10, 8/255
epsilon-space: pixel
thresholds: 7
limit: 010
clamp: true
filters: [minmax, h_c]
out: 1e3
json: true
`;
const JSON_TEXT = `{"checkpoint": ["a, b.ckpt", "c\\u002eckpt"], "data": "d", "layers": "conv1,layer4.*", "epsilon": [0.10, "8\\/255"], "epsilon-space": "pixel",
\t"thresholds": 7, "limit": "010", "clamp": true, "filters": ["minmax", "h_c"], "out": "1e3", "json": true, "overwrite": false}`;

test("YAML and JSON say what flags say", async () => {
  const flags = await withFlags(...FLAGS);
  assert.equal(await withFile(YAML), flags);
  assert.equal(await withFile(JSON_TEXT), flags);
  assert.equal(await withFile(YAML.replaceAll("\n", "\r\n")), flags);
  assert.equal(await withFile(`\ufeff${YAML}`), flags);
});

test("the documented file is taken", async () => {
  const [, yaml] = /```yaml\n(.*?)```/s.exec(readFileSync(join(PACKAGE_ROOT, "docs/command-line.md"), "utf8"))!;
  const { source, config } = await withFile(yaml);
  assert.equal(source, { kind: "files", files: ["net_a.ckpt", "net_b.ckpt"] });
  assert.equal([config.layers, config.epsilons, config.clamp], [["conv1", "layer4.*"], [2 / 255, 8 / 255], true]);
});

test("any number and any text arrives as it was written", async () => {
  // Of float32, as the kernels take them.
  const number = fc.double({ noNaN: true, noDefaultInfinity: true, min: 0, max: 3.4e38 });
  const text = fc.string({ unit: "binary", minLength: 1 }).filter((value) => !value.includes("\0"));
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(number, { minLength: 1, maxLength: 4, comparator: (a, b) => a === b }), text, async (epsilon, out) => {
      const flags = await withFlags(`--epsilon=${epsilon.join()}`, `--out=${out}`);
      const options = { epsilon, out };
      assert.equal(flags.out, out);
      assert.equal(await withFile(JSON.stringify(options)), flags);
      assert.equal(await withFile(stringify(options)), flags);
    }),
    { numRuns: 40 },
  );
});

test("the command line wins, one flag at a time", async () => {
  const found = await withFile(YAML, "--thresholds", "9", "--clamp=false", "--layers", "fc");
  assert.equal([found.config.thresholds, found.config.clamp, found.config.layers, found.limit], [9, false, ["fc"], 10]);
});

test("one file serves several commands", async () => {
  writeFileSync(FILE, YAML);
  const parsed = (await parse(["inspect", "net.ckpt", "--config", FILE], "0.0.0"))!;
  assert.equal(sweepConfig(parsed.args), (await withFlags(...FLAGS)).config);
  assert.is(parsed.args.data, undefined);
  const ended = await cli(["inspect", DEMO_CHECKPOINT, "--config", FILE], { cwd: folder });
  assert.equal(JSON.parse(ended.stdout).sweep, { layers: 6, networks: 84, distinct: JSON.parse(ended.stdout).sweep.distinct });
});

test("commands that read files have no defaults in their flags: they would win over the file", async () => {
  for (const { load } of COMMANDS) {
    const { flags } = await load();
    if ("config" in flags) for (const [name, flag] of Object.entries(flags)) assert.is(flag.default, undefined, name);
  }
});

const WRONG: [string | Buffer, RegExp][] = [
  ["treshold: 3", /unknown option treshold; did you mean thresholds\?/],
  ["__proto__: 3", /unknown option __proto__/],
  ["constructor: 3", /unknown option constructor/],
  ["toString: 3", /unknown option toString/],
  ["help: true", /unknown option help/],
  ["<<: {limit: 3}", /unknown option <</],
  ["config: other.yaml", /config: a file of options names no other/],
  ["thresholds: many", /thresholds: "many" is no whole number/],
  ["thresholds: [3, 4]", /thresholds: given 2 times/],
  ["thresholds:", /thresholds: has no value/],
  ["out: ~", /out: has no value/],
  ["epsilon: true", /epsilon: takes a text or a number, not true/],
  ["epsilon: [0.1, [0.2]]", /epsilon: takes one value or a list/],
  ["epsilon: .inf", /epsilon: "\.inf" is no number/],
  ["layers: {fc: 1}", /layers: takes one value or a list/],
  ["layers: []", /layers: is an empty list/],
  ['clamp: "true"', /clamp: takes true or false/],
  ["filters: h_a,minmax", /filters: h_a comes twice/],
  ["alpha: [0.1]", /alpha: the pulse filter h_c needs --delta/],
  ["alpha: [0.1]\nthresholds: 3", /alpha and thresholds: give one of them/],
  ["data: MNIST", /data: needs networks with it/],
  ["limit: 3\nlimit: 4", /.*Map keys must be unique at line 2/],
  ["limit: [3", /is no YAML or JSON: .* at line 1/],
  ["layers: &a [fc]\nfilters: *a", /filters: \*a is an alias/],
  ["layers: !!python/object/apply:os.system [fc]", /.*Unresolved tag/],
  ["- limit", /holds no options/],
  ["# nothing", /holds no options/],
  ["", /is empty/],
  ["limit: 3\n---\nlimit: 4", /.*multiple documents/],
  [Buffer.from([0xff, 0xfe, 0x41]), /is no YAML or JSON/],
  ["[".repeat(100_000), /is no YAML or JSON/],
  ["a".repeat(200_000), /is 200000 bytes long, and at most 131072 are expected/],
];

for (const [text, message] of WRONG) {
  test(`a file of ${JSON.stringify(text.toString("latin1").slice(0, 40))} is refused`, async () => {
    await refuses(() => withFile(text), new RegExp(`^${FILE}: ${message.source}`));
  });
}

test("what stands half in the file and half on the command line is told apart", async () => {
  await refuses(() => withFile("thresholds: 3", "--alpha=0.1"), new RegExp(`^--alpha and thresholds in ${FILE}: give one of them$`), 2);
  await refuses(() => withFile("limit: 3", "--thresholds", "x"), /^--thresholds: "x" is no whole number/, 2);
});

test("through the program: one line, exit code 65, and nothing made", async () => {
  for (const file of ["nowhere.yaml", "."]) {
    const ended = await cli(["run", "--config", file, "--out", "made"], { cwd: folder });
    assert.is(ended.code, 65);
    assert.is(ended.errors.length, 1);
    assert.is(ended.stdout, "");
  }
  writeFileSync(FILE, "thresholds: x");
  const ended = await cli(["run", "--config", "sweep.yaml"], { cwd: folder });
  assert.is(ended.code, 65);
  assert.is(ended.stderr, 'wgpu-inferlink: sweep.yaml: thresholds: "x" is no whole number of at least 1\n');
});

test.run();
