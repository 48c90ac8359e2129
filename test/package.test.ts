/** The package as npm packs it: what is in it, that a TypeScript user's compiler takes it, and that the documented script runs. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PACKAGE_ROOT } from "../src/package.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { curveRows, writeRun } from "./support/plotRows.js";

/** A user's project: the packed package and what it depends on, but none of its tools. */
const project = temporaryFolder();
const installed = join(project, "node_modules/wgpu-inferlink");
let packed: string[] = [];

function run(program: string, args: string[], cwd = project): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(program, args, { cwd, encoding: "utf8", maxBuffer: 1 << 26, timeout: 240_000 });
}

function npm(args: string[]): string {
  const script = process.env.npm_execpath;
  const done = script?.endsWith("npm-cli.js") ? run(process.execPath, [script, ...args], PACKAGE_ROOT) : run("npm", args, PACKAGE_ROOT);
  assert.is(done.status, 0, done.stderr);
  return done.stdout;
}

/** Links a package of ours into the project. */
function link(path: string): void {
  mkdirSync(dirname(join(project, path)), { recursive: true });
  symlinkSync(join(PACKAGE_ROOT, path), join(project, path), "junction");
}

test.before(() => {
  // --ignore-scripts: prepack would compile once more, beside tests that run what was compiled.
  const [archive] = JSON.parse(npm(["pack", "--ignore-scripts", "--json", "--pack-destination", project])) as { filename: string; files: { path: string }[] }[];
  packed = archive.files.map(({ path }) => path);
  mkdirSync(installed, { recursive: true });
  assert.is(run("tar", ["-xzf", archive.filename, "-C", installed, "--strip-components=1"]).status, 0);
  // npm's own list of what it installed says which packages a user wouldn't get.
  const { packages } = JSON.parse(readFileSync(join(PACKAGE_ROOT, "node_modules/.package-lock.json"), "utf8")) as { packages: Record<string, { dev?: boolean }> };
  for (const [path, { dev }] of Object.entries(packages)) if (!dev && !path.includes("/node_modules/")) link(path);
  for (const path of ["node_modules/@types/node", "node_modules/undici-types"]) link(path);
  writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
});

test("holds what it needs to run, and nothing of its workshop", () => {
  const needed = ["LICENSE", "README.md", "bin/wgpu-inferlink.js", "bin/setup.js", "bin/vulkan.js", "dist/src/index.js", "dist/src/index.d.ts", "docs/library.md", "package.json", "report/report.html", "shaders/conv2d.wgsl"];
  for (const path of needed) assert.ok(packed.includes(path), `${path} is missing`);
  for (const path of packed) assert.match(path, /^(LICENSE|README\.md|package\.json|bin\/|dist\/src\/|docs\/|report\/|shaders\/|fixtures\/(demo\/|golden\/|README\.md$))/);
});

/** The scripts in docs/library.md, in their order. */
const scripts = [...readFileSync(join(PACKAGE_ROOT, "docs/library.md"), "utf8").matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code);

function compile(options: object, files: string[]): { status: number | null; stdout: string } {
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: { strict: true, skipLibCheck: false, target: "ES2022", module: "NodeNext", types: ["node"], ...options }, files }));
  return run(process.execPath, [join(PACKAGE_ROOT, "node_modules/typescript/bin/tsc"), "-p", "."]);
}

test("the documented scripts pass a strict compiler that has nothing but Node's types, and the first one runs to its end", () => {
  assert.is(scripts.length, 3);
  scripts.forEach((code, i) => writeFileSync(join(project, `script${i}.ts`), code));
  const compiled = compile({}, scripts.map((_, i) => `script${i}.ts`));
  assert.is(compiled.status, 0, compiled.stdout);
  const ran = run(process.execPath, ["script0.js"]);
  assert.is(ran.status, 0, ran.stderr);
  assert.match(ran.stdout, /^fc: \d+\.\d % of the weights left, alpha -?0\.\d{3}\n$/);
});

test("wrong options and fields do not compile", () => {
  writeFileSync(join(project, "wrong.ts"), `import { sweep } from "wgpu-inferlink";
for await (const row of sweep({ thresholds: 3 })) {
  const filter: "h_a" | "h_b" | "h_c" | "magnitude" = row.filter;
  // @ts-expect-error no such column
  console.log(filter, row.accuracy);
}
// @ts-expect-error no such option
sweep({ treshold: 3 });
// @ts-expect-error the notebooks' name
sweep({ filters: ["minmax"] });
`);
  const compiled = compile({ noEmit: true }, ["wrong.ts"]);
  assert.is(compiled.status, 0, compiled.stdout);
});

test("require() finds it, too", () => {
  const ran = run(process.execPath, ["--input-type=commonjs", "-e", `console.log(typeof require("wgpu-inferlink").sweep, require("wgpu-inferlink/package.json").name)`]);
  assert.is(ran.stdout, "function wgpu-inferlink\n", ran.stderr);
});

test("its command line runs from there", () => {
  const ran = run(process.execPath, [join(installed, "bin/wgpu-inferlink.js"), "--version"]);
  assert.is(ran.stdout, `${JSON.parse(readFileSync(join(installed, "package.json"), "utf8")).version}\n`, ran.stderr);
});

test("and draws from there", async () => {
  mkdirSync(join(project, "run"));
  await writeRun([curveRows({ clean: [9, 8], adv: [1, 0] })], { folder: join(project, "run") });
  const ran = run(process.execPath, [join(installed, "bin/wgpu-inferlink.js"), "plot", "run"]);
  assert.is(ran.status, 0, ran.stderr);
  assert.match(readFileSync(join(project, "run/report.html"), "utf8"), /const module0 = /);
});

test.run();
