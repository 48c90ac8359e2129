/** Why a node cannot be taken over: it is told once its place in the file is known, and only if the network's result needs the node. */
export class Refusal extends Error {}

/** @param problem ends the sentence "node NAME (OP) …" */
export function refuse(problem: string): never {
  throw new Refusal(problem);
}
