/** Hostile files of the kinds that bystanders, compression and PyTorch's oldest formats brought: objects never made, bombs, tars. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fixture, folder, refuses, tarball, zip } from "./support/io.js";
import { APPEND, BUILD, EMPTY_DICT, EMPTY_LIST, EMPTY_TUPLE, MARK, NONE, REDUCE, call, dict, global, int, list, op, pickle, raw, tensor, text, tuple } from "./support/ioPickle.js";
import { deflated } from "./support/deflated.js";
import { parse } from "./support/weights.js";

const two = new Uint8Array(Float32Array.of(1, 2).buffer);
const saved = (data: Uint8Array): Buffer => zip([["a/data.pkl", data], ["a/data/0", two]]);
/** Good weights with something beside them. */
const beside = (...value: Uint8Array[]): Buffer => saved(pickle(dict(text("x"), op(...value), text("w"), tensor())));
const wanted = (...value: Uint8Array[]): Buffer => saved(pickle(dict(text("w"), op(...value))));
const canary = join(folder(), "executed");
const system = call(global("os", "system"), text(`touch ${canary}`));
const NEWOBJ = op(0x81);
const NEWOBJ_EX = op(0x92);
const u64 = (value: number): Buffer => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const legacyHead = fixture("state_legacy.ckpt").subarray(0, 21);
/** A tar as PyTorch 0.1 wrote it, of these parts. */
const tar = (parts: Record<string, Uint8Array> = {}): Promise<Buffer> => tarball(Object.entries({
  storages: op(pickle(int(1)), pickle(tuple(int(7), text("cpu"), global("torch", "FloatStorage"))), u64(2), two, pickle(list())),
  tensors: op(pickle(int(1)), pickle(tuple(int(9), int(7), global("torch", "FloatTensor"))), op(1, 0, 0, 0, 0, 0, 0, 0), u64(2), u64(1), u64(0)),
  pickle: pickle(dict(text("w"), text("9"), op("Q"))),
  ...parts,
}));
const storage = (numel: number, ...rest: Uint8Array[]): Buffer => op(tuple(text("storage"), global("torch", "FloatStorage"), text("0"), text("cpu"), int(numel), ...rest), "Q");
const old = (shared: Uint8Array): Buffer => Buffer.concat([legacyHead, pickle(EMPTY_DICT), pickle(dict(text("w"), call(global("torch._utils", "_rebuild_tensor"), shared, int(0), tuple(int(1)), tuple(int(1))))), pickle(list(text("0"))), u64(2), two]);

