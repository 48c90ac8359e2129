// Channels of one tensor to their places in another: slices, concatenations, shuffles and their gradients. Output channel
// FIRST + i is input channel FROM + (i % RADIX) * STEP + i / RADIX, for i up to COUNT; other channels become zero.
// One invocation: one image (lane), one channel group (y, counted from GROUP), all of its map.
// @import input_layout
// @import layout as out
const FIRST = 0;
const COUNT = 8;
const FROM = 0;
const RADIX = 1;
const STEP = 0;
const GROUP = 0;
// @import map_step

fn source_of(i: u32) -> u32 {
  return FROM + (i % RADIX) * STEP + i / RADIX;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let image_block = tile.x;
  let in_block = image_block % params.in_blocks;
  let group = GROUP + tile.y;
  let lane = local.x;
  for (var quad = 0u; quad < OUT_QUADS; quad++) {
    var value = vec4f(0);
    // @static
    if (OUT_PACK == 4) {
      for (var c = 0u; c < 4; c++) {
        let i = group * 4 + c - FIRST;
        if (i < COUNT) {
          let channel = source_of(i);
          value[c] = textureLoad(input, in_at(in_block, channel / 4, 0, lane))[channel % 4];
        }
      }
    } else {
      let i = group - FIRST;
      if (i < COUNT) {
        value = textureLoad(input, in_at(in_block, source_of(i), quad, lane));
      }
    }
    // @import epilogue
    textureStore(output, out_at(image_block, group, quad, lane), value);
  }
}
