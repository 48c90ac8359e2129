// Dropout: numbers that a counting random generator drops become another, the others are scaled and moved; the gradient likewise. One invocation:
// one image (lane) or the four of a vec4, one channel group (y), all of its map.
// @import input_layout
// @import layout as out
const CHANNELS = 8;
const WHOLE = false; // channels
const SALT = 0; // tells the network's dropouts apart
// @import epilogue_constants
// @import residual_place
// @import gate_place

struct Params {
  threshold: u32, // of 2^32: the share that is dropped
  scale: f32,
  shift: f32,
  dropped: f32,
  in_blocks: u32,
  residual_blocks: u32,
  gate_blocks: u32,
}

struct Training {
  seed: u32,
  step: u32,
  first_image: u32, // of this part of the batch
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var output: texture_storage_2d<rgba32float, write>;
@group(0) @binding(3) var<uniform> training: Training;
@group(0) @binding(4) var residual: texture_storage_2d<rgba32float, read>;
@group(0) @binding(5) var gate: texture_2d<f32>;
// @import output_pixels

// Jarzynski and Olano 2020, Hash Functions for GPU Rendering, pcg4d.
fn random(index: u32) -> u32 {
  var v = vec4u(index, training.step, SALT, training.seed) * 1664525u + 1013904223u;
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  v = v ^ (v >> vec4u(16));
  v.x += v.y * v.w;
  return v.x;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let image_block = tile.x;
  let group = tile.y;
  let lane = local.x;
  let image = training.first_image + (image_block * LANES + lane) * IMAGES;
  for (var quad = 0u; quad < OUT_QUADS; quad++) {
    var value = textureLoad(input, in_at(image_block % params.in_blocks, group, quad, lane));
    // @unroll
    for (var i = 0; i < 4; i++) {
      let at = out_pixel(group, quad, i % PIXELS, CHANNELS);
      var index = ((image + i / PIXELS) * CHANNELS + at.channel) * (OUT_H * OUT_W);
      // @static
      if (!WHOLE) {
        index += at.y * OUT_W + at.x;
      }
      value[i] = select(params.dropped, value[i] * params.scale + params.shift, random(index) >= params.threshold);
    }
    // @import epilogue
    textureStore(output, out_at(image_block, group, quad, lane), value);
  }
}
