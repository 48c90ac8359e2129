// Gradient of the global average pool, behind the gate of the ReLU in front of it. One invocation: one image (lane), one channel (y).
// @import input_layout
// @import output_layout
const GATE = false;

struct Params {
  gate_blocks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var output: texture_storage_2d<rgba32float, write>;
@group(0) @binding(3) var gate: texture_2d<f32>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let g = textureLoad(input, in_at(tile.x, tile.y / 4, 0, local.x))[tile.y % 4] / (OUT_H * OUT_W);
  for (var q = 0u; q < OUT_QUADS; q++) {
    var value = vec4f(g);
    // @static
    if (GATE) {
      value = select(vec4f(0), value, textureLoad(gate, out_at(tile.x % params.gate_blocks, tile.y, q, local.x), 0) > vec4f(0));
    }
    textureStore(output, out_at(tile.x, tile.y, q, local.x), value);
  }
}
