/** What users get wrong, through the real program: one line that names the file, and the right exit code. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readCheckpoint } from "../src/inputs/weights.js";
import { PACKAGE_ROOT } from "../src/package.js";
import { DEMO_CHECKPOINT, DEMO_DATA, hostileCheckpoint, idx, temporaryFolder, withTensor, writeMnist, writeSafetensors } from "./support/cliFiles.js";
import { cli } from "./support/cliProcess.js";

const folder = temporaryFolder();
const small = ["--limit", "8", "--thresholds", "2", "--layers", "fc"];

async function refused(code: number, message: RegExp, args: string[]): Promise<void> {
  const ended = await cli(args, { cwd: folder });
  assert.is(ended.code, code, ended.stderr);
  assert.is(ended.errors.length, 1, ended.stderr);
  assert.match(ended.errors[0], message);
  assert.not.match(ended.stderr, /\n {4}at /);
  assert.is(ended.stdout, "");
}

const checkpointCase = (name: string, bytes: () => Buffer | Promise<Buffer>, message: RegExp): void => {
  test(`a checkpoint that is ${name}`, async () => {
    const file = join(folder, `${name.replaceAll(" ", "-")}.ckpt`);
    writeFileSync(file, await bytes());
    for (const command of [["inspect", file], ["run", "--checkpoint", file, "--data", DEMO_DATA, ...small]]) await refused(65, message, command);
  });
};

checkpointCase("empty", () => Buffer.alloc(0), /empty\.ckpt: /);
checkpointCase("cut", () => readFileSync(DEMO_CHECKPOINT).subarray(0, 100_000), /cut\.ckpt: /);
checkpointCase("of wrong magic", () => Buffer.from("GIF89a, not a network at all, but long enough to look at"), /of-wrong-magic\.ckpt: is not a checkpoint/);
checkpointCase("hostile", () => hostileCheckpoint(`touch ${join(folder, "executed")}`), /hostile\.ckpt: .*system/);
test("the hostile pickle was not executed", () => assert.not.ok(existsSync(join(folder, "executed"))));

test("a missing checkpoint", () => refused(65, /nowhere\.ckpt: does not exist/, ["inspect", "nowhere.ckpt"]));

const tensorCase = (name: string, tensor: string, change: Parameters<typeof withTensor>[2], message: RegExp): void => {
  test(`a checkpoint with ${name}`, async () => {
    const file = join(folder, `${name.replaceAll(" ", "-")}.safetensors`);
    writeSafetensors(file, withTensor(await readCheckpoint(DEMO_CHECKPOINT), tensor, change));
    await refused(65, message, ["run", "--checkpoint", file, "--data", DEMO_DATA, ...small]);
  });
};

tensorCase("NaN", "layer2.0.conv1.weight", ({ shape, data }) => ({ shape, data: data.with(5, Number.NaN) }), /NaN\.safetensors: .*NaN.*layer2\.0\.conv1\.weight/);
tensorCase("a missing tensor", "layer3.1.conv2.weight", () => null, /layer3\.1\.conv2\.weight/);
tensorCase("a misshapen tensor", "layer3.1.conv2.weight", ({ data }) => ({ shape: [data.length], data }), /layer3\.1\.conv2\.weight/);
tensorCase("another stem", "conv1.weight", ({ shape: [out] }) => ({ shape: [out, 3, 7, 7], data: new Float32Array(out * 147).fill(0.1) }), /another-stem\.safetensors: .*3 channels/);

test("a checkpoint of another network", async () => {
  const file = join(folder, "vgg.safetensors");
  writeSafetensors(file, new Map([["features.0.weight", { shape: [4, 1, 3, 3], data: new Float32Array(36) }]]));
  await refused(65, /vgg\.safetensors: .*(conv1|ResNet)/, ["run", "--checkpoint", file, "--data", DEMO_DATA, ...small]);
});

const dataCase = (name: string, make: (data: string) => void, message: RegExp): void => {
  test(`data with ${name}`, async () => {
    const data = join(folder, name.replaceAll(" ", "-"));
    mkdirSync(data);
    make(data);
    await refused(65, message, ["run", "--checkpoint", DEMO_CHECKPOINT, "--data", data, ...small]);
  });
};

dataCase("labels out of range", (data) => writeMnist(data, [1, 2, 11], 3), /labels.*label 11/);
dataCase("more images than labels", (data) => writeMnist(data, [1, 2], 3), /t10k-.*(3|2) (images|labels)/);
dataCase("nothing in it", () => undefined, /nothing-in-it: /);
dataCase("a cut file", (data) => {
  writeMnist(data, [1, 2], 2);
  writeFileSync(join(data, "t10k-images-idx3-ubyte"), idx([2, 28, 28], new Uint8Array(1000)));
}, /t10k-images/);
dataCase("wrong magic", (data) => {
  writeMnist(data, [1], 1);
  writeFileSync(join(data, "t10k-images-idx3-ubyte"), Buffer.alloc(900, 7));
}, /t10k-images/);
test("images too small for a network", async () => {
  const data = join(folder, "tiny");
  mkdirSync(data);
  writeMnist(data, [1], 1);
  writeFileSync(join(data, "t10k-images-idx3-ubyte"), idx([1, 4, 4], new Uint8Array(16)));
  const squeezenet = join(PACKAGE_ROOT, "fixtures/golden/networks/squeezenet1_1.safetensors");
  await refused(65, /squeezenet1_1\.safetensors: is a SqueezeNet, taken with a 3x3 stem of stride 2 and a max-pool, which can't take the mnist images of 4x4 pixels: layer features\.2 /, ["run", "--checkpoint", squeezenet, "--data", data]);
  await refused(2, /--stem-stride/, ["run", "--checkpoint", squeezenet, "--data", data, "--stem-stride", "0"]);
});
test("data that isn't there", () => refused(65, /nowhere: does not exist/, ["run", "--checkpoint", DEMO_CHECKPOINT, "--data", "nowhere", ...small]));

test("a slip in a layer's name", () => refused(2, /layer4\.1\.conv3.*did you mean "layer4\.1\.conv[12]"/, ["run", "--layers", "layer4.1.conv3", "--limit", "8"]));
test("a slip in a flag", () => refused(2, /did you mean --layers\?/, ["run", "--layer", "fc"]));
test("a slip in a command", () => refused(2, /did you mean run\?/, ["rnu"]));
test("no command", () => refused(2, /name a command/, []));
test("an adapter that isn't there", () => refused(69, /no adapter matches "Voodoo2"/, ["run", "--adapter", "Voodoo2", ...small]));

test("no permission to write", async () => {
  if (process.getuid?.() === 0) {
    writeFileSync(join(folder, "file"), "");
    await refused(74, /file.run: /, ["run", "--out", "file/run", ...small]);
    if (existsSync("/proc/self")) await refused(74, /\/proc\/run: /, ["run", "--out", "/proc/run", ...small]);
  } else {
    mkdirSync(join(folder, "sealed"), { mode: 0o500 });
    await refused(74, /sealed.run: permission denied/, ["run", "--out", "sealed/run", ...small]);
  }
});

const full = join(folder, "full");
mkdirSync(full);
const mounted = process.getuid?.() === 0 && spawnSync("mount", ["-t", "tmpfs", "-o", "size=4k", "tmpfs", full]).status === 0;
(mounted ? test : test.skip)("a full disk (skipped where a small one can't be mounted)", async () => {
  await refused(74, /full.run.*no space left/, ["run", "--out", join(full, "run"), ...small]);
});
test.after(() => void (mounted && spawnSync("umount", [full])));

test.run();
