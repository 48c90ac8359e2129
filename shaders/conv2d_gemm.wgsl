// Convolution and its input gradient on hardware: an implicit GEMM over images. A workgroup does TM output channels of TN images at one
// pixel of the map that is written, an invocation TILE_M x 8 of them. The sum runs over the taps that touch the map for that pixel, the
// same for the whole workgroup, and over the channels, K at a time, through workgroup memory. Whatever the tile, it adds in one order (tap,
// channel). The filter's mask is applied once, where weights enter workgroup memory. Fused behind the sum as in conv2d.wgsl.
// @import input_layout
// @import layout as out
// @import residual_place
// @import gate_place
const GRADIENT = false; // "in" is the gradient of the convolution's output, "out" that of its input
// @import window
const CHANNELS = 64; // of a group, that are summed
const OUT_CHANNELS = 64; // of a group, that are written
const FLAT = false; // few channels: the sum walks (tap, channel) as one row; what lies beside the map counts as zero
const TM = 64; // output channels of a workgroup
const TN = 128; // images of it
const TILE_M = 8; // output channels of an invocation
const K = 8; // channels in workgroup memory at once
const ROWS = 64; // of weights, of a tap, or where FLAT of a group: a multiple of K
const GROUP_ROWS = 576; // of a group
const OUT_QUADS_OF_GROUP = 16; // vec4 of output channels in a row of weights
const WEIGHT_ROW = 4096; // texels in a row of the texture
const MASKED = false;
const SCALED = false; // a gradient whose weights the filter sees raw: the scale of the batch norm comes behind
// @import epilogue_constants

const ACROSS = TN / 8; // invocations along the images
const DOWN = TM / TILE_M; // and along the channels
const THREADS = ACROSS * DOWN;
const M_QUADS = TM / 4;
const N_QUADS = TN / 4;
const PARTS = LANES / N_QUADS; // of a block of images
const TILES = (OUT_QUADS_OF_GROUP + M_QUADS - 1) / M_QUADS; // of a group's output channels
const TAPS = KERNEL_H * KERNEL_W;
const IN_TAP_ROWS = KERNEL_W * CHANNELS % K == 0; // where FLAT: whether each step lies within one row of taps
const W_LOADS = (K * M_QUADS + THREADS - 1) / THREADS;
const X_LOADS = (K * N_QUADS + THREADS - 1) / THREADS;

struct Params {
  in_blocks: u32, // blocks of the input, residual and gate: shared tensors are read again for every variant
  residual_blocks: u32,
  gate_blocks: u32,
  blocks_per_variant: u32,
  // Ends of loops: of those known beforehand drivers make a copy a turn, and compile for seconds.
  kernel_h: i32,
  kernel_w: i32,
  sum_rows: u32, // CHANNELS, or where FLAT the rows of a group
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var weights: texture_storage_2d<rgba32float, read>; // see packWeights in src/ops/convolution/hardware/plan.ts
@group(0) @binding(3) var norm: texture_2d<f32>; // row 0: (scale, shift) of each channel
@group(0) @binding(4) var output: texture_storage_2d<rgba32float, write>;
@group(0) @binding(5) var residual: texture_storage_2d<rgba32float, read>;
@group(0) @binding(6) var gate: texture_2d<f32>; // activation behind the ReLU whose gradient this is
@group(0) @binding(7) var<uniform> intervals: array<vec4f, 256>; // removed weights of each variant: low <= w <= high

var<workgroup> ws: array<vec4f, K * M_QUADS>;
var<workgroup> xs: array<vec4f, K * N_QUADS>;

// @import source_of

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_index) local: u32) {
  let image_block = tile.x / PARTS;
  let in_block = image_block % params.in_blocks;
  let first_lane = tile.x % PARTS * N_QUADS;
  let conv_group = tile.y / TILES;
  let first_quad = tile.y % TILES * M_QUADS;
  let quad = tile.z;
  let out_y = i32(quad) / OUT_W;
  let out_x = i32(quad) % OUT_W;
  let across = local % ACROSS;
  let down = local / ACROSS;
  var sums: array<vec4f, TILE_M * 2>;
  // @import removed_interval
  var w_row: array<u32, W_LOADS>; // which of the K rows an invocation loads, and where it lies in the textures' first step
  var w_at: array<u32, W_LOADS>;
  var x_row: array<u32, X_LOADS>;
  var x_at: array<u32, X_LOADS>;
  // @unroll
  for (var i = 0; i < W_LOADS; i++) {
    w_row[i] = (i * THREADS + local) / M_QUADS;
    w_at[i] = (conv_group * GROUP_ROWS + w_row[i]) * OUT_QUADS_OF_GROUP + first_quad + (i * THREADS + local) % M_QUADS;
  }
  // @unroll
  for (var i = 0; i < X_LOADS; i++) {
    x_row[i] = (i * THREADS + local) / N_QUADS;
    x_at[i] = first_lane + (i * THREADS + local) % N_QUADS;
    // @static
    if (!FLAT && IN_RADIX == 1) {
      x_at[i] += (IN_FIRST + conv_group * CHANNELS + x_row[i]) * (IN_QUADS * LANES);
    }
  }
  // @static
  if (FLAT) {
    for (var step = 0u; step < params.sum_rows; step += K) {
      var in_y = 0;
      // @static
      if (IN_TAP_ROWS) {
        in_y = source_of(out_y, i32(step / (KERNEL_W * CHANNELS)), STRIDE_H, PAD_H, DILATION_H, IN_H);
        if (in_y < 0) {
          continue;
        }
      }
      let row = step;
      let pixel = 0u;
      // @import gemm_step
    }
  } else {
    for (var ky = 0; ky < params.kernel_h; ky++) {
      let in_y = source_of(out_y, ky, STRIDE_H, PAD_H, DILATION_H, IN_H);
      if (in_y < 0) {
        continue;
      }
      for (var kx = 0; kx < params.kernel_w; kx++) {
        let in_x = source_of(out_x, kx, STRIDE_W, PAD_W, DILATION_W, IN_W);
        if (in_x < 0) {
          continue;
        }
        let pixel = u32(in_y * IN_W + in_x);
        let first_row = u32(ky * KERNEL_W + kx) * ROWS;
        for (var step = 0u; step < params.sum_rows; step += K) {
          let row = first_row + step;
          // @import gemm_step
        }
      }
    }
  }

  // @unroll
  for (var q = 0; q < TILE_M / 4; q++) {
    // @unroll
    for (var i = 0; i < 4; i++) {
      let channel = (first_quad + q * DOWN + down) * 4 + i;
      let group = conv_group * OUT_CHANNELS + channel;
      // @static
      if (OUT_CHANNELS % TM == 0) {
        // @import gemm_write
      } else {
        if (channel < OUT_CHANNELS) {
          // @import gemm_write
        }
      }
    }
  }
}
