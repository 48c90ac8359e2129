// Row `in_y` of the window of conv2d_patch.wgsl, which is row j of it, at `channel`.
// @unroll
for (var p = 0; p < WINDOW_W; p++) {
  // Beside the map for every patch: nothing to add.
  // @static
  if (FIRST_W + p < IN_W && (ACROSS - 1) * NEXT_W + FIRST_W + p >= 0) {
    let in_x = first_x + p;
    var x = textureLoad(input, in_at(in_block, channel, u32(in_y * IN_W + clamp(in_x, 0, IN_W - 1)), lane));
    // @static
    if (FIRST_W + p < 0 || (ACROSS - 1) * NEXT_W + FIRST_W + p >= IN_W) {
      x = select(vec4f(0), x, (in_x >= 0) & (in_x < IN_W));
    }
    // @unroll
    for (var r = 0; r < ROWS; r++) {
      // @unroll
      for (var c = 0; c < COLS; c++) {
        const up = j * IN_STEP_H + r * OUT_STEP_H + REACH_H;
        const left = p * IN_STEP_W + c * OUT_STEP_W + REACH_W;
        // @static
        if (up >= 0 && up % DILATION_H == 0 && up < KERNEL_H * DILATION_H && left >= 0 && left % DILATION_W == 0 && left < KERNEL_W * DILATION_W) {
          let w = ws[(up / DILATION_H * KERNEL_W + left / DILATION_W) * K + k];
          // @unroll
          for (var o = 0; o < OC; o++) {
            sums[(r * COLS + c) * OC + o] = fma(vec4f(w[o]), x, sums[(r * COLS + c) * OC + o]);
          }
        }
      }
    }
  }
}
