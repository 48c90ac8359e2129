// Inside the loop over a map's vec4: what the second input holds there; a single pixel stands for the whole map.
var second = vec4f(0);
// @static
if (IMAGES == 4 && OTHER_QUADS == 1) {
  second = textureLoad(other, other_at(image_block % params.other_blocks, group, 0, lane));
}
// @static
if (IMAGES == 1 && OTHER_PACK == 4 && OUT_PACK == 1) {
  second = vec4f(textureLoad(other, other_at(image_block % params.other_blocks, group / 4, 0, lane))[group % 4]);
}
// @static
if (!(IMAGES == 4 && OTHER_QUADS == 1) && !(IMAGES == 1 && OTHER_PACK == 4 && OUT_PACK == 1)) {
  second = textureLoad(other, other_at(image_block % params.other_blocks, group, quad, lane));
}
