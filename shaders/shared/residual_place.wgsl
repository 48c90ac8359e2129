// Where the residual's groups of channels lie; its maps lie as those of the output.
const RESIDUAL_GROUPS_PER_ROW = 64;
const RESIDUAL_ROW = 0; // texels of a row where a map is wider than one, and goes on in the next; else 0
const RESIDUAL_FOLD = 1;
const RESIDUAL_FIRST = 0;
const RESIDUAL_RADIX = 1;
const RESIDUAL_STEP = 0;

fn residual_at(image_block: u32, group: u32, quad: u32, lane: u32) -> vec2u {
  var there = RESIDUAL_FIRST + group;
  // @static
  if (RESIDUAL_RADIX > 1) {
    there = RESIDUAL_FIRST + group % RESIDUAL_RADIX * RESIDUAL_STEP + group / RESIDUAL_RADIX;
  }
  // @static
  if (RESIDUAL_ROW > 0) {
    let within = (there * OUT_QUADS + quad) * LANES + lane;
    return vec2u(within % RESIDUAL_ROW, image_block * RESIDUAL_FOLD + within / RESIDUAL_ROW);
  } else {
    // @static
    if (RESIDUAL_FOLD == 1) {
      return vec2u((there * OUT_QUADS + quad) * LANES + lane, image_block);
    } else {
      return vec2u(((there % RESIDUAL_GROUPS_PER_ROW) * OUT_QUADS + quad) * LANES + lane, image_block * RESIDUAL_FOLD + there / RESIDUAL_GROUPS_PER_ROW);
    }
  }
}
