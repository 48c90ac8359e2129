// Softmax cross-entropy of each image with smoothed labels, and the gradient of the batch's mean; whether the largest logit (the
// first, in ties) is the label's. One invocation: one image (lane), or the four of a vec4.
// @import input_layout
// @import layout as out
const CLASSES = 10;

struct Params {
  scale: f32, // 1 / images of the whole batch
  smoothing: f32, // of each label's 1, spread over all classes
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>; // logits
@group(0) @binding(2) var gradient: texture_storage_2d<rgba32float, write>;
@group(0) @binding(3) var<storage, read> labels: array<u32>;
@group(0) @binding(4) var<storage, read_write> results: array<vec2f>; // (1 if correct, loss)
// @import output_pixels
// @import input_pixel
// @import image_label
// @import image_result

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let image = (tile.x * LANES + local.x) * IMAGES;
  let label = label_of(image);
  var largest = Number(-3.4e38);
  var winner = Number(0);
  var own = Number(0);
  var sum = Number(0);
  for (var k = 0u; k < CLASSES; k++) {
    let value = in_pixel(tile.x, k, 0, 0, local.x);
    let better = value > largest;
    largest = select(largest, value, better);
    winner = select(winner, Number(f32(k)), better);
    own = select(own, value, Number(f32(k)) == label);
    sum += value;
  }
  var total = Number(0);
  for (var k = 0u; k < CLASSES; k++) {
    total += exp(in_pixel(tile.x, k, 0, 0, local.x) - largest);
  }
  let each = params.smoothing / CLASSES;
  for (var g = 0u; g < (CLASSES + OUT_PACK - 1) / OUT_PACK; g++) {
    var value = vec4f(0);
    for (var i = 0u; i < PIXELS; i++) {
      let at = out_pixel(g, 0, i, CLASSES);
      if (at.real) {
        let softmax = exp(in_pixel(tile.x, at.channel, 0, 0, local.x) - largest) / total;
        let wanted = select(Number(each), Number(each + 1.0 - params.smoothing), Number(f32(at.channel)) == label);
        value = placed(value, i, (softmax - wanted) * params.scale);
      }
    }
    textureStore(gradient, out_at(tile.x, g, 0, local.x), value);
  }
  let loss = log(total) + largest - own * (1.0 - params.smoothing) - sum * each;
  write_result(image, select(Number(0), Number(1), winner == label), loss);
}
