/** report.html and the SVG files in a real browser, from disk: what can be seen, chosen, hovered and sorted, and what can't run. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { curvesOf } from "../src/analysis/curves.js";
import { scoreOf } from "../src/analysis/scores.js";
import { plotData } from "../src/plot/data.js";
import { figuresOf } from "../src/plot/figures.js";
import { reportPage } from "../src/plot/report.js";
import { loadRun } from "../src/results/loadRun.js";
import { openBrowser } from "./support/browser.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { curveRows, loadCut, sweepRows, writeRun } from "./support/plotRows.js";

const opened = await openBrowser();
const browser = opened as Browser;
if (typeof opened === "string") console.log(`\n*** ${opened}\n`);

const folder = temporaryFolder();
/** What a page did that it must not: errors, console output, requests beyond itself. */
const complaints: string[] = [];

async function open(name: string, html: string, look: { colorScheme?: "light" | "dark"; width?: number } = {}): Promise<Page> {
  const path = join(folder, name);
  writeFileSync(path, html);
  const page = await browser.newPage({ colorScheme: look.colorScheme ?? "light", viewport: { width: look.width ?? 1200, height: 800 } });
  const url = pathToFileURL(path).href;
  page.on("console", (message) => complaints.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("request", (request) => void (request.url() === url || complaints.push(`request: ${request.url()}`)));
  page.on("requestfailed", (request) => complaints.push(`failed: ${request.url()} (${request.failure()?.errorText})`));
  await page.goto(url);
  return page;
}

/** Chooses by what the reader sees. */
const choose = (page: Page, id: string, label: string) => page.locator(`#${id}`).selectOption({ label });
/** Goes to a figure and waits until it shows the text: figures are drawn one after another. */
async function shows(page: Page, figure: string, text: string): Promise<void> {
  await page.locator(`#${figure}`).scrollIntoViewIfNeeded();
  await page.locator(`#${figure} svg text`, { hasText: text }).first().waitFor({ timeout: 20_000 });
}

/** Asks until it is so; the page's own policy forbids waiting within it. */
async function until(page: Page, expression: string): Promise<void> {
  const last = Date.now() + 20_000;
  while (!(await page.evaluate<boolean>(expression))) assert.ok(Date.now() < last, `never came: ${expression}`);
}

const checkpoints = [1, 2].flatMap((init) => [5, 10].map((epoch) => ({ path: `Init_${init}/${epoch}epochs.ckpt`, init, epoch })));
const groups = sweepRows(checkpoints);
const rows = groups.flat();
const page = typeof opened === "string" ? null! : await open("sweep.html", reportPage(plotData([await loadRun(await writeRun(groups))]), "1.2.3"));

const report = suite("report in a browser");
/** A test at whose end no page may have complained. */
function check(name: string, body: () => Promise<void>): void {
  (typeof opened === "string" ? report.skip : report)(name, async () => {
    complaints.length = 0;
    await body();
    assert.equal(complaints, []);
  });
}
report.after(async () => {
  if (typeof opened !== "string") await browser.close();
});

check("opens from disk with every figure, without a word on the console", async () => {
  await page.reload();
  for (const figure of ["response", "epochs", "heat-clean", "heat-adversarial", "heat-difference", "scores"]) {
    await page.locator(`#${figure} svg`).waitFor();
    assert.ok(await page.locator(`#${figure} svg`).getAttribute("aria-labelledby"));
  }
  assert.match((await page.locator("footer").textContent())!, /wgpu-inferlink 1\.2\.3/);
  assert.is(await page.locator("#score-table tbody tr").count(), 9);
});

check("the chooser changes the figures and tables", async () => {
  assert.equal(await page.locator("#checkpoint option").allTextContents(), ["init 1, epoch 5", "init 1, epoch 10", "init 2, epoch 5", "init 2, epoch 10"]);
  await choose(page, "layer", "fc");
  await shows(page, "response", "Response of fc to synaptic filtering");
  await choose(page, "epsilon", "0.3");
  await page.locator("#heat-adversarial svg text", { hasText: "ε = 0.3" }).waitFor({ timeout: 20_000 });
  await choose(page, "checkpoint", "init 2, epoch 10");
  await choose(page, "filter", "h_c");
  assert.is(await page.locator("#layer option:checked").textContent(), "fc", "the layer stays chosen");
  await shows(page, "scores", "Scores of the layers, ε = 0.3");
  await shows(page, "scores", "ResNet18 on mnist, init 2, epoch 10");
  assert.is(await page.locator("#scores .tip").count(), 3, "one panel of three layers");
  const scores = curvesOf(rows).filter((curve) => curve.init === 2 && curve.epoch === 10 && curve.filter === "h_c" && curve.epsilon === 0.3).map((curve) => scoreOf(curve));
  const shown = await page.locator("#score-table tbody tr").evaluateAll((lines) => lines.map((line) => [...line.children].map((cell) => cell.textContent)));
  assert.equal(shown.map((line) => [line[0], line[1]]), [["conv1", "h_c"], ["layer1.0.conv1", "h_c"], ["fc", "h_c"]]);
  shown.forEach((line, i) => {
    assert.equal([line[5], line[6]].map((text) => Number(text!.replace("\u2212", "-"))), [scores[i].s_clean!, scores[i].s_adv!].map((value) => Number(value.toFixed(3))));
    assert.equal([line[8], line[9]], [scores[i].class_clean, scores[i].class_adv]);
  });
  assert.is(await page.locator("#score-table tr.chosen").count(), 1);
});

check("a pointer over a curve and over a cell is told the values of the rows; a click on a cell chooses its layer", async () => {
  await choose(page, "checkpoint", "init 1, epoch 5");
  await choose(page, "filter", "all");
  await choose(page, "layer", "conv1");
  await shows(page, "response", "Response of conv1 to");
  await page.locator("#response [data-tip]").nth(5 + 3).hover();
  const tip = (await page.locator("#tip").innerText()).split("\n");
  const of = (epsilon: number) => rows.find((r) => r.init === 1 && r.epoch === 5 && r.layer === "conv1" && r.filter === "h_b" && r.epsilon === epsilon && r.threshold_index === 3)!;
  assert.equal(tip, [
    `conv1, h_b, α = \u22120.1 (4 of 5)`,
    `clean: ${(of(0.1).correct_clean / 2).toFixed(1)}\u202f% (${of(0.1).correct_clean} of 200)`,
    `adversarial, ε 0.1: ${(of(0.1).correct_adv / 2).toFixed(1)}\u202f% (${of(0.1).correct_adv} of 200)`,
    `adversarial, ε 0.3: ${(of(0.3).correct_adv / 2).toFixed(1)}\u202f% (${of(0.3).correct_adv} of 200)`,
    "density: 70.0\u202f% (300 of 1000 weights removed)",
  ]);
  await shows(page, "heat-difference", "What the attack costs");
  const cell = page.locator('#heat-difference [data-layer="fc"]').first();
  await cell.hover();
  assert.match(await page.locator("#tip").innerText(), /^fc, h_a, α = \u22120\.2 \(1 of 5\)\nclean: 98\.0/);
  await cell.click();
  assert.is(await page.locator("#layer option:checked").textContent(), "fc");
});

check("the keyboard alone reads values and sorts the table", async () => {
  await shows(page, "response", "Response of fc");
  await page.locator("#response").focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  assert.match(await page.locator("#tip").innerText(), /\(2 of 5\)/);
  assert.match((await page.locator("#told").textContent())!, /\(2 of 5\)/, "and has it read out");
  await page.keyboard.press("Escape");
  assert.ok(await page.locator("#tip").isHidden());
  const heading = page.locator("#score-table th:nth-child(6)");
  assert.is(await heading.textContent(), "S clean");
  await heading.locator("button").focus();
  const column = () => page.locator("#score-table tbody tr td:nth-child(6)").evaluateAll((cells) => cells.map((cell) => Number(cell.textContent!.replace("\u2212", "-"))));
  for (const [order, sign] of [["ascending", 1], ["descending", -1]] as const) {
    await page.keyboard.press("Enter");
    assert.is(await heading.getAttribute("aria-sort"), order);
    const values = await column();
    assert.is(values.length, 9);
    assert.equal(values, values.toSorted((a, b) => sign * (a - b)));
  }
});

check("wide or narrow, nothing sticks out and nothing is too small to read", async () => {
  for (const width of [360, 700, 1600]) {
    await page.setViewportSize({ width, height: 800 });
    await page.locator("#response").scrollIntoViewIfNeeded();
    // Drawn anew for this width: neither shrunk nor short of it.
    await until(page, `(() => { const [svg, box] = ["#response svg", "#response"].map((each) => document.querySelector(each)); return svg.viewBox.baseVal.width === box.clientWidth && svg.getBoundingClientRect().width === box.clientWidth; })()`);
    assert.ok((await page.evaluate<number>("document.documentElement.scrollWidth")) <= width, `at ${width}`);
  }
});

check("what checkpoints and layers are called is shown, and never run", async () => {
  const evil = `</script><script>document.title = "run"</script><img src=x onerror="document.title = 'run'">\u0001{{script}}$&`;
  const run = await loadRun(await writeRun([curveRows({ checkpoint: evil, network: evil, layer: evil, clean: [9, 8], adv: [1, 0] }), curveRows({ checkpoint: "b", clean: [9, 8], adv: [1, 0] })]));
  run.folder = join("runs", "<img src=x onerror=alert(1)>");
  const hostile = await open("hostile.html", reportPage(plotData([run]), "1"));
  await hostile.locator("#response svg").waitFor();
  assert.is(await hostile.title(), "Synaptic filtering: <img src=x onerror=alert(1)>");
  assert.is(await hostile.locator("img").count(), 0);
  assert.is(await hostile.locator("script").count(), 2);
  assert.ok((await hostile.locator("#response svg").textContent())!.includes(`document.title = "run"`));
  await hostile.close();
});

check("nothing but the page's own script may run in it, and nothing is fetched", async () => {
  const html = reportPage(plotData([await loadRun(await writeRun([curveRows({ clean: [9, 8], adv: [1, 0] })]))]), "1");
  const injected = html.replace("</body>", "<script>document.title = 'run'</script><p onclick=\"document.title = 'run'\" id=p>x</p><img src=\"http://localhost:9/x.png\"></body>");
  const guarded = await open("guarded.html", injected);
  await guarded.locator("#p").click();
  assert.is.not(await guarded.title(), "run");
  const refused = complaints.filter((text) => /^console: .*Content Security Policy/s.test(text));
  assert.is(refused.length, 3, complaints.join("\n"));
  assert.equal(complaints.filter((text) => !refused.includes(text)), ["request: http://localhost:9/x.png", "failed: http://localhost:9/x.png (csp)"]);
  complaints.length = 0;
  await guarded.close();
});

check("dark where the reader's system is", async () => {
  const html = readFileSync(join(folder, "sweep.html"), "utf8");
  const colours: string[][] = [];
  for (const colorScheme of ["light", "dark"] as const) {
    const shown = await open(`${colorScheme}.html`, html, { colorScheme });
    await shown.locator("#response svg").waitFor();
    colours.push(await shown.evaluate<string[]>(`[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector("#response .f-ink")).fill, getComputedStyle(document.querySelector("#response .s-clean")).stroke]`));
    await shown.close();
  }
  assert.equal(colours, [["rgb(245, 246, 248)", "rgb(28, 33, 39)", "rgb(0, 114, 178)"], ["rgb(13, 16, 20)", "rgb(230, 233, 236)", "rgb(86, 180, 233)"]]);
});

check("a network of 160 layers with long names: nothing is written over anything, nothing leaves its figure", async () => {
  const layers = Array.from({ length: 160 }, (_, i) => `features.denseblock${1 + (i >> 6)}.denselayer${1 + ((i >> 1) % 32)}.conv${1 + (i % 2)}`);
  const thresholds = Array.from({ length: 10 }, (_, i) => i);
  const deep = layers.flatMap((layer, l) => (["h_a", "h_b", "h_c"] as const).flatMap((filter) => curveRows({ layer, layer_index: l, filter, epsilon: 0.1, clean: thresholds.map((i) => 190 - 6 * i - (l % 9)), adv: thresholds.map((i) => 160 - 5 * i - (l % 7)) })));
  const html = reportPage(plotData([await loadRun(await writeRun([deep]))]), "1");
  for (const width of [1200, 420]) {
    const tall = await open(`deep-${width}.html`, html, { width });
    for (const figure of ["heat-clean", "heat-difference", "scores"]) {
      await shows(tall, figure, "conv2");
      const found = await tall.evaluate<{ texts: number; over: string[]; outside: string[] }>(`(() => {
        const svg = document.querySelector("#${figure} svg");
        const box = svg.getBoundingClientRect();
        const texts = [...svg.querySelectorAll("text")].map((text) => ({ text: text.textContent, at: text.getBoundingClientRect() })).sort((a, b) => a.at.top - b.at.top);
        const over = [];
        texts.forEach(({ text, at }, i) => {
          for (let j = i + 1; j < texts.length && texts[j].at.top < at.bottom - 4; j++) {
            const other = texts[j].at;
            if (other.left < at.right - 1 && at.left < other.right - 1) over.push(text + " / " + texts[j].text);
          }
        });
        return { texts: texts.length, over, outside: texts.filter(({ at }) => at.left < box.left - 1 || at.right > box.right + 1).map(({ text }) => text) };
      })()`);
      assert.ok(found.texts > 160, `${found.texts} texts`);
      assert.equal([found.over.slice(0, 5), found.outside.slice(0, 5)], [[], []], `${figure}, ${width} pixels`);
    }
    await tall.close();
  }
});

check("a cut run, one threshold, no score: the page says so and works", async () => {
  const cut = await open("cut.html", reportPage(plotData([await loadCut(await writeRun([curveRows({ clean: [0], adv: [0] })], { cut: true }))]), "1"));
  await cut.locator("#response svg").waitFor();
  assert.match((await cut.locator(".notice").first().textContent())!, /^Unfinished run: 1 rows/);
  assert.match((await cut.locator("#score-table").textContent())!, /no value: there is one threshold only/);
  assert.ok(await cut.locator("#epochs-section").isHidden());
  await cut.close();
});

check("every SVG file is well-formed, has a title, and follows the reader's colours", async () => {
  const evil = `<&"'>\u0002\ud800 layer`;
  const run = await loadRun(await writeRun([...groups, curveRows({ layer: evil, checkpoint: evil, clean: [9, 8], adv: [1, 0] })]));
  const blank = await open("blank.html", "<!doctype html>");
  let files = 0;
  for (const { path, draw } of figuresOf(plotData([run]))) {
    const [problem, title] = await blank.evaluate<[string | null, string]>(`(() => {
      const parsed = new DOMParser().parseFromString(${JSON.stringify(draw())}, "image/svg+xml");
      return [parsed.querySelector("parsererror")?.textContent ?? null, parsed.querySelector("svg > title")?.textContent ?? ""];
    })()`);
    assert.is(problem, null, path);
    assert.ok(title.length > 5, path);
    files += 1;
  }
  assert.ok(files > 50);
  await blank.close();
  const [{ draw }] = figuresOf(plotData([run]));
  const dark = await open("figure.svg", draw(), { colorScheme: "dark" });
  assert.is(await dark.evaluate<string>(`getComputedStyle(document.querySelector(".f-paper")).fill`), "rgb(21, 25, 30)");
  await dark.close();
});

report.run();
