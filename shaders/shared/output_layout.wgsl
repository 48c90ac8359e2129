// How what is written lies: see src/layout/blocks.ts.
const OUT_H = 7;
const OUT_W = 7;
const OUT_PITCH = 8; // pixels from row to row
const OUT_QUADS = 14; // vec4 per channel map
const OUT_GROUPS_PER_ROW = 64; // channel groups in one texture row
const OUT_ROW = 0; // texels of a row where a map is wider than one, and goes on in the next; else 0
const OUT_FOLD = 1; // texture rows per block
const OUT_PACK = 1; // channels in a vec4: 4 for 1x1 maps
const OUT_FIRST = 0; // a view of another tensor: where its groups lie there
const OUT_RADIX = 1;
const OUT_STEP = 0;

fn out_at(image_block: u32, group: u32, quad: u32, lane: u32) -> vec2u {
  var there = OUT_FIRST + group;
  // @static
  if (OUT_RADIX > 1) {
    there = OUT_FIRST + group % OUT_RADIX * OUT_STEP + group / OUT_RADIX;
  }
  // @static
  if (OUT_ROW > 0) {
    let within = (there * OUT_QUADS + quad) * LANES + lane;
    return vec2u(within % OUT_ROW, image_block * OUT_FOLD + within / OUT_ROW);
  } else {
    // @static
    if (OUT_FOLD == 1) {
      return vec2u((there * OUT_QUADS + quad) * LANES + lane, image_block);
    } else {
      return vec2u(((there % OUT_GROUPS_PER_ROW) * OUT_QUADS + quad) * LANES + lane, image_block * OUT_FOLD + there / OUT_GROUPS_PER_ROW);
    }
  }
}
