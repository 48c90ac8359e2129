// Inside the loop over steps: a step's weights of all output channels of the tile, a texel a lane, into `w`; a filter removes some.
// @unroll
for (var i = 0; i < WEIGHT_LOADS; i++) {
  w[i] = textureLoad(weights, weight_at(tile.y, step, i * LANES + lane));
  // @static
  if (MASKED) {
    w[i] = select(w[i], vec4f(0), (w[i] >= low) & (w[i] <= high));
  }
}
