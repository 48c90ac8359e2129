// Gradient of a bias: the sum of dy over images and pixels, added to what is there. One workgroup: one channel group (x); its lanes
// share the images.
// @import input_layout
const CHANNELS = 8;

struct Params {
  blocks: u32,
  images: u32, // lanes behind them are padding
  first: u32, // where the bias's gradient begins
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>; // dy
@group(0) @binding(2) var<storage, read_write> gradients: array<f32>;
// @import real_pixels
// @import in_batch

var<workgroup> partial: array<vec4f, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  var sum = vec4f(0);
  for (var n = 0u; n < params.blocks; n++) {
    let inside = in_batch(n, local.x);
    if (inside.x) {
      for (var q = 0u; q < IN_QUADS; q++) {
        sum += select(vec4f(0), textureLoad(input, in_at(n, tile.x, q, local.x)), real_pixels(q, inside));
      }
    }
  }
  partial[local.x] = sum;
  workgroupBarrier();
  var total = vec4f(0);
  for (var l = 0u; l < LANES; l++) {
    total += partial[l];
  }
  // @static
  if (IN_PACK == 1) {
    total = vec4f(total.x + total.y + total.z + total.w);
  }
  let channel = tile.x * IN_PACK + local.x;
  if (local.x < IN_PACK && channel < CHANNELS) {
    gradients[params.first + channel] += total[local.x];
  }
}
