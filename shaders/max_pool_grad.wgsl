// Gradient of max-pool: each pixel gathers from the windows it won, in row-major order of the windows.
// With GATE also the gradient of a ReLU in front of the pool: a window whose maximum is 0 passes nothing on.
// One invocation: one image (lane), one channel (y), one row of the pool's input (z).
const LANES = 8; // images of a block
const OUT_H = 14;
const OUT_W = 14;
const OUT_PITCH = 16;
const OUT_QUADS = 56;
const OUT_GROUPS_PER_ROW = 64;
const OUT_FOLD = 1;
const OUT_PACK = 1;
const IN_H = 7;
const IN_W = 7;
const IN_PITCH = 8;
const IN_QUADS = 14;
const IN_GROUPS_PER_ROW = 64;
const IN_FOLD = 1;
const IN_PACK = 1;
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

fn in_at(image_block: u32, group: u32, quad: u32, lane: u32) -> vec2u {
  return vec2u(((group % IN_GROUPS_PER_ROW) * IN_QUADS + quad) * LANES + lane, image_block * IN_FOLD + group / IN_GROUPS_PER_ROW);
}

fn out_at(image_block: u32, group: u32, quad: u32, lane: u32) -> vec2u {
  return vec2u(((group % OUT_GROUPS_PER_ROW) * OUT_QUADS + quad) * LANES + lane, image_block * OUT_FOLD + group / OUT_GROUPS_PER_ROW);
}

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
