/** `inspect`: what is in a checkpoint, and how large a sweep over it would be. */
import { EXIT } from "../../errors.js";
import { openGraph } from "../../inputs/graphs.js";
import { expanded } from "../../inputs/patterns.js";
import { readCheckpoint, type WeightsOptions } from "../../inputs/weights.js";
import type { Network } from "../../model/architecture.js";
import { networkOf } from "../../model/checkpoint.js";
import type { SweepConfig } from "../../sweep/config.js";
import type { LayerVariants } from "../../sweep/filters.js";
import { layersOf, layerVariants } from "../../sweep/sweep.js";
import { CONFIG_FLAG, JSON_FLAG, type Command } from "../command.js";
import type { StemOptions } from "../../model/networks/family.js";
import { STEM_FLAGS, SWEEP_FLAGS, WEIGHTS_FLAGS } from "../flags.js";
import { stemOptions, sweepConfig } from "../options.js";
import { columns } from "../table.js";
import { bold, grouped, plural } from "../terminal.js";

interface LayerFacts {
  layer: string;
  shape: number[];
  weights: number;
  zeros: number;
  min: number;
  max: number;
}

function facts(network: Network): LayerFacts[] {
  return network.layers.map(({ name, shape, weights }) => {
    const { data } = network.tensors.get(`${name}.weight`)!;
    let [min, max, zeros] = [Infinity, -Infinity, 0];
    for (const value of data) {
      if (value < min) min = value;
      if (value > max) max = value;
      if (value === 0) zeros += 1;
    }
    return { layer: name, shape, weights, zeros, min, max };
  });
}

interface Shown {
  json: object;
  text: string;
}

async function shown(file: string, config: SweepConfig, options: WeightsOptions): Promise<Shown> {
  const checkpoint = await readCheckpoint(file, options);
  const { choice: { chosen, others }, notes, normalisation } = checkpoint;
  const candidates = [chosen, ...others].map(({ key, architecture }) => ({ key, network: architecture.name, chosen: key === chosen.key }));
  const network = networkOf(chosen.architecture, checkpoint);
  const layers = facts(network);
  const variants = layersOf(network, config).map((layer) => layerVariants(network, config, layer));
  const count = (part: (layer: LayerVariants) => number): number => variants.reduce((sum, layer) => sum + part(layer), 0);
  const sweep = { layers: variants.length, networks: count((layer) => layer.variants.length), distinct: count((layer) => layer.masks.length) };
  const { name, width, channels, classes, assumed = [] } = network;
  const lines = layers.map((layer) => [layer.layer, layer.shape.join("x"), grouped(layer.weights), grouped(layer.zeros), layer.min.toPrecision(5), layer.max.toPrecision(5)]);
  const [head, ...body] = columns([["layer", "shape", "weights", "zeros", "min", "max"], ...lines]);
  const total = layers.reduce((sum, layer) => sum + layer.weights, 0);
  const text = [
    `${file}: ${name}, width ${width}, ${plural(channels, "input channel")}, ${classes} classes (${checkpoint.format})`,
    ...assumed.map((taken) => `${taken}${/stem/.test(taken) ? "; no tensor tells, --stem-stride and --stem-pool do" : ""}`),
    ...notes,
    ...(others.length > 0 ? ["", ...columns([["weights", "network", ""], ...candidates.map((each) => [each.key, each.network, each.chosen ? "these" : ""])])] : []),
    "",
    bold(head, process.stdout),
    ...body,
    "",
    `${grouped(total)} weights. A sweep evaluates ${grouped(sweep.networks)} filtered networks (${grouped(sweep.distinct)} of them distinct) in ${plural(sweep.layers, "layer")}.`,
  ].join("\n");
  return { json: { file, format: checkpoint.format, sha256: checkpoint.sha256, candidates, notes, normalisation, network: name, width, channels, classes, assumed, layers, sweep }, text };
}

/** @param files paths and patterns of some; in JSON one file is an object, several are a list */
export async function inspect(files: string[], config: SweepConfig, { json, graph, ...options }: { key: string | null; graph: string | null; stem: StemOptions; json: boolean }): Promise<number> {
  const opened = graph === null ? null : openGraph(graph);
  const all: Shown[] = [];
  for (const file of expanded(files)) all.push(await shown(file, config, { ...options, graph: opened }));
  const objects = all.map((each) => each.json);
  process.stdout.write(json ? `${JSON.stringify(objects.length === 1 ? objects[0] : objects, null, 2)}\n` : `${all.map(({ text }) => text).join("\n\n")}\n`);
  return EXIT.done;
}

export const inspectCommand: Command = {
  flags: { ...WEIGHTS_FLAGS, ...STEM_FLAGS, ...SWEEP_FLAGS, ...CONFIG_FLAG, ...JSON_FLAG },
  describe: (y) => y.usage("$0 inspect <file..> [options]").positional("file", { type: "string", array: true, description: "State dicts: .ckpt, .pt, .pth or .safetensors; exported programs: .pt2; patterns of them" }),
  run: (args) => inspect((args.file as string[]).map(String), sweepConfig(args), { key: typeof args.key === "string" ? args.key : null, graph: typeof args.graph === "string" ? args.graph : null, stem: stemOptions(args), json: args.json === true }),
};
