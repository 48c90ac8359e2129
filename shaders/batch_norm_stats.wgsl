// Mean, 1 / sqrt(variance + params.epsilon) and variance of each channel over a batch (biased, two passes), for every variant.
// With RUNNING the running statistics move towards them. With GRADIENT: means of dy and of dy * normalised x, which the gradient of batch norm needs.
// One workgroup: one channel group (y) of one variant (x); its lanes share the batch's images, the invocations
// of a lane the map.
// @import input_layout
// @import layout as other
const GRADIENT = false;
const PARTS = 1; // invocations of a lane
const RUNNING = false;
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
  values: f32, // of a channel in the batch
  momentum: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>; // what the convolution gave; with GRADIENT dy
@group(0) @binding(2) var output: texture_storage_2d<rgba32float, write>; // row: variant, column: channel
@group(0) @binding(3) var raw: texture_storage_2d<rgba32float, read>;
@group(0) @binding(4) var stats: texture_2d<f32>;
@group(0) @binding(5) var<storage, read_write> statistics: array<f32>;

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
  var a = vec4f(0);
  var b = vec4f(0);
  // @static
  if (GRADIENT) {
    // @unroll
    for (var u = 0; u < IN_PACK; u++) {
      let s = textureLoad(stats, vec2u(group * IN_PACK + u, tile.x % params.stats_rows), 0);
      // @static
      if (IN_PACK == 1) {
        a = vec4f(s.x);
        b = vec4f(s.y);
      } else {
        a[u] = s.x;
        b[u] = s.y;
      }
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
          dot += value * (textureLoad(raw, other_at((first + n) % params.raw_blocks, group, q, lane)) - a) * b;
        }
      }
    }
  }
  let mean = total(sum, 0u, local.x);
  var second = vec4f(0);
  var variance = vec4f(0);
  // @static
  if (GRADIENT) {
    second = total(dot, 1u, local.x);
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
    variance = total(dot, 1u, local.x);
    second = 1.0 / sqrt(variance + params.epsilon);
  }
  if (local.x < IN_PACK) {
    textureStore(output, vec2u(group * IN_PACK + local.x, tile.x), vec4f(mean[local.x], second[local.x], variance[local.x], 0));
    // @static
    if (RUNNING) {
      let channel = group * IN_PACK + local.x;
      if (channel < CHANNELS) {
        let before = vec2f(statistics[params.first_mean + channel], statistics[params.first_variance + channel]);
        statistics[params.first_mean + channel] = before.x * (1.0 - params.momentum) + mean[local.x] * params.momentum;
        // PyTorch keeps the unbiased one.
        statistics[params.first_variance + channel] = before.y * (1.0 - params.momentum) + variance[local.x] * params.values / (params.values - 1.0) * params.momentum;
      }
    }
  }
}
