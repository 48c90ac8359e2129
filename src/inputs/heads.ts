/** Names under which programs keep a network's last layer, and those that networks know it by. */
import type { Weight } from "./reparametrised.js";

/** Where torchvision's networks have it. */
const TARGETS = ["fc", "classifier", "head", "linear", "classifier.1", "classifier.3", "classifier.6", "heads.head"];
const HEAD = /^(?:(?:(?:new|my|last|final|out|output|cls|class|pred|task|probe)_?)?fc\d*|fc_?(?:out|new|layers?|cls|final)|(?:(?:cls|mlp|linear|fc|out|output|prediction|class|task|main)_?)?heads?|\w*classif\w*|clf|cls|lin|linear\d*|logits?|last_?(?:linear|layer|fc)|outputs?(?:_layer)?|out|dense|final(?:_layer|_fc)?|predict(?:or|ion|ions)?|top)$/i;
const NUMBER = /^\d+$/;
/** Last layers come last. */
const MOST_LAYERS = 8;

/** `fc.1`, where a dropout stands in front, `head.fc`, `classifier`, or the number in a sequence. */
function isHead(layer: string): boolean {
  const parts = layer.split(".");
  return parts.some((part) => HEAD.test(part)) || parts.every((part) => NUMBER.test(part));
}

export interface Heading {
  weights: Map<string, Weight>;
  from: string;
  to: string;
}

/**
 * The weights with one linear layer under another name, or one from outside under its own.
 * @param outside layers that do not share the network's prefix
 */
export function* headings(weights: Map<string, Weight>, outside: [name: string, weight: Weight][]): Generator<Heading> {
  const everywhere = new Map([...outside, ...weights]);
  const linear = [...everywhere].filter(([name, { array }]) => name.endsWith(".weight") && array.shape.length === 2).map(([name]) => name.slice(0, -".weight".length));
  for (const from of linear.filter(isHead).slice(-MOST_LAYERS).reverse()) {
    const own = [...everywhere].filter(([name]) => name.startsWith(`${from}.`));
    const rest = [...weights].filter(([name]) => !name.startsWith(`${from}.`));
    for (const to of TARGETS) {
      if ((to === from && weights.has(`${from}.weight`)) || rest.some(([name]) => name.startsWith(`${to}.`))) continue;
      yield { weights: new Map([...rest, ...own.map(([name, weight]): [string, Weight] => [to + name.slice(from.length), weight])]), from, to };
    }
  }
}
