/** Expanded WGSL of these shaders (one statement a line) as CUDA C++: enough to see what NVIDIA's assembler makes of a kernel. Not a general translator. */

export const PRELUDE = `
typedef unsigned u32; typedef int i32; typedef float f32;
struct vec2u { u32 x, y; __device__ vec2u(u32 a, u32 b) : x(a), y(b) {} };
struct vec3u { u32 x, y, z; };
struct vec2f { float x, y; };
struct vec4b { bool x, y, z, w; };
struct vec4u {
  u32 x, y, z, w;
  __device__ explicit vec4u(u32 a) : x(a), y(a), z(a), w(a) {}
  __device__ vec4u(u32 a, u32 b, u32 c, u32 d) : x(a), y(b), z(c), w(d) {}
};
__device__ __forceinline__ vec4u operator+(vec4u a, vec4u b) { return vec4u(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w); }
__device__ __forceinline__ vec4b operator<(vec4u a, vec4u b) { return vec4b{a.x < b.x, a.y < b.y, a.z < b.z, a.w < b.w}; }
struct __align__(16) vec4f {
  float x, y, z, w;
  __device__ vec4f() : x(0), y(0), z(0), w(0) {}
  __device__ explicit vec4f(float a) : x(a), y(a), z(a), w(a) {}
  __device__ vec4f(float a, float b, float c, float d) : x(a), y(b), z(c), w(d) {}
  __device__ __forceinline__ float &operator[](int i) { return i == 0 ? x : i == 1 ? y : i == 2 ? z : w; }
  __device__ __forceinline__ float operator[](int i) const { return i == 0 ? x : i == 1 ? y : i == 2 ? z : w; }
};
#define OP(o) __device__ __forceinline__ vec4f operator o(vec4f a, vec4f b) { return vec4f(a.x o b.x, a.y o b.y, a.z o b.z, a.w o b.w); } \\
  __device__ __forceinline__ vec4f operator o(vec4f a, float b) { return vec4f(a.x o b, a.y o b, a.z o b, a.w o b); }
OP(+) OP(*)
#define CMP(o) __device__ __forceinline__ vec4b operator o(vec4f a, vec4f b) { return vec4b{a.x o b.x, a.y o b.y, a.z o b.z, a.w o b.w}; }
CMP(<=) CMP(>=) CMP(>) CMP(<)
__device__ __forceinline__ vec4b operator&(vec4b a, vec4b b) { return vec4b{a.x && b.x, a.y && b.y, a.z && b.z, a.w && b.w}; }
__device__ __forceinline__ vec4f &operator+=(vec4f &a, vec4f b) { a = a + b; return a; }
__device__ __forceinline__ vec4f &operator*=(vec4f &a, vec4f b) { a = a * b; return a; }
__device__ __forceinline__ vec4f &operator*=(vec4f &a, float b) { a = a * b; return a; }
__device__ __forceinline__ vec4f select(vec4f a, vec4f b, vec4b c) { return vec4f(c.x ? b.x : a.x, c.y ? b.y : a.y, c.z ? b.z : a.z, c.w ? b.w : a.w); }
__device__ __forceinline__ vec4f select(vec4f a, vec4f b, bool c) { return c ? b : a; }
__device__ __forceinline__ int select(int a, int b, bool c) { return c ? b : a; }
__device__ __forceinline__ vec4f fma(vec4f a, vec4f b, vec4f c) { return vec4f(fmaf(a.x, b.x, c.x), fmaf(a.y, b.y, c.y), fmaf(a.z, b.z, c.z), fmaf(a.w, b.w, c.w)); }
__device__ __forceinline__ vec4f max(vec4f a, vec4f b) { return vec4f(fmaxf(a.x, b.x), fmaxf(a.y, b.y), fmaxf(a.z, b.z), fmaxf(a.w, b.w)); }
__device__ __forceinline__ vec4f min(vec4f a, vec4f b) { return vec4f(fminf(a.x, b.x), fminf(a.y, b.y), fminf(a.z, b.z), fminf(a.w, b.w)); }
__device__ __forceinline__ int clamp(int v, int a, int b) { return min(max(v, a), b); }
template <class T> __device__ __forceinline__ T subgroupBroadcast(T v, int k) { return __shfl_sync(~0u, v, k); }
template <class T> __device__ __forceinline__ T subgroupBroadcastFirst(T v) { return __shfl_sync(~0u, v, 0); }
template <class T> __device__ __forceinline__ T subgroupShuffle(T v, int k) { return __shfl_sync(~0u, v, k); }
__device__ __forceinline__ void workgroupBarrier() { __syncthreads(); }
struct Texture { cudaSurfaceObject_t o; };
__device__ __forceinline__ vec4f textureLoad(Texture t, vec2u at) { float4 v = surf2Dread<float4>(t.o, at.x * 16, at.y); return vec4f(v.x, v.y, v.z, v.w); }
__device__ __forceinline__ vec4f textureLoad(Texture t, vec2u at, int) { return textureLoad(t, at); }
__device__ __forceinline__ void textureStore(Texture t, vec2u at, vec4f v) { surf2Dwrite(make_float4(v.x, v.y, v.z, v.w), t.o, at.x * 16, at.y); }
`;

