// Fast gradient sign method: x + epsilon * sign(gradient), sign(0) = 0. Goodfellow et al. 2015, arXiv 1412.6572.
// One invocation: one image (lane), one channel (y), one vec4 of pixels (z).
// @import input_layout
// @import layout as other
// @import layout as out
const CLAMP = false;

struct Params {
  in_blocks: u32,
  epsilon: vec4f, // of each channel, after normalisation
  low: vec4f, // valid range of each channel
  high: vec4f,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var gradient: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var output: texture_storage_2d<rgba32float, write>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let at = out_at(tile.x, tile.y, tile.z, local.x);
  let x = textureLoad(input, in_at(tile.x % params.in_blocks, tile.y, tile.z, local.x));
  var attacked = x + params.epsilon[tile.y] * sign(textureLoad(gradient, other_at(tile.x, tile.y, tile.z, local.x)));
  // @static
  if (CLAMP) {
    attacked = clamp(attacked, vec4f(params.low[tile.y]), vec4f(params.high[tile.y]));
  }
  textureStore(output, at, attacked);
}
