// A convolution of a large kernel with its batch norm, ReLU and the max-pool behind it: the map in between, several times what is
// read and written, is never stored; a gradient needs no more of it than which pixel of each window won, as in max_pool.wgsl.
// Lanes are the images of a block. An invocation does the whole map of OC channels, row by row; a step of the sum is a row of the
// kernel on one input channel, as in conv2d.wgsl.
enable subgroups;
// @import input_layout
// @import layout as out
// @import layout as other

const KERNEL = 7;
const KERNEL_LEFT = 0; // first kernel column that touches a pixel, and how many do
const KERNEL_COLS = 7;
const STRIDE = 2;
const PAD = 3;
const MAP_H = 14; // rows of the convolution's map that a window sees
const MAP_W = 14;
const POOL_KERNEL = 3; // POOL_STRIDE or one more: where a window ends, at most one row of it belongs to the next, too
const POOL_STRIDE = 2;
const POOL_PAD = 1;
const OC = 16; // channels per invocation
const MASKED = false;
const WINNER = false; // a gradient follows

const PRODUCTS = KERNEL_COLS; // weights of an output channel in a step
// @import weight_layout

struct Params {
  channels: u32, // of the input
  in_blocks: u32, // blocks of the input: shared tensors are read again for every variant
  blocks_per_variant: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var weights: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var norm: texture_2d<f32>; // row 0: (scale, shift) of each channel
@group(0) @binding(4) var output: texture_storage_2d<rgba32float, write>;
@group(0) @binding(5) var<uniform> intervals: array<vec4f, 256>; // removed weights of each variant: low <= w <= high
@group(0) @binding(6) var winner: texture_storage_2d<rgba32float, write>; // position in the window, ky * POOL_KERNEL + kx, or -1 where ReLU lets nothing through

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let image_block = tile.x;
  // @import removed_interval
  var scale: array<vec2f, OC>; // and shift
  // @unroll
  for (var oc = 0; oc < OC; oc++) {
    scale[oc] = textureLoad(norm, vec2u(tile.y * OC + oc, 0), 0).xy;
  }
  let in_block = image_block % params.in_blocks;

  var best: array<f32, OC * OUT_W>; // maxima of the open windows so far. They begin with zero, below which ReLU lets nothing
  var place: array<f32, OC * OUT_W>; // in the window, of those above zero
  var pooled = 0;
  for (var row = 0; row < MAP_H; row++) {
    var sums: array<f32, OC * MAP_W>;
    // A variable is zero when it is declared, but drivers forget that in all turns of a loop but the first.
    // @unroll
    for (var i = 0; i < OC * MAP_W; i++) {
      sums[i] = 0.0;
    }
    let top = row * STRIDE - PAD;
    let first = max(0, -top); // kernel rows inside the image
    let end = min(KERNEL, IN_H - top);
    for (var channel = 0u; channel < params.channels; channel++) {
      for (var ky = first; ky < end; ky++) {
        let step = channel * KERNEL + u32(ky);
        var x: array<vec4f, IN_PITCH / 4>;
        // @unroll
        for (var q = 0; q < IN_PITCH / 4; q++) {
          x[q] = textureLoad(input, in_at(in_block, channel, u32(top + ky) * (IN_PITCH / 4) + q, lane));
        }
        var w: array<vec4f, WEIGHT_LOADS>; // a texel a lane
        // @import load_weights
        // @unroll
        for (var oc = 0; oc < OC; oc++) {
          var v: array<f32, PRODUCTS>;
          // @import spread_weights
          // @unroll
          for (var c = 0; c < MAP_W; c++) {
            var sum = 0.0;
            // @unroll
            for (var kx = 0; kx < KERNEL_COLS; kx++) {
              const column = c * STRIDE + kx + KERNEL_LEFT - PAD;
              // @static
              if (column >= 0 && column < IN_W) {
                sum += v[kx] * x[column / 4][column % 4];
              }
            }
            sums[oc * MAP_W + c] += sum;
          }
        }
      }
    }

    let down = f32((row - (pooled * POOL_STRIDE - POOL_PAD)) * POOL_KERNEL); // where the row's places in the open window begin
    var across: array<f32, OC * OUT_W>; // the row's maximum in each window
    var across_place: array<f32, OC * OUT_W>; // the first column that reaches it
    // @unroll
    for (var oc = 0; oc < OC; oc++) {
      // @unroll
      for (var c = 0; c < MAP_W; c++) {
        sums[oc * MAP_W + c] = sums[oc * MAP_W + c] * scale[oc].x + scale[oc].y;
      }
      // @unroll
      for (var c = 0; c < OUT_W; c++) {
        var most = 0.0;
        // @unroll
        for (var kx = 0; kx < POOL_KERNEL; kx++) {
          const column = c * POOL_STRIDE + kx - POOL_PAD;
          // @static
          if (column >= 0 && column < MAP_W) {
            most = max(most, sums[oc * MAP_W + column]);
          }
        }
        across[oc * OUT_W + c] = most;
        // @static
        if (WINNER) {
          across_place[oc * OUT_W + c] = f32(POOL_KERNEL - 1);
          // @unroll
          for (var back = 1; back < POOL_KERNEL; back++) {
            const kx = POOL_KERNEL - 1 - back;
            const column = c * POOL_STRIDE + kx - POOL_PAD;
            // @static
            if (column >= 0 && column < MAP_W) {
              across_place[oc * OUT_W + c] = select(across_place[oc * OUT_W + c], f32(kx), sums[oc * MAP_W + column] == most);
            }
          }
          place[oc * OUT_W + c] = select(place[oc * OUT_W + c], across_place[oc * OUT_W + c] + down, most > best[oc * OUT_W + c]);
        }
        best[oc * OUT_W + c] = max(best[oc * OUT_W + c], most);
      }
    }

    if (row == min(pooled * POOL_STRIDE - POOL_PAD + POOL_KERNEL, MAP_H) - 1) {
      // @unroll
      for (var oc = 0; oc < OC; oc++) {
        // @unroll
        for (var q = 0; q < OUT_PITCH / 4; q++) {
          var value = vec4f(0);
          var won = vec4f(-1);
          // @unroll
          for (var i = 0; i < 4; i++) {
            const c = q * 4 + i;
            // @static
            if (c < OUT_W) {
              value[i] = best[oc * OUT_W + c];
              // @static
              if (WINNER) {
                won[i] = place[oc * OUT_W + c];
              }
            }
          }
          let at = out_at(image_block, tile.y * OC + oc, u32(pooled) * (OUT_PITCH / 4) + q, lane);
          textureStore(output, at, value);
          // @static
          if (WINNER) {
            textureStore(winner, other_at(image_block, tile.y * OC + oc, u32(pooled) * (OUT_PITCH / 4) + q, lane), select(vec4f(-1), won, value > vec4f(0)));
          }
        }
        // @unroll
        for (var c = 0; c < OUT_W; c++) {
          // @static
          if (POOL_KERNEL > POOL_STRIDE) {
            best[oc * OUT_W + c] = across[oc * OUT_W + c];
            // @static
            if (WINNER) {
              place[oc * OUT_W + c] = across_place[oc * OUT_W + c];
            }
          } else {
            best[oc * OUT_W + c] = 0.0;
          }
        }
      }
      pooled++;
    }
  }
}
