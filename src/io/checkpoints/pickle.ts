import { InputError } from "../../errors.js";
import type { Storage } from "../arrays.js";
import { Cursor } from "./pickleCursor.js";
import { PickleBudget } from "./pickleBudget.js";
import { applyState } from "./pickleGlobals.js";
import { OF_OBJECTS, called, named, newObject } from "./pickleObjects.js";
import { Opaque, isBytes, type Builder, type PickleKey, type PickleValue } from "./pickleValues.js";
import { LazyText } from "../latin1.js";
import { OP } from "./pickleOps.js";
import type { ByteSource } from "../source.js";

const MAX_MARKS = 256;
const MAX_STRING = 2048;
const MAX_NAME = 512;
const MAX_INTEGER = 1024;

export interface UnpicklerOptions {
  /** Byte at which the pickle starts. */
  position?: number;
  budget?: PickleBudget;
  /** See `Builder`. */
  bystanders?: boolean;
  /** Answers a persistent id (torch's storages); without it such ids are refused. */
  persistentLoad?: (id: PickleValue) => PickleValue;
  /** Reads a storage's own torch.save stream inside a plain pickle; without it such streams are refused. */
  nestedLoad?: (bytes: ByteSource, budget: PickleBudget) => Storage;
}

/**
 * Interprets one pickle (protocols 2 to 5) from an allow-list of opcodes and names. Nothing is ever imported or executed.
 * Throws InputError for opcodes outside the list, for names outside it (with `bystanders` they become Opaque), and for input
 * that is damaged, too deep or too large.
 */
export class Unpickler implements Builder {
  readonly file: string;
  readonly budget: PickleBudget;
  readonly bystanders: boolean;
  readonly #cursor: Cursor;
  readonly #options: UnpicklerOptions;
  #stack: PickleValue[] = [];
  readonly #marks: PickleValue[][] = [];
  readonly #memo: PickleValue[] = [];
  /** Tuples are arrays, too, and may be keys of a dict. */
  readonly #lists = new WeakSet<PickleValue[]>();

  constructor(source: ByteSource, options: UnpicklerOptions = {}) {
    this.file = source.file;
    this.budget = options.budget ?? new PickleBudget(source.file, source.size);
    this.#cursor = new Cursor(source, options.position);
    this.#options = options;
    this.bystanders = options.bystanders ?? false;
  }

  /** Byte after the pickle's last opcode, once it is loaded. */
  get position(): number {
    return this.#cursor.position;
  }

  /** The object that the pickle describes. */
  load(): PickleValue {
    for (;;) {
      this.budget.spend(2);
      const op = this.#cursor.u8();
      if (op === OP.STOP) break;
      this.#step(op);
    }
    const value = this.#pop();
    if (this.#stack.length > 0 || this.#marks.length > 0) throw this.#bad("a pickle that ends in the middle of an object");
    return value;
  }

  /** `load` where nothing may follow the pickle. */
  loadWhole(): PickleValue {
    const value = this.load();
    const left = this.#cursor.source.size - this.position;
    if (left > 0) throw new InputError(this.file, `goes on for ${left} bytes after the end of its pickle; it is damaged or hostile`);
    return value;
  }

  newMap(args: PickleValue[]): Map<PickleKey, PickleValue> {
    this.budget.spend(20);
    const map = new Map<PickleKey, PickleValue>();
    const pairs = args[0] ?? [];
    if (!Array.isArray(pairs)) throw this.#bad("a dict that is not made of pairs");
    for (const pair of pairs) {
      if (!Array.isArray(pair) || pair.length !== 2) throw this.#bad("a dict that is not made of pairs");
      this.budget.spend(4);
      map.set(this.#key(pair[0]), pair[1]);
    }
    return map;
  }

  loadNested(bytes: ByteSource): Storage {
    if (!this.#options.nestedLoad) throw this.#bad("a storage inside a storage");
    this.budget.spend(400);
    this.budget.spendBytes(bytes.size);
    return this.#options.nestedLoad(bytes, this.budget);
  }

  #bad(what: string): InputError {
    return new InputError(this.file, `holds ${what} (byte ${this.#cursor.position} of its pickle); it is damaged or not a file of this kind`);
  }

  #pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined) throw this.#bad("a pickle that takes from an empty stack");
    return value;
  }

  #top(): PickleValue {
    if (this.#stack.length === 0) throw this.#bad("a pickle that takes from an empty stack");
    return this.#stack[this.#stack.length - 1];
  }

  #popMark(): PickleValue[] {
    const below = this.#marks.pop();
    if (below === undefined) throw this.#bad("a pickle that closes what it never opened");
    const items = this.#stack;
    this.#stack = below;
    return items;
  }

