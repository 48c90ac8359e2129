// Gradient of max-pool: each pixel gathers from the windows it won, in row-major order of the windows.
// With GATE also the gradient of a ReLU in front of the pool: a window whose maximum is 0 passes nothing on.
// One invocation: one image (lane), one channel (y), one row of the pool's input (z).
// @import input_layout
// @import output_layout
const KERNEL = 3;
const STRIDE = 2;
const PAD = 1;
const GATE = false;

struct Params {
  winner_blocks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>; // gradient of the pool's output
@group(0) @binding(2) var winner: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var pooled: texture_storage_2d<rgba32float, read>;
@group(0) @binding(4) var output: texture_storage_2d<rgba32float, write>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  const WINDOWS = (KERNEL + STRIDE - 1) / STRIDE; // windows along an axis that a pixel can lie in
  var sums: array<f32, OUT_PITCH>;
  for (var o = 0u; o < WINDOWS; o++) {
    let row = i32((tile.z + PAD) / STRIDE) - (WINDOWS - 1) + i32(o);
    let ky = i32(tile.z) + PAD - row * STRIDE;
    if (row >= 0 && row < IN_H && ky < KERNEL) {
      var g: array<vec4f, IN_PITCH / 4>;
      var won: array<vec4f, IN_PITCH / 4>;
      // @unroll
      for (var q = 0; q < IN_PITCH / 4; q++) {
        g[q] = textureLoad(input, in_at(tile.x, tile.y, u32(row) * (IN_PITCH / 4) + q, local.x));
        let shared_at = in_at(tile.x % params.winner_blocks, tile.y, u32(row) * (IN_PITCH / 4) + q, local.x);
        won[q] = textureLoad(winner, shared_at);
        // @static
        if (GATE) {
          g[q] = select(vec4f(0), g[q], textureLoad(pooled, shared_at) > vec4f(0));
        }
      }
      // @unroll
      for (var c = 0; c < OUT_W; c++) {
        // @unroll
        for (var w = 0; w < IN_W; w++) {
          const kx = c + PAD - w * STRIDE;
          // @static
          if (kx >= 0 && kx < KERNEL) {
            sums[c] += select(0.0, g[w / 4][w % 4], won[w / 4][w % 4] == f32(ky * KERNEL + kx));
          }
        }
      }
    }
  }
  // @unroll
  for (var q = 0; q < OUT_PITCH / 4; q++) {
    textureStore(output, out_at(tile.x, tile.y, tile.z * (OUT_PITCH / 4) + q, local.x), vec4f(sums[q * 4], sums[q * 4 + 1], sums[q * 4 + 2], sums[q * 4 + 3]));
  }
}
