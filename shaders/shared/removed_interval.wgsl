// At the start of a kernel: the weights that the filter of the block's variant removes, low <= w <= high.
var low = vec4f(0);
var high = vec4f(0);
// @static
if (MASKED) {
  let interval = intervals[image_block / params.blocks_per_variant];
  low = vec4f(interval.x);
  high = vec4f(interval.y);
}
