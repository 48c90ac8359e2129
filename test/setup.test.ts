/** bin/setup.js: what it derives and decides, and that it is quick when nothing is missing. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const root = fileURLToPath(new URL("../../", import.meta.url));
// Plain JavaScript without types, outside of the build.
const bin = (name: string) => import(new URL(`../../bin/${name}`, import.meta.url).href);
const { backportsSource, packagesAreStale, pruneOutputs, readTar } = await bin("setup.js");

const apt = suite("setup: apt sources");

apt("rewrites a deb822 stanza and keeps mirror, keyring and options", () => {
  const text = [
    "# a comment", "Types: deb deb-src", "URIs: http://mirror.example/debian", "Suites: bookworm bookworm-updates",
    "Components: main contrib", "Signed-By:", " -----BEGIN PGP PUBLIC KEY BLOCK-----", " .", " abc", "", "Types: deb",
    "URIs: http://mirror.example/debian-security", "Suites: bookworm-security", "Components: main", "",
  ].join("\n");
  const got = backportsSource([{ name: "a.sources", text }], "bookworm");
  assert.match(got.name, /\.sources$/);
  assert.is(got.text, [
    "Types: deb", "URIs: http://mirror.example/debian", "Suites: bookworm-backports", "Components: main", "Signed-By:",
    " -----BEGIN PGP PUBLIC KEY BLOCK-----", " .", " abc", "",
  ].join("\n"));
});

apt("rewrites a classic line and keeps its options", () => {
  const text = "# deb http://old.example/debian bookworm main\ndeb-src http://s.example/debian bookworm main\n" +
    "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib # here\n";
  const got = backportsSource([{ name: "sources.list", text }], "bookworm");
  assert.match(got.name, /\.list$/);
  assert.is(got.text, "deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm-backports main\n");
});

apt("adds nothing when backports are configured, and nothing can be derived from other sources", () => {
  const release = { name: "a.list", text: "deb http://mirror.example/debian bookworm main\n" };
  const there = { name: "b.sources", text: "Types: deb\nURIs: http://m.example\nSuites: bookworm-backports\nComponents: main\n" };
  assert.is(backportsSource([release, there], "bookworm"), "");
  const off = { name: "b.sources", text: "Enabled: no\n" + there.text };
  assert.match(backportsSource([release, off], "bookworm").text, /bookworm-backports main/);
  assert.is(backportsSource([{ name: "c.list", text: "deb https://tools.example stable main\n" }], "bookworm"), null);
});

apt.run();

const packages = suite("setup: npm packages and build");

packages("are stale when one is missing or of another version, not when an optional one is missing", () => {
  const lock = { packages: { "": {}, "node_modules/a": { version: "1.0.0" }, "node_modules/b": { version: "2.0.0", optional: true } } };
  assert.not(packagesAreStale(lock, { packages: { "node_modules/a": { version: "1.0.0" } } }));
  assert.ok(packagesAreStale(lock, { packages: { "node_modules/a": { version: "1.0.1" } } }));
  assert.ok(packagesAreStale(lock, { packages: {} }));
  assert.ok(packagesAreStale(lock, { packages: { "node_modules/a": { version: "1.0.0" }, "node_modules/c": { version: "1.0.0" } } }));
});

packages("outputs without a source are removed, others stay", () => {
  const folder = mkdtempSync(join(tmpdir(), "inferlink-setup-"));
  try {
    for (const path of ["src/io", "dist/src/io", "dist/test"]) mkdirSync(join(folder, path), { recursive: true });
    writeFileSync(join(folder, "src/io/kept.ts"), "");
    const outputs = ["src/io/kept.js", "src/io/kept.d.ts", "src/io/gone.js", "src/io/gone.js.map", "test/gone.test.js"];
    for (const path of outputs) writeFileSync(join(folder, "dist", path), "");
    pruneOutputs(folder, join(folder, "dist"));
    assert.equal(outputs.filter((path) => existsSync(join(folder, "dist", path))), ["src/io/kept.js", "src/io/kept.d.ts"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

packages("reads a tar archive", () => {
  const header = Buffer.alloc(512);
  header.write("bin/a.so", 0);
  header.write("00000000005\0", 124);
  header.write("0", 156);
  const tar = Buffer.concat([header, Buffer.from("hello"), Buffer.alloc(507), Buffer.alloc(1024)]);
  assert.equal([...readTar(tar)].map((f: { name: string; data: Buffer }) => [f.name, f.data.toString()]), [["bin/a.so", "hello"]]);
});

packages.run();

const whole = suite("setup: as a program");

whole("names the adapter in one line and does nothing the second time", () => {
  // The first run may have to build, when a source was edited since.
  const results = [1, 2].map(() => spawnSync(process.execPath, [join(root, "bin/setup.js")], { encoding: "utf8" }));
  const [, { status, stderr }] = results;
  assert.is(status, 0, stderr);
  assert.match(stderr.trim(), /^setup: nothing to do \(adapter: .+\)$/);
});

whole("the launcher is executable and passes the exit code on", () => {
  const launcher = join(root, "bin/wgpu-inferlink.js");
  if (process.platform !== "win32") assert.ok(statSync(launcher).mode & 0o100);
  assert.is(spawnSync(process.execPath, [launcher, "--help"]).status, 0);
  assert.is(spawnSync(process.execPath, [launcher, "no-such-command"]).status, 2);
});

whole.run();
