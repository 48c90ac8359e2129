/** `verify`: the whole network on the user's adapter against golden values, with the differences. */
import { EXIT } from "../../errors.js";
import { openDevice } from "../../run/open.js";
import { compareOutcomes, computeOutcomes, GOLDEN_CASES, goldenOutcome, isSame, TOLERANCE, type Differences, type GoldenCase } from "../../verify/golden.js";
import type { Command } from "../command.js";
import { JSON_FLAG, KERNELS_FLAG } from "../command.js";
import { kernelsOf } from "../options.js";
import type { Kernels } from "../../layout/blocks.js";
import { columns } from "../table.js";
import { choice, distinct, list, type Given } from "../values.js";
import { bold, say } from "../terminal.js";

interface Verified extends Differences {
  network: string;
  same: boolean;
}

const DESCRIPTIONS: Record<string, string> = {
  demo: "ResNet-18, 28x28x1, 10 classes, trained",
  random32: "ResNet-18, 32x32x3, 10 classes",
  random64: "ResNet-18, 64x64x3, 200 classes",
  resnet50: "ResNet-50, 28x28x1",
  resnext: "ResNeXt-14, 23x21x3",
  "resnet18-cifar": "ResNet-18 with a small stem, 17x19x3",
  resnet20: "ResNet-20, 17x18x3",
  squeezenet1_0: "SqueezeNet 1.0, 31x29x3",
  squeezenet1_1: "SqueezeNet 1.1, 28x28x1",
  shufflenet_v2: "ShuffleNet V2, 28x28x1",
  vgg11_bn: "VGG-11 with batch norm, 32x33x3",
  "vgg13-cifar": "VGG-13 with one linear layer, 32x32x3",
  mobilenet_v2: "MobileNet V2, 28x28x1",
  densenet: "DenseNet-23, 35x33x1",
};

const describe = ({ name, batchNorm }: GoldenCase): string => `${DESCRIPTIONS[name]}${batchNorm === "batch" ? ", batch's own statistics" : ""}`;

/** Of the two stacked networks the worse value each. */
function worse(a: Differences, b: Differences): Differences {
  return { images: a.images, logits: Math.max(a.logits, b.logits), loss: Math.max(a.loss, b.loss), signs: Math.min(a.signs, b.signs) };
}

const percent = (fraction: number): string => `${(100 * fraction).toFixed(3)} %`;

function table(verified: Verified[]): string {
  const head = ["network", "images", "logits off by", "loss off by", "gradient's signs equal", ""];
  const body = verified.map(({ network, images, logits, loss, signs, same }) => [network, `${images}`, logits.toExponential(1), loss.toExponential(1), percent(signs), same ? "same" : "DIFFERENT"]);
  const [first, ...rest] = columns([head, ...body]);
  return [bold(first, process.stdout), ...rest].join("\n");
}

export async function verify({ cases = GOLDEN_CASES, ...options }: { adapter: string | null; kernels?: Kernels; json: boolean; cases?: GoldenCase[] }): Promise<number> {
  const gpu = await openDevice({ adapter: options.adapter ?? undefined, kernels: options.kernels });
  try {
    const { name, description, type, backend } = gpu.adapter;
    say(`${name} (${type}): computing ${cases.length} networks by the kernels for ${gpu.kernels}`);
    const verified: Verified[] = [];
    for (const golden of cases) {
      const expected = goldenOutcome(golden);
      const [first, second] = await computeOutcomes(gpu, golden);
      const differences = worse(compareOutcomes(first, expected), compareOutcomes(second, expected));
      verified.push({ network: describe(golden), ...differences, same: isSame(differences) });
    }
    const same = verified.every((entry) => entry.same);
    if (options.json) process.stdout.write(`${JSON.stringify({ same, adapter: { name, description, type, backend }, kernels: gpu.kernels, tolerance: TOLERANCE, networks: verified }, null, 2)}\n`);
    else {
      const verdict = same ? "This adapter computes what PyTorch does." : "This adapter does NOT compute what PyTorch does: update its driver, or choose another by --adapter.";
      const legend = `Largest differences relative to the largest value; allowed are ${TOLERANCE.logits} for logits and loss, and ${percent(TOLERANCE.signs)} of the signs.`;
      process.stdout.write(`${table(verified)}\n\n${legend}\n${verdict}\n`);
    }
    return same ? EXIT.done : EXIT.noAdapter;
  } finally {
    gpu.close();
  }
}

/** @throws OptionError for a name that is none of the networks' */
function casesOf(given: Given): GoldenCase[] {
  const names = list("network", given)?.map((name) => choice("network", name, Object.fromEntries(Object.keys(DESCRIPTIONS).map((known) => [known, known]))));
  return names ? GOLDEN_CASES.filter(({ name }) => distinct("network", names).includes(name)) : GOLDEN_CASES;
}

export const verifyCommand: Command = {
  flags: {
    network: { type: "string", requiresArg: true, completes: { someOf: Object.keys(DESCRIPTIONS) }, description: `Networks to compute, by commas: ${Object.keys(DESCRIPTIONS).join(", ")}`, defaultDescription: "all of them" },
    adapter: { type: "string", requiresArg: true, description: "Index, or part of the name, as `devices` shows them", defaultDescription: "the first" },
    ...KERNELS_FLAG, ...JSON_FLAG,
  },
  describe: (y) => y.usage("$0 verify [options]\n\nRuns whole networks on the adapter and compares logits, losses and input gradients with stored values that PyTorch\ncomputed. Ends with 0 when they are the same, with 69 when not."),
  run: (args) => verify({ adapter: (args.adapter as string | undefined) ?? null, kernels: kernelsOf(args), json: args.json === true, cases: casesOf(args.network as Given) }),
};
