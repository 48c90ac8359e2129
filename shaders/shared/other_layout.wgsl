// How a second thing that is read lies: see src/layout/blocks.ts.
const OTHER_H = 7;
const OTHER_W = 7;
const OTHER_PITCH = 8; // pixels from row to row
const OTHER_QUADS = 14; // vec4 per channel map
const OTHER_GROUPS_PER_ROW = 64; // channel groups in one texture row
const OTHER_ROW = 0; // texels of a row where a map is wider than one, and goes on in the next; else 0
const OTHER_FOLD = 1; // texture rows per block
const OTHER_PACK = 1; // channels in a vec4: 4 for 1x1 maps
const OTHER_FIRST = 0; // a view of another tensor: where its groups lie there
const OTHER_RADIX = 1;
const OTHER_STEP = 0;

// Which group of what the view is of.
fn other_group(group: u32) -> u32 {
  // @static
  if (OTHER_RADIX > 1) {
    return OTHER_FIRST + group % OTHER_RADIX * OTHER_STEP + group / OTHER_RADIX;
  } else {
    return OTHER_FIRST + group;
  }
}

fn other_at(image_block: u32, group: u32, quad: u32, lane: u32) -> vec2u {
  let there = other_group(group);
  // @static
  if (OTHER_ROW > 0) {
    let within = (there * OTHER_QUADS + quad) * LANES + lane;
    return vec2u(within % OTHER_ROW, image_block * OTHER_FOLD + within / OTHER_ROW);
  } else {
    // @static
    if (OTHER_FOLD == 1) {
      return vec2u((there * OTHER_QUADS + quad) * LANES + lane, image_block);
    } else {
      return vec2u(((there % OTHER_GROUPS_PER_ROW) * OTHER_QUADS + quad) * LANES + lane, image_block * OTHER_FOLD + there / OTHER_GROUPS_PER_ROW);
    }
  }
}

// The texel `within` a block, counted over its groups, vec4 and lanes; of layouts for hardware.
fn other_texel(image_block: u32, within: u32) -> vec2u {
  // @static
  if (OTHER_ROW > 0) {
    return vec2u(within % OTHER_ROW, image_block * OTHER_FOLD + within / OTHER_ROW);
  } else {
    return vec2u(within, image_block);
  }
}
