// Batch norm with a batch's own statistics, then residual and ReLU; with GRADIENT the gradient of its input, which
// flows through the statistics: scale * inverse deviation * (dy - mean(dy) - normalised x * mean(dy * normalised x)).
// Ioffe and Szegedy 2015, arXiv 1502.03167. One invocation: one image (lane), one channel group (y), one vec4 (z).
// @import input_layout
// @import other_layout
// @import output_layout
// @import residual_place
// @import gate_place
const GRADIENT = false;
const RESIDUAL = false;
const RELU = false;
const CAP = 0; // of the ReLU; 0: none
const GATE = false;
const GATE_CAP = 0; // of the ReLU whose gradient it is

struct Params {
  blocks_per_variant: u32,
  input_blocks: u32,
  residual_blocks: u32,
  gate_blocks: u32,
  stats_rows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>; // what the convolution gave
@group(0) @binding(2) var output: texture_storage_2d<rgba32float, write>;
@group(0) @binding(3) var residual: texture_storage_2d<rgba32float, read>;
@group(0) @binding(4) var dy: texture_storage_2d<rgba32float, read>;
@group(0) @binding(5) var norm: texture_2d<f32>; // row 0: (weight, bias) of each channel
@group(0) @binding(6) var stats: texture_2d<f32>;
@group(0) @binding(7) var gradient_stats: texture_2d<f32>;
@group(0) @binding(8) var gate: texture_2d<f32>; // activation behind the ReLU whose gradient this is

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let variant = tile.x / params.blocks_per_variant;
  let x = textureLoad(input, in_at(tile.x % params.input_blocks, tile.y, tile.z, local.x));
  let at = out_at(tile.x, tile.y, tile.z, local.x);
  var value = vec4f(0);
  // @unroll
  for (var i = 0; i < 4; i++) {
    let channel = tile.y * IN_PACK + i % IN_PACK;
    let n = textureLoad(norm, vec2u(channel, 0), 0);
    let s = textureLoad(stats, vec2u(channel, variant % params.stats_rows), 0);
    let normalised = (x[i] - s.x) * s.y;
    // @static
    if (GRADIENT) {
      let g = textureLoad(gradient_stats, vec2u(channel, variant), 0);
      value[i] = n.x * s.y * (textureLoad(dy, other_at(tile.x, tile.y, tile.z, local.x))[i] - g.x - normalised * g.y);
    } else {
      value[i] = normalised * n.x + n.y;
    }
  }
  // @static
  if (RESIDUAL) {
    value += textureLoad(residual, residual_at(tile.x % params.residual_blocks, tile.y, tile.z, local.x));
  }
  // @static
  if (RELU) {
    value = max(value, vec4f(0));
    // @static
    if (CAP > 0) {
      value = min(value, vec4f(CAP));
    }
  }
  // @static
  if (GATE) {
    let shown = textureLoad(gate, gate_at(tile.x % params.gate_blocks, tile.y, tile.z, local.x), 0);
    value = select(vec4f(0), value, shown > vec4f(0));
    // @static
    if (GATE_CAP > 0) {
      value = select(vec4f(0), value, shown < vec4f(GATE_CAP));
    }
  }
  textureStore(output, at, value);
}
