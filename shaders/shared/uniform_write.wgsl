// Behind the sum of conv2d_uniform.wgsl: output channel `group`, which is sum o.
var value = sums[o];
// @static
if (!GRADIENT) {
  let n = textureLoad(norm, vec2u(group, 0), 0);
  value = value * n.x + n.y;
}
// @import epilogue
textureStore(output, out_at(image_block, group, quad, lane), value);
