// Nothing but multiply-adds of what lies in registers: no adapter does more of them in a real kernel.
const LANES = 64;
const CHAINS = 8; // that do not wait for each other
const REPEATS = 8; // of all chains in a turn, so that the loop itself costs nothing

struct Params {
  turns: u32,
  factor: f32,
  term: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> sums: array<vec4f>; // so that nothing is left out; one for each lane of a workgroup

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_index) lane: u32) {
  var x: array<vec4f, CHAINS>;
  let factor = vec4f(params.factor);
  let term = vec4f(params.term);
  // @unroll
  for (var i = 0; i < CHAINS; i++) {
    x[i] = vec4f(f32(lane + tile.x + i));
  }
  for (var turn = 0u; turn < params.turns; turn++) {
    // @unroll
    for (var r = 0; r < REPEATS; r++) {
      // @unroll
      for (var i = 0; i < CHAINS; i++) {
        x[i] = fma(x[i], factor, term);
      }
    }
  }
  var sum = vec4f(0);
  // @unroll
  for (var i = 0; i < CHAINS; i++) {
    sum += x[i];
  }
  sums[lane] = sum;
}
