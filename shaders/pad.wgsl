// A map with zeros around it, or without what lies at its rim; the gradient is the same the other way round.
// One invocation: one image (lane), one channel group (y), one vec4 (z).
// @import input_layout
// @import layout as out
const TOP = 1; // rows of zeros above; below zero, rows that are left out
const LEFT = 1;
const CHANNELS = 8;
// @import map_step
// @import input_pixel
// @import output_pixels

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let image_block = tile.x;
  let group = tile.y;
  let quad = tile.z;
  let lane = local.x;
  var value = vec4f(0);
  for (var i = 0u; i < PIXELS; i++) {
    let at = out_pixel(group, quad, i, CHANNELS);
    let y = i32(at.y) - TOP;
    let x = i32(at.x) - LEFT;
    if (at.real && y >= 0 && y < IN_H && x >= 0 && x < IN_W) {
      value = placed(value, i, in_pixel(image_block % params.in_blocks, at.channel, u32(y), u32(x), lane));
    }
  }
  // @import epilogue
  textureStore(output, out_at(image_block, group, quad, lane), value);
}
