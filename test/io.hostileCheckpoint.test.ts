import { existsSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readCheckpoint } from "../src/inputs/weights.js";
import { fixture, folder, refuses, safetensors, zip } from "./support/io.js";
import { APPEND, BUILD, EMPTY_DICT, EMPTY_LIST, EMPTY_TUPLE, MARK, NONE, REDUCE, call, dict, global, int, list, op, pickle, raw, tensor, text, tuple } from "./support/ioPickle.js";
import { parse } from "./support/weights.js";

const two = new Uint8Array(Float32Array.of(1, 2).buffer);
/** What torch.save would write around this pickle and storage "0". */
const saved = (data: Uint8Array, storage: Uint8Array = two): Buffer => zip([["a/data.pkl", data], ["a/data/0", storage], ["a/version", Buffer.from("3\n")]]);
const weights = (...values: Uint8Array[]): Buffer => saved(pickle(dict(text("w"), op(...values))));
const goodZip = fixture("state_zip.ckpt");
const goodLegacy = fixture("state_legacy.ckpt");
const goodTensors = fixture("state.safetensors");

function patched(file: Buffer, at: number, bytes: number[]): Buffer {
  const copy = Buffer.from(file);
  copy.set(bytes, at < 0 ? copy.length + at : at);
  return copy;
}

function replaced(file: Buffer, from: string, to: string): Buffer {
  assert.is(from.length, to.length);
  const at = file.indexOf(from, 0, "latin1");
  assert.ok(at >= 0);
  return patched(file, at, [...Buffer.from(to, "latin1")]);
}

const entry = (from: number, to: number, shape = [(to - from) / 4], dtype = "F32") => ({ dtype, shape, data_offsets: [from, to] });
const nan = new Uint8Array(Float32Array.of(1, NaN).buffer);
const canary = join(folder(), "executed");

