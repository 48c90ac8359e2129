// Max-pool of any geometry, and which pixel of each window won, as in max_pool.wgsl: for maps and windows that it does not do.
// One invocation: one image (lane), one channel group (y), one vec4 (z).
// @import input_layout
// @import layout as out
// @import layout as other
// @import window
const CHANNELS = 8;
const WINNER = false; // a gradient follows
const GATE = false; // a ReLU is in front: where the maximum is 0 nothing passes it on the way back, and nobody wins
const GATE_CAP = 0;

const LOWEST = -3.4e38;

struct Params {
  in_blocks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var output: texture_storage_2d<rgba32float, write>;
@group(0) @binding(3) var winner: texture_storage_2d<rgba32float, write>; // position in the window, ky * KERNEL_W + kx, or -1
// @import input_pixel
// @import output_pixels

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  var value = vec4f(0);
  var won = vec4f(-1);
  for (var i = 0u; i < PIXELS; i++) {
    let at = out_pixel(tile.y, tile.z, i, CHANNELS);
    if (at.real) {
      var most = Number(LOWEST);
      var place = Number(-1);
      for (var ky = 0; ky < KERNEL_H; ky++) {
        for (var kx = 0; kx < KERNEL_W; kx++) {
          let y = i32(at.y) * STRIDE_H + ky * DILATION_H - PAD_H;
          let x = i32(at.x) * STRIDE_W + kx * DILATION_W - PAD_W;
          if (y >= 0 && x >= 0 && y < IN_H && x < IN_W) {
            let one = in_pixel(tile.x % params.in_blocks, at.channel, u32(y), u32(x), local.x);
            let better = one > most;
            most = select(most, one, better);
            place = select(place, Number(f32(ky * KERNEL_W + kx)), better);
          }
        }
      }
      value = placed(value, i, most);
      won = placed(won, i, place);
    }
  }
  textureStore(output, out_at(tile.x, tile.y, tile.z, local.x), value);
  // @static
  if (WINNER) {
    // @static
    if (GATE) {
      won = select(vec4f(-1), won, value > vec4f(0));
      // @static
      if (GATE_CAP > 0) {
        won = select(vec4f(-1), won, value < vec4f(GATE_CAP));
      }
    }
    textureStore(winner, other_at(tile.x, tile.y, tile.z, local.x), won);
  }
}
