// Weights as conv2d_gemm.wgsl reads them, from the parameters as the checkpoint has them. See packGemmWeights in
// src/ops/convolution/hardware/plan.ts. One invocation: one texel, four output channels of a tap and channel.
const WIDTH = 64; // of the texture
const QUADS = 16; // vec4 of output channels in a row
const ROWS = 576; // of a group
const ROWS_OF_TAP = 64;
const TAPS = 9;
// @import weight_strides

struct Params {
  first: u32, // where the weight begins
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> parameters: array<f32>;
@group(0) @binding(2) var output: texture_storage_2d<rgba32float, write>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= WIDTH) {
    return;
  }
  let at = id.y * WIDTH + id.x;
  let row = at / QUADS;
  let group = row / ROWS;
  let tap = row % ROWS / ROWS_OF_TAP;
  let channel = row % ROWS % ROWS_OF_TAP;
  let isReal = group < GROUPS && tap < TAPS && channel < SUMS;
  var value = vec4f(0);
  // @unroll
  for (var i = 0; i < 4; i++) {
    let out = at % QUADS * 4 + i;
    if (isReal && out < OUTS) {
      value[i] = parameters[params.first + group * GROUP_STRIDE + out * OUT_STRIDE + channel * SUM_STRIDE + tap];
    }
  }
  textureStore(output, id.xy, value);
}
