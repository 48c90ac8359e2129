/** ShuffleNet V2 (Ma et al. 2018, arXiv 1807.11164): half of the channels pass a unit untouched, and both halves are shuffled behind it; torchvision's names. */
import { GraphBuilder } from "../builder.js";
import type { Graph } from "../graph.js";
import { scaled, stemText, type Family, type Member, type Reading, type Sizes, type StemOptions, type TensorShapes } from "./family.js";

interface ShuffleNetSizes extends Sizes {
  /** Channels and units of stage2 to stage4. */
  stages: { channels: number; units: number }[];
  /** Channels of conv5. */
  last: number;
  stride: number;
  pool: boolean;
}

function graphOf({ width, channels, classes, stages, last, stride, pool }: ShuffleNetSizes): Graph {
  const builder = new GraphBuilder();
  /** A convolution and its batch norm, the next in an nn.Sequential. */
  const conv = (from: string, name: string, inputs: number, outputs: number, kernel: number, options = {}): string => {
    const [, path, index] = /^(.+)\.(\d+)$/.exec(name)!;
    return builder.norm(builder.conv(from, name, inputs, outputs, kernel, { pad: kernel >> 1, ...options }), `${path}.${Number(index) + 1}`, outputs);
  };
  const relu = (from: string): string => builder.relu(from);
  let from = relu(conv("image", "conv1.0", channels, width, 3, { stride }));
  if (pool) from = builder.maxPool(from, 3, { stride: 2, pad: 1, name: "maxpool" });
  let inputs = width;
  stages.forEach(({ channels: outputs, units }, stage) => {
    const half = outputs / 2;
    for (let unit = 0; unit < units; unit++) {
      const name = `stage${stage + 2}.${unit}`;
      const down = unit === 0;
      const depthwise = (input: string, layer: string, maps: number): string => conv(input, layer, maps, maps, 3, { stride: down ? 2 : 1, groups: maps });
      const kept = down ? relu(conv(depthwise(from, `${name}.branch1.0`, inputs), `${name}.branch1.2`, inputs, half, 1)) : builder.slice(from, 0, half, `${name}.kept`);
      const taken = down ? from : builder.slice(from, half, half, `${name}.taken`);
      const narrow = relu(conv(taken, `${name}.branch2.0`, down ? inputs : half, half, 1));
      const made = relu(conv(depthwise(narrow, `${name}.branch2.3`, half), `${name}.branch2.5`, half, half, 1));
      from = builder.shuffle(builder.concat([kept, made], `${name}.concat`), 2, name);
      inputs = outputs;
    }
  });
  from = relu(conv(from, "conv5.0", inputs, last, 1));
  return builder.graph(builder.linear(builder.adaptiveAvgPool(from, 1, 1, "avgpool"), "fc", last, classes));
}

const UNITS = [4, 8, 4];
const TITLE = "ShuffleNetV2";
const STEM = 24;

const member = (multiplier: string, maps: number[], last: number): Member => ({
  name: `shufflenet_v2_x${multiplier}`, title: TITLE, width: STEM,
  graph: (sizes) => {
    const scale = sizes.width / STEM;
    return graphOf({ ...sizes, stages: maps.map((channels, stage) => ({ channels: 2 * scaled(channels / 2, scale), units: UNITS[stage] })), last: scaled(last, scale), stride: 2, pool: true });
  },
});

function read(tensors: TensorShapes, { stride = 2, pool = true }: StemOptions): Reading[] {
  if (!tensors.has("stage2.0.branch2.0") && !tensors.has("stage2.0.branch1.0")) return [];
  const sizes = { width: tensors.size("conv1.0", 0, STEM), channels: tensors.size("conv1.0", 1, 3), classes: tensors.size("fc", 0, 1000) };
  const stages = UNITS.map((usual, stage) => {
    const units = tensors.count((unit) => [`stage${stage + 2}.${unit}.branch2.0`, `stage${stage + 2}.${unit}.branch2.5`]);
    return { channels: 2 * tensors.size(`stage${stage + 2}.0.branch2.5`, 0, 24 * 2 ** stage), units: units || usual };
  });
  return [{ title: TITLE, ...sizes, graph: graphOf({ ...sizes, stages, last: tensors.size("conv5.0", 0, 1024), stride, pool }), assumed: [stemText(3, stride, pool)] }];
}

export const SHUFFLENET_V2: Family = {
  members: [member("0_5", [48, 96, 192], 1024), member("1_0", [116, 232, 464], 1024), member("1_5", [176, 352, 704], 1024), member("2_0", [244, 488, 976], 2048)],
  read,
};
