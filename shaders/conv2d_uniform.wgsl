// Convolution and its input gradient on hardware without workgroup memory: the rival of conv2d_gemm.wgsl, whose sums it adds in the same
// order. A workgroup does OC output channels of a block of images at one pixel, an invocation four images of it. Every weight is the same
// for the whole workgroup, so that GPUs with scalar registers load it once for all lanes. That is what the weights are in a buffer for:
// texels always go to each lane. Fused behind the sum as in conv2d.wgsl.
// @import input_layout
// @import layout as out
// @import residual_place
// @import gate_place
const GRADIENT = false; // "in" is the gradient of the convolution's output, "out" that of its input
// @import window
const CHANNELS = 64; // of a group, that are summed
const OUT_CHANNELS = 64; // of a group, that are written
const OC = 16; // of an invocation
const K = 4; // channels that are summed at once
const OUT_QUADS_OF_GROUP = 16; // vec4 of output channels in a row of weights
const MASKED = false;
const SCALED = false; // a gradient whose weights the filter sees raw: the scale of the batch norm comes behind
// @import epilogue_constants

const TILES = OUT_QUADS_OF_GROUP * 4 / OC; // of a group's output channels
const TAPS = KERNEL_H * KERNEL_W;

struct Params {
  in_blocks: u32, // blocks of the input, residual and gate: shared tensors are read again for every variant
  residual_blocks: u32,
  gate_blocks: u32,
  blocks_per_variant: u32,
  // Ends of loops: of those known beforehand drivers make a copy a turn, and compile for seconds.
  kernel_h: i32,
  kernel_w: i32,
  sum_rows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var<storage, read> weights: array<vec4f>; // see packGemmWeights in src/ops/convolution/hardware/plan.ts
@group(0) @binding(3) var norm: texture_2d<f32>; // row 0: (scale, shift) of each channel
@group(0) @binding(4) var output: texture_storage_2d<rgba32float, write>;
@group(0) @binding(5) var residual: texture_storage_2d<rgba32float, read>;
@group(0) @binding(6) var gate: texture_2d<f32>; // activation behind the ReLU whose gradient this is
@group(0) @binding(7) var<uniform> intervals: array<vec4f, 256>; // removed weights of each variant: low <= w <= high

// @import source_of

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_index) lane: u32) {
  let image_block = tile.x;
  let in_block = image_block % params.in_blocks;
  let conv_group = tile.y / TILES;
  let first_quad = tile.y % TILES * (OC / 4);
  let quad = tile.z;
  let out_y = i32(quad) / OUT_W;
  let out_x = i32(quad) % OUT_W;
  var sums: array<vec4f, OC>;
  // @import removed_interval
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
      let first_row = (conv_group * TAPS + u32(ky * KERNEL_W + kx)) * CHANNELS;
      for (var step = 0u; step < params.sum_rows; step += K) {
        // @unroll
        for (var k = 0; k < K; k++) {
          let channel = conv_group * CHANNELS + step + k;
          let x = textureLoad(input, in_at(in_block, channel, pixel, lane));
          // @unroll
          for (var q = 0; q < OC / 4; q++) {
            var w = weights[(first_row + step + k) * OUT_QUADS_OF_GROUP + first_quad + q];
            // @static
            if (MASKED) {
              w = select(w, vec4f(0), (w >= low) & (w <= high));
            }
            // @static
            if (SCALED) {
              w *= textureLoad(norm, vec2u(channel, 0), 0).x;
            }
            // @unroll
            for (var i = 0; i < 4; i++) {
              sums[q * 4 + i] = fma(vec4f(w[i]), x, sums[q * 4 + i]);
            }
          }
        }
      }
    }
  }

  // @unroll
  for (var o = 0; o < OC; o++) {
    let channel = first_quad * 4 + o;
    let group = conv_group * OUT_CHANNELS + channel;
    // @static
    if (OUT_CHANNELS % OC == 0) {
      // @import uniform_write
    } else {
      if (channel < OUT_CHANNELS) {
        // @import uniform_write
      }
    }
  }
}
