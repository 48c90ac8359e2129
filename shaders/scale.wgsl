// Scale and shift of each channel: batch norm with the trained statistics where no sum is in front of it; with GRADIENT the
// gradient of its input. One invocation: one image (lane), one channel group (y), all of its map.
// @import input_layout
// @import layout as out
const GRADIENT = false;
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
@group(0) @binding(2) var norm: texture_2d<f32>; // row 0: (scale, shift) of each channel
@group(0) @binding(3) var output: texture_storage_2d<rgba32float, write>;
@group(0) @binding(4) var residual: texture_storage_2d<rgba32float, read>;
@group(0) @binding(5) var gate: texture_2d<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let image_block = tile.x;
  let group = tile.y;
  let lane = local.x;
  var scale = vec4f(0);
  var shift = vec4f(0);
  // @unroll
  for (var i = 0; i < 4; i++) {
    let n = textureLoad(norm, vec2u(group * OUT_PACK + i % OUT_PACK, 0), 0);
    scale[i] = n.x;
    shift[i] = n.y;
  }
  for (var quad = 0u; quad < OUT_QUADS; quad++) {
    var value = textureLoad(input, in_at(image_block % params.in_blocks, group, quad, lane)) * scale;
    // @static
    if (!GRADIENT) {
      value += shift;
    }
    // @import epilogue
    textureStore(output, out_at(image_block, group, quad, lane), value);
  }
}
