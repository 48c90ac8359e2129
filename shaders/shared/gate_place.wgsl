// Where the gate's groups of channels lie; its maps lie as those of the output.
const GATE_GROUPS_PER_ROW = 64;
const GATE_ROW = 0; // texels of a row where a map is wider than one, and goes on in the next; else 0
const GATE_FOLD = 1;
const GATE_FIRST = 0;
const GATE_RADIX = 1;
const GATE_STEP = 0;

fn gate_at(image_block: u32, group: u32, quad: u32, lane: u32) -> vec2u {
  var there = GATE_FIRST + group;
  // @static
  if (GATE_RADIX > 1) {
    there = GATE_FIRST + group % GATE_RADIX * GATE_STEP + group / GATE_RADIX;
  }
  // @static
  if (GATE_ROW > 0) {
    let within = (there * OUT_QUADS + quad) * LANES + lane;
    return vec2u(within % GATE_ROW, image_block * GATE_FOLD + within / GATE_ROW);
  } else {
    // @static
    if (GATE_FOLD == 1) {
      return vec2u((there * OUT_QUADS + quad) * LANES + lane, image_block);
    } else {
      return vec2u(((there % GATE_GROUPS_PER_ROW) * OUT_QUADS + quad) * LANES + lane, image_block * GATE_FOLD + there / GATE_GROUPS_PER_ROW);
    }
  }
}
