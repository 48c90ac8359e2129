/** Retrainings side by side: the statistics against NumPy and SciPy, pairs of seeds, the table of a retraining, and the command. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tableFromIPC } from "apache-arrow";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bootstrapInterval, resampledMeans } from "../src/analysis/bootstrap.js";
import { COMPARED_COLUMNS, compareRetrainings, type Compared } from "../src/analysis/comparison.js";
import { momentsOf } from "../src/analysis/means.js";
import { comparisonPage } from "../src/plot/comparison/page.js";
import { readRetraining, RETRAINING, RETRAINING_COLUMNS, writeRetraining, type RetrainingRow } from "../src/results/retraining/rows.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { cli } from "./support/cliProcess.js";
import { assertClose } from "./support/close.js";
import { refuses } from "./support/io.js";

const golden = JSON.parse(readFileSync(new URL("../../fixtures/golden/statistics.json", import.meta.url), "utf8")) as {
  confidences: number[]; cases: { values: number[]; mean: number; std: number; exact?: [number, number][]; drawn?: [number, number][] }[];
};

for (const { values, mean, std, exact, drawn } of golden.cases) {
  test(`${values.length} values: mean, standard deviation and bootstrap intervals as NumPy and SciPy have them`, () => {
    const moments = momentsOf(values)!;
    assert.ok(Math.abs(moments.mean - mean) < 1e-15 && Math.abs(moments.std! - std) < 1e-15);
    golden.confidences.forEach((confidence, i) => {
      const { low, high } = bootstrapInterval(values, { confidence })!;
      // Drawn resamples differ by chance from SciPy's; every one there is doesn't.
      if (exact) assertClose([low, high], exact[i], 1e-12, `interval of ${confidence}`);
      else assert.ok(Math.abs(low - drawn![i][0]) < 0.03 * std && Math.abs(high - drawn![i][1]) < 0.03 * std, `${low} to ${high}, SciPy ${drawn![i].join(" to ")}`);
    });
  });
}

test("of one value there is no interval; resamples go by their seed", () => {
  assert.is(bootstrapInterval([0.5]), null);
  const values = Array.from({ length: 12 }, (_, i) => i);
  assert.equal(resampledMeans(values, { seed: 1, resamples: 50 }), resampledMeans(values, { seed: 1, resamples: 50 }));
  assert.not.equal(resampledMeans(values, { seed: 1, resamples: 50 }), resampledMeans(values, { seed: 2, resamples: 50 }));
});

const IMAGES = 200;

function row(changes: Partial<RetrainingRow> & { clean?: number; adv?: number }): RetrainingRow {
  const { clean = 180, adv = 100, ...more } = changes;
  return {
    network: "ResNet18", dataset: "mnist", checkpoint: "a.ckpt", init: 1, seed: 0, variant: "all", by: null, epoch: 1, attack: "fgsm", epsilon: 0.1, images: IMAGES,
    correct_clean: clean, correct_adv: adv, accuracy_clean: clean / IMAGES, accuracy_adv: adv / IMAGES, loss_clean: 0.2, loss_adv: 1.5,
    weights: 1000, updated: 1000, updated_fragile: 300, updated_robust: 400, updated_antifragile: 300, updated_uncovered: 0, ...more,
  };
}

/** Correct images under attack of an initialisation before, and after each variant. */
function retrainings(counts: Record<string, number[]>, more: Partial<RetrainingRow> = {}): RetrainingRow[] {
  return Object.entries(counts).filter(([variant]) => variant !== "before").flatMap(([variant, each]) => each.flatMap((adv, i) => [
    row({ variant, init: i + 1, checkpoint: `${i + 1}.ckpt`, epoch: 0, adv: counts.before[i], ...more }), row({ variant, init: i + 1, checkpoint: `${i + 1}.ckpt`, adv, ...more }),
  ]));
}

const COUNTS = { before: [40, 44, 42], all: [60, 66, 57], "robust,antifragile": [70, 72, 71] };

