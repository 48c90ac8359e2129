import type { Call, Rules } from "../call.js";
import { refuse } from "../refusal.js";
import type { LogProbabilities } from "../values.js";

/** Cross-entropy takes logits and log-probabilities alike, so at the end it makes no difference. */
function logSoftmax(call: Call): LogProbabilities {
  call.checkDtype();
  const logits = call.image();
  if (logits.dims.length !== 2 || call.axis(2, call.integer("dim")) !== 1) return refuse("takes the log_softmax of something else than a vector of classes");
  return { kind: "log-probabilities", logits };
}

const softmax = (): never => refuse("is a softmax, whose probabilities a cross-entropy cannot take; export the network without it, so that it ends in logits");

export const softmaxes: Rules = {
  "log_softmax.int": logSoftmax,
  "_log_softmax.default": logSoftmax,
  "softmax.int": softmax,
  "_softmax.default": softmax,
};
