// How what is read lies: see src/layout/blocks.ts.
const LANES = 8; // vec4 side by side in a block
const IMAGES = 1; // in a vec4: 1, which has several pixels of it, or 4, which have one pixel each
const IN_H = 7;
const IN_W = 7;
const IN_PITCH = 8; // pixels from row to row
const IN_QUADS = 14; // vec4 per channel map
const IN_GROUPS_PER_ROW = 64; // channel groups in one texture row
const IN_ROW = 0; // texels of a row where a map is wider than one, and goes on in the next; else 0
const IN_FOLD = 1; // texture rows per block
const IN_PACK = 1; // channels in a vec4: 4 for 1x1 maps
const IN_FIRST = 0; // a view of another tensor: where its groups lie there
const IN_RADIX = 1;
const IN_STEP = 0;

// Which group of what the view is of.
fn in_group(group: u32) -> u32 {
  // @static
  if (IN_RADIX > 1) {
    return IN_FIRST + group % IN_RADIX * IN_STEP + group / IN_RADIX;
  } else {
    return IN_FIRST + group;
  }
}

fn in_at(image_block: u32, group: u32, quad: u32, lane: u32) -> vec2u {
  let there = in_group(group);
  // @static
  if (IN_ROW > 0) {
    // A row is a multiple of LANES: all but the last sum is the same for a workgroup that does one pixel.
    let within = (there * IN_QUADS + quad) * LANES;
    return vec2u(within % IN_ROW + lane, image_block * IN_FOLD + within / IN_ROW);
  } else {
    // @static
    if (IN_FOLD == 1) {
      return vec2u((there * IN_QUADS + quad) * LANES + lane, image_block);
    } else {
      return vec2u(((there % IN_GROUPS_PER_ROW) * IN_QUADS + quad) * LANES + lane, image_block * IN_FOLD + there / IN_GROUPS_PER_ROW);
    }
  }
}

// The texel `within` a block, counted over its groups, vec4 and lanes; of layouts for hardware.
fn in_texel(image_block: u32, within: u32) -> vec2u {
  // @static
  if (IN_ROW > 0) {
    return vec2u(within % IN_ROW, image_block * IN_FOLD + within / IN_ROW);
  } else {
    return vec2u(within, image_block);
  }
}
