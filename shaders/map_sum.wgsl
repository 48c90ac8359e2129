// Sum over the map of each channel, of one map or of the product of two: the gradient of a single pixel that was added or multiplied
// everywhere. One invocation: one image (lane), four channels (y); or four images and one channel.
// @import input_layout
// @import layout as other
// @import layout as out
const OTHER = true; // false: of one map alone
const CHANNELS = 8;
// @import epilogue_constants
// @import residual_place
// @import gate_place

struct Params {
  factor: f32,
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

// @import real_pixels

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let image_block = tile.x;
  let group = tile.y;
  let quad = 0u;
  let lane = local.x;
  var value = vec4f(0);
  for (var i = 0u; i < OUT_PACK; i++) {
    let channel = group * OUT_PACK + i;
    if (channel < CHANNELS) {
      var sum = vec4f(0);
      for (var q = 0u; q < IN_QUADS; q++) {
        var x = textureLoad(input, in_at(image_block % params.in_blocks, channel, q, lane));
        // @static
        if (OTHER) {
          x *= textureLoad(other, other_at(image_block % params.other_blocks, channel, q, lane));
        }
        sum += select(vec4f(0), x, real_pixels(q, vec4<bool>(true)));
      }
      // @static
      if (IMAGES == 4) {
        value = params.factor * sum;
      } else {
        value[i] = params.factor * (sum.x + sum.y + sum.z + sum.w);
      }
    }
  }
  // @import epilogue
  textureStore(output, out_at(image_block, group, quad, lane), value);
}
