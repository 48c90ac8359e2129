/** Images changed at random before they are learned from, in place of the same ones each epoch. */
import { Numbers, PURPOSE } from "./random.js";
import type { MapShape } from "../layout/shape.js";

export const AUGMENTATIONS = ["crop", "flip"] as const;
export type Augmentation = (typeof AUGMENTATIONS)[number];

/** Pixels that `crop` pads at each side: 4 of 28 and 32, as is usual there, 8 of 64. */
export const paddingOf = ({ height, width }: MapShape): number => Math.max(1, Math.round(Math.min(height, width) / 8));

export interface Augmenter {
  /** Changes one image of NCHW floats in place. @param index of the image in its file @param epoch from 0 */
  (pixels: Float32Array, index: number, epoch: number): void;
}

/**
 * `crop`: the image on a black ground that is `paddingOf` wider at each side, cut to its size again at a random place (torchvision's
 * RandomCrop with padding); `flip`: left and right changed for each other, every other time.
 * @param black what a pixel of 0 is after normalisation, by channel
 * @param seed of the initialisation
 */
export function augmenter(augment: readonly Augmentation[], shape: MapShape, black: readonly number[], seed: number): Augmenter | null {
  if (augment.length === 0) return null;
  const { channels, height, width } = shape;
  const padding = paddingOf(shape);
  const before = new Float32Array(channels * height * width);
  const drawn = (purpose: typeof PURPOSE.crop | typeof PURPOSE.flip, index: number, epoch: number): Numbers => new Numbers(seed, purpose, [epoch, index]);
  return (pixels, index, epoch) => {
    const crop = augment.includes("crop") ? drawn(PURPOSE.crop, index, epoch) : null;
    const [down, right] = crop ? [crop.below(2 * padding + 1) - padding, crop.below(2 * padding + 1) - padding] : [0, 0];
    const isFlipped = augment.includes("flip") && drawn(PURPOSE.flip, index, epoch).below(2) === 1;
    before.set(pixels);
    let at = 0;
    for (let channel = 0; channel < channels; channel++) {
      for (let y = 0; y < height; y++) {
        const row = y + down;
        for (let x = 0; x < width; x++, at++) {
          const column = (isFlipped ? width - 1 - x : x) + right;
          const isInside = row >= 0 && row < height && column >= 0 && column < width;
          pixels[at] = isInside ? before[(channel * height + row) * width + column] : black[channel];
        }
      }
    }
  };
}
