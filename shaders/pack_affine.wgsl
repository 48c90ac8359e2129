// Scale and shift of each channel as kernels read them, from a bias or a batch norm's weight and bias. One invocation: one texel.
const CHANNELS = 8;
const SCALE = true; // there is a scale, else 1
const SHIFT = true; // there is a shift, else 0

struct Params {
  first_scale: u32,
  first_shift: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> parameters: array<f32>;
@group(0) @binding(2) var output: texture_storage_2d<rgba32float, write>; // row 0: (scale, shift); row 1: scales of 4 channels

fn scale(channel: u32) -> f32 {
  if (channel >= CHANNELS) {
    return 0.0;
  }
  // @static
  if (SCALE) {
    return parameters[params.first_scale + channel];
  } else {
    return 1.0;
  }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let channel = id.x;
  var shift = 0.0;
  // @static
  if (SHIFT) {
    if (channel < CHANNELS) {
      shift = parameters[params.first_shift + channel];
    }
  }
  textureStore(output, vec2u(channel, 0), vec4f(scale(channel), shift, 0, 0));
  textureStore(output, vec2u(channel, 1), vec4f(scale(channel * 4), scale(channel * 4 + 1), scale(channel * 4 + 2), scale(channel * 4 + 3)));
}
