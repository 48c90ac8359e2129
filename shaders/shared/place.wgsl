// Where the groups of channels of a tensor lie: see src/layout/blocks.ts. Imported under a name that stands in place of PLACE and place.
const PLACE_GROUPS_PER_ROW = 64; // channel groups in one texture row
const PLACE_ROW = 0; // texels of a row where a map is wider than one, and goes on in the next; else 0
const PLACE_FOLD = 1; // texture rows per block
const PLACE_FIRST = 0; // a view of another tensor: where its groups lie there
const PLACE_RADIX = 1;
const PLACE_STEP = 0;

// Which group of what the view is of.
fn place_group(group: u32) -> u32 {
  // @static
  if (PLACE_RADIX > 1) {
    return PLACE_FIRST + group % PLACE_RADIX * PLACE_STEP + group / PLACE_RADIX;
  } else {
    return PLACE_FIRST + group;
  }
}

fn place_at(image_block: u32, group: u32, quad: u32, lane: u32) -> vec2u {
  let there = place_group(group);
  // @static
  if (PLACE_ROW > 0) {
    // A row is a multiple of LANES: all but the last sum is the same for a workgroup that does one pixel.
    let within = (there * PLACE_QUADS + quad) * LANES;
    return vec2u(within % PLACE_ROW + lane, image_block * PLACE_FOLD + within / PLACE_ROW);
  } else {
    // @static
    if (PLACE_FOLD == 1) {
      return vec2u((there * PLACE_QUADS + quad) * LANES + lane, image_block);
    } else {
      return vec2u(((there % PLACE_GROUPS_PER_ROW) * PLACE_QUADS + quad) * LANES + lane, image_block * PLACE_FOLD + there / PLACE_GROUPS_PER_ROW);
    }
  }
}