  #popCount(count: number): PickleValue[] {
    this.budget.spend(8 + count);
    if (this.#stack.length < count) throw this.#bad("a pickle that takes from an empty stack");
    return this.#stack.splice(this.#stack.length - count);
  }

  #push(value: PickleValue, cost = 0): void {
    this.budget.spend(cost);
    this.#stack.push(value);
  }

  #key(value: PickleValue): PickleKey {
    if (isBytes(value) && value.size <= MAX_NAME) {
      this.budget.spend(16 + value.size / 8);
      return Buffer.from(value.read(0, value.size)).toString("latin1");
    }
    const isKey = typeof value !== "object" || value === null || (this.bystanders && !(value instanceof Map) && !(Array.isArray(value) && this.#lists.has(value)));
    if (!isKey) throw this.#bad("a dict key that is not a string or number");
    return value;
  }

  #put(index: number): void {
    // Picklers count memo entries up from 0 (or 1), so a gap is never honest.
    if (index > this.#memo.length + 1) throw this.#bad("a memo entry far beyond the ones before it");
    this.budget.spend(2);
    this.#memo[index] = this.#top();
  }

  #get(index: number): void {
    const value = this.#memo[index];
    if (value === undefined) throw this.#bad(`a reference to memo entry ${index}, which was never made`);
    this.#push(value);
  }

  #text(length: number): void {
    if (length > MAX_STRING) {
      // Protocol 2 writes bytes as text, pixels included: leave them where they are.
      this.#push(new LazyText(this.#cursor.skip(length)), 12);
      return;
    }
    this.budget.spendBytes(length);
    this.#push(this.#cursor.text(length), 10);
  }

  #blob(length: number): void {
    this.#push(this.#cursor.skip(length), 12);
  }

  #integer(length: number): void {
    if (length > MAX_INTEGER) throw this.#bad(`an integer of ${length} bytes`);
    this.#push(this.#cursor.integer(length), length > 6 ? 12 + length : 2);
  }

  #global(module: PickleValue, name: PickleValue): void {
    if (typeof module !== "string" || typeof name !== "string") throw this.#bad("a global whose name is not a string");
    this.budget.spend(20);
    // Python 2 wrote some modules under older names.
    const full = `${module === "__builtin__" ? "builtins" : module}.${name}`;
    this.#push(named(full, this));
  }

  #reduce(): void {
    const args = this.#pop();
    const callee = this.#pop();
    const made = Array.isArray(args) ? called(callee, args, this) : undefined;
    if (made === undefined) throw this.#bad("a call of something that is not a function");
    this.#push(made, 12);
  }

  #newObject(args: PickleValue, keywords: PickleValue): void {
    const made = newObject(this.#pop(), args, keywords, this);
    if (made === null) throw this.#bad("an object of something that is not a class");
    this.#push(made, 12);
  }

  #list(items: PickleValue[]): void {
    this.#lists.add(items);
    this.#push(items, 4);
  }

  #append(items: PickleValue[]): void {
    const top = this.#top();
    const list = top instanceof Opaque ? top.parts : top;
    if (!Array.isArray(list)) throw this.#bad("an item for something that is not a list");
    for (const item of items) list.push(item);
  }

  #setItems(items: PickleValue[]): void {
    const top = this.#top();
    const map = top instanceof Opaque ? (top.items ??= this.newMap([])) : top;
    if (!(map instanceof Map) || items.length % 2 !== 0) throw this.#bad("an item for something that is not a dict");
    this.budget.spend(2 * items.length);
    for (let i = 0; i < items.length; i += 2) map.set(this.#key(items[i]), items[i + 1]);
  }

  #unknown(op: number): InputError {
    return this.#bad(`the pickle opcode 0x${op.toString(16).padStart(2, "0")}, which weights and data never need, so nothing was executed`);
  }

  #step(op: number): void {
    const cursor = this.#cursor;
    if (!this.bystanders && OF_OBJECTS.has(op)) throw this.#unknown(op);
    switch (op) {
      case OP.PROTO: {
        const protocol = cursor.u8();
        if (protocol < 2 || protocol > 5) throw this.#bad(`pickle protocol ${protocol} where 2 to 5 are known`);
        return;
      }
      case OP.FRAME:
        // Frames say how much may be read ahead; there is nothing to learn from them but that the file is whole.
        if (cursor.length64() > cursor.source.size - cursor.position) throw this.#bad("a frame that is cut short");
        return;
      case OP.MARK:
        if (this.#marks.length === MAX_MARKS) throw this.#bad(`over ${MAX_MARKS} levels of nesting`);
        this.budget.spend(4);
        this.#marks.push(this.#stack);
        this.#stack = [];
        return;
      case OP.POP: if (this.#stack.length > 0) this.#pop(); else this.#popMark(); return;
      case OP.POP_MARK: this.#popMark(); return;
      case OP.DUP: this.#push(this.#top()); return;
      case OP.NONE: this.#push(null); return;
      case OP.NEWTRUE: this.#push(true); return;
      case OP.NEWFALSE: this.#push(false); return;
      case OP.BININT: this.#push(cursor.i32()); return;
      case OP.BININT1: this.#push(cursor.u8()); return;
      case OP.BININT2: this.#push(cursor.u16()); return;
      case OP.LONG1: this.#integer(cursor.u8()); return;
      case OP.LONG4: this.#integer(cursor.u32()); return;
      case OP.BINFLOAT: this.#push(cursor.f64(), 2); return;
      case OP.BINUNICODE: this.#text(cursor.u32()); return;
      case OP.SHORT_BINUNICODE: this.#text(cursor.u8()); return;
      case OP.BINUNICODE8: this.#text(cursor.length64()); return;
      case OP.BINSTRING:
      case OP.BINBYTES: this.#blob(cursor.u32()); return;
      case OP.SHORT_BINSTRING:
      case OP.SHORT_BINBYTES: this.#blob(cursor.u8()); return;
      case OP.BINBYTES8:
      case OP.BYTEARRAY8: this.#blob(cursor.length64()); return;
      case OP.EMPTY_LIST: this.#list([]); return;
      case OP.EMPTY_TUPLE: this.#push([], 4); return;
      case OP.EMPTY_SET: this.#push(new Opaque("builtins.set"), 24); return;
      case OP.FROZENSET: this.#push(new Opaque("builtins.frozenset", this.#popMark()), 24); return;
      case OP.ADDITEMS: this.#append(this.#popMark()); return;
      case OP.EMPTY_DICT: this.#push(this.newMap([])); return;
      case OP.TUPLE: {
        const items = this.#popMark();
        this.#push(items, 4 + items.length);
        return;
      }
      case OP.TUPLE1: this.#push(this.#popCount(1)); return;
      case OP.TUPLE2: this.#push(this.#popCount(2)); return;
      case OP.TUPLE3: this.#push(this.#popCount(3)); return;
      case OP.LIST: this.#list(this.#popMark()); return;
      case OP.APPEND: this.#append(this.#popCount(1)); return;
      case OP.APPENDS: this.#append(this.#popMark()); return;
      case OP.SETITEM: this.#setItems(this.#popCount(2)); return;
      case OP.SETITEMS: this.#setItems(this.#popMark()); return;
      case OP.BINPUT: this.#put(cursor.u8()); return;
      case OP.LONG_BINPUT: this.#put(cursor.u32()); return;
      case OP.MEMOIZE: this.#put(this.#memo.length); return;
      case OP.BINGET: this.#get(cursor.u8()); return;
      case OP.LONG_BINGET: this.#get(cursor.u32()); return;
      case OP.GLOBAL: this.#global(cursor.line(MAX_NAME), cursor.line(MAX_NAME)); return;
      case OP.STACK_GLOBAL: {
        const name = this.#pop();
        this.#global(this.#pop(), name);
        return;
      }
      case OP.REDUCE: this.#reduce(); return;
      case OP.NEWOBJ: this.#newObject(this.#pop(), null); return;
      case OP.NEWOBJ_EX: {
        const keywords = this.#pop();
        this.#newObject(this.#pop(), keywords);
        return;
      }
      case OP.BUILD: {
        const state = this.#pop();
        applyState(this.#top(), state, this);
        return;
      }
      case OP.BINPERSID:
        if (!this.#options.persistentLoad) throw this.#bad("a reference to data outside the pickle");
        this.#push(this.#options.persistentLoad(this.#pop()), 12);
        return;
      default:
        throw this.#unknown(op);
    }
  }
}
