// Max-pool, and which pixel of each window won: the first maximum in row-major order, as in PyTorch.
// One invocation: one image (lane), one channel (y), one output row (z).
// @import input_layout
// @import output_layout
const KERNEL = 3;
const STRIDE = 2;
const PAD = 1;

struct Params {
  in_blocks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var output: texture_storage_2d<rgba32float, write>;
@group(0) @binding(3) var winner: texture_storage_2d<rgba32float, write>; // position in the window, ky * KERNEL + kx

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  var best: array<f32, OUT_PITCH>;
  var place: array<f32, OUT_PITCH>;
  // @unroll
  for (var c = 0; c < OUT_PITCH; c++) {
    best[c] = -3.4e38;
  }
  for (var ky = 0u; ky < KERNEL; ky++) {
    let row = i32(tile.z * STRIDE + ky) - PAD;
    if (row >= 0 && row < IN_H) {
      var x: array<vec4f, IN_PITCH / 4>;
      // @unroll
      for (var q = 0; q < IN_PITCH / 4; q++) {
        x[q] = textureLoad(input, in_at(tile.x % params.in_blocks, tile.y, u32(row) * (IN_PITCH / 4) + q, local.x));
      }
      // @unroll
      for (var c = 0; c < OUT_W; c++) {
        // @unroll
        for (var kx = 0; kx < KERNEL; kx++) {
          const column = c * STRIDE + kx - PAD;
          // @static
          if (column >= 0 && column < IN_W) {
            let value = x[column / 4][column % 4];
            let better = value > best[c];
            best[c] = select(best[c], value, better);
            place[c] = select(place[c], f32(ky * KERNEL + kx), better);
          }
        }
      }
    }
  }
  // @unroll
  for (var q = 0; q < OUT_PITCH / 4; q++) {
    let at = out_at(tile.x, tile.y, tile.z * (OUT_PITCH / 4) + q, local.x);
    textureStore(output, at, vec4f(best[q * 4], best[q * 4 + 1], best[q * 4 + 2], best[q * 4 + 3]));
    textureStore(winner, at, vec4f(place[q * 4], place[q * 4 + 1], place[q * 4 + 2], place[q * 4 + 3]));
  }
}
