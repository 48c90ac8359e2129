// Behind the sum of conv2d_gemm.wgsl: both vec4 of images of output channel `group`.
var scale = 1.0;
var shift = 0.0;
// @static
if (!GRADIENT) {
  let n = textureLoad(norm, vec2u(group, 0), 0);
  scale = n.x;
  shift = n.y;
}
// @unroll
for (var h = 0; h < 2; h++) {
  let lane = first_lane + h * ACROSS + across;
  var value = sums[(q * 4 + i) * 2 + h];
  // @static
  if (!GRADIENT) {
    value = value * scale + shift;
  }
  // @import epilogue
  textureStore(output, out_at(image_block, group, quad, lane), value);
}
