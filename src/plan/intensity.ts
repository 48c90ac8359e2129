/** How much networks compute for what they write: whether a software adapter's arithmetic or its stores are the limit. */
import type { MapShape } from "../layout/shape.js";
import type { Architecture } from "../model/architecture.js";
import { inferShapes, multiplyAddsOf } from "../model/graph.js";

/** Between MobileNet's, ShuffleNet's and SqueezeNet's 35 to 85 and the 300 and more of ResNets and DenseNets. */
const FEW = 150;

/** Whether networks write so much for what they compute that storing it takes the time. @param image shape of an image */
export const isBoundByStores = (networks: Pick<Architecture, "graph">[], image: MapShape): boolean => networks.every((network) => multiplyAddsPerValue(network, image) < FEW);

/** @returns multiply-adds of a forward pass for each number that its convolutions and linear layers write. @param image shape of an image */
function multiplyAddsPerValue({ graph }: Pick<Architecture, "graph">, image: MapShape): number {
  const shapes = inferShapes(graph, image);
  let [products, values] = [0, 0];
  for (const node of graph.nodes) {
    const made = shapes.get(node.output)!;
    const own = multiplyAddsOf(node, shapes);
    if (own === 0) continue;
    products += own;
    values += made.channels * made.height * made.width;
  }
  return products / Math.max(1, values);
}
