// Where the gate's groups of channels lie; its maps lie as those of the output.
const GATE_QUADS = OUT_QUADS;
// @import place as gate
