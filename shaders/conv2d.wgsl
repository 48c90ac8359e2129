// Convolution and its input gradient, one kernel for both: the gradient is the same sum with the two maps swapped.
// Lanes are the images of a block. An invocation keeps ROWS x OUT_W pixels of OC channels (of BLOCKS image blocks) in
// registers and walks over the input channels. Fused: the filter's mask on the weights; behind the sum the batch norm's
// scale and shift, the residual, ReLU (forward) or its gate (gradient).
enable subgroups;
// @import input_layout
// @import layout as out
// @import residual_place
// @import gate_place

const GRADIENT = false; // "in" is the gradient of the convolution's output, "out" that of its input
const KERNEL_TOP = 0; // first kernel row and column that touches a pixel, and how many do
const KERNEL_LEFT = 0;
const KERNEL_ROWS = 3;
const KERNEL_COLS = 3;
const ROW_STEPS = 1; // kernel rows walked by the loop instead of unrolled (then KERNEL_ROWS is 1)
const MAPS = 1; // channel groups of the input in a step: kernels of few taps add several in one go
const STRIDE_H = 1;
const STRIDE_W = 1;
const PAD_H = 1;
const PAD_W = 1;
const DILATION_H = 1;
const DILATION_W = 1;
const LAST_GROUP = 0; // channel groups that may be written, where the last tile has more; 0: all
const GROUP_OUT = 0; // output channels of a group, a multiple of OC; 0: no groups
const GROUP_IN = 1; // channel groups (vec4 or maps) of the input that it reads
const OC = 8; // output channels per invocation
const ROWS = 1; // output rows per invocation
const KNOWN = false; // which rows is known here: the whole map, or a band of it that has a dispatch of its own
const TOP = 0; // the first of them, where known
const BLOCKS = 1; // image blocks per invocation
const DIRECT = false; // each product is added to its sum at once: an addition less a pixel, but slower on a software driver
const SHUFFLE = true; // weights come from the neighbour lanes (subgroups of LANES and more)
const MASKED = false;
const SCALED = false; // a gradient that scales what it reads by the batch norm of the convolution
const RESIDUAL = false;
const RELU = false;
const CAP = 0; // of the ReLU; 0: none
const GATE = false;
const GATE_CAP = 0; // of the ReLU whose gradient it is

const TAPS = KERNEL_ROWS * KERNEL_COLS;
const CHANNELS = MAPS * IN_PACK; // input channels in a step
const PRODUCTS = CHANNELS * TAPS; // weights of an output channel in a step
const FIRST_ROW = -1; // source row 0 of the tile; where the rows are not known relative to the tile's place in the source map
const SPAN = 3; // source rows an invocation holds
const SOURCE_QUADS = 6; // vec4 of them per channel and block
// @import weight_layout

