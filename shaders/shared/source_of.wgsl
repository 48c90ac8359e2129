// Along one axis: the pixel that a tap reads for the pixel `at` that is written; -1 where there is none.
fn source_of(at: i32, tap: i32, stride: i32, pad: i32, dilation: i32, size: i32) -> i32 {
  // @static
  if (GRADIENT) {
    let up = at + pad - tap * dilation;
    return select(-1, up / stride, up >= 0 && up % stride == 0 && up / stride < size);
  } else {
    let there = at * stride + tap * dilation - pad;
    return select(-1, there, there >= 0 && there < size);
  }
}
