// How all tensors of a kernel lie, and how what is read does: see src/layout/blocks.ts.
const LANES = 8; // vec4 side by side in a block
const IMAGES = 1; // in a vec4: 1, which has several pixels of it, or 4, which have one pixel each
// @import layout as in
