// Average pool: the mean of each window, or with GRADIENT what each pixel is handed back. Windows slide, or (ADAPTIVE) they
// cover the map as evenly as can be. One invocation: one image (lane), one channel group (y), one vec4 (z).
// @import input_layout
// @import layout as out
const GRADIENT = false;
const ADAPTIVE = false;
const MAP_H = 7; // of the pool's input
const MAP_W = 7;
const POOLED_H = 3; // of its output
const POOLED_W = 3;
const KERNEL_H = 3;
const KERNEL_W = 3;
const STRIDE_H = 2;
const STRIDE_W = 2;
const PAD_H = 1;
const PAD_W = 1;
const COUNT_PADDING = true;
const DIVISOR = 0; // instead of the window's pixels; 0: those
const CHANNELS = 8;
// @import map_step
// @import input_pixel
// @import output_pixels

struct Span {
  first: i32,
  last: i32, // behind the last
  count: i32, // pixels it is divided by
}

// The pixels of one window along one axis.
fn span_of(place: i32, size: i32, pooled: i32, kernel: i32, stride: i32, pad: i32) -> Span {
  // @static
  if (ADAPTIVE) {
    let first = place * size / pooled;
    let last = ((place + 1) * size + pooled - 1) / pooled;
    return Span(first, last, last - first);
  } else {
    let start = place * stride - pad;
    let end = min(start + kernel, size + pad);
    let first = max(start, 0);
    let last = min(end, size);
    return Span(first, last, select(last - first, end - start, COUNT_PADDING));
  }
}

// The windows that hold a pixel along one axis; the first and behind the last.
fn windows_of(pixel: i32, size: i32, pooled: i32, kernel: i32, stride: i32, pad: i32) -> vec2i {
  // @static
  if (ADAPTIVE) {
    return vec2i(pixel * pooled / size, ((pixel + 1) * pooled + size - 1) / size);
  } else {
    return vec2i(max(0, (pixel + pad - kernel + stride) / stride), min(pooled, (pixel + pad) / stride + 1));
  }
}

fn divisor(rows: Span, columns: Span) -> f32 {
  // @static
  if (DIVISOR > 0) {
    return f32(DIVISOR);
  } else {
    return f32(rows.count * columns.count);
  }
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let image_block = tile.x;
  let group = tile.y;
  let quad = tile.z;
  let lane = local.x;
  var value = vec4f(0);
  for (var i = 0u; i < PIXELS; i++) {
    let at = out_pixel(group, quad, i, CHANNELS);
    if (at.real) {
      var sum = Number(0);
      // @static
      if (GRADIENT) {
        let down = windows_of(i32(at.y), MAP_H, POOLED_H, KERNEL_H, STRIDE_H, PAD_H);
        let across = windows_of(i32(at.x), MAP_W, POOLED_W, KERNEL_W, STRIDE_W, PAD_W);
        for (var y = down.x; y < down.y; y++) {
          let rows = span_of(y, MAP_H, POOLED_H, KERNEL_H, STRIDE_H, PAD_H);
          for (var x = across.x; x < across.y; x++) {
            let columns = span_of(x, MAP_W, POOLED_W, KERNEL_W, STRIDE_W, PAD_W);
            sum += in_pixel(image_block % params.in_blocks, at.channel, u32(y), u32(x), lane) / divisor(rows, columns);
          }
        }
      } else {
        let rows = span_of(i32(at.y), MAP_H, POOLED_H, KERNEL_H, STRIDE_H, PAD_H);
        let columns = span_of(i32(at.x), MAP_W, POOLED_W, KERNEL_W, STRIDE_W, PAD_W);
        for (var y = rows.first; y < rows.last; y++) {
          for (var x = columns.first; x < columns.last; x++) {
            sum += in_pixel(image_block % params.in_blocks, at.channel, u32(y), u32(x), lane);
          }
        }
        sum /= divisor(rows, columns);
      }
      value = placed(value, i, sum);
    }
  }
  // @import epilogue
  textureStore(output, out_at(image_block, group, quad, lane), value);
}
