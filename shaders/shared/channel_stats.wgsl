// Four numbers of each channel of `group`, as batch_norm_stats.wgsl writes them for a variant (`row`): a texel a channel, or, where a
// vec4 has four channels, a texel a number. Sets `its`: each number, spread over what a vec4 of the group's map has.
// @static
if (IN_PACK == 4) {
  // @unroll
  for (var u = 0; u < 4; u++) {
    its[u] = textureLoad(stats, vec2u(group * 4 + u, row), 0);
  }
} else {
  let texel = textureLoad(stats, vec2u(group, row), 0);
  its = array<vec4f, 4>(vec4f(texel.x), vec4f(texel.y), vec4f(texel.z), vec4f(texel.w));
}
