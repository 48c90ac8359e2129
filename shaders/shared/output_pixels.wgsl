// Which pixel each of the numbers of a vec4 is that is written: channel, row, column; `real` where it lies in the map.
// @import number
struct OutPixel {
  channel: u32,
  y: u32,
  x: u32,
  real: bool,
}

fn out_pixel(group: u32, quad: u32, component: u32, channels: u32) -> OutPixel {
  // @static
  if (OUT_PACK == 4) {
    let channel = group * 4 + component;
    return OutPixel(channel, 0, 0, channel < channels);
  } else {
    let slot = quad * PIXELS + component;
    return OutPixel(group, slot / OUT_PITCH, slot % OUT_PITCH, group < channels && slot % OUT_PITCH < OUT_W && slot / OUT_PITCH < OUT_H);
  }
}
