// Softmax cross-entropy of each image, its gradient, and whether the largest logit (the first, in ties) is the label's.
// One invocation: one image (lane), or the four of a vec4.
// @import input_layout
// @import layout as out
const CLASSES = 10;

struct Params {
  logits_blocks: u32, // as many as one variant's where no filter changes them
  blocks_per_variant: u32,
  first_result: u32, // where this pass's results begin, in images
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>; // logits
@group(0) @binding(2) var gradient: texture_storage_2d<rgba32float, write>; // softmax - one-hot: of the image's own loss, not of a mean
@group(0) @binding(3) var<storage, read> labels: array<u32>;
@group(0) @binding(4) var<storage, read_write> results: array<vec2f>; // (1 if correct, loss)
// @import output_pixels
// @import input_pixel
// @import image_label
// @import image_result

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let label = label_of(((tile.x % params.blocks_per_variant) * LANES + local.x) * IMAGES);
  let logits_block = tile.x % params.logits_blocks;
  var largest = Number(-3.4e38);
  var winner = Number(0);
  var own = Number(0);
  for (var k = 0u; k < CLASSES; k++) {
    let value = in_pixel(logits_block, k, 0, 0, local.x);
    let better = value > largest;
    largest = select(largest, value, better);
    winner = select(winner, Number(f32(k)), better);
    own = select(own, value, Number(f32(k)) == label);
  }
  var total = Number(0);
  for (var k = 0u; k < CLASSES; k++) {
    total += exp(in_pixel(logits_block, k, 0, 0, local.x) - largest);
  }
  for (var g = 0u; g < (CLASSES + OUT_PACK - 1) / OUT_PACK; g++) {
    var value = vec4f(0);
    for (var i = 0u; i < PIXELS; i++) {
      let at = out_pixel(g, 0, i, CLASSES);
      if (at.real) {
        let softmax = exp(in_pixel(logits_block, at.channel, 0, 0, local.x) - largest) / total;
        value = placed(value, i, select(softmax, softmax - 1.0, Number(f32(at.channel)) == label));
      }
    }
    textureStore(gradient, out_at(tile.x, g, 0, local.x), value);
  }
  let isCorrect = select(Number(0), Number(1), winner == label);
  write_result(params.first_result + (tile.x * LANES + local.x) * IMAGES, isCorrect, log(total) + largest - own);
}
