// Global average pool of small maps into 4 channels a vec4. One invocation: one image (lane), 4 channels (y).
// @import input_layout
// @import layout as out
const CHANNELS = 8; // behind the last, nothing is worth reading

struct Params {
  in_blocks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var output: texture_storage_2d<rgba32float, write>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  var means = vec4f(0);
  // @unroll
  for (var u = 0; u < 4; u++) {
    // @unroll
    for (var q = 0; q < IN_QUADS; q++) {
      var x = textureLoad(input, in_at(tile.x % params.in_blocks, tile.y * 4 + u, q, local.x));
      // @static
      if (CHANNELS % 4 > 0) {
        x = select(vec4f(0), x, tile.y * 4 + u < CHANNELS);
      }
      // @unroll
      for (var i = 0; i < 4; i++) {
        // @static
        if ((q * 4 + i) % IN_PITCH < IN_W && (q * 4 + i) / IN_PITCH < IN_H) {
          means[u] += x[i];
        }
      }
    }
  }
  textureStore(output, out_at(tile.x, tile.y, 0, local.x), means / (IN_H * IN_W));
}
