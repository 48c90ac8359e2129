// Batch norm with a batch's own statistics, then residual and ReLU; with GRADIENT the gradient of its input, which
// flows through the statistics: scale * inverse deviation * (dy - mean(dy) - normalised x * mean(dy * normalised x)).
// Ioffe and Szegedy 2015, arXiv 1502.03167. What it takes of each channel comes from batch_norm_stats.wgsl.
// One invocation: one image (lane), EACH channel groups (y), all of their maps.
// @import input_layout
// @import layout as other
// @import layout as out
const GRADIENT = false;
const EACH = 1;
// @import epilogue_constants
// @import residual_place
// @import gate_place

struct Params {
  blocks_per_variant: u32,
  in_blocks: u32,
  residual_blocks: u32,
  gate_blocks: u32,
  stats_rows: u32, // variants that have statistics of their own
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>; // what the convolution gave
@group(0) @binding(2) var output: texture_storage_2d<rgba32float, write>;
@group(0) @binding(3) var residual: texture_storage_2d<rgba32float, read>;
@group(0) @binding(4) var dy: texture_storage_2d<rgba32float, read>;
@group(0) @binding(5) var stats: texture_2d<f32>; // with GRADIENT those of the gradient
@group(0) @binding(6) var gate: texture_2d<f32>; // activation behind the ReLU whose gradient this is

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let image_block = tile.x;
  let lane = local.x;
  let row = image_block / params.blocks_per_variant % params.stats_rows;
  for (var part = 0u; part < EACH; part++) {
    let group = tile.y * EACH + part;
    var its: array<vec4f, 4>;
    // @import channel_stats
    for (var quad = 0u; quad < OUT_QUADS; quad++) {
      let x = textureLoad(input, in_at(image_block % params.in_blocks, group, quad, lane));
      var value = x - its[0];
      // @static
      if (GRADIENT) {
        value = its[3] * (textureLoad(dy, other_at(image_block, group, quad, lane)) - its[1] - value * its[2]);
      } else {
        value = value * its[1] * its[2] + its[3];
      }
      // @import epilogue
      textureStore(output, out_at(image_block, group, quad, lane), value);
    }
  }
}
