// A step of Adam (Kingma and Ba 2014, arXiv 1412.6980) or, DECOUPLED, of AdamW (Loshchilov and Hutter 2017, arXiv 1711.05101), as PyTorch
// does it, over all parameters at once. One invocation: four of them.
const DECOUPLED = false;
// @import optimizer_place

struct State {
  rate: f32,
  decay: f32,
  beta1: f32,
  beta2: f32,
  epsilon: f32,
  correction1: f32, // 1 - beta1^t
  correction2: f32, // sqrt(1 - beta2^t)
  padding: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<uniform> optimizer: State;
@group(0) @binding(2) var<storage, read_write> parameters: array<vec4f>;
@group(0) @binding(3) var<storage, read> gradients: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> first: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> second: array<vec4f>;
@group(0) @binding(6) var<storage, read> chosen: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let at = parameters_of(group, local);
  if (at >= params.count) {
    return;
  }
  // Each is read once: a compiler can't tell that the buffers are different ones.
  let before = parameters[at];
  let first_before = first[at];
  let second_before = second[at];
  var w = before;
  var g = gradients[at];
  // @static
  if (DECOUPLED) {
    w *= 1.0 - optimizer.rate * optimizer.decay;
  } else {
    g += optimizer.decay * w;
  }
  let m = mix(first_before, g, 1.0 - optimizer.beta1);
  let v = second_before * optimizer.beta2 + g * g * (1.0 - optimizer.beta2);
  w -= optimizer.rate / optimizer.correction1 * m / (sqrt(v) / optimizer.correction2 + optimizer.epsilon);
  let open = chosen_of(at);
  parameters[at] = select(before, w, open);
  first[at] = select(first_before, m, open);
  second[at] = select(second_before, v, open);
}
