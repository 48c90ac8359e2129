/** The Arrow file: its schema, its round trip, and what is readable of a run that was killed. */
import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tableFromIPC, tableToIPC } from "apache-arrow";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { InputError } from "../src/errors.js";
import { PARTIAL, readResults, readRows, ResultWriter, RESULTS } from "../src/results/arrow/arrow.js";
import { COLUMNS, type ResultMetadata } from "../src/results/arrow/schema.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { row } from "./support/cliRows.js";

const METADATA: ResultMetadata = { packageVersion: "0.1.0", adapter: "llvmpipe", batchNorm: "running", epsilonSpace: "input", normalisation: null, datasetSha256: "ab", checkpointSha256: { "a/é.ckpt": "cd" } };

test("the columns are the documented ones, in type, order and nullability", async () => {
  const writer = await ResultWriter.open(temporaryFolder(), METADATA);
  await writer.write(0, [row()]);
  await writer.finish();
  const { schema } = tableFromIPC(readFileSync(writer.path));
  assert.is(
    schema.fields.map((field) => `${field.name} ${field.type}${field.nullable ? "?" : ""}`).join("\n"),
    `network Utf8\ndataset Utf8\ncheckpoint Utf8\ninit Int32?\nepoch Int32?\nscope Utf8\nlayer Utf8\nlayer_index Int32\nfilter Utf8\nthreshold_index Int32
alpha Float32\ndelta Float32?\nweights Int32\nremoved Int32\nzeros Int32\ndensity Float64\nepsilon Float64\nimages Int32\ncorrect_clean Int32\ncorrect_adv Int32
accuracy_clean Float64\naccuracy_adv Float64\nloss_clean Float64\nloss_adv Float64\nattack Utf8`,
  );
  assert.equal([...schema.metadata.keys()], ["schema_version", "package_version", "adapter", "kernels", "batch_norm", "epsilon_space", "attack", "normalisation", "dataset_sha256", "checkpoint_sha256"]);
  assert.is(schema.metadata.get("checkpoint_sha256"), '{"a/é.ckpt":"cd"}');
});

test("a file from before there was another attack is FGSM's", async () => {
  const writer = await ResultWriter.open(temporaryFolder(), METADATA);
  await writer.write(0, [row(), row({ filter: "h_b" })]);
  await writer.finish();
  const table = tableFromIPC(readFileSync(writer.path));
  const old = table.select(COLUMNS.slice(0, -1).map(({ name }) => name));
  old.schema.metadata.set("schema_version", "1");
  old.schema.metadata.delete("attack");
  writeFileSync(writer.path, tableToIPC(old, "file"));
  const { rows, metadata } = await readResults(writer.path);
  assert.equal(rows, [row(), row({ filter: "h_b" })]);
  assert.is(metadata.get("attack"), "fgsm");
});

test("the metadata say which attack it was", async () => {
  const writer = await ResultWriter.open(temporaryFolder(), { ...METADATA, attack: { attack: "pgd", steps: 10, stepSize: null, randomStart: 3 } });
  await writer.write(0, [row({ attack: "pgd" })]);
  await writer.finish();
  const { rows, metadata } = await readResults(writer.path);
  assert.equal(rows, [row({ attack: "pgd" })]);
  assert.equal([...metadata].filter(([key]) => key.startsWith("attack")), [["attack", "pgd"], ["attack_steps", "10"], ["attack_step_size", "2.5 epsilon / steps"], ["attack_random_start", "3"]]);
});

test("rows come back as written, one record batch per group, groups sorted", async () => {
  const folder = temporaryFolder();
  const writer = await ResultWriter.open(folder, METADATA);
  const first = [row({ init: 1 }), row({ filter: "h_c", delta: Math.fround(0.01), epoch: null })];
  const second = [row({ layer: "fc", layer_index: 20 })];
  await writer.write(1, second);
  await writer.write(0, first);
  assert.is(await writer.finish(), 3);
  assert.equal(await readRows(writer.path), [...first, ...second]);
  assert.equal(tableFromIPC(readFileSync(writer.path)).batches.map((batch) => batch.numRows), [2, 1]);
  assert.equal(readdirSync(folder), [RESULTS], "nothing but the result is left");
});

test("the order in which groups finish doesn't change the bytes", async () => {
  const files = [];
  for (const order of [[0, 1], [1, 0]]) {
    const writer = await ResultWriter.open(temporaryFolder(), METADATA);
    for (const group of order) await writer.write(group, [row({ layer: `layer${group}`, layer_index: group })]);
    await writer.finish();
    files.push(readFileSync(writer.path));
  }
  assert.ok(files[0].equals(files[1]));
});

test("what was finished is readable while the run goes on, and up to the last whole group of a cut stream", async () => {
  const folder = temporaryFolder();
  const partial = join(folder, PARTIAL);
  const writer = await ResultWriter.open(folder, METADATA);
  await writer.write(0, [row()]);
  assert.equal((await readResults(partial)).rows, [row()]);
  const whole = readFileSync(partial).length;
  await writer.write(1, [row({ layer: "fc" })]);
  assert.is((await readResults(partial)).rows.length, 2);
  truncateSync(partial, whole + 100);
  assert.equal((await readResults(partial)).rows, [row()]);
  await writer.close();
});

test("files of others and damaged ones are refused, naming the file", async () => {
  const path = join(temporaryFolder(), "other.arrow");
  for (const bytes of [Buffer.alloc(0), Buffer.from("ARROW1"), Buffer.from("something else, and long enough to be read")]) {
    writeFileSync(path, bytes);
    try {
      await readRows(path);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, InputError);
      assert.match((error as Error).message, path);
    }
  }
});

test.run();
