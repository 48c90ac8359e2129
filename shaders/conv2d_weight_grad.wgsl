// Gradient of a convolution's weights: sums over images and places of dy * x. Lanes are channels, some input channels or (LANES_OUT)
// output channels each, so that no lane has to add up what another one did: it keeps the sums of its own channels, some of the other
// side's and the taps. unpack_weight_grad.wgsl brings them where the checkpoint has them.
// One workgroup: a tile of the lanes' channels (x), of the other channels (y), of kernel rows and a share of the images (z).
// @import input_layout
// @import layout as other
const LANES_OUT = false;
const WHOLE = false; // maps are done whole, else one row of the output after the other
const OUTS = 4; // output and input channels that an invocation does
const INS = 1;
const GROUP_OUTS = 8; // channels of a group
const GROUP_INS = 8;
const TAP_TOP = 0; // kernel rows and columns that meet the map at all
const TAP_LEFT = 0;
const TAP_ROWS = 3; // of a tile
const TAP_COLS = 3;
const STRIDE_H = 1;
const STRIDE_W = 1;
const PAD_H = 1;
const PAD_W = 1;
const DILATION_H = 1;
const DILATION_W = 1;
const X_QUADS = 6; // vec4 that an invocation holds of each input channel, and of each output channel
const DY_QUADS = 2;
const DY_ROWS = 1; // rows of the output at once
const SUMS = 36;
const SHARES = 1; // of the images
// @import weight_grad_layout

struct Params {
  images: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var input: texture_storage_2d<rgba32float, read>; // what the convolution read
@group(0) @binding(2) var dy: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var output: texture_storage_2d<rgba32float, write>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let of_lane = tile.x * LANES + local.x;
  var out_group = tile.y * (OUTS / OTHER_PACK);
  var in_group = of_lane * (INS / IN_PACK);
  // @static
  if (LANES_OUT) {
    out_group = of_lane * (OUTS / OTHER_PACK);
    in_group = (of_lane * OUTS / GROUP_OUTS * GROUP_INS + tile.y * INS) / IN_PACK;
  }
  let first_row = TAP_TOP + tile.z / SHARES * TAP_ROWS;
  let share = (params.images + SHARES - 1) / SHARES;
  let first_image = tile.z % SHARES * share;
  var sums: array<f32, SUMS>;
  // @unroll
  for (var k = 0; k < SUMS; k++) {
    sums[k] = 0.0;
  }
  for (var image = first_image; image < min(first_image + share, params.images); image++) {
    let n = image / LANES;
    let lane = image % LANES;
    for (var r = 0u; r < OTHER_H; r += DY_ROWS) {
      var x: array<vec4f, INS / IN_PACK * X_QUADS>;
      var g: array<vec4f, OUTS / OTHER_PACK * DY_QUADS>;
      // @unroll
      for (var o = 0; o < OUTS / OTHER_PACK; o++) {
        // @unroll
        for (var q = 0; q < DY_QUADS; q++) {
          g[o * DY_QUADS + q] = textureLoad(dy, other_at(n, out_group + o, r * OTHER_PITCH / 4 + q, lane));
        }
      }
      // @unroll
      for (var i = 0; i < INS / IN_PACK; i++) {
        // @static
        if (WHOLE) {
          // @unroll
          for (var q = 0; q < X_QUADS; q++) {
            x[i * X_QUADS + q] = textureLoad(input, in_at(n, in_group + i, q, lane));
          }
        } else {
          // @unroll
          for (var k = 0; k < TAP_ROWS; k++) {
            let row = i32(r * STRIDE_H + (first_row + k) * DILATION_H) - PAD_H;
            let inside = row >= 0 && row < IN_H;
            let start = u32(clamp(row, 0, IN_H - 1)) * (IN_PITCH / 4);
            // @unroll
            for (var q = 0; q < IN_PITCH / 4; q++) {
              x[i * X_QUADS + k * IN_PITCH / 4 + q] = select(vec4f(0), textureLoad(input, in_at(n, in_group + i, start + q, lane)), inside);
            }
          }
        }
      }
      // @unroll
      for (var o = 0; o < OUTS; o++) {
        // @unroll
        for (var i = 0; i < INS; i++) {
          // @unroll
          for (var ky = 0; ky < TAP_ROWS; ky++) {
            // @unroll
            for (var kx = 0; kx < TAP_COLS; kx++) {
              var sum = 0.0;
              // @unroll
              for (var row = 0; row < DY_ROWS; row++) {
                // @unroll
                for (var c = 0; c < OTHER_W; c++) {
                  const xx = c * STRIDE_W + (kx + TAP_LEFT) * DILATION_W - PAD_W;
                  // @static
                  if (WHOLE) {
                    const y = row * STRIDE_H + (ky + TAP_TOP) * DILATION_H - PAD_H;
                    // @static
                    if (y >= 0 && y < IN_H && xx >= 0 && xx < IN_W) {
                      const to = row * OTHER_PITCH + c;
                      const slot = y * IN_PITCH + xx;
                      sum += g[o / OTHER_PACK * DY_QUADS + to / 4][to % 4 + o % OTHER_PACK] * x[i / IN_PACK * X_QUADS + slot / 4][slot % 4 + i % IN_PACK];
                    }
                  } else {
                    // @static
                    if (xx >= 0 && xx < IN_W) {
                      const slot = ky * IN_PITCH + xx;
                      sum += g[o * DY_QUADS + c / 4][c % 4] * x[i * X_QUADS + slot / 4][slot % 4];
                    }
                  }
                }
              }
              sums[((o * INS + i) * TAP_ROWS + ky) * TAP_COLS + kx] += sum;
            }
          }
        }
      }
    }
  }
  // @unroll
  for (var t = 0; t < SUM_TEXELS; t++) {
    var value = vec4f(0);
    // @unroll
    for (var i = 0; i < 4; i++) {
      // @static
      if (t * 4 + i < SUMS) {
        value[i] = sums[t * 4 + i];
      }
    }
    textureStore(output, sums_at(tile, t, local.x), value);
  }
}