const hostile: Record<string, [file: Buffer, message: RegExp]> = {
  "not-a-checkpoint.ckpt": [Buffer.from("<html>Sign in</html>"), /is not a checkpoint/],
  "one-byte.ckpt": [Buffer.from("P"), /is not a checkpoint/],
  "lfs-pointer.ckpt": [Buffer.from("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), /Git LFS pointer/],
  // Pickles
  "os-system.ckpt": [saved(pickle(call(global("os", "system"), text(`touch ${canary}`)))), /asks for os\.system, .*nothing was executed/],
  "posix-system-protocol-4.ckpt": [saved(op(0x80, 4, 0x8c, 5, "posix", 0x8c, 6, "system", 0x93, tuple(text(`touch ${canary}`)), "R.")), /posix\.system/],
  "builtins-eval.ckpt": [saved(pickle(call(global("__builtin__", "eval"), text("1")))), /builtins\.eval/],
  "getattr-chain.ckpt": [saved(pickle(call(global("builtins", "getattr"), global("os", "system"), text("x")))), /builtins\.getattr/],
  "whole-model.ckpt": [saved(pickle(global("__main__", "ResNet18"), EMPTY_TUPLE, op(0x81))), /__main__\.ResNet18.*state_dict/],
  "newline-in-global.ckpt": [saved(op(0x80, 4, text("a\nb"), text("c"), op(0x93), ".")), /a\\nb\.c/],
  "object-new.ckpt": [saved(pickle(global("collections", "OrderedDict"), EMPTY_TUPLE, op(0x81))), /holds no tensors/],
  "instance.ckpt": [saved(pickle(MARK, op("ios\nsystem\n"))), /opcode 0x69/],
  "extension.ckpt": [saved(pickle(op(0x82, 1))), /opcode 0x82/],
  "out-of-band-buffer.ckpt": [saved(op(0x80, 5, 0x97, ".")), /opcode 0x97/],
  "call-of-a-string.ckpt": [weights(text("os.system"), tuple(text("x")), REDUCE), /not a function/],
  "call-of-a-storage-class.ckpt": [weights(call(global("torch", "FloatStorage"), int(1))), /not a function/],
  "protocol-9.ckpt": [saved(op(0x80, 9, EMPTY_DICT, ".")), /pickle protocol 9/],
  "empty-stack.ckpt": [saved(pickle(op("0"))), /closes what it never opened/],
  "stop-at-once.ckpt": [saved(pickle()), /empty stack/],
  "no-stop.ckpt": [saved(op(0x80, 2, EMPTY_DICT)), /is cut short/],
  "left-on-the-stack.ckpt": [saved(pickle(EMPTY_DICT, EMPTY_DICT)), /ends in the middle of an object/],
  "open-mark.ckpt": [saved(pickle(MARK, EMPTY_DICT)), /ends in the middle of an object/],
  "second-pickle.ckpt": [saved(Buffer.concat([pickle(dict()), pickle(call(global("os", "system"), text("false")))])), /goes on for \d+ bytes after the end of its pickle/],
  "frame-of-2e63.ckpt": [saved(op(0x80, 4, 0x95, 0, 0, 0, 0, 0, 0, 0, 0x80, EMPTY_DICT, ".")), /is cut short/],
  "text-persistent-id.ckpt": [saved(pickle(op("P0\n"))), /opcode 0x50/],
  "persistent-id-of-a-string.ckpt": [saved(pickle(text("0"), op("Q"))), /type, key or size/],
  "not-utf8.ckpt": [saved(pickle(dict(op("X", 2, 0, 0, 0, Uint8Array.of(0xc3, 0x28)), tensor()))), /no UTF-8/],
  "state-of-a-global.ckpt": [saved(pickle(global("torch", "Size"), dict(text("__dict__"), NONE), BUILD)), /object state/],
  "unknown-memo.ckpt": [saved(pickle(op("h", 7))), /memo entry 7/],
  "far-memo.ckpt": [saved(pickle(EMPTY_DICT, op("r", 0xff, 0xff, 0xff, 0x7f))), /memo entry far beyond/],
  "deep-marks.ckpt": [saved(pickle(Buffer.alloc(100_000, "("))), /over 256 levels/],
  "many-dicts.ckpt": [saved(pickle(Buffer.alloc(4_000_000, "}"))), /more objects than any/],
  "long-string.ckpt": [saved(pickle(op("X", 0xff, 0xff, 0xff, 0x7f))), /is cut short/],
  "string-of-2e63.ckpt": [saved(pickle(op(0x8d, 0, 0, 0, 0, 0, 0, 0, 0x80))), /is cut short/],
  "huge-integer.ckpt": [saved(pickle(op(0x8b, 0xff, 0xff, 0, 0, Buffer.alloc(65535)))), /an integer of 65535 bytes/],
  "dict-keyed-by-list.ckpt": [saved(pickle(EMPTY_DICT, EMPTY_LIST, NONE, op("s"))), /dict key/],
  "append-to-dict.ckpt": [saved(pickle(EMPTY_DICT, NONE, APPEND)), /not a list/],
  "state-of-an-integer.ckpt": [saved(pickle(int(1), EMPTY_DICT, BUILD)), /object state/],
  "long-global-name.ckpt": [saved(pickle(global("a".repeat(5000), "b"))), /a name of over 512 bytes/],
  "storage-in-storage.ckpt": [weights(call(global("torch.storage", "_load_from_bytes"), raw("x"))), /storage inside a storage/],
  "utf8-bytes.ckpt": [weights(call(global("_codecs", "encode"), text("x"), text("rot13"))), /latin-1/],
  "a-list.ckpt": [saved(pickle(list(int(1)))), /does not hold a state_dict/],
  "no-tensors.ckpt": [saved(pickle(dict())), /holds no tensors/],
  "proto-key.ckpt": [saved(pickle(dict(text("__proto__"), int(1)))), /holds no tensors/],
  // Tensors
  "offset-outside.ckpt": [weights(tensor({ offset: int(1) })), /reaches outside its storage/],
  "negative-offset.ckpt": [weights(tensor({ offset: int(-1) })), /not sensible whole numbers/],
  "negative-stride.ckpt": [weights(tensor({ strides: tuple(int(-1)) })), /not sensible whole numbers/],
  "shape-overflow.ckpt": [weights(tensor({ shape: tuple(...Array(8).fill(int(0x7fffffff))), strides: tuple(...Array(8).fill(int(1))) })), /reaches outside/],
  "overlapping-axes.ckpt": [saved(pickle(dict(text("w"), tensor({ numel: 13, shape: tuple(int(2), int(2), int(2)), strides: tuple(int(1), int(1), int(10)) }))), Buffer.alloc(52)), /overlap in memory/],
  "sieve.ckpt": [saved(pickle(dict(text("w"), tensor({ numel: (1 << 20) + 1, strides: tuple(int(1 << 20)) }))), Buffer.alloc(4 * (1 << 20) + 4)), /spread over 1048577 elements/],
  "sizes-beyond-2e53.ckpt": [weights(tensor({ numel: 0x7fffffff, key: "0", shape: tuple(op(0x8a, 8, 0, 0, 0, 0, 0, 0, 0x20, 0)), strides: tuple(int(1)) })), /declares 2147483647 elements|not sensible whole numbers/],
  "expanded.ckpt": [weights(tensor({ shape: tuple(int(1_000_000), int(1)), strides: tuple(int(0), int(1)) })), /overlap in memory/],
  "rank-mismatch.ckpt": [weights(tensor({ strides: tuple() })), /not sensible whole numbers/],
  "fractional-size.ckpt": [weights(tensor({ shape: tuple(op("G", 0x3f, 0xf8, 0, 0, 0, 0, 0, 0)) })), /not sensible whole numbers/],
  "storage-too-short.ckpt": [weights(tensor({ numel: 3 })), /declares 3 elements of float32/],
  "storage-missing.ckpt": [weights(tensor({ key: "5" })), /no data for storage "5"/],
  "storage-escapes.ckpt": [weights(tensor({ key: "../version" })), /no data for storage/],
  "storage-of-no-type.ckpt": [weights(tensor({ storage: "Size" })), /type, key or size/],
  "integer-weights.ckpt": [weights(tensor({ storage: "LongStorage", numel: 1, shape: tuple(int(1)) })), /tensor w as int64/],
  "tensor-of-nothing.ckpt": [weights(call(global("torch._utils", "_rebuild_tensor_v2"))), /without a storage/],
  "nan.ckpt": [saved(pickle(dict(text("model.conv1.weight"), tensor())), nan), /holds NaN in tensor conv1\.weight/],
  "infinity.ckpt": [saved(pickle(dict(text("w"), tensor())), new Uint8Array(Float32Array.of(-Infinity, 0).buffer)), /holds -Infinity in tensor w/],
  "name-twice.ckpt": [saved(pickle(dict(text("w"), tensor(), text("model.w"), tensor()))), /tensor w does not belong/],
  // Zip
  "cut.ckpt": [goodZip.subarray(0, 1000), /is cut short/],
  "without-directory.ckpt": [goodZip.subarray(0, goodZip.length - 22), /is cut short/],
  "without-data-pkl.ckpt": [zip([["a/version", Buffer.from("3")]]), /without the one data\.pkl/],
  "two-data-pkl.ckpt": [zip([["a/data.pkl", two], ["b/data.pkl", two]]), /without the one data\.pkl/],
  "same-entry-twice.ckpt": [zip([["a/data.pkl", two], ["a/data.pkl", two]]), /twice/],
  "torchscript.ckpt": [zip([["a/data.pkl", two], ["a/constants.pkl", two]]), /TorchScript/],
  "big-endian.ckpt": [zip([["a/data.pkl", two], ["a/byteorder", Buffer.from("big")]]), /big-endian/],
  "flipped-bit.ckpt": [replaced(goodZip, "little", "liTtle"), /checksum/],
  "renamed-in-directory.ckpt": [replaced(goodZip, "/version", "/vers1on"), /contradicts/],
  "zip64-contradiction.ckpt": [patched(goodZip, -22 + 10, [1, 0]), /split|contradict/],
  "directory-elsewhere.ckpt": [patched(saved(pickle(dict())), -22 + 16, [0, 0, 0, 0]), /directory of a wrong size/],
  "entry-count.ckpt": [patched(saved(pickle(dict())), -22 + 8, [9, 0, 9, 0]), /wrong size|damaged zip directory/],
  "comment-length.ckpt": [patched(saved(pickle(dict())), -2, [9, 0]), /is cut short/],
  "bytes-in-front.ckpt": [Buffer.concat([goodZip.subarray(0, 4), goodZip]), /zip64 records in an unexpected place/],
  "zip-in-front.ckpt": [((): Buffer => {
    // Two archives in a row, the directory's offsets moved: tools that read from the start see the first.
    const [first, second] = [saved(pickle(call(global("os", "system"), text("false")))), saved(pickle(dict()))];
    const file = Buffer.concat([first, second]);
    for (let at = file.indexOf("PK\x01\x02", first.length); at >= 0; at = file.indexOf("PK\x01\x02", at + 4)) file.writeUInt32LE(file.readUInt32LE(at + 42) + first.length, at + 42);
    file.writeUInt32LE(file.readUInt32LE(file.length - 6) + first.length, file.length - 6);
    return file;
  })(), /belong to no entry/],
  "bytes-between.ckpt": [((): Buffer => {
    const file = saved(pickle(dict()));
    const [directory, gap] = [file.indexOf("PK\x01\x02"), Buffer.alloc(40, "x")];
    const moved = Buffer.concat([file.subarray(0, directory), gap, file.subarray(directory)]);
    moved.writeUInt32LE(directory + 40, moved.length - 6);
    return moved;
  })(), /belong to no entry/],
  "end-in-the-comment.ckpt": [((): Buffer => {
    const file = saved(pickle(dict()));
    file.writeUInt16LE(22, file.length - 2);
    return Buffer.concat([file, file.subarray(file.length - 22, file.length - 2), Buffer.alloc(2)]);
  })(), /wrong size/],
  "comment.ckpt": [((): Buffer => {
    const file = saved(pickle(dict()));
    file.writeUInt16LE(4, file.length - 2);
    return Buffer.concat([file, Buffer.from("PK\x05\x06")]);
  })(), /is cut short/],
  "local-size.ckpt": [patched(saved(pickle(dict())), 18, [1, 0, 0, 0, 1, 0, 0, 0]), /contradicts/],
  "local-checksum.ckpt": [patched(saved(pickle(dict())), 14, [1, 2, 3, 4]), /contradicts/],
  "zip64-size.ckpt": [((): Buffer => {
    const file = saved(pickle(dict()));
    return patched(file, file.indexOf("PK\x01\x02") + 20, [255, 255, 255, 255, 255, 255, 255, 255]);
  })(), /without its sizes/],
  "deflated.ckpt": [((): Buffer => {
    const file = zip([["a/data.pkl", deflateRawSync(Buffer.alloc(1000))]]);
    return patched(file, file.indexOf("PK\x01\x02") + 10, [8, 0]);
  })(), /contradicts the archive's directory/],
  "encrypted.ckpt": [((): Buffer => {
    const file = zip([["a/data.pkl", two]]);
    return patched(file, file.indexOf("PK\x01\x02") + 8, [1, 0]);
  })(), /encrypted/],
  "overlap.ckpt": [((): Buffer => {
    const file = zip([["a/data.pkl", two], ["a/version", two]]);
    const second = file.lastIndexOf("PK\x01\x02");
    return patched(file, second + 42, [8, 0, 0, 0]);
  })(), /overlaps|contradicts/],
  // Legacy
  "legacy-cut-in-pickle.ckpt": [goodLegacy.subarray(0, 300), /is cut short/],
  "legacy-cut-in-data.ckpt": [goodLegacy.subarray(0, goodLegacy.length - 3), /is cut short/],
  "legacy-trailing.ckpt": [Buffer.concat([goodLegacy, Buffer.alloc(5)]), /goes on for 5 bytes/],
  "legacy-version.ckpt": [patched(goodLegacy, 19, [1]), /unknown version/],
  "legacy-system.ckpt": [Buffer.concat([goodLegacy.subarray(0, 21), pickle(EMPTY_DICT), pickle(call(global("os", "system"), text(`touch ${canary}`))), pickle(list())]), /os\.system/],
  "legacy-other-keys.ckpt": [Buffer.concat([goodLegacy.subarray(0, 21), pickle(EMPTY_DICT), pickle(dict(text("w"), tensor())), pickle(list(text("1")))]), /other storages/],
  "legacy-other-count.ckpt": [Buffer.concat([goodLegacy.subarray(0, 21), pickle(EMPTY_DICT), pickle(dict(text("w"), tensor())), pickle(list(text("0"))), op(9, 0, 0, 0, 0, 0, 0, 0), Buffer.alloc(99)]), /2 elements for a storage and stores 9/],
  "legacy-huge-storage.ckpt": [Buffer.concat([goodLegacy.subarray(0, 21), pickle(EMPTY_DICT), pickle(dict(text("w"), tensor({ numel: 0x7fffffff })))]), /more than the file can hold/],
  // safetensors
  "header-too-long.safetensors": [Buffer.concat([op(0, 0xe1, 0xf5, 6, 0, 0, 0, 0), Buffer.from("{}")]), /100 MB are the limit/],
  "header-cut.safetensors": [goodTensors.subarray(0, 100), /is cut short inside its safetensors header/],
  "data-cut.safetensors": [goodTensors.subarray(0, goodTensors.length - 1), /is cut short inside its tensors/],
  "trailing.safetensors": [Buffer.concat([goodTensors, Buffer.alloc(1)]), /goes on for 1 bytes/],
  "not-json.safetensors": [safetensors("{not json}"), /not JSON/],
  "overlap.safetensors": [safetensors({ a: entry(0, 8), b: entry(4, 12) }, Buffer.alloc(12)), /overlap before tensor "b"/],
  "hole.safetensors": [safetensors({ a: entry(0, 4), b: entry(8, 12) }, Buffer.alloc(12)), /hole before tensor "b"/],
  "twice.safetensors": [safetensors(`{"a":${JSON.stringify(entry(0, 4))},"a":${JSON.stringify(entry(0, 4))}}`, Buffer.alloc(4)), /twice/],
  "overflow.safetensors": [safetensors({ a: entry(0, 4, [2 ** 31, 2 ** 31, 2 ** 31]) }, Buffer.alloc(4)), /does not fit its shape/],
  "offset-overflow.safetensors": [safetensors('{"a":{"dtype":"F32","shape":[1],"data_offsets":[18446744073709551612,18446744073709551616]}}', Buffer.alloc(4)), /makes no sense/],
  "negative.safetensors": [safetensors({ a: entry(-4, 0) }, Buffer.alloc(4)), /makes no sense/],
  "backwards.safetensors": [safetensors({ a: entry(4, 0, [1]) }, Buffer.alloc(4)), /does not fit/],
  "unknown-type.safetensors": [safetensors({ a: entry(0, 4, [4], "F4") }, Buffer.alloc(4)), /element type/],
  "null-entry.safetensors": [safetensors({ a: null }), /not JSON of its format/],
  "twice-by-escape.safetensors": [safetensors(`{"a":${JSON.stringify(entry(0, 4))},"\\u0061":${JSON.stringify(entry(0, 4))}}`, Buffer.alloc(4)), /names "a" twice/],
  "type-twice.safetensors": [safetensors('{"a":{"dtype":"F32","dtype":"I8","shape":[1],"data_offsets":[0,4]}}', Buffer.alloc(4)), /"a" its dtype twice/],
  "proto-in-entry.safetensors": [safetensors('{"a":{"__proto__":{"dtype":"F32"},"shape":[1],"data_offsets":[0,4]}}', Buffer.alloc(4)), /not JSON of its format/],
  "constructor.safetensors": [safetensors('{"constructor":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', Buffer.from(nan.subarray(4))), /NaN in tensor constructor/],
  "no-shape.safetensors": [safetensors('{"a":{"dtype":"F32","data_offsets":[0,4]}}', Buffer.alloc(4)), /no type, shape or range/],
  "fraction.safetensors": [safetensors('{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}', Buffer.alloc(4)), /makes no sense/],
  "exponent.safetensors": [safetensors('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4e0]}}', Buffer.alloc(4)), /makes no sense/],
  "seventeen-axes.safetensors": [safetensors({ a: entry(0, 4, Array<number>(17).fill(1)) }, Buffer.alloc(4)), /makes no sense/],
  "metadata-number.safetensors": [safetensors('{"__metadata__":{"a":1}}'), /not JSON of its format/],
  "metadata-alone.safetensors": [safetensors('{"__metadata__":{"a":"}\\""}}  '), /holds no tensors/],
  "behind-the-header.safetensors": [safetensors('{}{"a":1}'), /not JSON of its format/],
  "lone-surrogate.safetensors": [safetensors('{"\\ud800":1}'), /not JSON of its format/],
  "not-utf8.safetensors": [safetensors(Buffer.from('{"\xff":1}', "latin1").toString("latin1")).fill(0xff, 10, 11), /not UTF-8/],
  "long-name.safetensors": [safetensors(`{"${"a".repeat(3000)}":1}`), /a name of over 2048 bytes/],
  "proto.safetensors": [safetensors('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', Buffer.from(nan.subarray(4))), /NaN in tensor __proto__/],
  "deep-json.safetensors": [safetensors(`{"a":${"[".repeat(200_000)}`), /not JSON/],
  "empty-header.safetensors": [safetensors("{}"), /holds no tensors/],
};

for (const [name, [file, message]] of Object.entries(hostile)) {
  test(`${name} is refused`, async () => {
    // Under a name that no message speaks of.
    await refuses(() => parse(file), message);
  });
}

test("a shape that grows after it was checked stays as it was", () => {
  const grown = saved(pickle(tensor({ shape: op("]", int(2), APPEND, "q", 0) }), op("q", 1, "0", "h", 0), int(1 << 30), APPEND, op("0"), EMPTY_DICT, text("w"), op("h", 1, "s")));
  const { shape, data } = parse(grown).tensors.get("w")!;
  assert.equal([shape, [...data]], [[2], [1, 2]]);
});

test("one big storage behind many names is refused before it fills memory", async () => {
  const storage = new Uint8Array(1 << 20);
  const view = tensor({ numel: 1 << 18, shape: tuple(int(1 << 18)), strides: tuple(int(1)) });
  const names = Array.from({ length: 100 }, (_, i) => [text(`w${i}`), op("h", 1)]).flat();
  const file = saved(pickle(view, op("q", 1, "0"), dict(...names)), storage);
  await refuses(() => parse(file), /far larger than the file/);
});

test("an empty file and a file of a hostile pickle are refused from disk, and nothing is executed", async () => {
  const dir = folder({ "empty.ckpt": "", "os.ckpt": hostile["os-system.ckpt"][0] });
  await refuses(() => readCheckpoint(join(dir, "empty.ckpt")), /empty\.ckpt: is empty/);
  await refuses(() => readCheckpoint(join(dir, "os.ckpt")), /os\.ckpt: asks for os\.system/);
  assert.not.ok(existsSync(canary));
});

test("the files that the hostile ones are made from are good", () => {
  for (const file of [weights(tensor()), goodZip, goodLegacy, goodTensors, safetensors({ a: entry(0, 4) }, Buffer.alloc(4))]) {
    assert.ok(parse(file).tensors.size > 0);
  }
});

test.run();
