// Sum of two maps, each with a factor; the second may be a single pixel, which is added everywhere. Gradients that meet are added by
// it, too, and go through the gate of the ReLU in front of them. One invocation: one image (lane), one channel group (y), all of its map.
// @import input_layout
// @import layout as other
// @import layout as out
const OTHER = true; // false: one map alone
// @import epilogue_constants
// @import residual_place
// @import gate_place

struct Params {
  factor: f32,
  other_factor: f32,
  in_blocks: u32,
  other_blocks: u32,
  residual_blocks: u32,
  gate_blocks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var other: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var output: texture_storage_2d<rgba32float, write>;
@group(0) @binding(4) var residual: texture_storage_2d<rgba32float, read>;
@group(0) @binding(5) var gate: texture_2d<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let image_block = tile.x;
  let group = tile.y;
  let lane = local.x;
  for (var quad = 0u; quad < OUT_QUADS; quad++) {
    var value = params.factor * textureLoad(input, in_at(image_block % params.in_blocks, group, quad, lane));
    // @static
    if (OTHER) {
      // @import other_vector
      value += params.other_factor * second;
    }
    // @import epilogue
    textureStore(output, out_at(image_block, group, quad, lane), value);
  }
}