export function toCuda(wgsl) {
  const out = [PRELUDE];
  const arguments_ = [];
  const shared = [];
  let inStruct = false;
  for (let line of wgsl.split("\n")) {
    line = line.trim().replace(/array<(\w+), (.+)>;$/, "array<$1, $2>;").replaceAll("vec4<bool>", "vec4b");
    let m;
    if (/^enable /.test(line) || line.startsWith("@compute") && !line.includes("fn main") || line === "") continue;
    if ((m = /^const (\w+) = (.+);$/.exec(line))) { out.push(/\d\.\d/.test(m[2]) ? `constexpr float ${m[1]} = ${m[2]};` : `constexpr int ${m[1]} = ${m[2]};`); continue; }
    if ((m = /^struct (\w+) \{$/.exec(line))) { inStruct = true; out.push(line); continue; }
    if (inStruct && (m = /^(\w+): (\w+),$/.exec(line))) { out.push(`${m[2]} ${m[1]};`); continue; }
    if (inStruct && line === "}") { inStruct = false; out.push("};"); continue; }
    if ((m = /^@group.* var<storage, read> (\w+): array<(\w+)>;$/.exec(line))) { arguments_.push(`const ${m[2]} *__restrict__ ${m[1]}`); continue; }
    if ((m = /^@group.* var<storage, read_write> (\w+): array<(\w+)>;$/.exec(line))) { arguments_.push(`${m[2]} *__restrict__ ${m[1]}`); continue; }
    if ((m = /^@group.* var<uniform> (\w+): array<(\w+), \d+>;$/.exec(line))) { arguments_.push(`const ${m[2]} *__restrict__ ${m[1]}`); continue; }
    if ((m = /^@group.* var<uniform> (\w+): (\w+);$/.exec(line))) { out.push(`__constant__ ${m[2]} ${m[1]};`); continue; } // functions read it, too
    if ((m = /^@group.* var (\w+): texture/.exec(line))) { arguments_.push(`const Texture ${m[1]}`); continue; }
    if ((m = /^var<workgroup> (\w+): array<(\w+), (.+)>;$/.exec(line))) { shared.push(`__shared__ ${m[2]} ${m[1]}[${m[3]}];`); continue; }
    if ((m = /^fn main\((.*)\) \{$/.exec(line))) {
      out.push(`extern "C" __global__ void kernel(${arguments_.join(", ")}) {`, ...shared);
      for (const p of m[1].matchAll(/@builtin\((\w+)\) (\w+): \w+/g)) {
        const value = { workgroup_id: "const vec3u X{blockIdx.x, blockIdx.y, blockIdx.z};", local_invocation_id: "const vec3u X{threadIdx.x, 0, 0};", local_invocation_index: "const u32 X = threadIdx.x;", subgroup_invocation_id: "const u32 X = threadIdx.x % 32;" }[p[1]];
        out.push(value.replace("X", p[2]));
      }
      continue;
    }
    if ((m = /^fn (\w+)\((.*)\) -> (\w+) \{$/.exec(line))) { out.push(`__device__ __forceinline__ ${m[3]} ${m[1]}(${m[2].split(", ").map((p) => p.replace(/(\w+): (\w+)/, "$2 $1")).join(", ")}) {`); continue; }
    line = line
      .replace(/^var (\w+): array<(\w+), (.+)>;$/, "$2 $1[$3] = {};").replace(/^var (\w+): (\w+);$/, "$2 $1{};").replace(/^var (\w+): (\w+) = /, "$2 $1 = ")
      .replace(/^let (\w+) = /, "const auto $1 = ").replace(/^var (\w+) = /, "auto $1 = ").replace(/for \(var (\w+) = /, "for (auto $1 = ").replace(/(\d\.\d+)(?![\df])/g, "$1f");
    out.push(line);
  }
  return out.join("\n");
}
