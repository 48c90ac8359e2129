// One step of the sum of conv2d_gemm.wgsl: K rows of weights from `row` on and of the input from `step` on, at `pixel`, through workgroup memory.
var wq: array<vec4f, W_LOADS>;
var xq: array<vec4f, X_LOADS>;
// @unroll
for (var i = 0; i < W_LOADS; i++) {
  let at = w_at[i] + row * OUT_QUADS_OF_GROUP;
  wq[i] = textureLoad(weights, vec2u(at % WEIGHT_ROW, at / WEIGHT_ROW));
  // @static
  if (MASKED) {
    wq[i] = select(wq[i], vec4f(0), (wq[i] >= low) & (wq[i] <= high));
  }
  // @static
  if (SCALED) {
    wq[i] *= textureLoad(norm, vec2u(conv_group * CHANNELS + (step + w_row[i]) % CHANNELS, 0), 0).x;
  }
}
// @unroll
for (var i = 0; i < X_LOADS; i++) {
  // @static
  if (FLAT) {
    let place = step % (KERNEL_W * CHANNELS) + x_row[i]; // in a row of taps, or behind it
    let tap = i32(place / CHANNELS);
    let in_x = source_of(out_x, tap % KERNEL_W, STRIDE_W, PAD_W, DILATION_W, IN_W);
    var is_there = in_x >= 0;
    // @static
    if (!IN_TAP_ROWS) {
      let tap_y = i32(step / (KERNEL_W * CHANNELS)) + tap / KERNEL_W;
      in_y = source_of(out_y, tap_y, STRIDE_H, PAD_H, DILATION_H, IN_H);
      is_there &= tap_y < KERNEL_H && in_y >= 0;
    }
    xq[i] = select(vec4f(0), textureLoad(input, in_at(in_block, conv_group * CHANNELS + place % CHANNELS, u32(max(in_y, 0) * IN_W + max(in_x, 0)), x_at[i])), is_there);
  } else {
    // @static
    if (IN_RADIX == 1) {
      xq[i] = textureLoad(input, in_texel(in_block, x_at[i] + (step * IN_QUADS + pixel) * LANES));
    } else {
      xq[i] = textureLoad(input, in_at(in_block, conv_group * CHANNELS + step + x_row[i], pixel, x_at[i]));
    }
    // @static
    if (CHANNELS % K > 0) {
      xq[i] = select(vec4f(0), xq[i], step + x_row[i] < CHANNELS);
    }
  }
}
workgroupBarrier();
// @unroll
for (var i = 0; i < W_LOADS; i++) {
  // @static
  if (K * M_QUADS % THREADS == 0) {
    ws[i * THREADS + local] = wq[i];
  } else {
    if (i * THREADS + local < K * M_QUADS) {
      ws[i * THREADS + local] = wq[i];
    }
  }
}
// @unroll
for (var i = 0; i < X_LOADS; i++) {
  // @static
  if (K * N_QUADS % THREADS == 0) {
    xs[i * THREADS + local] = xq[i];
  } else {
    if (i * THREADS + local < K * N_QUADS) {
      xs[i * THREADS + local] = xq[i];
    }
  }
}
workgroupBarrier();
// @unroll
for (var k = 0; k < K; k++) {
  let x0 = xs[k * N_QUADS + across];
  let x1 = xs[k * N_QUADS + ACROSS + across];
  // @unroll
  for (var q = 0; q < TILE_M / 4; q++) {
    let w = ws[k * M_QUADS + q * DOWN + down];
    // @unroll
    for (var i = 0; i < 4; i++) {
      sums[(q * 4 + i) * 2] = fma(vec4f(w[i]), x0, sums[(q * 4 + i) * 2]);
      sums[(q * 4 + i) * 2 + 1] = fma(vec4f(w[i]), x1, sums[(q * 4 + i) * 2 + 1]);
    }
  }
}
