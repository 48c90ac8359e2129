// What batch_norm.wgsl takes of each channel, from a batch's statistics (the variance biased, in two passes), for every variant: mean,
// inverse deviation = 1 / sqrt(variance + params.epsilon), weight, bias. With RUNNING the running statistics move towards them.
// With GRADIENT: mean of x, mean of dy, inverse deviation * mean(dy * normalised x), weight * inverse deviation; with WEIGHT
// and BIAS also the gradients of these.
// One workgroup: one channel group (y) of one variant (x); its lanes share the batch's images, the invocations
// of a lane the map.
// @import input_layout
// @import layout as other
const GRADIENT = false;
const PARTS = 1; // invocations of a lane
const RUNNING = false;
const WEIGHT = false; // its gradient is wanted
const BIAS = false;
const CHANNELS = 8;

const THREADS = LANES * PARTS;

struct Params {
  blocks_per_variant: u32,
  images: u32, // in the batch; lanes behind it are padding
  stats_rows: u32,
  raw_blocks: u32,
  epsilon: f32,
  first_mean: u32,
  first_variance: u32,
  first_weight: u32,
  first_bias: u32,
  values: f32, // of a channel in the batch
  momentum: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>; // what the convolution gave; with GRADIENT dy
@group(0) @binding(2) var output: texture_storage_2d<rgba32float, write>; // row: variant; see channel_stats.wgsl
@group(0) @binding(3) var raw: texture_storage_2d<rgba32float, read>;
@group(0) @binding(4) var stats: texture_2d<f32>;
@group(0) @binding(5) var norm: texture_2d<f32>; // row 0: (weight, bias) of each channel
@group(0) @binding(6) var<storage, read_write> statistics: array<f32>;
@group(0) @binding(7) var<storage, read_write> gradients: array<f32>;

var<workgroup> partial: array<array<vec4f, 2>, THREADS>;

// @import real_pixels
// @import in_batch

fn total(sum: vec4f, slot: u32, local: u32) -> vec4f {
  workgroupBarrier();
  partial[local][slot] = sum;
  workgroupBarrier();
  var all = vec4f(0);
  for (var i = 0u; i < THREADS; i++) {
    all += partial[i][slot];
  }
  // @static
  if (IN_PACK == 1) {
    all = vec4f(all.x + all.y + all.z + all.w);
  }
  return all / (f32(params.images) * (IN_H * IN_W));
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let lane = local.x % LANES;
  let part = local.x / LANES;
  let first = tile.x * params.blocks_per_variant;
  let group = tile.y;
  var its: array<vec4f, 4>;
  // @static
  if (GRADIENT) {
    let row = tile.x % params.stats_rows;
    // @import channel_stats
  } else {
    // @unroll
    for (var u = 0; u < IN_PACK; u++) {
      let n = textureLoad(norm, vec2u(group * IN_PACK + u, 0), 0);
      its[2][u] = n.x;
      its[3][u] = n.y;
    }
  }
  var sum = vec4f(0);
  var dot = vec4f(0);
  for (var n = 0u; n < params.blocks_per_variant; n++) {
    let inside = in_batch(n, lane);
    if (inside.x) {
      for (var q = part; q < IN_QUADS; q += PARTS) {
        let real = real_pixels(q, inside);
        let value = select(vec4f(0), textureLoad(input, in_at(first + n, group, q, lane)), real);
        sum += value;
        // @static
        if (GRADIENT) {
          dot += value * (textureLoad(raw, other_at((first + n) % params.raw_blocks, group, q, lane)) - its[0]) * its[1];
        }
      }
    }
  }
  let mean = total(sum, 0u, local.x);
  // @static
  if (GRADIENT) {
    let product = total(dot, 1u, local.x);
    its = array<vec4f, 4>(its[0], mean, its[1] * product, its[2] * its[1]);
    let channel = group * IN_PACK + local.x;
    if (local.x < IN_PACK && channel < CHANNELS) {
      // @static
      if (WEIGHT) {
        gradients[params.first_weight + channel] += product[local.x] * params.values;
      }
      // @static
      if (BIAS) {
        gradients[params.first_bias + channel] += mean[local.x] * params.values;
      }
    }
  } else {
    for (var n = 0u; n < params.blocks_per_variant; n++) {
      let inside = in_batch(n, lane);
      if (inside.x) {
        for (var q = part; q < IN_QUADS; q += PARTS) {
          let real = real_pixels(q, inside);
          let d = select(vec4f(0), textureLoad(input, in_at(first + n, group, q, lane)) - mean, real);
          dot += d * d;
        }
      }
    }
    let variance = total(dot, 1u, local.x);
    let inverse = 1.0 / sqrt(variance + params.epsilon);
    its = array<vec4f, 4>(mean, inverse, its[2], its[3]);
    // @static
    if (RUNNING) {
      let channel = group * IN_PACK + local.x;
      if (local.x < IN_PACK && channel < CHANNELS) {
        let before = vec2f(statistics[params.first_mean + channel], statistics[params.first_variance + channel]);
        statistics[params.first_mean + channel] = before.x * (1.0 - params.momentum) + mean[local.x] * params.momentum;
        // PyTorch keeps the unbiased one.
        statistics[params.first_variance + channel] = before.y * (1.0 - params.momentum) + variance[local.x] * params.values / (params.values - 1.0) * params.momentum;
      }
    }
  }
  if (local.x < IN_PACK) {
    // @static
    if (IN_PACK == 4) {
      textureStore(output, vec2u(group * 4 + local.x, tile.x), its[local.x]);
    } else {
      textureStore(output, vec2u(group, tile.x), vec4f(its[0].x, its[1].x, its[2].x, its[3].x));
    }
  }
}
