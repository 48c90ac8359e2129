// Of an image: which class, as a number that logits can be compared with.
fn label_of(first: u32) -> Number {
  // @static
  if (IMAGES == 4) {
    return vec4f(vec4u(labels[first], labels[first + 1], labels[first + 2], labels[first + 3]));
  } else {
    return f32(labels[first]);
  }
}
