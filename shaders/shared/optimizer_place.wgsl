// What optimizers have in common: which four parameters an invocation updates, and which of them are chosen.
const MASKED = false; // only what is chosen is updated: a bit a parameter

struct Params {
  count: u32, // vec4 of parameters
  columns: u32, // workgroups in a row of the grid
}

fn parameters_of(group: vec3u, local: vec3u) -> u32 {
  return (group.y * params.columns + group.x) * 64 + local.x;
}

fn chosen_of(at: u32) -> vec4<bool> {
  // @static
  if (MASKED) {
    return (vec4u(chosen[at / 8] >> (at % 8 * 4)) & vec4u(1, 2, 4, 8)) != vec4u(0);
  } else {
    return vec4<bool>(true);
  }
}
