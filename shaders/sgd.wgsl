// A step of stochastic gradient descent with momentum (Sutskever et al. 2013), as PyTorch does it, over all parameters at once. One
// invocation: four of them.
const MOMENTUM = false;
const NESTEROV = false;
// @import optimizer_place

struct State {
  rate: f32,
  decay: f32,
  momentum: f32,
  started: f32, // 0 in the first step, whose gradient is the momentum
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> optimizer: State;
@group(0) @binding(2) var<storage, read_write> parameters: array<vec4f>;
@group(0) @binding(3) var<storage, read> gradients: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> first: array<vec4f>;
@group(0) @binding(5) var<storage, read> chosen: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let at = parameters_of(group, local);
  if (at >= params.count) {
    return;
  }
  let before = parameters[at];
  var g = gradients[at] + optimizer.decay * before;
  let open = chosen_of(at);
  // @static
  if (MOMENTUM) {
    let first_before = first[at];
    let m = select(g, first_before * optimizer.momentum + g, optimizer.started > 0.0);
    first[at] = select(first_before, m, open);
    // @static
    if (NESTEROV) {
      g += optimizer.momentum * m;
    } else {
      g = m;
    }
  }
  parameters[at] = select(before, before - optimizer.rate * g, open);
}
