// A window as the kernels that walk over its taps know it: see windowConstants in src/layout/shape.ts.
const KERNEL_H = 3;
const KERNEL_W = 3;
const STRIDE_H = 1;
const STRIDE_W = 1;
const PAD_H = 1;
const PAD_W = 1;
const DILATION_H = 1;
const DILATION_W = 1;
