// Gradient of the global average pool, behind the gate of the ReLU in front of it. One invocation: one image (lane), one channel (y).
const LANES = 8; // images of a block
const OUT_H = 14;
const OUT_W = 14;
const OUT_PITCH = 16;
const OUT_QUADS = 56;
const OUT_GROUPS_PER_ROW = 64;
const OUT_FOLD = 1;
const OUT_PACK = 1;
const IN_H = 7;
const IN_W = 7;
const IN_PITCH = 8;
const IN_QUADS = 14;
const IN_GROUPS_PER_ROW = 64;
const IN_FOLD = 1;
const IN_PACK = 1;
const GATE = false;

struct Params {
  gate_blocks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var output: texture_storage_2d<rgba32float, write>;
@group(0) @binding(3) var gate: texture_2d<f32>;

fn in_at(image_block: u32, group: u32, quad: u32, lane: u32) -> vec2u {
  return vec2u(((group % IN_GROUPS_PER_ROW) * IN_QUADS + quad) * LANES + lane, image_block * IN_FOLD + group / IN_GROUPS_PER_ROW);
}

fn out_at(image_block: u32, group: u32, quad: u32, lane: u32) -> vec2u {
  return vec2u(((group % OUT_GROUPS_PER_ROW) * OUT_QUADS + quad) * LANES + lane, image_block * OUT_FOLD + group / OUT_GROUPS_PER_ROW);
}

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
