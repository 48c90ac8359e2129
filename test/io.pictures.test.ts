/** Pictures in folders, against torchvision's transforms (pixels baked by fixtures/io/pictures.py) and ImageFolder's numbering. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openDataset } from "../src/io/datasets/dataset.js";
import { loadDecoder, readPicture } from "../src/io/datasets/pictures.js";
import { fitted, resampled } from "../src/io/datasets/resample.js";
import { folder, refuses, ROOT } from "./support/io.js";

const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const FIXTURES = join(ROOT, "fixtures/io/pictures");
const picture = (name: string): Buffer => readFileSync(join(FIXTURES, name));

interface Expected {
  file: string;
  resize: number | [number, number] | null;
  crop: number | [number, number] | null;
  channels: 1 | 3;
  height: number;
  width: number;
  sha256: string;
}
const expected = JSON.parse(readFileSync(join(ROOT, "fixtures/io/pictures.json"), "utf8")) as Expected[];

for (const file of ["colour.png", "colour.jpg", "gray.png", "palette.png", "alpha.png", "tall.png"]) {
  test(`Resize and CenterCrop give torchvision's bytes: ${file}`, async () => {
    const decode = await loadDecoder();
    const cases = expected.filter((each) => each.file === file);
    assert.is(cases.length, 16);
    for (const { resize, crop, channels, height, width, sha256 } of cases) {
      const found = fitted(await decode(readPicture(join(FIXTURES, file)), channels), { resize: resize ?? undefined, crop: crop ?? undefined });
      assert.equal([found.height, found.width, sha(found.data)], [height, width, sha256], JSON.stringify({ resize, crop, channels }));
    }
  });
}

test("a constant picture stays constant, whatever the size", () => {
  const flat = { channels: 1, height: 7, width: 5, data: new Uint8Array(35).fill(200) };
  for (const [height, width] of [[3, 3], [1, 1], [20, 11], [7, 2]]) assert.ok(resampled(flat, height, width).data.every((pixel) => pixel === 200));
});

const TREE = { "b/2.png": picture("gray.png"), "b/10.jpg": picture("colour.jpg"), "a/x.PNG": picture("colour.png"), "a/deeper/y.png": picture("alpha.png") };

test("classes are numbered by their sorted names, pictures come in ImageFolder's order, what systems leave behind is skipped", async () => {
  const dir = folder({ ...TREE, "a/._x.PNG": "x", ".DS_Store": "x", "b/Thumbs.db": "x", ".ipynb_checkpoints/z.png": "x", "__MACOSX/a/x.png": "x" });
  const data = await openDataset(dir, { split: "test" });
  assert.equal([data.name, data.images, data.classes, [...data.labels]], ["images", 4, 2, [0, 0, 1, 1]]);
  assert.equal([data.channels, data.height, data.width], [3, 45, 61]);
  assert.equal(data.normalisation, { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] });
  const decode = await loadDecoder();
  const plain = data.normalisedBy!({ mean: [0], std: [1] });
  for (const [i, name] of ["colour.png", "alpha.png", "colour.jpg", "gray.png"].entries()) {
    const { data: bytes } = await decode(readPicture(join(FIXTURES, name)), 3);
    assert.equal(plain.read(i, 1), Float32Array.from(bytes, (byte) => byte / 255), name);
  }
  const gray = await openDataset(dir, { split: "test", channels: 1, crop: 28 });
  assert.equal([gray.channels, gray.height, gray.width], [1, 28, 28]);
  assert.equal(gray.normalisation, { mean: [0.1307], std: [0.3081] });
});

test("splits lie in their usual folders, also one folder deeper, and a cut set says which classes it has", async () => {
  const dir = folder({ ...Object.fromEntries(Object.entries(TREE).map(([name, file]) => [`mine/val/${name}`, file])), "mine/train/a/1.png": picture("gray.png"), "mine/train/c/1.png": picture("gray.png") });
  const val = await openDataset(dir, { split: "test", limit: 2 });
  assert.equal([val.images, val.notes], [2, ["the first 2 pictures, in the order of their classes, are of 1 of the 2 classes"]]);
  assert.equal([...(await openDataset(dir, { split: "train" })).labels], [0, 1]);
});

test("several sizes, classes without pictures, other kinds of pictures and damaged ones are refused", async () => {
  const small = { ...TREE, "c/small.jpg": readFileSync(join(ROOT, "fixtures/io/small.jpg")) };
  await refuses(() => openDataset(folder(small), { split: "test" }), /small\.jpg: is .* pixels large, and .*x\.PNG 61x45; make them alike by --resize and --crop/);
  assert.is((await openDataset(folder(small), { split: "test", resize: 32, crop: 32 })).images, 5);
  await refuses(() => openDataset(folder({ ...TREE, "c/none.txt": "x" }), { split: "test" }), /c: is the folder of a class and holds no PNG or JPEG/);
  await refuses(() => openDataset(folder({ ...TREE, "b/x.webp": "x" }), { split: "test" }), /x\.webp: is a picture of a kind that isn't read/);
  await refuses(() => openDataset(folder({ ...TREE, "b/x.png": picture("gray.png").subarray(0, 200) }), { split: "test" }), /x\.png: is a damaged PNG image/);
  await refuses(() => openDataset(folder({ "images/x.png": picture("gray.png") }), { split: "test" }), /no folders of classes/);
  await refuses(() => openDataset(folder({ "a/t10k-images-idx3-ubyte": "x", "a/t10k-labels-idx1-ubyte": "x" }), { split: "test", resize: 32 }), /cut short/);
});

const bomb = (width: number, height: number, depth = 8): Buffer => {
  const png = Buffer.from(picture("gray.png"));
  png.writeUInt32BE(width, 16);
  png.writeUInt32BE(height, 20);
  png[24] = depth;
  return png;
};

test("a header of a picture that no memory holds is refused before anything is decoded", async () => {
  await refuses(() => openDataset(folder({ "a/x.png": bomb(60000, 60000) }), { split: "test" }), /60000x60000 pixels/);
  await refuses(() => openDataset(folder({ "a/x.png": bomb(0, 10) }), { split: "test" }), /0x10 pixels/);
  await refuses(() => openDataset(folder({ "a/x.png": bomb(61, 45, 16) }), { split: "test" }), /16 bits a channel/);
  await refuses(() => openDataset(folder({ "a/x.png": bomb(61, 46) }), { split: "test" }), /damaged PNG/);
});

test.run();
