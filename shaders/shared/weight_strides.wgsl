// How weights lie in a checkpoint: see weightStrides in src/ops/convolution/shape.ts.
const SUMS = 8; // channels of a group that are added
const OUTS = 8; // channels of a group that are made
const GROUPS = 1;
const SUM_STRIDE = 9; // from one of them to the next
const OUT_STRIDE = 72;
const GROUP_STRIDE = 576; // from one group to the next
