// Softmax cross-entropy of each image with smoothed labels, and the gradient of the batch's mean; whether the largest logit (the
// first, in ties) is the label's. One invocation: one image (lane).
// @import input_layout
// @import output_layout
const CLASSES = 10;

struct Params {
  scale: f32, // 1 / images of the whole batch
  smoothing: f32, // of each label's 1, spread over all classes
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var logits: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var gradient: texture_storage_2d<rgba32float, write>;
@group(0) @binding(3) var<storage, read> labels: array<u32>;
@group(0) @binding(4) var<storage, read_write> results: array<vec2f>; // (1 if correct, loss)

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  const GROUPS = (CLASSES + 3) / 4;
  let image = tile.x * LANES + local.x;
  let label = labels[image];
  var largest = -3.4e38;
  var winner = 0u;
  var own = 0.0;
  var sum = 0.0;
  for (var k = 0u; k < CLASSES; k++) {
    let value = textureLoad(logits, in_at(tile.x, k / 4u, 0, local.x))[k % 4u];
    if (value > largest) {
      largest = value;
      winner = k;
    }
    own = select(own, value, k == label);
    sum += value;
  }
  var total = 0.0;
  for (var k = 0u; k < CLASSES; k++) {
    total += exp(textureLoad(logits, in_at(tile.x, k / 4u, 0, local.x))[k % 4u] - largest);
  }
  let each = params.smoothing / CLASSES;
  for (var g = 0u; g < GROUPS; g++) {
    let softmax = exp(textureLoad(logits, in_at(tile.x, g, 0, local.x)) - largest) / total;
    let k = vec4u(g * 4u) + vec4u(0, 1, 2, 3);
    let wanted = select(vec4f(each), vec4f(each + 1.0 - params.smoothing), k == vec4u(label));
    textureStore(gradient, out_at(tile.x, g, 0, local.x), select(vec4f(0), (softmax - wanted) * params.scale, k < vec4u(CLASSES)));
  }
  let loss = log(total) + largest - own * (1.0 - params.smoothing) - sum * each;
  results[image] = vec2f(select(0.0, 1.0, winner == label), loss);
}
