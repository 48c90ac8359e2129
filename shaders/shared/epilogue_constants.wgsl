// What is done behind the op itself, see epilogue.wgsl.
const RESIDUAL = false;
const RELU = false;
const CAP = 0; // of the ReLU; 0: none
const GATE = false;
const GATE_CAP = 0; // of the ReLU whose gradient is written
