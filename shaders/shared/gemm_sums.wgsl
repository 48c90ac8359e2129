// How the sums of conv2d_gemm_weight_grad.wgsl lie: share after share, tile after tile (columns first), an output channel after the
// other, and of each the columns of a tile, four of one invocation a texel. See src/ops/convolution/hardware/weightGradient.ts.
const TM = 64; // output channels of a workgroup
const TN = 64; // columns of it
const OWN_N = 8; // columns of an invocation, every ACROSS-th
const COLUMNS_OF_TAP = 64; // columns are input channels, of one tap after the other
const TILES_M = 1; // of a group
const TILES_N = 9;
const GROUPS = 1;
const GROUP_OUTS = 64; // channels of a group
const GROUP_INS = 64;
const TAPS = 9;
const SHARES = 1; // of the places of the output
const SUMS_ROW = 4096; // texels in a row of the texture

const ACROSS = TN / OWN_N; // invocations along the columns
const TILE_TEXELS = TM * TN / 4;
const SHARE_TEXELS = TILE_TEXELS * TILES_N * TILES_M * GROUPS;
