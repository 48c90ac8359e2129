// Gradient of a max-pool and, joined to it, of the convolution in front: the gradient of the map in between, several times what is read
// and written, is never stored. Each of its pixels gathers from the windows it won; where the ReLU between the two is shut none has won.
// Lanes are the images of a block. An invocation does the whole map of OC channels that the convolution reads, as in conv2d.wgsl.
enable subgroups;
// @import input_layout
// @import layout as out
// @import layout as other

const KERNEL_TOP = 0; // first kernel row and column that touches a pixel, and how many do
const KERNEL_LEFT = 0;
const KERNEL_ROWS = 7;
const KERNEL_COLS = 7;
const STRIDE = 2;
const PAD = 3;
const MAP_H = 14; // the convolution's map
const MAP_W = 14;
const POOL_KERNEL = 3;
const POOL_STRIDE = 2;
const POOL_PAD = 1;
const OC = 1; // channels per invocation
const MASKED = false;

const PRODUCTS = KERNEL_ROWS * KERNEL_COLS; // weights of a channel in a step
// @import weight_layout

struct Params {
  channels: u32, // of the map
  winner_blocks: u32,
  blocks_per_variant: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>; // gradient of the pool's output
@group(0) @binding(2) var weights: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var norm: texture_2d<f32>; // row 0: (scale, shift) of each channel
@group(0) @binding(4) var output: texture_storage_2d<rgba32float, write>;
@group(0) @binding(5) var<uniform> intervals: array<vec4f, 256>; // removed weights of each variant: low <= w <= high
@group(0) @binding(6) var winner: texture_2d<f32>; // position in the window, ky * POOL_KERNEL + kx, or -1

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let image_block = tile.x;
  // @import removed_interval
  let winner_block = image_block % params.winner_blocks;
  var sums: array<f32, OC * OUT_H * OUT_W>;
  for (var step = 0u; step < params.channels; step++) {
    var x: array<f32, MAP_H * MAP_W>; // gradient of the map
    // A variable is zero when it is declared, but drivers forget that in all turns of a loop but the first.
    // @unroll
    for (var i = 0; i < MAP_H * MAP_W; i++) {
      x[i] = 0.0;
    }
    // @unroll
    for (var q = 0; q < IN_QUADS; q++) {
      let g = textureLoad(input, in_at(image_block, step, q, lane));
      let won = textureLoad(winner, other_at(winner_block, step, q, lane), 0);
      // @unroll
      for (var i = 0; i < 4; i++) {
        const row = (q * 4 + i) / IN_PITCH;
        const column = (q * 4 + i) % IN_PITCH;
        // @unroll
        for (var ky = 0; ky < POOL_KERNEL; ky++) {
          // @unroll
          for (var kx = 0; kx < POOL_KERNEL; kx++) {
            const y = row * POOL_STRIDE + ky - POOL_PAD;
            const xx = column * POOL_STRIDE + kx - POOL_PAD;
            // @static
            if (column < IN_W && y >= 0 && y < MAP_H && xx >= 0 && xx < MAP_W) {
              x[y * MAP_W + xx] += select(0.0, g[i], won[i] == f32(ky * POOL_KERNEL + kx));
            }
          }
        }
      }
    }
    // Weights come with the scale of the batch norm behind them, but where the filter has to see them raw.
    // @static
    if (MASKED) {
      let scale = textureLoad(norm, vec2u(step, 0), 0).x;
      // @unroll
      for (var i = 0; i < MAP_H * MAP_W; i++) {
        x[i] *= scale;
      }
    }
    var w: array<vec4f, WEIGHT_LOADS>;
    // @import load_weights
    // @unroll
    for (var oc = 0; oc < OC; oc++) {
      var v: array<f32, PRODUCTS>;
      // @import spread_weights
      // @unroll
      for (var r = 0; r < OUT_H; r++) {
        // @unroll
        for (var c = 0; c < OUT_W; c++) {
          var sum = 0.0;
          // @unroll
          for (var ky = 0; ky < KERNEL_ROWS; ky++) {
            // @unroll
            for (var kx = 0; kx < KERNEL_COLS; kx++) {
              const up = r + PAD - KERNEL_TOP - ky + 64 * STRIDE;
              const across = c + PAD - KERNEL_LEFT - kx + 64 * STRIDE;
              const y = up / STRIDE - 64;
              const xx = across / STRIDE - 64;
              // @static
              if (up % STRIDE == 0 && across % STRIDE == 0 && y >= 0 && y < MAP_H && xx >= 0 && xx < MAP_W) {
                sum += v[ky * KERNEL_COLS + kx] * x[y * MAP_W + xx];
              }
            }
          }
          sums[(oc * OUT_H + r) * OUT_W + c] += sum;
        }
      }
    }
  }
  // @unroll
  for (var oc = 0; oc < OC; oc++) {
    // @unroll
    for (var q = 0; q < OUT_QUADS; q++) {
      var value = vec4f(0);
      // @unroll
      for (var i = 0; i < 4; i++) {
        const r = (q * 4 + i) / OUT_PITCH;
        const c = (q * 4 + i) % OUT_PITCH;
        // @static
        if (c < OUT_W) {
          value[i] = sums[(oc * OUT_H + r) * OUT_W + c];
        }
      }
      textureStore(output, out_at(image_block, tile.y * OC + oc, q, lane), value);
    }
  }
}
