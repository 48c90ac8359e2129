// Convolution and its input gradient by the definition: what conv2d.wgsl is checked against on the device itself, at sizes for
// which plain loops on the host take too long. Nothing is fused, nothing is unrolled, weights are raw.
// One invocation: one image (lane), one channel group (y), one vec4 of what is written (z).
// @import input_layout
// @import output_layout
const KERNEL = 3;
const STRIDE = 1;
const PAD = 1;
const GRADIENT = false; // "in" is the gradient of the convolution's output, "out" that of its input

struct Params {
  in_channels: u32, // of the convolution, in either direction
  out_channels: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var<storage, read> weights: array<f32>; // [out_channels][in_channels][KERNEL][KERNEL]
@group(0) @binding(3) var output: texture_storage_2d<rgba32float, write>;

fn pixel(image_block: u32, lane: u32, channel: u32, y: i32, x: i32) -> f32 {
  let slot = u32(y * IN_PITCH + x);
  let group = channel / IN_PACK;
  let quad = select(slot / 4, 0u, IN_PACK == 4);
  let at = vec2u(((group % IN_GROUPS_PER_ROW) * IN_QUADS + quad) * LANES + lane, image_block * IN_FOLD + group / IN_GROUPS_PER_ROW);
  return textureLoad(input, at)[select(slot % 4, channel % 4, IN_PACK == 4)];
}

fn total(image_block: u32, lane: u32, channel: u32, y: i32, x: i32) -> f32 {
  var sum = 0.0;
  let others = select(params.in_channels, params.out_channels, GRADIENT);
  for (var other = 0u; other < others; other++) {
    for (var ky = 0; ky < KERNEL; ky++) {
      for (var kx = 0; kx < KERNEL; kx++) {
        // Forward: the pixel that a tap reads. Gradient: the output that a tap wrote to.
        let up = select(y * STRIDE + ky - PAD, y + PAD - ky, GRADIENT);
        let across = select(x * STRIDE + kx - PAD, x + PAD - kx, GRADIENT);
        let step = select(1, STRIDE, GRADIENT);
        if (up >= 0 && across >= 0 && up % step == 0 && across % step == 0 && up / step < IN_H && across / step < IN_W) {
          let pair = select(channel * params.in_channels + other, other * params.in_channels + channel, GRADIENT);
          sum += weights[(pair * KERNEL + u32(ky)) * KERNEL + u32(kx)] * pixel(image_block, lane, other, up / step, across / step);
        }
      }
    }
  }
  return sum;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  var quad = vec4f(0);
  let channels = select(params.out_channels, params.in_channels, GRADIENT);
  for (var i = 0u; i < 4; i++) {
    let slot = select(tile.z * 4 + i, 0u, OUT_PACK == 4);
    let channel = select(tile.y, tile.y * 4 + i, OUT_PACK == 4);
    let y = slot / OUT_PITCH;
    let x = slot % OUT_PITCH;
    if (channel < channels && y < OUT_H && x < OUT_W) {
      quad[i] = total(tile.x, local.x, channel, i32(y), i32(x));
    }
  }
  textureStore(output, vec2u(((tile.y % OUT_GROUPS_PER_ROW) * OUT_QUADS + tile.z) * LANES + local.x, tile.x * OUT_FOLD + tile.y / OUT_GROUPS_PER_ROW), quad);
}
