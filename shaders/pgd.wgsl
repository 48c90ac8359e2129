// A step of projected gradient descent: from the moving image along the sign of the gradient there, sign(0) = 0, and back into the
// ball around the image. Madry et al. 2018, arXiv 1706.06083.
// One invocation: one image (lane), one channel (y), one vec4 of pixels (z).
// @import input_layout
// @import layout as other
// @import layout as out
const CLAMP = false;

struct Params {
  in_blocks: u32,
  moving_blocks: u32,
  epsilon: vec4f, // of each channel, after normalisation
  step: vec4f,
  low: vec4f, // valid range of each channel
  high: vec4f,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var moving: texture_2d<f32>; // lies as the input does, and may be the input
@group(0) @binding(3) var gradient: texture_storage_2d<rgba32float, read>;
@group(0) @binding(4) var output: texture_storage_2d<rgba32float, write>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let x = textureLoad(input, in_at(tile.x % params.in_blocks, tile.y, tile.z, local.x));
  let there = textureLoad(moving, in_at(tile.x % params.moving_blocks, tile.y, tile.z, local.x), 0);
  let moved = there + params.step[tile.y] * sign(textureLoad(gradient, other_at(tile.x, tile.y, tile.z, local.x)));
  let epsilon = vec4f(params.epsilon[tile.y]);
  var attacked = x + clamp(moved - x, -epsilon, epsilon);
  // @static
  if (CLAMP) {
    attacked = clamp(attacked, vec4f(params.low[tile.y]), vec4f(params.high[tile.y]));
  }
  textureStore(output, out_at(tile.x, tile.y, tile.z, local.x), attacked);
}
