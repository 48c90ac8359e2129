// Of an image, or of the four of a vec4 from `image` on.
fn write_result(image: u32, isCorrect: Number, loss: Number) {
  // @static
  if (IMAGES == 4) {
    for (var i = 0u; i < 4; i++) {
      results[image + i] = vec2f(isCorrect[i], loss[i]);
    }
  } else {
    results[image] = vec2f(isCorrect, loss);
  }
}
