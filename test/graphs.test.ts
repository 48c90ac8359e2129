/** What a plan joins, shares and adds up: small graphs on the real device against plain loops that join nothing, with each part of them filtered. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { GraphBuilder } from "../src/model/builder.js";
import type { Graph } from "../src/model/graph.js";
import type { PlanOptions } from "../src/plan/plan.js";
import { checkGraph, classify, CLASSES, type GraphCheck, layersOf, type Which } from "./support/graph.js";

const IMAGE = { channels: 2, height: 9, width: 7 };

/** Each graph once with every choice of filtered layers that it names, and with statistics of the batch. */
const GRAPHS: { name: string; build(b: GraphBuilder): Graph; batch?: boolean; which?: Which[] }[] = [
  {
    name: "basic blocks, the second with a shortcut of its own",
    batch: true,
    which: ["first", "middle", "last", "all"],
    build(b) {
      const unit = (x: string, name: string, from: number, to: number, stride = 1) => b.norm(b.conv(x, name, from, to, 3, { stride, pad: 1 }), `${name}bn`, to);
      const stem = b.relu(unit("image", "stem", 2, 8));
      const first = b.relu(b.add(unit(b.relu(unit(stem, "a1", 8, 8)), "a2", 8, 8), stem));
      const second = b.relu(b.add(unit(b.relu(unit(first, "b1", 8, 12, 2)), "b2", 12, 12), b.norm(b.conv(first, "down", 8, 12, 1, { stride: 2 }), "downbn", 12)));
      return b.graph(b.linear(b.flatten(b.adaptiveAvgPool(second)), "fc", 12, CLASSES));
    },
  },
  {
    name: "pre-activation blocks",
    batch: true,
    which: ["first", "middle", "last"],
    build(b) {
      const block = (x: string, name: string) => {
        const shown = b.relu(b.norm(x, `${name}.bn1`, 8));
        const inner = b.conv(shown, `${name}.conv1`, 8, 8, 3, { pad: 1 });
        return b.add(b.conv(b.relu(b.norm(inner, `${name}.bn2`, 8, 1e-3)), `${name}.conv2`, 8, 8, 3, { pad: 1 }), x);
      };
      const x = block(block(b.conv("image", "stem", 2, 8, 3, { pad: 1, bias: true }), "one"), "two");
      return classify(b, b.relu(b.norm(x, "last", 8)), IMAGE);
    },
  },
  {
    name: "dense blocks: tensors read by three and more",
    batch: true,
    which: ["first", "middle", "all"],
    build(b) {
      let x = b.conv("image", "stem", 2, 6, 3, { pad: 1 });
      for (let i = 0, channels = 6; i < 3; i++, channels += 4) x = b.concat([x, b.conv(b.relu(b.norm(x, `bn${i}`, channels)), `conv${i}`, channels, 4, 3, { pad: 1 })]);
      return classify(b, b.avgPool(x, 2), IMAGE);
    },
  },
  {
    name: "an inception block behind a ReLU, a max-pool its last contribution",
    which: ["middle", "last"],
    build(b) {
      const x = b.relu(b.conv("image", "stem", 2, 6, 3, { pad: 1 }));
      const branches = [b.maxPool(x, 3, { stride: 1, pad: 1 }), b.relu(b.conv(x, "one", 6, 3, 1, { bias: true })), b.relu(b.conv(b.relu(b.conv(x, "reduce", 6, 4, 1)), "three", 4, 5, 3, { pad: 1 })), b.avgPool(x, 3, { stride: 1, pad: 1 })];
      return classify(b, b.concat(branches), IMAGE);
    },
  },
  {
    name: "a capped ReLU's tensor whose last contribution is a max-pool, maps of two columns",
    which: ["all"],
    build(b) {
      const x = b.activation(b.conv("image", "stem", 2, 6, 3, { stride: [2, 4], pad: 1 }), "relu6");
      return classify(b, b.concat([b.maxPool(x, 3, { stride: 1, pad: 1 }), b.conv(x, "conv", 6, 4, 3, { pad: 1 })]), IMAGE);
    },
  },
  {
    name: "squeeze-and-excite in inverted residuals",
    batch: true,
    which: ["middle", "all"],
    build(b) {
      const x = b.activation(b.norm(b.conv("image", "stem", 2, 6, 3, { pad: 1 }), "bn", 6, 1e-3), "hardswish");
      const wide = b.activation(b.norm(b.conv(x, "expand", 6, 12, 1), "bn1", 12), "silu");
      const deep = b.activation(b.norm(b.conv(wide, "depthwise", 12, 12, 5, { pad: 2, groups: 12 }), "bn2", 12), "relu6");
      const squeezed = b.relu(b.conv(b.adaptiveAvgPool(deep), "squeeze", 12, 5, 1, { bias: true }));
      const excited = b.multiply(deep, b.activation(b.conv(squeezed, "excite", 5, 12, 1, { bias: true }), "hardsigmoid"));
      return classify(b, b.add(x, b.norm(b.conv(excited, "project", 12, 6, 1), "bn3", 6)), IMAGE);
    },
  },
  {
    name: "a channel-shuffle block",
    which: ["middle"],
    build(b) {
      const x = b.relu(b.conv("image", "stem", 2, 12, 3, { pad: 1 }));
      const right = b.relu(b.norm(b.conv(b.conv(b.slice(x, 6, 6), "deep", 6, 6, 3, { pad: 1, groups: 6 }), "point", 6, 6, 1), "bn", 6));
      return classify(b, b.shuffle(b.concat([b.slice(x, 0, 6), right]), 2), IMAGE);
    },
  },
  {
    name: "the output directly behind a ReLU, as in SqueezeNet",
    which: ["first", "last"],
    build(b) {
      const x = b.relu(b.conv("image", "stem", 2, 6, 3, { pad: 1 }));
      return b.graph(b.flatten(b.adaptiveAvgPool(b.relu(b.conv(b.dropout(x), "classifier", 6, CLASSES, 1, { bias: true })))));
    },
  },
  { name: "logits behind a ReLU", which: ["all"], build: (b) => b.graph(b.relu(b.linear(b.flatten(b.relu(b.conv("image", "stem", 2, 6, [9, 7]))), "fc", 6, CLASSES))) },
  {
    name: "logits that are read again",
    which: ["all"],
    build(b) {
      const logits = b.linear(b.flatten(b.conv("image", "stem", 2, 6, [9, 7])), "fc", 6, CLASSES);
      return b.graph(b.add(b.multiply(b.relu(logits), logits), logits));
    },
  },
  {
    name: "one layer used twice, on maps of different sizes",
    which: ["all", "middle"],
    build(b) {
      const use = (x: string) => b.relu(b.norm(b.conv(x, "shared", 6, 6, 3, { pad: 1, bias: true }), "norm", 6));
      return classify(b, use(b.maxPool(use(b.conv("image", "stem", 2, 6, 3, { pad: 1 })), 2)), IMAGE);
    },
  },
  {
    name: "tied weights",
    which: ["all", "middle"],
    build(b) {
      const x = b.conv("image", "stem", 2, 6, 3, { pad: 1 });
      return classify(b, b.relu(b.conv(b.relu(b.conv(x, "one", 6, 6, 1)), "two", 6, 6, 1, { weight: "one.weight", bias: true })), IMAGE);
    },
  },
  {
    name: "images read by several nodes, none of them a convolution",
    which: ["all", "last"],
    build: (b) => classify(b, b.add(b.conv(b.scale("image", [2], [0.1]), "conv", 2, 2, 3, { pad: 1 }), b.multiply("image", b.activation("image", "tanh"))), IMAGE),
  },
  { name: "images that go to the classifier as they are", which: ["last"], build: (b) => classify(b, "image", IMAGE) },
  {
    name: "a branch that leads nowhere, and one that no filter touches",
    which: ["last", "middle"],
    build(b) {
      const x = b.relu(b.conv("image", "stem", 2, 6, 3, { pad: 1 }));
      b.conv(x, "unused", 6, 8, 3);
      const side = b.avgPool(b.activation(b.conv("image", "side", 2, 8, 3, { pad: 1 }), "gelu"), 3, { stride: 2, pad: 1 });
      return classify(b, b.relu(b.add(b.norm(b.conv(x, "main", 6, 8, 3, { stride: 2, pad: 1 }), "bn", 8), side)), IMAGE);
    },
  },
  {
    name: "a filtered layer that the output does not depend on",
    which: ["middle"],
    build(b) {
      const x = b.relu(b.conv("image", "stem", 2, 6, 3, { pad: 1 }));
      b.conv(x, "unused", 6, 8, 3);
      return classify(b, b.maxPool(x, 3), IMAGE);
    },
  },
  {
    name: "a convolution with a ReLU and a max-pool in one kernel, behind other layers",
    which: ["first", "middle"],
    build(b) {
      const x = b.conv("image", "stem", 2, 3, 1, { bias: true });
      return classify(b, b.maxPool(b.relu(b.norm(b.conv(x, "conv", 3, 8, 7, { pad: 3 }), "bn", 8)), 3, { stride: 2, pad: 1 }), IMAGE);
    },
  },
];

