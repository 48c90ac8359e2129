/** What `bench` was asked for: every list by commas makes a cross product, what belongs together in one case is joined by +. */
import type { Options } from "yargs";
import { crossProduct, WORKS, type Case, type SweepSize, type Work } from "../../bench/case.js";
import { architectureOf } from "../../bench/networks.js";
import { defaultPython, knownPeers, peersAreHere, selectPeers, type Peer } from "../../bench/peers.js";
import { isProgram } from "../../bench/programs.js";
import { OUTPUTS, type Output } from "../../bench/report.js";
import type { Kernels, MapShape } from "../../layout/blocks.js";
import { MEMBERS } from "../../model/networks/table.js";
import { DEFAULT_CONFIG } from "../../sweep/config.js";
import { FILTER_NAMES } from "../choices.js";
import { CONFIG_FLAG, JSON_FLAG, KERNELS_FLAG, type Flag } from "../command.js";
import { type Arguments, kernelsOf } from "../options.js";
import { choice, distinct, list, number, single, whole, wrong, type Given } from "../values.js";

export interface BenchOptions {
  cases: Case[];
  repetitions: number;
  warmup: boolean;
  output: Output;
  /** Empty: nothing is compared. */
  peers: Peer[];
  adapter: string | null;
  kernels: Kernels | undefined;
  tune: boolean;
  quiet: boolean;
  /** Null: the cases are measured. */
  growth: { base: Case; figure: string | null } | null;
  /** Likewise. */
  profile: { of: Case; peak: number | "measured" | null } | null;
}

/** Layers of a growing sweep, unless others are named: one of each depth. */
function growthLayers(of: Case): string[] {
  const { layers } = architectureOf(of);
  const last = layers.length - 1;
  return [...new Set([0, last >> 2, last - 1, last])].map((place) => layers[place].name);
}

const text = (group: string, description: string, shownDefault?: string): Options => ({ type: "string", requiresArg: true, group, description, ...(shownDefault ? { defaultDescription: shownDefault } : {}) });
const CASES = "Cases (lists by commas make a cross product):";
const SWEEPS = "Sweeps (what belongs to one sweep is joined by +):";
const MEASURING = "Measuring:";

export const BENCH_FLAGS: Record<string, Flag> = {
  network: { ...text(CASES, `Networks: ${[...MEMBERS.keys()].join(", ")}; or exported programs: FILE.pt2`, "resnet18"), completes: { someOf: [...MEMBERS.keys()] } },
  width: text(CASES, "Channels of the first convolution; all others grow with it", "the published network's"),
  input: text(CASES, "Shapes of the images", "1x28x28"),
  classes: text(CASES, "Number of classes", "10; 200 for 64x64"),
  batch: text(CASES, "Images at once; in a sweep, all its images", "256"),
  work: text(CASES, "forward, gradient (forward and input gradient), unit (one filtered network: forward, gradient, FGSM, forward), sweep, train (a step of Adam)", "forward,gradient,unit"),
  filters: text(SWEEPS, "Filters: h_a,h_b,h_a+h_b are three sweeps", "h_a+h_b+h_c"),
  thresholds: text(SWEEPS, "Number of thresholds", "25"),
  epsilon: text(SWEEPS, "Strengths of the attack", "0.38"),
  layers: text(SWEEPS, "Names or globs of the layers", "all of them"),
  repetitions: { ...text(MEASURING, "Samples of each case", "5"), alias: "r" },
  "no-warmup": { type: "boolean", group: MEASURING, description: "Take the first sample cold, compiling included" },
  output: { ...text(MEASURING, `How to print: ${OUTPUTS.join(", ")}`, "md"), alias: "o" },
  compare: { type: "string", group: MEASURING, description: "Measure peers in turn with this engine: all of them, or some by name", defaultDescription: "none" },
  growth: { type: "boolean", group: MEASURING, description: "Measure instead how a sweep's time and memory grow with images, networks, thresholds, epsilons and filters" },
  figure: text(MEASURING, "With --growth: draw it into this SVG file"),
  profile: { type: "boolean", group: MEASURING, description: "Measure instead the adapter's time by kernel, of one case" },
  peak: { type: "string", group: MEASURING, description: "With --profile: tell each kernel's share of the adapter's float32 peak, measured first by a kernel that does nothing else; or give it in TFLOP/s", defaultDescription: "none" },
  python: text(MEASURING, "Python whose PyTorch and tinygrad are compared", "$PYTHON, bench/peers/.venv or python3"),
  tune: { type: "boolean", group: MEASURING, description: "Measure anew which settings of the kernels are fastest here, and keep them for later runs" },
  adapter: text(MEASURING, "Index, or part of the name, as `devices` shows them", "the first"),
  kernels: { ...KERNELS_FLAG.kernels, group: MEASURING },
  quiet: { type: "boolean", group: MEASURING, description: "Print no progress" },
  ...CONFIG_FLAG,
  ...JSON_FLAG,
};

const items = (args: Arguments, name: string, fallback: string): string[] => distinct(name, list(name, args[name] as Given) ?? fallback.split(","));
const wholes = (args: Arguments, name: string, fallback: string, least = 1): number[] => items(args, name, fallback).map((item) => whole(name, item, least));
const named = <T extends string>(names: readonly T[]): Record<string, T> => Object.fromEntries(names.map((name) => [name, name]));
const joined = (item: string): string[] => item.split("+");

