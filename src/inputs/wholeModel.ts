/** torch.save(model) instead of its state_dict: told as such, with the line of Python that saves what is needed. */
import { shownName } from "../io/checkpoints/checkpoint.js";
import type { Opaque, PickleValue } from "../io/checkpoints/pickleValues.js";

/** Every module of PyTorch keeps its parameters and its parts so. */
const isModule = ({ parts }: Opaque): boolean => parts.some((part: PickleValue) => part instanceof Map && part.has("_modules") && part.has("_parameters"));

/** A path such as `ema.model` or `[0]` as Python gets there. */
const indexed = (path: string): string => path.replace(/\[(\d+)\]|([^.[\]]+)\.?/g, (_, index?: string, key?: string) => (index === undefined ? `[${JSON.stringify(key)}]` : `[${index}]`));

/** What to say of a file that holds a whole model; null for any other. */
export function wholeModel(file: string, objects: ReadonlyMap<string, Opaque>): string | null {
  for (const [path, object] of objects) {
    if (!isModule(object)) continue;
    return `holds a whole model (an object of ${shownName(object.name)}), whose class would have to be imported to read it; save its weights in Python: ` +
      `torch.save(torch.load(${JSON.stringify(file)}, map_location="cpu", weights_only=False)${indexed(path)}.state_dict(), "weights.pth")`;
  }
  return null;
}