const hostile: Record<string, [file: Buffer, message: RegExp]> = {
  // Objects in the place of weights
  "state-is-a-command.ckpt": [wanted(system), /asks for os\.system.*nothing was executed/],
  "tensor-by-a-command.ckpt": [wanted(call(global("torch._utils", "_rebuild_parameter"), system, op(0x89), NONE)), /tensor w as an object of torch\._utils\._rebuild_parameter/],
  "storage-by-a-command.ckpt": [wanted(call(global("torch._utils", "_rebuild_tensor_v2"), system, int(0), tuple(int(2)), tuple(int(1)))), /tensor w as an object of torch\._utils\._rebuild_tensor_v2/],
  "subclass-by-a-command.ckpt": [wanted(call(global("torch._tensor", "_rebuild_from_type_v2"), global("os", "system"), global("os", "system"), tuple(text(`touch ${canary}`)), dict())), /tensor w as an object of torch\._tensor/],
  "subclass-in-subclass.ckpt": [wanted(call(global("torch._tensor", "_rebuild_from_type_v2"), global("torch._tensor", "_rebuild_from_type_v2"), NONE, tuple(), dict())), /tensor w as an object of torch\._tensor/],
  "weights-in-an-object.ckpt": [saved(pickle(global("evil", "Dict"), EMPTY_TUPLE, NEWOBJ, MARK, text("w"), tensor(), op("u"))), /weights in an object of evil\.Dict/],
  "weights-in-a-state.ckpt": [saved(pickle(global("evil", "Net"), EMPTY_TUPLE, NEWOBJ, dict(text("w"), tensor()), BUILD)), /weights in an object of evil\.Net/],
  "quantised.ckpt": [wanted(call(global("torch._utils", "_rebuild_qtensor"), storage(2), int(0), tuple(int(2)), tuple(int(1)), tuple(NONE), op(0x89), dict())), /tensor w as an object of torch\._utils\._rebuild_qtensor/],
  "another-type-on-the-device.ckpt": [wanted(call(global("torch._utils", "_rebuild_xla_tensor"), tensor(), global("torch", "float64"), text("xla:0"), op(0x89))), /tensor w as a tensor of float64 kept as float32/],
  "float8-as-float32.ckpt": [wanted(call(global("torch._utils", "_rebuild_tensor_v3"), storage(2), int(0), tuple(int(8)), tuple(int(1)), op(0x89), dict(), global("torch", "float8_e4m3fn"), dict())), /tensor w as float8_e4m3fn/],
  "typed-view-outside.ckpt": [wanted(call(global("torch._utils", "_rebuild_tensor_v3"), storage(2), int(0), tuple(int(5)), tuple(int(1)), op(0x89), dict(), global("torch", "uint16"), dict())), /outside its storage of 4 elements/],
  // Objects beside them
  "object-of-a-number.ckpt": [beside(int(1), EMPTY_TUPLE, NEWOBJ), /something that is not a class/],
  "object-of-a-text.ckpt": [beside(text("os.system"), EMPTY_TUPLE, dict(), NEWOBJ_EX), /something that is not a class/],
  "call-of-a-list.ckpt": [beside(EMPTY_LIST, EMPTY_TUPLE, REDUCE), /not a function/],
  "call-of-a-set.ckpt": [beside(op(0x8f), MARK, int(1), op(0x90), text("x"), REDUCE), /not a function/],
  "many-objects.ckpt": [beside(global("a", "B"), op("q", 0, "0"), EMPTY_LIST, MARK, Buffer.concat(Array<Buffer>(1_000_000).fill(op("h", 0, ")", NEWOBJ))), op("e")), /more objects than any/],
  "many-sets.ckpt": [beside(Buffer.alloc(3_000_000, 0x8f)), /more objects than any/],
  "many-digits.ckpt": [beside(op(0x8b, 0, 8, 0, 0, Buffer.alloc(2048, 1))), /an integer of 2048 bytes/],
  "key-is-a-dict.ckpt": [beside(EMPTY_DICT, EMPTY_DICT, NONE, op("s")), /dict key/],
  "key-is-a-list.ckpt": [beside(EMPTY_DICT, EMPTY_LIST, NONE, op("s")), /dict key/],
  "items-of-a-number.ckpt": [beside(int(1), MARK, int(1), op(0x90)), /not a list/],
  "state-of-a-number.ckpt": [beside(int(1), dict(), BUILD), /object state/],
  "item-without-a-value.ckpt": [beside(global("a", "B"), EMPTY_TUPLE, NEWOBJ, MARK, int(1), op("u")), /not a dict/],
  "append-to-a-tensor.ckpt": [beside(tensor(), NONE, APPEND), /not a list/],
  "extension-beside.ckpt": [beside(op(0x82, 1)), /opcode 0x82/],
  "buffer-beside.ckpt": [beside(op(0x97)), /opcode 0x97/],
  "python-2-instance-beside.ckpt": [beside(MARK, op("ios\nsystem\n")), /opcode 0x69/],
  // Compressed entries
  "bomb.ckpt": [deflated([["a/data.pkl", pickle(dict()), 2 ** 31 - 1]]), /more than 1073741824 bytes/],
  "bombs.ckpt": [deflated([["a/data.pkl", pickle(dict())], ["a/data/0", Buffer.alloc(1000), 2 ** 30]]), /more than 1073741824 bytes/],
  "unpacks-to-more.ckpt": [deflated([["a/data.pkl", Buffer.alloc(1 << 20), 10]]), /does not unpack to its size/],
  "unpacks-to-less.ckpt": [deflated([["a/data.pkl", Buffer.alloc(10), 11]]), /does not unpack to its size/],
  "rest-behind-the-packed.ckpt": [deflated([["a/data.pkl", Buffer.alloc(10), 10, Buffer.concat([deflateRawSync(Buffer.alloc(10)), Buffer.alloc(9)])]]), /does not unpack to its size/],
  "not-deflate.ckpt": [deflated([["a/data.pkl", Buffer.alloc(10), 10, Buffer.from("no deflate")]]), /does not unpack to its size/],
  // PyTorch before 0.4
  "part-outside.ckpt": [old(storage(2, tuple(text("p"), int(1), int(2)))), /no part of the one it names/],
  "part-before.ckpt": [old(storage(2, tuple(text("p"), int(-1), int(1)))), /no part of the one it names/],
  "part-of-nothing.ckpt": [old(storage(2, int(3))), /no part of the one it names/],
  "storage-of-nothing.ckpt": [Buffer.concat([legacyHead, pickle(EMPTY_DICT), pickle(dict(text("w"), op(NONE, "Q")))]), /type, key or size/],
  "class-of-a-whole-model.ckpt": [Buffer.concat([legacyHead, pickle(EMPTY_DICT), pickle(dict(text("w"), op(tuple(text("module"), global("os", "system"), text("a.py"), text("x")), "Q"))), pickle(list())]), /os\.system.*nothing was executed/],
  "other-tar.ckpt": [await tarball([["weights.pth", two]]), /tar archive that torch\.save did not write/],
  "cut.tar": [(await tar()).subarray(0, 1200), /damaged tar archive/],
  "twice.tar": [await tarball([["storages", two], ["storages", two]]), /"storages" twice/],
  "many-files.tar": [await tarball(Array.from({ length: 70 }, (_, i) => [`f${i}`, two])), /far more files/],
  "many-storages.tar": [await tar({ storages: pickle(int(2 ** 31 - 1)) }), /is cut short/],
  "storage-of-2e62.tar": [await tar({ storages: op(pickle(int(1)), pickle(tuple(int(7), text("cpu"), global("torch", "FloatStorage"))), u64(2 ** 62)) }), /type, key or size/],
  "storage-longer-than-the-file.tar": [await tar({ storages: op(pickle(int(1)), pickle(tuple(int(7), text("cpu"), global("torch", "FloatStorage"))), u64(99)) }), /is cut short/],
  "view-outside.tar": [await tar({ storages: op(pickle(int(1)), pickle(tuple(int(7), text("cpu"), global("torch", "FloatStorage"))), u64(2), two, pickle(list(tuple(int(8), int(7), int(1), int(2))))) }), /no part of the one it names/],
  "rank-of-2e31.tar": [await tar({ tensors: op(pickle(int(1)), pickle(tuple(int(9), int(7), NONE)), op(0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0)) }), /key or shape/],
  "tensor-outside.tar": [await tar({ tensors: op(pickle(int(1)), pickle(tuple(int(9), int(7), NONE)), op(1, 0, 0, 0, 0, 0, 0, 0), u64(3), u64(1), u64(0)) }), /outside its storage/],
  "unknown-tensor.tar": [await tar({ pickle: pickle(dict(text("w"), text("99"), op("Q"))) }), /a tensor that it does not hold/],
  "command.tar": [await tar({ pickle: pickle(dict(text("w"), system)) }), /os\.system.*nothing was executed/],
  "second-pickle.tar": [await tar({ pickle: op(pickle(dict(text("w"), text("9"), op("Q"))), pickle(system)) }), /after the end of its pickle/],
};