const ALL: Which[] = ["all"];

for (const { name, build, batch = false, which = ALL } of GRAPHS) {
  const runs: GraphCheck[] = [...which.map((one) => ({ which: one, batchNorm: "running" as const })), ...(batch ? [{ which: which[0], batchNorm: "batch" as const }] : [])];
  for (const run of runs) {
    test(`${name}; ${run.which} filtered, batch norm ${run.batchNorm}`, async () => {
      await checkGraph(build(new GraphBuilder()), IMAGE, run);
    });
  }
}

test("a layer used twice is one layer, and filtered in both places", () => {
  const graph = GRAPHS.find(({ name }) => name.startsWith("one layer used twice"))!.build(new GraphBuilder());
  assert.equal(layersOf(graph), ["stem", "shared", "fc"]);
});

test("blocks are joined: a residual network needs one step a convolution, and none for batch norm, addition and ReLU", async () => {
  const steps = await checkGraph(GRAPHS[0].build(new GraphBuilder()), IMAGE, { which: "first" });
  const forward = steps.slice(0, steps.indexOf("softmax_loss"));
  // A convolution may be several dispatches, one a band of rows.
  assert.equal([...new Set(forward)], ["conv2d stem", "conv2d a1", "conv2d a2", "conv2d b1", "conv2d down", "conv2d b2", "avg_pool", "conv2d fc"]);
  assert.not.ok(steps.includes("add gradients"));
});

/** What other adapters are like. A channel's map of a block takes 144 texels where lanes are 8: a row of 320 holds two of them, one of 128 not even one. */
const ADAPTERS: { what: string; plan: Partial<PlanOptions> }[] = [
  { what: "without subgroups", plan: { shuffle: false } },
  { what: "with 16 lanes and fewer registers", plan: { shuffle: false, lanes: 16, accumulators: 64 } },
  { what: "with 32 lanes", plan: { shuffle: false, lanes: 32 } },
  { what: "whose textures hold two channels a row", plan: { maxTextureWidth: 320, lanes: 8 } },
  { what: "whose textures are narrower than a map", plan: { maxTextureWidth: 128, lanes: 8 } },
];

for (const { what, plan } of ADAPTERS) {
  const { name, build } = GRAPHS[plan.maxTextureWidth ? 2 : 5];
  test(`on an adapter ${what}: ${name}`, async () => {
    await checkGraph(build(new GraphBuilder()), IMAGE, { which: "middle", plan });
  });
}

test.run();
