/** Nothing: dropout while nothing is trained. The fusion leaves it out, so that it has no steps. */
import type { IdentityNode } from "./common/nodes.js";
import type { Op } from "./common/op.js";

export const identity: Op<IdentityNode> = {
  kind: "identity",
  shape: (_, [input]) => input,
  isIdentity: () => true,
  forward: () => [],
  inputGradient: () => [],
  twin: { forward: (_, { inputs: [{ data }] }) => data.slice(), gradient: (_, __, dy) => [dy.slice()] },
};