test("variants over seeds: means, spread, and differences of the same seed", () => {
  const compared = compareRetrainings(retrainings(COUNTS)) as Compared[];
  assert.equal(compared.map(({ variant, epoch, seeds, baseline, pairs }) => [variant, epoch, seeds, baseline, pairs]), [["before", 0, 3, "all", 3], ["all", 1, 3, "all", 0], ["robust,antifragile", 1, 3, "all", 3]]);
  const [before, all, selective] = compared;
  assertClose([before.accuracy_adv, all.accuracy_adv, selective.accuracy_adv], [0.21, 0.305, 0.355], 1e-12, "means");
  assertClose([selective.difference_adv!, selective.difference_adv_low!, selective.difference_adv_high!], [0.05, ...Object.values(bootstrapInterval([10, 6, 14].map((d) => d / IMAGES))!)], 1e-12, "difference");
  assert.equal([all.difference_adv, before.difference_clean, before.difference_clean_low], [null, 0, 0]);
  assert.equal((compareRetrainings(retrainings(COUNTS), { baseline: "before" }) as Compared[]).map(({ pairs }) => pairs), [0, 3, 3]);
});

test("seeds that only one variant has are in its mean and in no pair; two responses are two variants", () => {
  const rows = [...retrainings(COUNTS).filter(({ variant, init }) => variant === "all" || init !== 2), ...retrainings({ before: COUNTS.before, "robust,antifragile": [80, 80, 80] }, { by: "clean" })].map((each) => (each.variant === "all" || each.by ? each : { ...each, by: "adversarial" }));
  const compared = compareRetrainings(rows) as Compared[];
  assert.equal(compared.map(({ variant, seeds, pairs }) => [variant, seeds, pairs]), [["before", 3, 3], ["all", 3, 0], ["robust,antifragile by adversarial", 2, 2], ["robust,antifragile by clean", 3, 3]]);
});

test("what can't be compared is told", () => {
  const rows = retrainings(COUNTS);
  assert.ok("twice" in compareRetrainings([...rows, rows[1]]));
  assert.ok("begun" in compareRetrainings([...rows, row({ variant: "none", epoch: 0, adv: 41 })]));
  assert.ok("epoch" in compareRetrainings(rows, { epoch: 3 }));
  assert.ok("baseline" in compareRetrainings(rows, { baseline: "alll" }));
  const longer = [...rows, row({ variant: "all", epoch: 2, adv: 90 })];
  assert.equal((compareRetrainings(longer) as Compared[]).map(({ epoch }) => epoch), [0, 1, 1], "the last epoch that all have");
});

async function folderOf(rows: RetrainingRow[]): Promise<string> {
  const folder = temporaryFolder();
  await writeRetraining(folder, rows, { package_version: "0.1.0" });
  return folder;
}

test("a retraining's table comes back as written, with the documented columns; others are refused", async () => {
  const rows = retrainings(COUNTS, { by: "adversarial", init: null });
  const folder = await folderOf(rows);
  assert.equal(readRetraining(folder).rows, rows);
  assert.is(readRetraining(join(folder, RETRAINING)).metadata.get("table"), "retraining");
  const table = tableFromIPC(readFileSync(join(folder, RETRAINING)));
  assert.equal(table.schema.fields.map((field) => `${field.name} ${field.type}${field.nullable ? "?" : ""}`), RETRAINING_COLUMNS.map(({ name, type, nullable }) => `${name} ${type[0].toUpperCase()}${type.slice(1)}${nullable ? "?" : ""}`));
  await refuses(() => readRetraining(temporaryFolder()), /holds no retraining\.arrow/);
  writeFileSync(join(folder, RETRAINING), "no table");
  await refuses(() => readRetraining(folder), /no Arrow file/);
  for (const [change, message] of [[{ correct_adv: IMAGES + 1 }, /more correct images/], [{ accuracy_adv: 0.9 }, /accuracy that is not that of its counts/], [{ updated: 1001 }, /more weights updated/], [{ attack: "x" as "fgsm" }, /attack "x"/]] as const) {
    await refuses(async () => readRetraining(await folderOf([row(change)])), message);
  }
});

