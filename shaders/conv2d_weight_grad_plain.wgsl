// Gradient of a convolution's weights of any geometry, one product after the other: for what conv2d_weight_grad.wgsl does not do.
// One workgroup: one weight; its lanes share the images.
// @import input_layout
// @import layout as other
// @import window
const GROUP_OUTS = 8;
const GROUP_INS = 8;

struct Params {
  blocks: u32,
  images: u32,
  first: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var dy: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var<storage, read_write> gradients: array<f32>;
// @import number
// @import input_pixel
// @import other_pixel
// @import in_batch

var<workgroup> partial: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) weight: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let lane = local.x;
  let kx = weight.x % KERNEL_W;
  let ky = weight.x / KERNEL_W;
  let channel = weight.z / GROUP_OUTS * GROUP_INS + weight.y;
  var sum = Number(0);
  for (var n = 0u; n < params.blocks; n++) {
    let inside = in_batch(n, lane);
    if (inside.x) {
      for (var r = 0u; r < OTHER_H; r++) {
        let y = i32(r * STRIDE_H + ky * DILATION_H) - PAD_H;
        for (var c = 0u; c < OTHER_W; c++) {
          let x = i32(c * STRIDE_W + kx * DILATION_W) - PAD_W;
          if (y >= 0 && y < IN_H && x >= 0 && x < IN_W) {
            // @static
            if (IMAGES == 4) {
              sum += select(vec4f(0), other_pixel(n, weight.z, r, c, lane) * in_pixel(n, channel, u32(y), u32(x), lane), inside);
            } else {
              sum += other_pixel(n, weight.z, r, c, lane) * in_pixel(n, channel, u32(y), u32(x), lane);
            }
          }
        }
      }
    }
  }
  // @static
  if (IMAGES == 4) {
    partial[lane] = sum.x + sum.y + sum.z + sum.w;
  } else {
    partial[lane] = sum;
  }
  workgroupBarrier();
  if (lane == 0) {
    var total = 0.0;
    for (var l = 0u; l < LANES; l++) {
      total += partial[l];
    }
    gradients[params.first + ((weight.z * GROUP_INS + weight.y) * KERNEL_H + ky) * KERNEL_W + kx] += total;
  }
}
