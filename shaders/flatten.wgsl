// All pixels of all channels as one vector (channel, row, column), or with GRADIENT back. One invocation: one image (lane), one channel group (y),
// one vec4 (z).
// @import input_layout
// @import layout as out
const GRADIENT = false;
const CHANNELS = 8; // of what is written
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
    if (at.real) {
      // @static
      if (GRADIENT) {
        value = placed(value, i, in_pixel(image_block % params.in_blocks, (at.channel * OUT_H + at.y) * OUT_W + at.x, 0, 0, lane));
      } else {
        value = placed(value, i, in_pixel(image_block % params.in_blocks, at.channel / (IN_H * IN_W), at.channel / IN_W % IN_H, at.channel % IN_W, lane));
      }
    }
  }
  // @import epilogue
  textureStore(output, out_at(image_block, group, quad, lane), value);
}