test("the command: a table, and figure, page and table at --out; what it refuses", async () => {
  const folder = temporaryFolder();
  const under = (attack: "fgsm" | "pgd", epsilon: number) => retrainings(COUNTS, { attack, epsilon });
  const every = [...under("fgsm", 0.1), ...under("fgsm", 0.3), ...under("pgd", 0.1)];
  for (const variant of ["all", "robust,antifragile"]) {
    mkdirSync(join(folder, variant));
    await writeRetraining(join(folder, variant), every.filter((each) => each.variant === variant), {});
  }
  const run = (...words: string[]) => cli(["compare", "all", "robust,antifragile", ...words], { cwd: folder });
  const shown = await run("--attack", "pgd");
  assert.is(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /ResNet18, mnist: pgd, epsilon 0\.1, after 1 epoch\n.*\nbefore +3 +0\.0 +90\.0 ± 0\.0 +21\.0 ± 1\.0 +-9\.5 \(/);
  const [low, high] = Object.values(bootstrapInterval([10, 6, 14].map((d) => d / IMAGES))!).map((bound) => `+${(100 * bound).toFixed(1)}`);
  assert.match(shown.stdout, /robust,antifragile +3 +100\.0 +90\.0 ± 0\.0 +35\.5 ± 0\.5 +\+5\.0 \(.*\) +0\.0 \(0\.0…0\.0\)/);
  assert.ok(shown.stdout.includes(`+5.0 (${low}…${high})`), shown.stdout);
  assert.not.match(shown.stdout, /fgsm/);
  const written = await run("--out", "side", "--json");
  const printed = JSON.parse(written.stdout) as { files: string[]; rows: Compared[] };
  assert.equal(readdirSync(join(folder, "side")).sort(), ["comparison.arrow", "comparison.html", "comparison.svg"]);
  assert.equal([printed.files.length, printed.rows.length], [3, 9]);
  assert.equal(tableFromIPC(readFileSync(join(folder, "side/comparison.arrow"))).schema.fields.map(({ name }) => name), COMPARED_COLUMNS.map(({ name }) => name));
  const svg = readFileSync(join(folder, "side/comparison.svg"), "utf8");
  for (const text of ["Retraining of ResNet18 on mnist", "FGSM", "PGD", "robust,antifragile", "FGSM at 0.3: before 21.0"]) assert.ok(svg.includes(text), text);
  assert.match(readFileSync(join(folder, "side/comparison.html"), "utf8"), /<td>\+5\.0 \(\+\d\.\d to \+\d\.\d\)<\/td>/);
  const refused = async (words: string[], problem: RegExp): Promise<void> => {
    const ended = await run(...words);
    assert.ok(ended.code === 2 && ended.errors.length === 1, ended.stderr);
    assert.match(ended.errors[0], problem);
  };
  await refused(["--out", "side"], /comparison\.arrow: exists/);
  await refused(["all"], /retraining\.arrow: comes twice/);
  await refused(["--baseline", "none"], /--baseline: "none" is none of before; all; robust,antifragile/);
  await refused(["--epoch", "7"], /--epoch: 7 is missing for all of 1\.ckpt, seed 0/);
  await refused(["--epsilon", "0.5"], /--epsilon: leaves nothing; there are fgsm at 0\.1, fgsm at 0\.3, pgd at 0\.1/);
  await refused(["--confidence", "95"], /--confidence: takes a number between 0 and 1/);
  assert.not.ok(existsSync(join(folder, "comparison.html")));
});

test("names of variants do no harm in the page", () => {
  const compared = compareRetrainings(retrainings({ before: [1, 2], "<script>": [3, 4] })) as Compared[];
  assert.not.match(comparisonPage(compared, 0.95, "0.1.0"), /<script>/);
});

test.run();
