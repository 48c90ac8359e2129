// Gradient of a convolution's weights on hardware: sums over images and places of dy * x, as a GEMM. A workgroup does TM output channels
// of a group and TN columns (input channels of a tap) for a share of the places; an invocation OWN_M x OWN_N of them. Both sides go
// through workgroup memory, K vec4 of four images at once. unpack_gemm_weight_grad.wgsl adds up the shares.
// @import input_layout
// @import layout as other
// @import gemm_sums
// @import window
const GRADIENT = false; // of the input, to source_of
const FLAT = false; // few channels: the columns of a tile are of several taps
const OWN_M = 8;
const K = 4;

const DOWN = TM / OWN_M; // invocations along the output channels
const THREADS = ACROSS * DOWN;
const G_LOADS = (TM * K + THREADS - 1) / THREADS;
const X_LOADS = (TN * K + THREADS - 1) / THREADS;

struct Params {
  images: u32, // what lies behind them is padding
  places: u32, // of the output: pixels of all blocks of images
  places_of_share: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>; // what the convolution read
@group(0) @binding(2) var dy: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var output: texture_storage_2d<rgba32float, write>;

// @import in_batch

var<workgroup> gs: array<vec4f, TM * K>;
var<workgroup> xs: array<vec4f, TN * K>;

// @import source_of

// Which pixel a tap reads for a pixel of the output; -1 beside the map.
fn read_by(tap: u32, y: u32, x: u32) -> i32 {
  let row = source_of(i32(y), i32(tap / KERNEL_W), STRIDE_H, PAD_H, DILATION_H, IN_H);
  let column = source_of(i32(x), i32(tap % KERNEL_W), STRIDE_W, PAD_W, DILATION_W, IN_W);
  return select(-1, row * IN_W + column, row >= 0 && column >= 0);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_index) local: u32) {
  let group = tile.y / TILES_M;
  let first_out = tile.y % TILES_M * TM;
  let first_column = tile.x * TN;
  let across = local % ACROSS;
  let down = local / ACROSS;
  var sums: array<f32, OWN_M * OWN_N>;
  // @unroll
  for (var i = 0; i < OWN_M * OWN_N; i++) {
    sums[i] = 0.0;
  }
  // What lies behind the last channel of a group is summed, too, and left out in the end.
  var g_at: array<u32, G_LOADS>;
  var x_at: array<u32, X_LOADS>;
  // @unroll
  for (var i = 0; i < G_LOADS; i++) {
    g_at[i] = other_group(group * GROUP_OUTS + first_out + (i * THREADS + local) / K) * (OTHER_QUADS * LANES) + (i * THREADS + local) % K;
  }
  // @unroll
  for (var i = 0; i < X_LOADS; i++) {
    let column = first_column + (i * THREADS + local) / K;
    x_at[i] = in_group(group * GROUP_INS + column % COLUMNS_OF_TAP) * (IN_QUADS * LANES) + (i * THREADS + local) % K;
  }
  let first = tile.z * params.places_of_share;
  for (var place = first; place < min(first + params.places_of_share, params.places); place++) {
    let image_block = place / (OTHER_H * OTHER_W);
    let pixel = place % (OTHER_H * OTHER_W);
    let y = pixel / OTHER_W;
    let x = pixel % OTHER_W;
    let there = read_by(first_column / COLUMNS_OF_TAP, y, x);
    // @static
    if (!FLAT) {
      if (there < 0) {
        continue;
      }
    }
    let left = params.images - image_block * LANES * 4;
    let lanes = min(LANES, (left + 3) / 4);
    for (var step = 0u; step < lanes; step += K) {
      var g: array<vec4f, G_LOADS>;
      var v: array<vec4f, X_LOADS>;
      // @unroll
      for (var i = 0; i < G_LOADS; i++) {
        let value = textureLoad(dy, other_texel(image_block, g_at[i] + pixel * LANES + step));
        g[i] = select(vec4f(0), value, in_batch(image_block, step + (i * THREADS + local) % K));
      }
      // @unroll
      for (var i = 0; i < X_LOADS; i++) {
        // @static
        if (FLAT) {
          let own = read_by((first_column + (i * THREADS + local) / K) / COLUMNS_OF_TAP, y, x);
          let value = textureLoad(input, in_texel(image_block, x_at[i] + u32(max(own, 0)) * LANES + step));
          v[i] = select(vec4f(0), value, own >= 0);
        } else {
          v[i] = textureLoad(input, in_texel(image_block, x_at[i] + u32(there) * LANES + step));
        }
      }
      workgroupBarrier();
      // @unroll
      for (var i = 0; i < G_LOADS; i++) {
        let at = i * THREADS + local;
        if (at < TM * K) {
          gs[at % K * TM + at / K] = g[i];
        }
      }
      // @unroll
      for (var i = 0; i < X_LOADS; i++) {
        let at = i * THREADS + local;
        if (at < TN * K) {
          xs[at % K * TN + at / K] = v[i];
        }
      }
      workgroupBarrier();
      // @unroll
      for (var k = 0; k < K; k++) {
        var b: array<vec4f, OWN_N>;
        // @unroll
        for (var n = 0; n < OWN_N; n++) {
          b[n] = xs[k * TN + n * ACROSS + across];
        }
        // @unroll
        for (var m = 0; m < OWN_M; m++) {
          let a = gs[k * TM + m * DOWN + down];
          // Neighbours take another of the four images: RDNA 3 pairs products whose operands lie in other banks of registers.
          // @unroll
          for (var i = 0; i < 4; i++) {
            // @unroll
            for (var n = 0; n < OWN_N; n++) {
              sums[m * OWN_N + n] = fma(a[(i + n) % 4], b[n][(i + n) % 4], sums[m * OWN_N + n]);
            }
          }
        }
      }
    }
  }
  let first_texel = ((tile.z * GROUPS * TILES_M + tile.y) * TILES_N + tile.x) * TILE_TEXELS;
  // @unroll
  for (var m = 0; m < OWN_M; m++) {
    // @unroll
    for (var t = 0; t < OWN_N / 4; t++) {
      let at = first_texel + (m * DOWN + down) * (TN / 4) + t * ACROSS + across;
      let i = m * OWN_N + t * 4;
      textureStore(output, vec2u(at % SUMS_ROW, at / SUMS_ROW), vec4f(sums[i], sums[i + 1], sums[i + 2], sums[i + 3]));
    }
  }
}
