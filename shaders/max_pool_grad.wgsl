// Gradient of max-pool: each pixel gathers from the windows it won, in row-major order of the windows.
// One invocation: one image (lane), one channel (y), ROWS rows of the pool's input (z): the whole map or a multiple of the stride.
// @import input_layout
// @import layout as out
// @import layout as other
const KERNEL = 3;
const STRIDE = 2;
const PAD = 1;
const ROWS = 2;

const FIRST_ROW = (PAD - KERNEL + 1) / STRIDE; // of the windows that touch the first pixel, in windows
const SPAN = (ROWS - 1 + PAD) / STRIDE - FIRST_ROW + 1; // rows of windows that touch an invocation's pixels
const LAST_ROW = (OUT_H - 1) / ROWS * ROWS / STRIDE + FIRST_ROW; // where those of the last invocation begin

struct Params {
  winner_blocks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>; // gradient of the pool's output
@group(0) @binding(2) var winner: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var output: texture_storage_2d<rgba32float, write>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  var sums: array<f32, ROWS * OUT_PITCH>;
  let winner_block = tile.x % params.winner_blocks;
  // @unroll
  for (var j = 0; j < SPAN; j++) {
    var g: array<vec4f, IN_PITCH / 4>;
    var won: array<vec4f, IN_PITCH / 4>;
    let row = i32(tile.z * (ROWS / STRIDE)) + FIRST_ROW + j;
    let inside = row >= 0 && row < IN_H;
    let start = u32(clamp(row, 0, IN_H - 1)) * (IN_PITCH / 4);
    // @unroll
    for (var q = 0; q < IN_PITCH / 4; q++) {
      g[q] = textureLoad(input, in_at(tile.x, tile.y, start + q, local.x));
      won[q] = textureLoad(winner, other_at(winner_block, tile.y, start + q, local.x));
      // @static
      if (FIRST_ROW + j < 0 || LAST_ROW + j >= IN_H) {
        won[q] = select(vec4f(-1), won[q], inside);
      }
    }
    // @unroll
    for (var w = 0; w < IN_W; w++) {
      // @unroll
      for (var ky = 0; ky < KERNEL; ky++) {
        // @unroll
        for (var kx = 0; kx < KERNEL; kx++) {
          const r = (FIRST_ROW + j) * STRIDE + ky - PAD;
          const c = w * STRIDE + kx - PAD;
          // @static
          if (r >= 0 && r < ROWS && c >= 0 && c < OUT_W) {
            sums[r * OUT_PITCH + c] += select(0.0, g[w / 4][w % 4], won[w / 4][w % 4] == f32(ky * KERNEL + kx));
          }
        }
      }
    }
  }
  // @unroll
  for (var q = 0; q < ROWS * OUT_PITCH / 4; q++) {
    if (OUT_H % ROWS == 0 || tile.z * ROWS + q / (OUT_PITCH / 4) < OUT_H) {
      textureStore(output, out_at(tile.x, tile.y, tile.z * (ROWS * OUT_PITCH / 4) + q, local.x), vec4f(sums[q * 4], sums[q * 4 + 1], sums[q * 4 + 2], sums[q * 4 + 3]));
    }
  }
}
