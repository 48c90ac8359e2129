// Where the residual's groups of channels lie; its maps lie as those of the output.
const RESIDUAL_QUADS = OUT_QUADS;
// @import place as residual
