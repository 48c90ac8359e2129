// Gradients of a batch norm's weight and bias, added to what is there, and its running statistics, moved towards those of the batch.
// One invocation: one channel. Numbers of a batch come from batch_norm_stats.wgsl.
const CHANNELS = 8;
const WEIGHT = true;
const BIAS = true;
const RUNNING = true; // the running statistics are moved

struct Params {
  first_weight: u32,
  first_bias: u32,
  first_mean: u32,
  first_variance: u32,
  values: f32, // of a channel in the batch
  momentum: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var stats: texture_2d<f32>; // mean, 1 / deviation, biased variance
@group(0) @binding(2) var gradient_stats: texture_2d<f32>; // means of dy and of dy * normalised x
@group(0) @binding(3) var<storage, read_write> gradients: array<f32>;
@group(0) @binding(4) var<storage, read_write> statistics: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let channel = id.x;
  if (channel >= CHANNELS) {
    return;
  }
  let g = textureLoad(gradient_stats, vec2u(channel, 0), 0);
  // @static
  if (WEIGHT) {
    gradients[params.first_weight + channel] += g.y * params.values;
  }
  // @static
  if (BIAS) {
    gradients[params.first_bias + channel] += g.x * params.values;
  }
  // @static
  if (RUNNING) {
    let s = textureLoad(stats, vec2u(channel, 0), 0);
    let mean = statistics[params.first_mean + channel];
    let variance = statistics[params.first_variance + channel];
    statistics[params.first_mean + channel] = mean * (1.0 - params.momentum) + s.x * params.momentum;
    // PyTorch keeps the unbiased one.
    statistics[params.first_variance + channel] = variance * (1.0 - params.momentum) + s.z * params.values / (params.values - 1.0) * params.momentum;
  }
}
