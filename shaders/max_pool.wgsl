// Max-pool, and which pixel of each window won: the first maximum in row-major order, as in PyTorch. The winner of a row of the
// window is found first and serves every window that holds the row. One invocation: one image (lane), one channel (y), ROWS output rows (z).
// @import input_layout
// @import layout as out
// @import layout as other
const KERNEL = 3;
const STRIDE = 2;
const PAD = 1;
const ROWS = 1;
const WINNER = false; // a gradient follows
const GATE = false; // a ReLU is in front: where the maximum is 0 nothing passes it on the way back, and nobody wins

const SPAN = (ROWS - 1) * STRIDE + KERNEL; // input rows an invocation reads, padding included
const LAST_ROW = (OUT_H - 1) / ROWS * ROWS * STRIDE - PAD; // where those of the last invocation begin
const LOWEST = -3.4e38;

struct Params {
  in_blocks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var output: texture_storage_2d<rgba32float, write>;
@group(0) @binding(3) var winner: texture_storage_2d<rgba32float, write>; // position in the window, ky * KERNEL + kx, or -1

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  var best: array<f32, ROWS * OUT_PITCH>;
  var place: array<f32, ROWS * OUT_PITCH>;
  let in_block = tile.x % params.in_blocks;
  // @unroll
  for (var j = 0; j < SPAN; j++) {
    var x: array<vec4f, IN_PITCH / 4>;
    let row = i32(tile.z * (ROWS * STRIDE)) + j - PAD;
    // @static
    if (j >= PAD && LAST_ROW + j < IN_H) {
      // @unroll
      for (var q = 0; q < IN_PITCH / 4; q++) {
        x[q] = textureLoad(input, in_at(in_block, tile.y, u32(row) * (IN_PITCH / 4) + q, local.x));
      }
    } else {
      let inside = row >= 0 && row < IN_H;
      let start = u32(clamp(row, 0, IN_H - 1)) * (IN_PITCH / 4);
      // @unroll
      for (var q = 0; q < IN_PITCH / 4; q++) {
        x[q] = select(vec4f(LOWEST), textureLoad(input, in_at(in_block, tile.y, start + q, local.x)), inside);
      }
    }
    // @unroll
    for (var c = 0; c < OUT_W; c++) {
      var most = LOWEST;
      var across = 0.0;
      // @unroll
      for (var kx = 0; kx < KERNEL; kx++) {
        const column = c * STRIDE + kx - PAD;
        // @static
        if (column >= 0 && column < IN_W) {
          let value = x[column / 4][column % 4];
          let better = value > most;
          most = select(most, value, better);
          across = select(across, f32(kx), better);
        }
      }
      // @unroll
      for (var ky = 0; ky < KERNEL; ky++) {
        const r = (j - ky + STRIDE * KERNEL) / STRIDE - KERNEL;
        // @static
        if ((j - ky + STRIDE * KERNEL) % STRIDE == 0 && r >= 0 && r < ROWS) {
          const at = r * OUT_PITCH + c;
          // @static
          if (ky == 0) {
            best[at] = most;
            place[at] = across;
          } else {
            let better = most > best[at];
            best[at] = select(best[at], most, better);
            place[at] = select(place[at], across + ky * KERNEL, better);
          }
        }
      }
    }
  }
  // @unroll
  for (var q = 0; q < ROWS * OUT_PITCH / 4; q++) {
    let at = out_at(tile.x, tile.y, tile.z * (ROWS * OUT_PITCH / 4) + q, local.x);
    let most = vec4f(best[q * 4], best[q * 4 + 1], best[q * 4 + 2], best[q * 4 + 3]);
    var won = vec4f(-1);
    // @static
    if (WINNER) {
      won = vec4f(place[q * 4], place[q * 4 + 1], place[q * 4 + 2], place[q * 4 + 3]);
      // @static
      if (GATE) {
        won = select(vec4f(-1), won, most > vec4f(0));
      }
    }
    if (OUT_H % ROWS == 0 || tile.z * ROWS + q / (OUT_PITCH / 4) < OUT_H) {
      textureStore(output, at, most);
      // @static
      if (WINNER) {
        textureStore(winner, other_at(tile.x, tile.y, tile.z * (ROWS * OUT_PITCH / 4) + q, local.x), won);
      }
    }
  }
}