/** CxHxW */
export function shape(name: string, item: string): MapShape {
  const sizes = item.split("x").map((size) => (/^[1-9]\d{0,3}$/.test(size) ? Number(size) : Number.NaN));
  if (sizes.length !== 3 || sizes.some(Number.isNaN)) throw wrong(name, `"${item}" is no shape; give channels, height and width, such as 3x32x32`);
  const [channels, height, width] = sizes;
  if (channels > 4) throw wrong(name, `"${item}" has ${channels} channels; images have 1 to 4`);
  return { channels, height, width };
}

function sweeps(args: Arguments): SweepSize[] {
  const filterSets = items(args, "filters", DEFAULT_CONFIG.filters.join("+")).map((item) => distinct("filters", joined(item).map((filter) => choice("filters", filter, FILTER_NAMES))));
  const counts = wholes(args, "thresholds", String(DEFAULT_CONFIG.thresholds));
  const epsilonSets = items(args, "epsilon", DEFAULT_CONFIG.epsilons.join("+")).map((item) => distinct("epsilon", joined(item).map((epsilon) => number("epsilon", epsilon))));
  const layerSets = args.layers === undefined ? [null] : items(args, "layers", "").map(joined);
  return filterSets.flatMap((filters) => counts.flatMap((thresholds) => epsilonSets.flatMap((epsilons) => layerSets.map((layers) => ({ filters, thresholds, epsilons, layers, networks: 1 })))));
}

function peersOf(args: Arguments): Peer[] {
  const names = args.compare as string | undefined;
  if (names === undefined) return [];
  if (!peersAreHere()) throw wrong("compare", "what it compares with comes with the source repository, not with the installed package; clone it and call bench there");
  const known = knownPeers(single("python", args.python as Given) ?? defaultPython());
  if (names === "") return known;
  const { peers, unknown } = selectPeers(known, items(args, "compare", ""));
  if (unknown !== null) throw wrong("compare", `there is no peer "${unknown}"; there are ${known.map(({ id }) => id).join(", ")}`);
  return peers;
}

/** The smallest of the sweeps that grow: one of each list. */
function growthOf(args: Arguments, cases: Case[]): BenchOptions["growth"] {
  const figure = single("figure", args.figure as Given);
  if (args.growth !== true) {
    if (figure !== null) throw wrong("figure", "belongs to --growth");
    return null;
  }
  const stray = ["compare", "work", "filters"].find((name) => args[name] !== undefined);
  if (stray) throw wrong([stray, "growth"], "don't go together: growth is that of this engine's sweeps, from one filter to three");
  if (cases.length > 1) throw wrong("growth", "grows from one case; give one of each list");
  const [base] = cases;
  return { base: { ...base, sweep: { ...base.sweep!, filters: ["h_a"], layers: base.sweep!.layers ?? growthLayers(base) } }, figure };
}

function profileOf(args: Arguments, cases: Case[]): BenchOptions["profile"] {
  const text = args.peak === "" || args.peak === true ? "" : single("peak", args.peak as Given);
  const peak = text === null ? null : text === "" ? "measured" : number("peak", text);
  if (peak !== null && (args.profile !== true || (peak !== "measured" && peak <= 0))) throw wrong("peak", args.profile === true ? "has to be above 0" : "belongs to --profile");
  if (args.profile !== true) return null;
  const stray = ["compare", "growth"].find((name) => args[name] !== undefined);
  if (stray) throw wrong([stray, "profile"], "don't go together");
  if (cases.length > 1) throw wrong("profile", "takes one case; give one of each list");
  return { of: cases[0], peak };
}

/** Names, and exported programs' files, which come with their own sizes. */
function networksOf(args: Arguments): string[] {
  const networks = items(args, "network", "resnet18").map((item) => (isProgram(item) ? item : choice("network", item, named([...MEMBERS.keys()]))));
  const stray = ["width", "input", "classes"].find((name) => args[name] !== undefined);
  if (stray && networks.some(isProgram)) throw wrong([stray, "network"], "don't go together where the network is an exported program, which has its own");
  return networks;
}

/** @throws OptionError naming the flag */
export function benchOptions(args: Arguments): BenchOptions {
  const classes = single("classes", args.classes as Given);
  const repetitions = single("repetitions", args.repetitions as Given);
  const cases = crossProduct({
    networks: networksOf(args),
    widths: args.width === undefined ? null : wholes(args, "width", ""),
    inputs: items(args, "input", "1x28x28").map((item) => shape("input", item)),
    classes: classes === null ? null : whole("classes", classes, 2),
    batches: wholes(args, "batch", "256"),
    works: items(args, "work", args.growth === true ? "sweep" : args.profile === true ? "unit" : "forward,gradient,unit").map((item): Work => choice("work", item, named(WORKS))),
    sweeps: sweeps(args),
  });
  const stray = ["filters", "thresholds", "epsilon", "layers"].find((name) => args[name] !== undefined);
  if (stray && cases.every(({ sweep }) => sweep === null)) throw wrong(stray, "belongs to sweeps; add --work sweep");
  return {
    cases,
    repetitions: repetitions === null ? 5 : whole("repetitions", repetitions, 1),
    warmup: args["no-warmup"] !== true,
    output: choice("output", single("output", args.output as Given) ?? (args.json === true ? "json" : "md"), named(OUTPUTS)),
    peers: peersOf(args),
    tune: args.tune === true,
    adapter: single("adapter", args.adapter as Given),
    kernels: kernelsOf(args),
    quiet: args.quiet === true,
    growth: growthOf(args, cases),
    profile: profileOf(args, cases),
  };
}
