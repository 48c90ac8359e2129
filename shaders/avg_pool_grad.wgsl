// Gradient of the global average pool. One invocation: one image (lane), one channel (y).
// @import input_layout
// @import layout as out
// @import map_step

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let image_block = tile.x;
  let group = tile.y;
  let lane = local.x;
  let g = textureLoad(input, in_at(image_block, group / 4, 0, lane))[group % 4] / (OUT_H * OUT_W);
  for (var quad = 0u; quad < OUT_QUADS; quad++) {
    var value = vec4f(g);
    // @import epilogue
    textureStore(output, out_at(image_block, group, quad, lane), value);
  }
}
