// A random place in the ball of radius epsilon around each image, the same for every filtered network: see src/ops/pgd.ts.
// One invocation: one image (lane), one channel (y), one vec4 of pixels (z).
// @import input_layout
// @import layout as out
// @import output_pixels
const CHANNELS = 3;
const CLAMP = false;

struct Params {
  in_blocks: u32,
  blocks_per_variant: u32,
  seed: u32,
  epsilon: vec4f, // of each channel, after normalisation
  low: vec4f, // valid range of each channel
  high: vec4f,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var output: texture_storage_2d<rgba32float, write>;
@group(0) @binding(3) var<storage, read> places: array<u32>; // which image of the data each one is

// From -1 to 1, of a counter: the hash of src/ops/common/random.ts.
fn noise_of(image: u32, pixel: u32) -> f32 {
  var v = vec3u(params.seed, image, pixel) * 1664525u + 1013904223u;
  v.x += v.y * v.z;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v ^= v >> vec3u(16u);
  v.x += v.y * v.z;
  return f32(v.x >> 8u) * 0x1p-23f - 1.0;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let first = ((tile.x % params.blocks_per_variant) * LANES + local.x) * IMAGES;
  var noise = vec4f(0);
  // @unroll
  for (var i = 0; i < 4; i++) {
    const image = i % IMAGES;
    const component = i % PIXELS;
    let pixel = out_pixel(tile.y, tile.z, component, CHANNELS);
    noise[i] = select(0.0, noise_of(places[first + image], (pixel.channel * OUT_H + pixel.y) * OUT_W + pixel.x), pixel.real);
  }
  var attacked = textureLoad(input, in_at(tile.x % params.in_blocks, tile.y, tile.z, local.x)) + params.epsilon[tile.y] * noise;
  // @static
  if (CLAMP) {
    attacked = clamp(attacked, vec4f(params.low[tile.y]), vec4f(params.high[tile.y]));
  }
  textureStore(output, out_at(tile.x, tile.y, tile.z, local.x), attacked);
}
