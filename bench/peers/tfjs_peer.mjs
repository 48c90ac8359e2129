/** TensorFlow.js on WebGPU as a peer of the benchmark, on the same Dawn as the engine. */
import { createRequire, register } from "node:module";
import { create, globals } from "webgpu";
import { settle } from "../../dist/src/gpu/device.js";
import { architectureOf, CHECKED, optional, readImages, readTensors, serve } from "./common.mjs";

const EPSILON = 0.38;
const require = createRequire(import.meta.url);

/** TensorFlow.js with its WebGPU backend, and the adapter it took; null where it isn't installed. */
async function open() {
  if (!(await optional("@tensorflow/tfjs-core"))) return null;
  const gpu = create([]);
  let adapter;
  const requestAdapter = async (options) => (adapter = await gpu.requestAdapter(options));
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { userAgent: "", gpu: { requestAdapter, getPreferredCanvasFormat: () => "rgba8unorm" } } });
  const tf = require("@tensorflow/tfjs-core");
  require("@tensorflow/tfjs-backend-webgpu");
  // Gradients come in none of the bundles: they are modules whose imports leave out the ending that Node wants.
  register("./endings.mjs", import.meta.url);
  await import("@tensorflow/tfjs-core/dist/register_all_gradients.js");
  if (!(await tf.setBackend("webgpu"))) throw new Error("TensorFlow.js gets no WebGPU backend");
  return { tf, gpu, adapter };
}

/** Padding of rows and of columns as TensorFlow.js takes it for NHWC. */
const padding = ({ pad: [rows, columns], padEnd: [below, right] = [0, 0] }) => [[0, 0], [rows, rows + below], [columns, columns + right], [0, 0]];

function convolution(tf, node, x, weight) {
  const { groups, inChannels, stride, dilation } = node;
  if (groups === 1) return tf.conv2d(x, weight, stride, padding(node), "NHWC", dilation, "floor");
  if (groups !== inChannels) throw new Error("TensorFlow.js has no convolution of groups");
  return tf.depthwiseConv2d(x, tf.transpose(weight, [0, 1, 3, 2]), stride, padding(node), "NHWC", dilation, "floor");
}

function shuffle(tf, groups, x) {
  const [images, height, width, channels] = x.shape;
  return tf.reshape(tf.transpose(tf.reshape(x, [images, height, width, groups, channels / groups]), [0, 1, 2, 4, 3]), x.shape);
}

/** By the batch's own statistics. */
function trainedNorm(tf, x, offset, scale, epsilon) {
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  return tf.batchNorm(x, mean, variance, offset, scale, epsilon);
}

/** Evaluates the graph on NHWC tensors. */
function forward(tf, graph, weights, images, trains = false) {
  const values = new Map([[graph.input, images]]);
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => values.get(input));
    const [x] = inputs;
    const biased = (y) => (node.bias ? tf.add(y, weights.get(node.bias)) : y);
    const compute = {
      conv2d: () => biased(convolution(tf, node, x, weights.get(node.weight))),
      batch_norm: () =>
        trains
          ? trainedNorm(tf, x, weights.get(node.bias), weights.get(node.weight), node.epsilon)
          : tf.batchNorm(x, weights.get(node.mean), weights.get(node.variance), weights.get(node.bias), weights.get(node.weight), node.epsilon),
      activation: () => tf[node.kind](x),
      add: () => tf.add(...inputs),
      concat: () => tf.concat(inputs, 3),
      slice: () => tf.slice(x, [0, 0, 0, node.from], [-1, -1, -1, node.count]),
      shuffle: () => shuffle(tf, node.groups, x),
      max_pool: () => tf.maxPool(x, node.kernel, node.stride, padding(node), node.ceil ? "ceil" : "floor"),
      avg_pool: () => tf.avgPool(x, node.kernel, node.stride, padding(node), "floor"),
      adaptive_avg_pool: () => {
        if (node.height * node.width > 1) throw new Error("TensorFlow.js has no adaptive average pool");
        return tf.mean(x, [1, 2], true);
      },
      flatten: () => tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [x.shape[0], 1, 1, -1]),
      linear: () => tf.reshape(biased(tf.matMul(tf.reshape(x, [x.shape[0], -1]), weights.get(node.weight), false, true)), [x.shape[0], 1, 1, -1]),
    }[node.op];
    values.set(node.output, compute());
  }
  const logits = values.get(graph.output);
  return tf.reshape(logits, [logits.shape[0], -1]);
}

class Peer {
  async hello() {
    this.opened = await open();
    if (!this.opened) return { missing: "@tensorflow/tfjs-core is not installed" };
    const { tf, adapter } = this.opened;
    const device = adapter.info.device || adapter.info.description;
    return { name: "TensorFlow.js webgpu", version: `${tf.version_core}, Node ${process.versions.node}`, device, works: ["forward", "gradient", "unit", "train"] };
  }

  async prepare({ case: of, files }) {
    const { tf } = this.opened;
    const { graph } = architectureOf(of);
    const weights = new Map();
    for (const [name, { shape, data }] of readTensors(files.weights)) {
      const tensor = tf.tensor(data, shape);
      const weight = shape.length === 4 ? tf.transpose(tensor, [2, 3, 1, 0]) : tensor;
      weights.set(name, of.work === "train" && !/\.running_(mean|var)$/.test(name) ? tf.variable(weight) : weight);
    }
    this.optimizer = tf.train.adam(1e-3, 0.9, 0.999, 1e-8);
    this.of = of;
    this.net = (x, trains = false) => forward(tf, graph, weights, x, trains);
    this.take = readImages(files.images);
    const logits = tf.tidy(() => this.net(this.upload(CHECKED).x));
    return { slices: 1, logits: [...(await logits.data())] };
  }

  upload(n) {
    const { tf } = this.opened;
    const { channels, height, width } = this.of.input;
    if (this.taken?.labels.length !== n) this.taken = this.take(n);
    const { images, labels } = this.taken;
    return { x: tf.transpose(tf.tensor(images, [n, channels, height, width]), [0, 2, 3, 1]), y: tf.oneHot(tf.tensor1d(labels, "int32"), this.of.classes) };
  }

  /** Sum of the cross-entropies. */
  loss(x, y, trains = false) {
    const { tf } = this.opened;
    const logits = this.net(x, trains);
    return tf.sum(tf.sub(tf.logSumExp(logits, 1), tf.sum(tf.mul(logits, y), 1)));
  }

  work(n) {
    const { tf } = this.opened;
    const { x, y } = this.upload(n);
    if (this.of.work === "forward") return this.loss(x, y);
    if (this.of.work === "train") return this.optimizer.minimize(() => this.loss(x, y, true), true);
    const { value, grad } = tf.valueAndGrad((images) => this.loss(images, y))(x);
    if (this.of.work === "gradient") return tf.add(value, tf.mul(0, tf.sum(grad)));
    return tf.add(value, this.loss(tf.add(x, tf.mul(EPSILON, tf.sign(grad))), y));
  }

  async once(n) {
    const loss = this.opened.tf.tidy(() => this.work(n));
    // Awaiting would make Dawn poll and take a core from a software adapter; the engine doesn't wait like that either.
    await settle({ adapter: { software: true } }, loss.data());
    loss.dispose();
  }

  async warm({ batch }) {
    for (let i = 0; i < 2; i++) await this.once(batch);
  }

  async run({ batch, batches }) {
    const start = performance.now();
    for (let i = 0; i < batches; i++) await this.once(batch);
    return { images: batch * batches, seconds: (performance.now() - start) / 1000 };
  }
}

await serve(new Peer());
