// Softmax cross-entropy of each image, its gradient, and whether the largest logit (the first, in ties) is the label's.
// One invocation: one image (lane).
// @import input_layout
// @import output_layout
const CLASSES = 10;

struct Params {
  logits_blocks: u32, // as many as one variant's where no filter changes them
  blocks_per_variant: u32,
  first_result: u32, // where this pass's results begin, in images
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var logits: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var gradient: texture_storage_2d<rgba32float, write>; // softmax - one-hot: of the image's own loss, not of a mean
@group(0) @binding(3) var<storage, read> labels: array<u32>;
@group(0) @binding(4) var<storage, read_write> results: array<vec2f>; // (1 if correct, loss)

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  const GROUPS = (CLASSES + 3) / 4;
  let label = labels[(tile.x % params.blocks_per_variant) * LANES + local.x];
  let logits_block = tile.x % params.logits_blocks;
  var largest = -3.4e38;
  var winner = 0u;
  var own = 0.0;
  for (var k = 0u; k < CLASSES; k++) {
    let value = textureLoad(logits, in_at(logits_block, k / 4u, 0, local.x))[k % 4u];
    if (value > largest) {
      largest = value;
      winner = k;
    }
    own = select(own, value, k == label);
  }
  var total = 0.0;
  for (var k = 0u; k < CLASSES; k++) {
    total += exp(textureLoad(logits, in_at(logits_block, k / 4u, 0, local.x))[k % 4u] - largest);
  }
  for (var g = 0u; g < GROUPS; g++) {
    let softmax = exp(textureLoad(logits, in_at(logits_block, g, 0, local.x)) - largest) / total;
    let k = vec4u(g * 4u) + vec4u(0, 1, 2, 3);
    let logit = select(softmax, softmax - 1.0, k == vec4u(label));
    textureStore(gradient, out_at(tile.x, g, 0, local.x), select(vec4f(0), logit, k < vec4u(CLASSES)));
  }
  results[params.first_result + tile.x * LANES + local.x] = vec2f(select(0.0, 1.0, winner == label), log(total) + largest - own);
}
