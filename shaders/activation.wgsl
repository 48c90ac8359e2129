// A function of each number, or with GRADIENT its slope there times the gradient of the output. Which one is KIND: see KINDS in
// src/ops/activation.ts. One invocation: one image (lane), one channel group (y), all of its map.
// @import input_layout
// @import layout as other
// @import layout as out
const GRADIENT = false;
const KIND = 0;
// @import epilogue_constants
// @import residual_place
// @import gate_place

struct Params {
  low: f32,
  high: f32,
  in_blocks: u32,
  residual_blocks: u32,
  gate_blocks: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>; // of the forward pass
@group(0) @binding(2) var output: texture_storage_2d<rgba32float, write>;
@group(0) @binding(3) var dy: texture_storage_2d<rgba32float, read>;
@group(0) @binding(4) var residual: texture_storage_2d<rgba32float, read>;
@group(0) @binding(5) var gate: texture_2d<f32>;

fn sigmoid(x: vec4f) -> vec4f {
  return 1.0 / (1.0 + exp(-x));
}

// Abramowitz and Stegun 7.1.26: within 1.5e-7.
fn erf(x: vec4f) -> vec4f {
  let t = 1.0 / (1.0 + 0.3275911 * abs(x));
  let y = 1.0 - ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t * exp(-x * x);
  return y * sign(x);
}

// GELU's approximation is x * sigmoid(bend(x)); below and above these x, sigmoid is 0 and 1 anyway.
fn bend(x: vec4f) -> vec4f {
  let z = clamp(x, vec4f(-12), vec4f(12));
  return 1.5957691 * z * (1.0 + 0.044715 * z * z);
}

fn apply(x: vec4f) -> vec4f {
  var y = x;
  // @static
  if (KIND == 0) {
    y = max(x, vec4f(0));
  }
  // @static
  if (KIND == 1) {
    y = clamp(x, vec4f(0), vec4f(6));
  }
  // @static
  if (KIND == 2) {
    y = clamp(x, vec4f(params.low), vec4f(params.high));
  }
  // @static
  if (KIND == 3) {
    y = select(params.low * x, x, x > vec4f(0));
  }
  // @static
  if (KIND == 4) {
    y = sigmoid(x);
  }
  // @static
  if (KIND == 5) {
    y = clamp(x / 6.0 + 0.5, vec4f(0), vec4f(1));
  }
  // @static
  if (KIND == 6) {
    y = x * sigmoid(x);
  }
  // @static
  if (KIND == 7) {
    y = x * clamp(x + 3.0, vec4f(0), vec4f(6)) / 6.0;
  }
  // @static
  if (KIND == 8) {
    y = 0.5 * x * (1.0 + erf(x * 0.70710678));
  }
  // @static
  if (KIND == 9) {
    y = tanh(clamp(x, vec4f(-20), vec4f(20)));
  }
  // @static
  if (KIND == 10) {
    y = select(params.low * (exp(min(x, vec4f(0))) - 1.0), x, x > vec4f(0));
  }
  // @static
  if (KIND == 11) {
    y = max(x, vec4f(0)) + log(1.0 + exp(-abs(x)));
  }
  // @static
  if (KIND == 12) {
    y = x * sigmoid(bend(x));
  }
  return y;
}

fn slope(x: vec4f) -> vec4f {
  var y = vec4f(1);
  // @static
  if (KIND == 0) {
    y = select(vec4f(0), vec4f(1), x > vec4f(0));
  }
  // @static
  if (KIND == 1) {
    y = select(vec4f(0), vec4f(1), (x > vec4f(0)) & (x < vec4f(6)));
  }
  // @static
  if (KIND == 2) {
    y = select(vec4f(0), vec4f(1), (x > vec4f(params.low)) & (x < vec4f(params.high)));
  }
  // @static
  if (KIND == 3) {
    y = select(vec4f(params.low), vec4f(1), x > vec4f(0));
  }
  // @static
  if (KIND == 4) {
    let s = sigmoid(x);
    y = s * (1.0 - s);
  }
  // @static
  if (KIND == 5) {
    y = select(vec4f(0), vec4f(1.0 / 6.0), (x > vec4f(-3)) & (x < vec4f(3)));
  }
  // @static
  if (KIND == 6) {
    let s = sigmoid(x);
    y = s * (1.0 + x * (1.0 - s));
  }
  // @static
  if (KIND == 7) {
    y = select(select(x / 3.0 + 0.5, vec4f(1), x >= vec4f(3)), vec4f(0), x <= vec4f(-3));
  }
  // @static
  if (KIND == 8) {
    y = 0.5 * (1.0 + erf(x * 0.70710678)) + x * exp(-0.5 * x * x) * 0.39894228;
  }
  // @static
  if (KIND == 9) {
    let t = tanh(clamp(x, vec4f(-20), vec4f(20)));
    y = 1.0 - t * t;
  }
  // @static
  if (KIND == 10) {
    y = select(params.low * exp(min(x, vec4f(0))), vec4f(1), x > vec4f(0));
  }
  // @static
  if (KIND == 11) {
    y = sigmoid(x);
  }
  // @static
  if (KIND == 12) {
    let s = sigmoid(bend(x));
    y = s * (1.0 + 1.5957691 * x * (1.0 + 0.134145 * x * x) * (1.0 - s));
  }
  return y;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let image_block = tile.x;
  let group = tile.y;
  let lane = local.x;
  for (var quad = 0u; quad < OUT_QUADS; quad++) {
    let x = textureLoad(input, in_at(image_block % params.in_blocks, group, quad, lane));
    var value = vec4f(0);
    // @static
    if (GRADIENT) {
      value = textureLoad(dy, other_at(image_block, group, quad, lane)) * slope(x);
    } else {
      value = apply(x);
    }
    // @import epilogue
    textureStore(output, out_at(image_block, group, quad, lane), value);
  }
}
