// How a tensor lies: see src/layout/blocks.ts. Imported under a name as place.wgsl is: in (what is read), other (a second such thing) or out.
const PLACE_H = 7;
const PLACE_W = 7;
const PLACE_PITCH = 8; // pixels from row to row
const PLACE_QUADS = 14; // vec4 per channel map
const PLACE_PACK = 1; // channels in a vec4: 4 for 1x1 maps
// @import place

// The texel `within` a block, counted over its groups, vec4 and lanes; of layouts for hardware.
fn place_texel(image_block: u32, within: u32) -> vec2u {
  // @static
  if (PLACE_ROW > 0) {
    return vec2u(within % PLACE_ROW, image_block * PLACE_FOLD + within / PLACE_ROW);
  } else {
    return vec2u(within, image_block);
  }
}
