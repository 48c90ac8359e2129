/** docs/cluster.md: its files are what schedulers take, and their commands and variables mean what the page says. Slurm: test/cluster/slurm.sh. */
import { spawnSync } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse as parseYaml } from "yaml";
import { runOptions, type RunOptions } from "../src/cli/options.js";
import { parse } from "../src/cli/parser.js";
import type { Environment } from "../src/cli/running/shard.js";
import { preparePython } from "./support/python.js";
import { snippetsOf } from "./support/snippets.js";

const snippets = snippetsOf("docs/cluster.md");
const only = (language: string): string => {
  const found = snippets.filter((snippet) => snippet.language === language);
  assert.is(found.length, 1, language);
  return found[0].code;
};

/** A command of the page as the program reads it. */
async function read(words: string[], env: Environment): Promise<RunOptions> {
  assert.is(words[0], "wgpu-inferlink");
  const parsed = await parse(words.slice(1), "0.0.0");
  return runOptions(parsed!.args, env);
}

interface Job {
  spec: {
    completions: number;
    podFailurePolicy: { rules: { action: string; onExitCodes?: { values: number[] } }[] };
    template: { spec: { containers: { command: string[]; env: { name: string; value: string }[] }[] } };
  };
}

test("every pod of the Kubernetes job is another shard of the same sweep", async () => {
  const { spec } = parseYaml(only("yaml")) as Job;
  const [container] = spec.template.spec.containers;
  const env = Object.fromEntries(container.env.map(({ name, value }) => [name, value]));
  const shards = [];
  for (let index = 0; index < spec.completions; index++) {
    const { part, out } = await read(container.command, { ...env, JOB_COMPLETION_INDEX: `${index}` });
    assert.is(out, "sweep");
    shards.push(part.shard);
  }
  assert.equal(shards, Array.from({ length: spec.completions }, (_, i) => ({ index: i + 1, count: spec.completions })));
  const failing = spec.podFailurePolicy.rules.find(({ action }) => action === "FailJob")!.onExitCodes!.values;
  assert.not.ok(failing.includes(75) || failing.includes(143), "these go on");
});

const { python, reason } = preparePython("wgpu-inferlink-kubernetes", ["kubernetes-validate"]);
if (reason) console.log(`skipped "the job fits Kubernetes' schema": ${reason}`);

(reason ? test.skip : test)("the job fits Kubernetes' schema, strictly", () => {
  const script = "import sys, yaml, kubernetes_validate; print(kubernetes_validate.validate(yaml.safe_load(sys.stdin), '1.31', strict=True))";
  const valid = spawnSync(python, ["-c", script], { input: only("yaml"), encoding: "utf8" });
  assert.is(valid.status, 0, valid.stderr);
  const broken = spawnSync(python, ["-c", script], { input: only("yaml").replace("completions:", "completion:"), encoding: "utf8" });
  assert.is.not(broken.status, 0, "a misspelt field is noticed");
});

test("the Slurm file's command is a shard in every task of its array", async () => {
  const text = only("sbatch");
  const [, first, last] = /--array=(\d+)-(\d+)/.exec(text)!.map(Number);
  const words = /^srun (wgpu-inferlink .*)$/m.exec(text)![1].split(" ");
  for (const task of [first, last]) {
    const env = { SLURM_ARRAY_TASK_ID: `${task}`, SLURM_ARRAY_TASK_MIN: `${first}`, SLURM_ARRAY_TASK_MAX: `${last}`, SLURM_ARRAY_TASK_COUNT: `${last - first + 1}` };
    const { part, deadline } = await read(words, env);
    assert.equal(part.shard, { index: task - first + 1, count: last - first + 1 });
    assert.is(deadline, 55 * 60);
  }
});

test("every other command of the page is one", async () => {
  for (const { code } of snippets.filter(({ language }) => language === "sh")) {
    for (const [, text] of code.replaceAll("{}", "2").matchAll(/(wgpu-inferlink [^"#:\n]*)/g)) assert.ok(await parse(text.trim().split(/\s+/).slice(1), "0.0.0"), text);
  }
  assert.is(spawnSync("python3", ["-c", "import ast, sys; ast.parse(sys.stdin.read())"], { input: only("python") }).status ?? 0, 0);
});

test.run();
