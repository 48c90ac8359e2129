// How weights lie, one row per tile of output channels, one step of the sum after the other: see packWeights in src/ops/convolution/plan.ts.
const STEPS_PER_ROW = 64; // steps in one row of the texture
const WEIGHT_FOLD = 1; // texture rows per tile
const WEIGHT_TEXELS = (OC * PRODUCTS + 3) / 4; // of all output channels of a tile, in a step
const WEIGHT_LOADS = (WEIGHT_TEXELS + LANES - 1) / LANES;

fn weight_at(tile: u32, step: u32, texel: u32) -> vec2u {
  // @static
  if (WEIGHT_FOLD == 1) {
    return vec2u(step * WEIGHT_TEXELS + texel, tile);
  } else {
    return vec2u(step % STEPS_PER_ROW * WEIGHT_TEXELS + texel, tile * WEIGHT_FOLD + step / STEPS_PER_ROW);
  }
}
