// Sums of conv2d_weight_grad.wgsl, added to the gradient of a weight as the checkpoint has it. One invocation: four weights.
const LANES = 8;
const LANES_OUT = false;
const OUTS = 4;
const INS = 1;
const OUT_CHANNELS = 8;
const GROUP_OUTS = 8;
const GROUP_INS = 8;
const KERNEL_H = 3;
const KERNEL_W = 3;
const TAP_TOP = 0;
const TAP_LEFT = 0;
const TAP_ROWS = 3;
const TAP_COLS = 3;
const ROW_TILES = 1;
const SUMS = 36;
const SHARES = 1;
// @import weight_grad_layout

struct Params {
  first: u32, // where the weight's gradient begins, in vec4
  columns: u32, // workgroups in a row of the grid
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var sums: texture_2d<f32>;
@group(0) @binding(2) var<storage, read_write> gradients: array<vec4f>;

fn gradient_of(weight: u32) -> f32 {
  let kx = i32(weight % KERNEL_W) - TAP_LEFT;
  let ky = i32(weight / KERNEL_W % KERNEL_H) - TAP_TOP;
  let channel = weight / (KERNEL_W * KERNEL_H) % GROUP_INS;
  let out = weight / (KERNEL_W * KERNEL_H * GROUP_INS);
  if (out >= OUT_CHANNELS || kx < 0 || kx >= TAP_COLS || ky < 0 || ky >= TAP_ROWS * ROW_TILES) {
    return 0.0;
  }
  // Which lane, and which of its channels.
  var of_lane = channel / INS;
  var tile = vec3u(of_lane / LANES, out / OUTS, 0);
  // @static
  if (LANES_OUT) {
    of_lane = out / OUTS;
    tile = vec3u(of_lane / LANES, channel / INS, 0);
  }
  let own = ((out % OUTS * INS + channel % INS) * TAP_ROWS + u32(ky) % TAP_ROWS) * TAP_COLS + u32(kx);
  var total = 0.0;
  for (var share = 0u; share < SHARES; share++) {
    tile.z = u32(ky) / TAP_ROWS * SHARES + share;
    total += textureLoad(sums, sums_at(tile, own / 4, of_lane % LANES), 0)[own % 4];
  }
  return total;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let quad = (group.y * params.columns + group.x) * 64 + local.x;
  let first = quad * 4;
  if (first < OUT_CHANNELS * GROUP_INS * KERNEL_H * KERNEL_W) {
    gradients[params.first + quad] += vec4f(gradient_of(first), gradient_of(first + 1), gradient_of(first + 2), gradient_of(first + 3));
  }
}
