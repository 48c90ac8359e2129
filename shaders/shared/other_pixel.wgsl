// One pixel of a second thing that is read, wherever it lies; the binding is called dy.
fn other_pixel(image_block: u32, channel: u32, y: u32, x: u32, lane: u32) -> Number {
  let slot = y * OTHER_PITCH + x;
  // @static
  if (IMAGES == 4) {
    return textureLoad(dy, other_at(image_block, channel, slot, lane));
  } else {
    // @static
    if (OTHER_PACK == 4) {
      return textureLoad(dy, other_at(image_block, channel / 4, 0, lane))[channel % 4];
    } else {
      return textureLoad(dy, other_at(image_block, channel, slot / 4, lane))[slot % 4];
    }
  }
}
