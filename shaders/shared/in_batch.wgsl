// Whether the images of a vec4 are in the batch; behind its last one there may be padding in it.
fn in_batch(number: u32, lane: u32) -> vec4<bool> {
  let first = (number * LANES + lane) * IMAGES;
  // @static
  if (IMAGES == 4) {
    let image = vec4u(first) + vec4u(0, 1, 2, 3);
    return image < vec4u(params.images);
  } else {
    let isInside = first < params.images;
    return vec4<bool>(isInside);
  }
}
