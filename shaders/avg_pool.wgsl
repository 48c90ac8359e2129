// Global average pool of small maps into 4 channels a vec4. One invocation: one image (lane), 4 channels (y).
const LANES = 8; // images of a block
const IN_H = 14;
const IN_W = 14;
const IN_PITCH = 16;
const IN_QUADS = 56;
const IN_GROUPS_PER_ROW = 64;
const IN_FOLD = 1;
const IN_PACK = 1;
const OUT_H = 7;
const OUT_W = 7;
const OUT_PITCH = 8;
const OUT_QUADS = 14;
const OUT_GROUPS_PER_ROW = 64;
const OUT_FOLD = 1;
const OUT_PACK = 1;

struct Params {
  in_blocks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var output: texture_storage_2d<rgba32float, write>;

fn in_at(image_block: u32, group: u32, quad: u32, lane: u32) -> vec2u {
  return vec2u(((group % IN_GROUPS_PER_ROW) * IN_QUADS + quad) * LANES + lane, image_block * IN_FOLD + group / IN_GROUPS_PER_ROW);
}

fn out_at(image_block: u32, group: u32, quad: u32, lane: u32) -> vec2u {
  return vec2u(((group % OUT_GROUPS_PER_ROW) * OUT_QUADS + quad) * LANES + lane, image_block * OUT_FOLD + group / OUT_GROUPS_PER_ROW);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  var means = vec4f(0);
  // @unroll
  for (var u = 0; u < 4; u++) {
    // @unroll
    for (var q = 0; q < IN_QUADS; q++) {
      let x = textureLoad(input, in_at(tile.x % params.in_blocks, tile.y * 4 + u, q, local.x));
      // @unroll
      for (var i = 0; i < 4; i++) {
        // @static
        if ((q * 4 + i) % IN_PITCH < IN_W && (q * 4 + i) / IN_PITCH < IN_H) {
          means[u] += x[i];
        }
      }
    }
  }
  textureStore(output, out_at(tile.x, tile.y, 0, local.x), means / (IN_H * IN_W));
}