for (const [name, [file, message]] of Object.entries(hostile)) test(`${name} is refused`, () => refuses(() => parse(file), message));

const harmless: Record<string, Buffer> = {
  "a command": beside(system),
  "a command as a class": beside(global("os", "system"), tuple(text(`touch ${canary}`)), NEWOBJ),
  "a command with a state": beside(system, dict(text("__setstate__"), global("os", "system")), BUILD),
  "a command as a key": beside(EMPTY_DICT, system, NONE, op("s")),
  "an attribute of a module": beside(call(global("builtins", "getattr"), global("os", "system"), text("x"))),
  "an import by name": beside(op(text("os"), text("system"), 0x93)),
  "an object in itself": beside(global("a", "B"), EMPTY_TUPLE, NEWOBJ, op("q", 0), MARK, op("h", 0), op("e")),
  "a list in itself": beside(EMPTY_LIST, op("q", 0, "h", 0), APPEND),
  "tuples in tuples": beside(EMPTY_TUPLE, Buffer.alloc(500_000, 0x85)),
  "hostile text for NumPy": beside(call(global("numpy", "dtype"), raw("O\0"), int(0), int(1))),
  "a tensor of a million times one number": beside(tensor({ shape: tuple(int(1_000_000)), strides: tuple(int(0)) })),
};

for (const [what, file] of Object.entries(harmless)) {
  test(`${what} beside the weights stays what it is: bytes`, () => assert.equal([...parse(file).tensors.get("w")!.data], [1, 2]));
}

test("the files that the hostile ones are made from are good, and nothing was executed", async () => {
  for (const file of [await tar(), old(storage(2, tuple(text("p"), int(1), int(1)))), deflated([["a/data.pkl", pickle(dict(text("w"), tensor()))], ["a/data/0", two]])]) assert.ok(parse(file).tensors.has("w"));
  assert.equal([...parse(old(storage(2, tuple(text("p"), int(1), int(1))))).tensors.get("w")!.data], [2]);
  assert.not(existsSync(canary));
});

test.run();
