// Convolution and its input gradient on hardware where a group has few output channels: depthwise, and back to an image. An invocation
// does all of them (OC) at a patch of ROWS x COLS pixels of four images, so that each texel it loads meets every tap of the patch that
// reads it. The sum runs over the channels, then over the window row by row, whatever the patch. Weights lie in workgroup memory, K
// channels at a time, where the filter's mask is applied. Fused behind the sum as in conv2d.wgsl.
// @import input_layout
// @import layout as out
// @import residual_place
// @import gate_place
const GRADIENT = false; // "in" is the gradient of the convolution's output, "out" that of its input
const TAPS = 9;
const KERNEL_H = 3;
const KERNEL_W = 3;
const DILATION_H = 1;
const DILATION_W = 1;
const CHANNELS = 1; // of a group, that are summed
const OC = 1; // of a group, that are written: at most 4, a texel of weights
const ROWS = 2;
const COLS = 4;
const K = 1; // channels whose weights are in workgroup memory at once
const WEIGHT_ROW = 4096; // texels in a row of the texture
const WINDOW_H = 4; // rows and columns of "in" that a patch reads
const WINDOW_W = 6;
const FIRST_H = -1; // where the first patch's window begins, and how far the next one's is from there
const FIRST_W = -1;
const NEXT_H = 2;
const NEXT_W = 4;
const IN_STEP_H = 1; // row j of the window meets row r of the patch by the tap (j * IN_STEP + r * OUT_STEP + REACH) / DILATION
const IN_STEP_W = 1;
const OUT_STEP_H = -1;
const OUT_STEP_W = -1;
const REACH_H = 0;
const REACH_W = 0;
const MASKED = false;
const SCALED = false; // a gradient whose weights the filter sees raw: the scale of the batch norm comes behind
// @import epilogue_constants

const DOWN = (OUT_H + ROWS - 1) / ROWS; // patches of a map
const ACROSS = (OUT_W + COLS - 1) / COLS;

struct Params {
  in_blocks: u32, // blocks of the input, residual and gate: shared tensors are read again for every variant
  residual_blocks: u32,
  gate_blocks: u32,
  blocks_per_variant: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var weights: texture_storage_2d<rgba32float, read>; // see packGemmWeights in src/ops/convolution/hardware/plan.ts
@group(0) @binding(3) var norm: texture_2d<f32>; // row 0: (scale, shift) of each channel
@group(0) @binding(4) var output: texture_storage_2d<rgba32float, write>;
@group(0) @binding(5) var residual: texture_storage_2d<rgba32float, read>;
@group(0) @binding(6) var gate: texture_2d<f32>; // activation behind the ReLU whose gradient this is
@group(0) @binding(7) var<uniform> intervals: array<vec4f, 256>; // removed weights of each variant: low <= w <= high

var<workgroup> ws: array<vec4f, TAPS * K>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_index) lane: u32) {
  let image_block = tile.x;
  let in_block = image_block % params.in_blocks;
  let conv_group = tile.y;
  let patch_y = i32(tile.z) / ACROSS;
  let patch_x = i32(tile.z) % ACROSS;
  let first_y = patch_y * NEXT_H + FIRST_H;
  let first_x = patch_x * NEXT_W + FIRST_W;
  var sums: array<vec4f, ROWS * COLS * OC>;
  // @import removed_interval
  for (var step = 0u; step < CHANNELS; step += K) {
    // @static
    if (CHANNELS > K) {
      workgroupBarrier();
    }
    for (var i = lane; i < TAPS * K; i += LANES) {
      let channel = min(step + i % K, CHANNELS - 1);
      let at = (conv_group * TAPS + i / K) * CHANNELS + channel;
      var w = textureLoad(weights, vec2u(at % WEIGHT_ROW, at / WEIGHT_ROW));
      // @static
      if (MASKED) {
        w = select(w, vec4f(0), (w >= low) & (w <= high));
      }
      // @static
      if (SCALED) {
        w *= textureLoad(norm, vec2u(conv_group * CHANNELS + channel, 0), 0).x;
      }
      ws[i] = w;
    }
    workgroupBarrier();
    for (var k = 0u; k < min(K, CHANNELS - step); k++) {
      let channel = conv_group * CHANNELS + step + k;
      // @unroll
      for (var j = 0; j < WINDOW_H; j++) {
        let in_y = first_y + j;
        // @static
        if (FIRST_H + j >= 0 && (DOWN - 1) * NEXT_H + FIRST_H + j < IN_H) {
          // @import patch_row
        } else {
          if ((in_y >= 0) & (in_y < IN_H)) { // not &&, which is a branch more each time
            // @import patch_row
          }
        }
      }
    }
  }

  // @unroll
  for (var r = 0; r < ROWS; r++) {
    // @unroll
    for (var c = 0; c < COLS; c++) {
      let y = patch_y * ROWS + r;
      let x = patch_x * COLS + c;
      // @static
      if (OUT_H % ROWS == 0 && OUT_W % COLS == 0) {
        // @import patch_write
      } else {
        if (y < OUT_H && x < OUT_W) {
          // @import patch_write
        }
      }
    }
  }
}
