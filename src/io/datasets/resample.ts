/**
 * Pictures made smaller or larger as Pillow does it, and so torchvision's Resize of pictures: bilinear with a triangle as wide as
 * the step (which is `antialias=True`), columns first, then rows, each pass rounded to bytes in fixed point. The same arithmetic
 * gives the same bytes. (Pillow: src/libImaging/Resample.c. Its version 13 does rows first where pictures get much flatter, which
 * may differ by one level from all versions before it, and from this.)
 */

/** Bits behind the point; a sum of weights times 255 still fits an int32. */
const PRECISION = 32 - 8 - 2;

/** Picture of bytes, one plane a channel. */
export interface Picture {
  channels: number;
  height: number;
  width: number;
  data: Uint8Array;
}

/** For each of `to` places: the first of `from` pixels that count, and their weights. */
function weightsOf(from: number, to: number): { first: number; weights: Int32Array }[] {
  const scale = from / to;
  const support = Math.max(scale, 1);
  return Array.from({ length: to }, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(from, Math.trunc(centre + support + 0.5));
    const raw = Float64Array.from({ length: end - first }, (_, i) => Math.max(0, 1 - Math.abs((i + first - centre + 0.5) * (1 / support))));
    const sum = raw.reduce((total, weight) => total + weight, 0);
    return { first, weights: Int32Array.from(raw, (weight) => Math.trunc(0.5 + (weight / sum) * (1 << PRECISION))) };
  });
}

/** Lines of `from` pixels, `stride` apart, resampled to lines of `to`; line i starts at `starts(i)` and goes to `outStarts(i)`. */
function pass(data: Uint8Array, out: Uint8Array, from: number, to: number, lines: number, stride: number, start: (line: number) => number, outStart: (line: number) => number): void {
  const places = weightsOf(from, to);
  for (let line = 0; line < lines; line++) {
    const [at, outAt] = [start(line), outStart(line)];
    for (let place = 0; place < to; place++) {
      const { first, weights } = places[place];
      let sum = 1 << (PRECISION - 1);
      for (let i = 0; i < weights.length; i++) sum += data[at + (first + i) * stride] * weights[i];
      out[outAt + place * stride] = Math.min(255, Math.max(0, sum >> PRECISION));
    }
  }
}

/** The picture in another size; the same one where it has that size. */
export function resampled({ channels, height, width, data }: Picture, newHeight: number, newWidth: number): Picture {
  let across = data;
  if (newWidth !== width) {
    across = new Uint8Array(channels * height * newWidth);
    pass(data, across, width, newWidth, channels * height, 1, (line) => line * width, (line) => line * newWidth);
  }
  if (newHeight === height) return { channels, height, width: newWidth, data: across };
  const out = new Uint8Array(channels * newHeight * newWidth);
  pass(across, out, height, newHeight, channels * newWidth, newWidth, (line) => Math.trunc(line / newWidth) * height * newWidth + (line % newWidth), (line) => Math.trunc(line / newWidth) * newHeight * newWidth + (line % newWidth));
  return { channels, height: newHeight, width: newWidth, data: out };
}

/** Height and width of a size, or a shorter side: as torchvision's Resize reads them. */
function sizeOf(size: number | [number, number], height: number, width: number): [number, number] {
  if (typeof size !== "number") return size;
  return height <= width ? [size, Math.trunc((size * width) / height)] : [Math.trunc((size * height) / width), size];
}

/** Half to even, as Python rounds. */
const rounded = (value: number): number => (Math.abs(value % 1) === 0.5 ? 2 * Math.round(value / 2) : Math.round(value));

/** The middle of a picture; where it is larger than the picture, black around it. */
function cropped({ channels, height, width, data }: Picture, [toHeight, toWidth]: [number, number]): Picture {
  // Padding is split unevenly the other way than cropping is: CenterCrop pads first, so that there is nothing left to round.
  const place = (from: number, to: number): number => (to > from ? -Math.trunc((to - from) / 2) : rounded((from - to) / 2));
  const [top, left] = [place(height, toHeight), place(width, toWidth)];
  const out = new Uint8Array(channels * toHeight * toWidth);
  for (let channel = 0; channel < channels; channel++) {
    for (let y = Math.max(0, -top); y < Math.min(toHeight, height - top); y++) {
      const row = (channel * height + y + top) * width;
      const [from, to] = [Math.max(0, left), Math.min(width, left + toWidth)];
      out.set(data.subarray(row + from, row + to), (channel * toHeight + y) * toWidth + from - left);
    }
  }
  return { channels, height: toHeight, width: toWidth, data: out };
}

/** Resize, then CenterCrop, of what is asked for. */
export function fitted(picture: Picture, { resize, crop }: { resize?: number | [number, number]; crop?: number | [number, number] }): Picture {
  const sized = resize === undefined ? picture : resampled(picture, ...sizeOf(resize, picture.height, picture.width));
  return crop === undefined ? sized : cropped(sized, typeof crop === "number" ? [crop, crop] : crop);
}
