// Gradient of the global average pool. One invocation: one image (lane), one channel (y).
// @import input_layout
// @import output_layout
// @import epilogue_constants
// @import residual_place
// @import gate_place

struct Params {
  in_blocks: u32,
  residual_blocks: u32,
  gate_blocks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var output: texture_storage_2d<rgba32float, write>;
@group(0) @binding(3) var residual: texture_storage_2d<rgba32float, read>;
@group(0) @binding(4) var gate: texture_2d<f32>;

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
