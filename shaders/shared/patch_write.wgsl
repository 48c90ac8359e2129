// Behind the sum of conv2d_patch.wgsl: pixel (y, x), which is (r, c) of the patch, of every output channel.
let quad = u32(y * OUT_W + x);
// @unroll
for (var o = 0; o < OC; o++) {
  let group = conv_group * OC + o;
  var value = sums[(r * COLS + c) * OC + o];
  // @static
  if (!GRADIENT) {
    let n = textureLoad(norm, vec2u(group, 0), 0);
    value = value * n.x + n.y;
  }
  // @import epilogue
  textureStore(output, out_at(image_block, group, quad, lane), value);
}
