// Convolution or its input gradient of any geometry, one product after the other: for what conv2d.wgsl does not do.
// One invocation: one image (lane), one channel group (y), one vec4 (z). Fused as there.
// @import input_layout
// @import layout as out
const GRADIENT = false; // "in" is the gradient of the convolution's output, "out" that of its input
// @import window
const GROUP_IN_CHANNELS = 1; // of the convolution's input that an output sees
const GROUP_OUT_CHANNELS = 1;
const OUT_CHANNELS = 8; // of what is written
const WEIGHT_WIDTH = 64; // texels in a row of weights
const MASKED = false;
const SCALED = false;
// @import epilogue_constants
// @import residual_place
// @import gate_place

struct Params {
  in_blocks: u32,
  residual_blocks: u32,
  gate_blocks: u32,
  blocks_per_variant: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var weights: texture_2d<f32>; // as in the checkpoint, four a texel
@group(0) @binding(3) var norm: texture_2d<f32>; // row 0: (scale, shift) of each channel
@group(0) @binding(4) var output: texture_storage_2d<rgba32float, write>;
@group(0) @binding(5) var residual: texture_storage_2d<rgba32float, read>;
@group(0) @binding(6) var gate: texture_2d<f32>;
@group(0) @binding(7) var<uniform> intervals: array<vec4f, 256>; // removed weights of each variant: low <= w <= high
// @import output_pixels
// @import input_pixel

fn weight(out_channel: u32, in_channel: u32, ky: u32, kx: u32, low: f32, high: f32) -> f32 {
  let index = ((out_channel * GROUP_IN_CHANNELS + in_channel) * KERNEL_H + ky) * KERNEL_W + kx;
  let w = textureLoad(weights, vec2u(index / 4 % WEIGHT_WIDTH, index / 4 / WEIGHT_WIDTH), 0)[index % 4];
  // @static
  if (MASKED) {
    return select(w, 0.0, w >= low && w <= high);
  } else {
    return w;
  }
}

fn total(image_block: u32, lane: u32, at: OutPixel, low: f32, high: f32) -> Number {
  var sum = Number(0);
  let group = at.channel / select(u32(GROUP_OUT_CHANNELS), u32(GROUP_IN_CHANNELS), GRADIENT);
  for (var ky = 0u; ky < KERNEL_H; ky++) {
    for (var kx = 0u; kx < KERNEL_W; kx++) {
      // Forward: the pixel that a tap reads. Gradient: the output that a tap wrote to.
      var up = i32(at.y) * STRIDE_H + i32(ky) * DILATION_H - PAD_H;
      var across = i32(at.x) * STRIDE_W + i32(kx) * DILATION_W - PAD_W;
      // @static
      if (GRADIENT) {
        up = i32(at.y) + PAD_H - i32(ky) * DILATION_H;
        across = i32(at.x) + PAD_W - i32(kx) * DILATION_W;
        if (up < 0 || across < 0 || up % STRIDE_H != 0 || across % STRIDE_W != 0) {
          continue;
        }
        up /= STRIDE_H;
        across /= STRIDE_W;
      }
      if (up < 0 || across < 0 || up >= IN_H || across >= IN_W) {
        continue;
      }
      // @static
      if (GRADIENT) {
        for (var c = 0u; c < GROUP_OUT_CHANNELS; c++) {
          let channel = group * GROUP_OUT_CHANNELS + c;
          var x = in_pixel(image_block, channel, u32(up), u32(across), lane);
          // @static
          if (SCALED) {
            x *= textureLoad(norm, vec2u(channel, 0), 0).x;
          }
          sum += weight(channel, at.channel % GROUP_IN_CHANNELS, ky, kx, low, high) * x;
        }
      } else {
        for (var c = 0u; c < GROUP_IN_CHANNELS; c++) {
          sum += weight(at.channel, c, ky, kx, low, high) * in_pixel(image_block, group * GROUP_IN_CHANNELS + c, u32(up), u32(across), lane);
        }
      }
    }
  }
  // @static
  if (!GRADIENT) {
    let n = textureLoad(norm, vec2u(at.channel, 0), 0);
    sum = sum * n.x + n.y;
  }
  return sum;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let image_block = tile.x;
  let lane = local.x;
  // @import removed_interval
  var value = vec4f(0);
  for (var i = 0u; i < PIXELS; i++) {
    let at = out_pixel(tile.y, tile.z, i, OUT_CHANNELS);
    if (at.real) {
      value = placed(value, i, total(image_block % params.in_blocks, lane, at, low.x, high.x));
    }
  }
  let group = tile.y;
  let quad = tile.z;
  // @import epilogue
  textureStore(output, out_at(image_block, group, quad, lane), value);
}
