// Which of some numbers of a vec4 that is read lie in the map; all where they are channels or images.
fn real_pixels(quad: u32, some: vec4<bool>) -> vec4<bool> {
  // @static
  if (IN_PACK == 4 || IMAGES == 4) {
    return some;
  } else {
    let slot = vec4u(quad * 4u) + vec4u(0, 1, 2, 3);
    return (slot % IN_PITCH < vec4u(IN_W)) & (slot / IN_PITCH < vec4u(IN_H)) & some;
  }
}
