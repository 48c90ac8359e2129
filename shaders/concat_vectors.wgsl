// Two vectors one behind the other, where the second does not begin with a vec4. One invocation: one image (lane), four channels (y).
// @import input_layout
// @import layout as other
// @import layout as out
const SPLIT = 5; // channels of the first
const COUNT = 8; // of both

struct Params {
  in_blocks: u32,
  other_blocks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var other: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var output: texture_storage_2d<rgba32float, write>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  var value = vec4f(0);
  for (var i = 0u; i < 4; i++) {
    let channel = tile.y * 4 + i;
    if (channel < SPLIT) {
      value[i] = textureLoad(input, in_at(tile.x % params.in_blocks, channel / 4, 0, local.x))[channel % 4];
    } else if (channel < COUNT) {
      let second = channel - SPLIT;
      value[i] = textureLoad(other, other_at(tile.x % params.other_blocks, second / 4, 0, local.x))[second % 4];
    }
  }
  textureStore(output, out_at(tile.x, tile.y, 0, local.x), value);
}
