/** What becomes of calls and objects in a pickle: known names make tensors and dicts, of anything else an inert Opaque remains. */
import { InputError } from "../../errors.js";
import { ALLOWED_GLOBALS } from "./pickleGlobals.js";
import { OP } from "./pickleOps.js";
import { Opaque, PickleGlobal, type Builder, type PickleValue } from "./pickleValues.js";

/** Opcodes that only objects need which may stand beside what is wanted. */
export const OF_OBJECTS: ReadonlySet<number> = new Set([OP.NEWOBJ, OP.NEWOBJ_EX, OP.EMPTY_SET, OP.FROZENSET, OP.ADDITEMS]);

/** What is made all the same of objects that are not known. */
const TAKES_OBJECTS: ReadonlySet<string> = new Set(["collections.OrderedDict", "collections.defaultdict", "collections.Counter", "torch._tensor._rebuild_from_type_v2", "torch._tensor._rebuild_from_type"]);

/** Python's own makers of objects take the class as their first argument. */
const classOf = (maker: string, [first]: PickleValue[]): string => (/^copy_?reg\./.test(maker) && first instanceof Opaque ? first.name : maker);

/**
 * What a name stands for.
 * @throws InputError for an unknown one where nothing may stand beside what is wanted
 */
export function named(name: string, builder: Builder): PickleGlobal | Opaque {
  const known = ALLOWED_GLOBALS.get(name);
  if (known) return known;
  builder.budget.spend(20);
  if (builder.bystanders) return new Opaque(name);
  const shown = JSON.stringify(name.slice(0, 120)).slice(1, -1);
  throw new InputError(builder.file, `asks for ${shown}, which is not allowed in weights or data, so the file was refused and nothing was executed; if it holds a whole model, save model.state_dict() instead`);
}

/** What a call gives; undefined where the callee is no function. Nothing but this program's own functions is called. */
export function called(callee: PickleValue, args: PickleValue[], builder: Builder): PickleValue | undefined {
  if (!(callee instanceof Opaque || callee instanceof PickleGlobal) || (callee instanceof PickleGlobal && callee.call === null)) return undefined;
  // What is made of an unknown object is one.
  if (callee instanceof PickleGlobal && (TAKES_OBJECTS.has(callee.name) || !args.some((arg) => arg instanceof Opaque))) return callee.call!(args, builder) ?? null;
  builder.budget.spend(12);
  return new Opaque(classOf(callee.name, args), [args]);
}

/** An object made without its class's own ideas of how; null where there is no class. A dict's heirs are dicts only where they are known. */
export function newObject(kind: PickleValue, args: PickleValue, keywords: PickleValue, builder: Builder): PickleValue | null {
  if (kind instanceof PickleGlobal && kind.name.startsWith("collections.")) return builder.newMap([]);
  if (!(kind instanceof PickleGlobal || kind instanceof Opaque)) return null;
  builder.budget.spend(12);
  return new Opaque(kind.name, [args, keywords]);
}
