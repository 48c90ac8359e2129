// One pixel of what is read, wherever it lies.
fn in_pixel(image_block: u32, channel: u32, y: u32, x: u32, lane: u32) -> Number {
  let slot = y * IN_PITCH + x;
  // @static
  if (IMAGES == 4) {
    return textureLoad(input, in_at(image_block, channel, slot, lane));
  } else {
    // @static
    if (IN_PACK == 4) {
      return textureLoad(input, in_at(image_block, channel / 4, 0, lane))[channel % 4];
    } else {
      return textureLoad(input, in_at(image_block, channel, slot / 4, lane))[slot % 4];
    }
  }
}
