// Weights as a convolution's kernel reads them, from the parameters as the checkpoint has them. See packWeights in
// src/ops/convolution/plan.ts. One invocation: one texel.
const TILED = true; // else as they are, four a texel, in rows of WIDTH
const WIDTH = 64; // of the texture
const OC = 8; // channels of a tile
const PRODUCTS = 9; // weights of one of them in a step
const WEIGHT_TEXELS = 18; // of a tile in a step
const STEPS = 1;
const STEPS_PER_ROW = 1;
const WEIGHT_FOLD = 1;
const ROW_STEPS = 1;
const CHANNELS = 1; // that a step adds
const TAP_TOP = 0;
const TAP_LEFT = 0;
const TAP_ROWS = 3;
const TAP_COLS = 3;
const KERNEL_W = 3;
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
  var value = vec4f(0);
  // @static
  if (TILED) {
    let step = id.y % WEIGHT_FOLD * STEPS_PER_ROW + id.x / WEIGHT_TEXELS;
    let within = id.x / WEIGHT_TEXELS < STEPS_PER_ROW && step < STEPS;
    // @unroll
    for (var i = 0; i < 4; i++) {
      let k = id.x % WEIGHT_TEXELS * 4 + i;
      let out = id.y / WEIGHT_FOLD * OC + k / PRODUCTS;
      let channel = step / ROW_STEPS * CHANNELS + k % PRODUCTS / (TAP_ROWS * TAP_COLS);
      let row = TAP_TOP + step % ROW_STEPS + k / TAP_COLS % TAP_ROWS;
      let column = TAP_LEFT + k % TAP_COLS;
      if (within && k < OC * PRODUCTS && out < OUTS * GROUPS && channel < SUMS) {
        value[i] = parameters[params.first + out / OUTS * GROUP_STRIDE + out % OUTS * OUT_STRIDE + channel * SUM_STRIDE + row * KERNEL_W + column];
      }
    }
  } else {
    let at = (id.y * WIDTH + id.x) * 4;
    // @unroll
    for (var i = 0; i < 4; i++) {
      value[i] = parameters[params.first + at + i]; // behind the last one there is what no kernel reads
    }
  }
  textureStore(output, id.xy, value);
}
