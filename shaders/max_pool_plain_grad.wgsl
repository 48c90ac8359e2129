// Gradient of max_pool_plain.wgsl: each pixel gathers from the windows it won, in row-major order of the windows.
// One invocation: one image (lane), one channel group (y), one vec4 (z).
// @import input_layout
// @import layout as out
// @import layout as other
// @import window
const CHANNELS = 8;

struct Params {
  winner_blocks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>; // gradient of the pool's output
@group(0) @binding(2) var winner: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var output: texture_storage_2d<rgba32float, write>;
// @import input_pixel
// @import output_pixels

fn winner_pixel(image_block: u32, channel: u32, y: u32, x: u32, lane: u32) -> Number {
  let slot = y * OTHER_PITCH + x;
  // @static
  if (IMAGES == 4) {
    return textureLoad(winner, other_at(image_block, channel, slot, lane));
  } else {
    // @static
    if (OTHER_PACK == 4) {
      return textureLoad(winner, other_at(image_block, channel / 4, 0, lane))[channel % 4];
    } else {
      return textureLoad(winner, other_at(image_block, channel, slot / 4, lane))[slot % 4];
    }
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  var value = vec4f(0);
  for (var i = 0u; i < PIXELS; i++) {
    let at = out_pixel(tile.y, tile.z, i, CHANNELS);
    if (at.real) {
      var sum = Number(0);
      // From the last tap to the first: the windows come in order.
      for (var ky = KERNEL_H - 1; ky >= 0; ky--) {
        let up = i32(at.y) + PAD_H - ky * DILATION_H;
        if (up < 0 || up % STRIDE_H != 0 || up / STRIDE_H >= IN_H) {
          continue;
        }
        for (var kx = KERNEL_W - 1; kx >= 0; kx--) {
          let across = i32(at.x) + PAD_W - kx * DILATION_W;
          if (across < 0 || across % STRIDE_W != 0 || across / STRIDE_W >= IN_W) {
            continue;
          }
          let y = u32(up / STRIDE_H);
          let x = u32(across / STRIDE_W);
          let won = winner_pixel(tile.x % params.winner_blocks, at.channel, y, x, local.x) == Number(f32(ky * KERNEL_W + kx));
          if (any(won)) {
            sum += select(Number(0), in_pixel(tile.x, at.channel, y, x, local.x), won);
          }
        }
      }
      value = placed(value, i, sum);
    }
  }
  textureStore(output, out_at(tile.x, tile.y, tile.z, local.x), value);
}
