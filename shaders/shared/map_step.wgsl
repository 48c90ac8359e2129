// What mapStep in src/ops/common/elementwise.ts offers a kernel that wants nothing else.
// @import epilogue_constants
// @import residual_place
// @import gate_place

struct Params {
  in_blocks: u32,
  residual_blocks: u32,
  gate_blocks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var output: texture_storage_2d<rgba32float, write>;
@group(0) @binding(3) var residual: texture_storage_2d<rgba32float, read>;
@group(0) @binding(4) var gate: texture_2d<f32>;
