/** onnxruntime-node as a peer of the benchmark: `onnxruntime_peer.mjs cpu|webgpu`. It has no gradients, so forward alone. */
import { availableParallelism } from "node:os";
import { createRequire } from "node:module";
import { architectureOf, CHECKED, optional, readImages, readTensors, serve } from "./common.mjs";
import { toOnnx } from "./onnx.mjs";

const provider = process.argv[2];
const runtime = (await optional("onnxruntime-node"))?.default;

class Peer {
  async hello() {
    if (!runtime) return { missing: "onnxruntime-node is not installed" };
    const { version } = createRequire(import.meta.url)("onnxruntime-node/package.json");
    if (!runtime.listSupportedBackends().some(({ name }) => name === provider)) return { unable: `onnxruntime-node ${version} has no ${provider} provider on ${process.platform}-${process.arch}` };
    const device = provider === "cpu" ? `CPU, ${availableParallelism()} threads` : null;
    return { name: `onnxruntime ${provider}`, version: `${version}, Node ${process.versions.node}`, device, works: ["forward"] };
  }

  async prepare({ case: of, files }) {
    const { graph } = architectureOf(of);
    const model = toOnnx(graph, readTensors(files.weights), of.input, of.classes);
    this.session = await runtime.InferenceSession.create(model, { executionProviders: [provider], graphOptimizationLevel: "all", logSeverityLevel: 3 });
    this.take = readImages(files.images);
    this.shape = [of.input.channels, of.input.height, of.input.width];
    this.graph = graph;
    return { slices: 1, logits: [...(await this.forward(this.feed(CHECKED)))] };
  }

  feed(n) {
    if (this.fed?.dims[0] !== n) this.fed = new runtime.Tensor("float32", this.take(n).images, [n, ...this.shape]);
    return this.fed;
  }

  async forward(images) {
    const found = await this.session.run({ [this.graph.input]: images });
    return found.logits.getData();
  }

  async warm({ batch }) {
    for (let i = 0; i < 2; i++) await this.forward(this.feed(batch));
  }

  async run({ batch, batches }) {
    const images = this.feed(batch);
    const start = performance.now();
    for (let i = 0; i < batches; i++) await this.forward(images);
    return { images: batch * batches, seconds: (performance.now() - start) / 1000 };
  }
}

await serve(new Peer());
