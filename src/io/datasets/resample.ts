/**
 * Pictures made smaller or larger as Pillow does it, and so torchvision's Resize of pictures: bilinear with a triangle as wide as
 * the step (which is `antialias=True`), along rows and then along columns, or the other way round, each pass rounded to bytes in
 * fixed point. The same arithmetic gives the same bytes. (Pillow: src/libImaging/Resample.c.)
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

/** Every row, `width` pixels long, made `to` long. */
function acrossRows(picture: Picture, to: number): Picture {
  const { channels, height, width, data } = picture;
  if (to === width) return picture;
  const out = new Uint8Array(channels * height * to);
  pass(data, out, width, to, channels * height, 1, (line) => line * width, (line) => line * to);
  return { channels, height, width: to, data: out };
}

/** Every column, `height` pixels long, made `to` long. */
function downColumns(picture: Picture, to: number): Picture {
  const { channels, height, width, data } = picture;
  if (to === height) return picture;
  const out = new Uint8Array(channels * to * width);
  const start = (line: number, rows: number): number => Math.trunc(line / width) * rows * width + (line % width);
  pass(data, out, height, to, channels * width, width, (line) => start(line, height), (line) => start(line, to));
  return { channels, height: to, width, data: out };
}

/**
 * The picture in another size; the same one where it has that size. Where more than twice as many rows go as columns, the columns are
 * done first, as Pillow does since its version 13 (found by trying: the older ones always begin with the rows, and bytes may differ by one).
 */
export function resampled(picture: Picture, newHeight: number, newWidth: number): Picture {
  const rowsGone = picture.height - newHeight;
  const columnsFirst = rowsGone > 0 && rowsGone > 2 * (picture.width - newWidth);
  return columnsFirst ? acrossRows(downColumns(picture, newHeight), newWidth) : downColumns(acrossRows(picture, newWidth), newHeight);
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
