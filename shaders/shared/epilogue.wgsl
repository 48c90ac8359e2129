// Before `value` is written to `at`: the residual, ReLU (forward) or its gate (gradient). Needs image_block, and params of their blocks.
// @static
if (RESIDUAL) {
  value += textureLoad(residual, residual_at(image_block % params.residual_blocks, group, quad, lane));
}
// @static
if (RELU) {
  value = max(value, vec4f(0));
  // @static
  if (CAP > 0) {
    value = min(value, vec4f(CAP));
  }
}
// @static
if (GATE) {
  let shown = textureLoad(gate, gate_at(image_block % params.gate_blocks, group, quad, lane), 0);
  value = select(vec4f(0), value, shown > vec4f(0));
  // @static
  if (GATE_CAP > 0) {
    value = select(vec4f(0), value, shown < vec4f(GATE_CAP));
  }
}
