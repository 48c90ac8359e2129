import { test } from "uvu";
import * as assert from "uvu/assert";
import { scalarise } from "../src/gpu/scalars.js";
import { shader, specialise } from "../src/gpu/shader.js";
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

test("constant indexes are written as numbers", () => {
  assert.is(expand("const N = 3;\n// @unroll\nfor (var i = 0; i < 2; i++) {\nb[i * N + 1 / 2][j] = c[i % 2][N - 1];\n}", {}), "const N = 3;\nb[0][j] = c[0][2];\nb[3][j] = c[1][2];");
});

test("arrays with constant indexes become variables, each where it was declared; others stay", () => {
  const lines = ["var a: array<vec4f, N>;", "var b: array<f32, 2>;", "a[0] = b[i] + a[2][1];", "{", "var a: array<vec4f, N>;", "a[1] = f(b[0]);", "}"];
  assert.is(scalarise(lines).join("\n"), "var a_0: vec4f;\nvar a_2: vec4f;\nvar b: array<f32, 2>;\na_0 = b[i] + a_2[1];\n{\nvar a_1: vec4f;\na_1 = f(b[0]);\n}");
});

test("a kernel for adapters without subgroups speaks of none", () => {
  assert.not.match(specialise(shader("conv2d"), { SHUFFLE: false }, false).code.replaceAll(/\/\/.*/g, ""), /subgroup/);
});

test.run();
