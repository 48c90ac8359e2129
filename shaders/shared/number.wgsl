// What a kernel that goes pixel by pixel computes at once: one number, or (IMAGES is 4) that of four images.
// @static
if (IMAGES == 4) {
  alias Number = vec4f;
} else {
  alias Number = f32;
}
const PIXELS = 4 / IMAGES; // in a vec4, or channels of one pixel

// A vec4 with one of its pixels.
fn placed(value: vec4f, component: u32, x: Number) -> vec4f {
  // @static
  if (IMAGES == 4) {
    return x;
  } else {
    var all = value;
    all[component] = x;
    return all;
  }
}