struct Params {
  steps: u32, // input channels / CHANNELS * ROW_STEPS
  in_blocks: u32, // blocks of the input, residual and gate: shared tensors are read again for every variant
  residual_blocks: u32,
  gate_blocks: u32,
  blocks_per_variant: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var weights: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var norm: texture_2d<f32>; // row 0: (scale, shift) of each channel; row 1: scales of 4 channels
@group(0) @binding(4) var output: texture_storage_2d<rgba32float, write>;
@group(0) @binding(5) var residual: texture_storage_2d<rgba32float, read>;
@group(0) @binding(6) var gate: texture_2d<f32>; // activation behind the ReLU whose gradient this is
@group(0) @binding(7) var<uniform> intervals: array<vec4f, 256>; // removed weights of each variant: low <= w <= high

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u, @builtin(subgroup_invocation_id) in_subgroup: u32) {
  var lane = local.x;
  // The same number, but a constant to a software driver, which then has registers left for the sums.
  // @static
  if (SHUFFLE) {
    lane = in_subgroup;
  }
  let image_block = tile.x * BLOCKS;
  let first_row = TOP + tile.z * ROWS;
  var sums: array<f32, BLOCKS * ROWS * OUT_W * OC>;
  // @import removed_interval

  var first_channel = 0u;
  // @static
  if (GROUP_OUT > 0) {
    first_channel = tile.y * OC / GROUP_OUT * GROUP_IN;
  }
  var in_block: array<u32, BLOCKS>; // the division is no constant to the compiler, which would do it again in every step
  // @unroll
  for (var b = 0; b < BLOCKS; b++) {
    in_block[b] = (image_block + b) % params.in_blocks;
  }
  for (var step = 0u; step < params.steps; step++) {
    var x: array<vec4f, MAPS * BLOCKS * SOURCE_QUADS>;
    // @unroll
    for (var m = 0; m < MAPS; m++) {
      let channel = first_channel + step / ROW_STEPS * MAPS + m;
      // @unroll
      for (var b = 0; b < BLOCKS; b++) {
        // @static
        if (KNOWN) {
          // @unroll
          for (var q = 0; q < SOURCE_QUADS; q++) {
            x[(m * BLOCKS + b) * SOURCE_QUADS + q] = textureLoad(input, in_at(in_block[b], channel, FIRST_ROW * IN_PITCH / 4 + q, lane));
          }
        } else {
          // @unroll
          for (var j = 0; j < SPAN; j++) {
            // @static
            if (GRADIENT || DILATION_H > 1 || KERNEL_ROWS >= STRIDE_H || j % STRIDE_H < KERNEL_ROWS) {
              var base = i32(first_row * STRIDE_H + step % ROW_STEPS * DILATION_H);
              // @static
              if (GRADIENT) {
                base = i32(first_row / STRIDE_H);
              }
              let row = base + FIRST_ROW + j;
              let inside = row >= 0 && row < IN_H;
              let start = u32(clamp(row, 0, IN_H - 1)) * (IN_PITCH / 4);
              // @unroll
              for (var q = 0; q < IN_PITCH / 4; q++) {
                x[(m * BLOCKS + b) * SOURCE_QUADS + j * IN_PITCH / 4 + q] = select(vec4f(0), textureLoad(input, in_at(in_block[b], channel, start + q, lane)), inside);
              }
            }
          }
        }
      }
      // Weights come with the scale of the batch norm behind them, but where the filter has to see them raw.
      // @static
      if (SCALED) {
        // @static
        if (IN_PACK == 4) {
          let scale = textureLoad(norm, vec2u(channel, 1), 0);
          // @unroll
          for (var i = 0; i < BLOCKS * SOURCE_QUADS; i++) {
            x[m * BLOCKS * SOURCE_QUADS + i] *= scale;
          }
        } else {
          let scale = textureLoad(norm, vec2u(channel, 0), 0).x;
          // @unroll
          for (var i = 0; i < BLOCKS * SOURCE_QUADS; i++) {
            x[m * BLOCKS * SOURCE_QUADS + i] *= scale;
          }
        }
      }
    }
    var w: array<vec4f, WEIGHT_LOADS>; // a texel a lane
    // @static
    if (SHUFFLE) {
      // @import load_weights
    }
    // @unroll
    for (var oc = 0; oc < OC; oc++) {
      var v: array<f32, PRODUCTS>;
      // @static
      if (SHUFFLE) {
        // @import spread_weights
      } else {
        const first = oc * PRODUCTS;
        // @unroll
        for (var texel = first / 4; texel < (first + PRODUCTS + 3) / 4; texel++) {
          var quad = textureLoad(weights, weight_at(tile.y, step, texel));
          // @static
          if (MASKED) {
            quad = select(quad, vec4f(0), (quad >= low) & (quad <= high));
          }
          // @unroll
          for (var i = 0; i < 4; i++) {
            const k = texel * 4 + i - first;
            // @static
            if (k >= 0 && k < PRODUCTS) {
              v[k] = quad[i];
            }
          }
        }
      }
      // @unroll
      for (var b = 0; b < BLOCKS; b++) {
        // @unroll
        for (var r = 0; r < ROWS; r++) {
          // @unroll
          for (var c = 0; c < OUT_W; c++) {
            const at = ((b * OC + oc) * ROWS + r) * OUT_W + c;
            var sum = 0.0; // of this step
            // @unroll
            for (var u = 0; u < CHANNELS; u++) {
              // @unroll
              for (var ky = 0; ky < KERNEL_ROWS; ky++) {
                // @unroll
                for (var kx = 0; kx < KERNEL_COLS; kx++) {
                  const tap = (u * KERNEL_ROWS + ky) * KERNEL_COLS + kx;
                  // @static
                  if (GRADIENT) {
                    const up = TOP + r + PAD_H - (KERNEL_TOP + ky) * DILATION_H + 4096 * STRIDE_H;
                    const across = c + PAD_W - (KERNEL_LEFT + kx) * DILATION_W + 4096 * STRIDE_W;
                    const y = up / STRIDE_H - 4096 - FIRST_ROW;
                    const xx = across / STRIDE_W - 4096;
                    // @static
                    if (up % STRIDE_H == 0 && across % STRIDE_W == 0 && y >= 0 && y < SPAN && xx >= 0 && xx < IN_W) {
                      const slot = y * IN_PITCH + xx;
                      // @import add_product
                    }
                  } else {
                    const y = (TOP + r) * STRIDE_H + (ky + KERNEL_TOP) * DILATION_H - PAD_H - FIRST_ROW;
                    const xx = c * STRIDE_W + (kx + KERNEL_LEFT) * DILATION_W - PAD_W;
                    // @static
                    if (y >= 0 && y < SPAN && xx >= 0 && xx < IN_W) {
                      const slot = y * IN_PITCH + xx;
                      // @import add_product
                    }
                  }
                }
              }
            }
            // @static
            if (!DIRECT) {
              sums[at] += sum;
            }
          }
        }
      }
    }
  }

  let group = tile.y * (OC / OUT_PACK);
  // @unroll
  for (var g = 0; g < OC / OUT_PACK; g++) {
    var scale = vec4f(1);
    var shift = vec4f(0);
    // @static
    if (!GRADIENT) {
      // @unroll
      for (var i = 0; i < OUT_PACK; i++) {
        let n = textureLoad(norm, vec2u(tile.y * OC + g * OUT_PACK + i, 0), 0);
        // @static
        if (OUT_PACK == 1) {
          scale = vec4f(n.x);
          shift = vec4f(n.y);
        } else {
          scale[i] = n.x;
          shift[i] = n.y;
        }
      }
    }
    // @unroll
    for (var b = 0; b < BLOCKS; b++) {
      // @unroll
      for (var q = 0; q < (ROWS * OUT_PITCH + 3) / 4; q++) {
        var value = vec4f(0);
        // @unroll
        for (var i = 0; i < 4; i++) {
          // @static
          if (OUT_PACK == 4) {
            value[i] = sums[b * OC + g * 4 + i];
          } else {
            const r = (q * 4 + i) / OUT_PITCH;
            const c = (q * 4 + i) % OUT_PITCH;
            // @static
            if (r < ROWS && c < OUT_W) {
              value[i] = sums[((b * OC + g) * ROWS + r) * OUT_W + c];
            }
          }
        }
        // @static
        if (!GRADIENT) {
          value = value * scale + shift;
        }
        let at = out_at(image_block + b, group + g, first_row * (OUT_PITCH / 4) + q, lane);
        // @static
        if (RESIDUAL) {
          value += textureLoad(residual, residual_at((image_block + b) % params.residual_blocks, group + g, first_row * (OUT_PITCH / 4) + q, lane));
        }
        // @static
        if (RELU) {
          value = max(value, vec4f(0));
          // @static
          if (CAP > 0) {
            value = min(value, vec4f(CAP));
          }
        }
        // @static
        if (GATE) {
          let shown = textureLoad(gate, gate_at((image_block + b) % params.gate_blocks, group + g, first_row * (OUT_PITCH / 4) + q, lane), 0);
          value = select(vec4f(0), value, shown > vec4f(0));
          // @static
          if (GATE_CAP > 0) {
            value = select(vec4f(0), value, shown < vec4f(GATE_CAP));
          }
        }
        // @static
        if ((KNOWN || OUT_H % ROWS == 0) && LAST_GROUP == 0) {
          textureStore(output, at, value);
        } else {
          if ((KNOWN || first_row + q / (OUT_PITCH / 4) < OUT_H) && (LAST_GROUP == 0 || group + g < LAST_GROUP)) {
            textureStore(output, at, value);
          }
        }
      }
    }
  }
}
