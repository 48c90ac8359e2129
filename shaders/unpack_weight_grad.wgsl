// Sums of conv2d_weight_grad.wgsl, added to the gradient of a weight as the checkpoint has it: the taps that meet the map at all, the
// others keep their zeros. One invocation: four sums of a lane; rows and layers of the grid are those of the other kernel's tiles.
const LANES = 8;
const LANES_OUT = false;
const OUTS = 4;
const INS = 1;
const OUT_CHANNELS = 8;
const GROUP_INS = 8;
const KERNEL_H = 3;
const KERNEL_W = 3;
const TAP_TOP = 0;
const TAP_LEFT = 0;
const TAP_ROWS = 3;
const TAP_COLS = 3;
const SUMS = 36;
const SHARES = 1;
// @import weight_grad_layout

struct Params {
  first: u32, // where the weight's gradient begins
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var sums: texture_2d<f32>;
@group(0) @binding(2) var<storage, read_write> gradients: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let lane = id.x % LANES;
  let texel = id.x / LANES % SUM_TEXELS;
  let of_lane = id.x / (LANES * SUM_TEXELS) * LANES + lane;
  var total = vec4f(0);
  for (var share = 0u; share < SHARES; share++) {
    total += textureLoad(sums, sums_at(vec3u(of_lane / LANES, id.y, id.z * SHARES + share), texel, lane), 0);
  }
  // @unroll
  for (var i = 0; i < 4; i++) {
    let k = texel * 4 + i;
    var out = id.y * OUTS + k / (INS * TAP_ROWS * TAP_COLS);
    var channel = of_lane * INS + k / (TAP_ROWS * TAP_COLS) % INS;
    // @static
    if (LANES_OUT) {
      out = of_lane * OUTS + k / (INS * TAP_ROWS * TAP_COLS);
      channel = id.y * INS + k / (TAP_ROWS * TAP_COLS) % INS;
    }
    let row = TAP_TOP + id.z * TAP_ROWS + k / TAP_COLS % TAP_ROWS;
    if (k < SUMS && out < OUT_CHANNELS && channel < GROUP_INS && row < KERNEL_H) {
      gradients[params.first + ((out * GROUP_INS + channel) * KERNEL_H + row) * KERNEL_W + TAP_LEFT + k % TAP_COLS] += total[i];
    }
  }
}
