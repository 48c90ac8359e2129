// Inside the loops of conv2d.wgsl over taps: the product of a weight and the pixel in `slot`.
// @static
if (DIRECT) {
  sums[at] += v[tap] * x[(u / IN_PACK * BLOCKS + b) * SOURCE_QUADS + slot / 4][slot % 4 + u % IN_PACK];
} else {
  sum += v[tap] * x[(u / IN_PACK * BLOCKS + b) * SOURCE_QUADS + slot / 4][slot % 4 + u % IN_PACK];
}
