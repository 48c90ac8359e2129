// Sums of conv2d_gemm_weight_grad.wgsl, added to the gradient of a weight as the checkpoint has it. One invocation: four sums;
// rows of the grid are as long as those of the texture.
// @import gemm_sums

struct Params {
  first: u32, // where the weight's gradient begins
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var sums: texture_2d<f32>;
@group(0) @binding(2) var<storage, read_write> gradients: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let own = id.y * SUMS_ROW + id.x;
  if (id.x >= SUMS_ROW || own >= SHARE_TEXELS) {
    return;
  }
  var total = vec4f(0);
  for (var share = 0u; share < SHARES; share++) {
    let at = share * SHARE_TEXELS + own;
    total += textureLoad(sums, vec2u(at % SUMS_ROW, at / SUMS_ROW), 0);
  }
  let tile = own / TILE_TEXELS;
  let within = own % TILE_TEXELS;
  let group = tile / TILES_N / TILES_M;
  let out = tile / TILES_N % TILES_M * TM + within / (TN / 4);
  // @unroll
  for (var i = 0; i < 4; i++) {
    let column = tile % TILES_N * TN + (within % (TN / 4) / ACROSS * 4 + i) * ACROSS + within % ACROSS;
    let channel = column % COLUMNS_OF_TAP;
    let tap = column / COLUMNS_OF_TAP;
    if (out < GROUP_OUTS && channel < GROUP_INS && tap < TAPS) {
      gradients[params.first + ((group * GROUP_OUTS + out) * GROUP_INS + channel) * TAPS + tap] += total[i];
    }
  }
}
