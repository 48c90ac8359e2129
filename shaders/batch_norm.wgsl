// Batch norm with a batch's own statistics, then residual and ReLU; with GRADIENT the gradient of its input, which
// flows through the statistics: scale * inverse deviation * (dy - mean(dy) - normalised x * mean(dy * normalised x)).
// Ioffe and Szegedy 2015, arXiv 1502.03167. One invocation: one image (lane), EACH channel groups (y), all of their maps.
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
  let image_block = tile.x;
  let lane = local.x;
  let variant = image_block / params.blocks_per_variant;
  for (var part = 0u; part < EACH; part++) {
    let group = tile.y * EACH + part;
    // Of each of the group's channels, or of the one there is.
    var n: array<vec4f, IN_PACK>;
    var s: array<vec4f, IN_PACK>;
    var g: array<vec4f, IN_PACK>;
    // @unroll
    for (var u = 0; u < IN_PACK; u++) {
      n[u] = textureLoad(norm, vec2u(group * IN_PACK + u, 0), 0);
      s[u] = textureLoad(stats, vec2u(group * IN_PACK + u, variant % params.stats_rows), 0);
      // @static
      if (GRADIENT) {
        g[u] = textureLoad(gradient_stats, vec2u(group * IN_PACK + u, variant), 0);
      }
    }
    for (var quad = 0u; quad < OUT_QUADS; quad++) {
      let x = textureLoad(input, in_at(image_block % params.in_blocks, group, quad, lane));
      var value = vec4f(0);
      // @static
      if (GRADIENT) {
        let d = textureLoad(dy, other_at(image_block, group, quad, lane));
        // @unroll
        for (var i = 0; i < 4; i++) {
          value[i] = n[i % IN_PACK].x * s[i % IN_PACK].y * (d[i] - g[i % IN_PACK].x - (x[i] - s[i % IN_PACK].x) * s[i % IN_PACK].y * g[i % IN_PACK].y);
        }
      } else {
        // @unroll
        for (var i = 0; i < 4; i++) {
          value[i] = (x[i] - s[i % IN_PACK].x) * s[i % IN_PACK].y * n[i % IN_PACK].x + n[i % IN_PACK].y;
        }
      }
      // @import epilogue
      textureStore(output, out_at(image_block, group, quad, lane), value);
    }
  }
}
