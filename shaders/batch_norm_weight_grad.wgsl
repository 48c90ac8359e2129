// Gradients of a batch norm's weight and bias, added to what is there.
// One invocation: one channel. Numbers of a batch come from batch_norm_stats.wgsl.
const CHANNELS = 8;
const WEIGHT = true;
const BIAS = true;

struct Params {
  first_weight: u32,
  first_bias: u32,
  values: f32, // of a channel in the batch
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var gradient_stats: texture_2d<f32>; // means of dy and of dy * normalised x
@group(0) @binding(2) var<storage, read_write> gradients: array<f32>;

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
}
