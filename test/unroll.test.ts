import { test } from "uvu";
import * as assert from "uvu/assert";
import { expand } from "../src/gpu/unroll.js";

const SOURCE = `const N = 3;
const FLAG = true;
fn f() {
  // @unroll
  for (var i = 0; i < N; i++) {
    const twice = i * 2;
    // @static
    if (twice > 2 || !FLAG) {
      a[twice] = i.x; // kept
    }
  }
  // @static
  if (FLAG) {
    yes();
  } else {
    no();
  }
}`;

test("marked loops and branches are written out", () => {
  assert.is(expand(SOURCE, {}), "const N = 3;\nconst FLAG = true;\nfn f() {\na[4] = 2.x;\nyes();\n}");
});

test("the host's constants decide", () => {
  assert.is(expand(SOURCE, { N: 1, FLAG: false }), "const N = 1;\nconst FLAG = false;\nfn f() {\na[0] = 0.x;\nno();\n}");
});

test("an undeclared constant and a bound that is not constant are refused", () => {
  assert.throws(() => expand(SOURCE, { M: 1 }), /constant M is not declared/);
  assert.throws(() => expand("// @unroll\nfor (var i = 0; i < n; i++) {\n}", {}), /not constant/);
});

test("a declaration keeps its block", () => {
  assert.is(expand("// @unroll\nfor (var i = 0; i < 2; i++) {\n  let x = i;\n}", {}), "{\nlet x = 0;\n}\n{\nlet x = 1;\n}");
});

test.run();
