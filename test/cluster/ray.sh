#!/usr/bin/env bash
# The Python of docs/cluster.md on a real Ray of this machine, on the demo's files cut down; merged, the bytes have to be those of an
# unsharded run. Ray comes by pip into a folder of its own.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
venv="$root/node_modules/.cache/wgpu-inferlink-ray"
[ -x "$venv/bin/ray" ] || { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet ray; }

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/bin" "$dir/work/Dataset/MNIST"
cat > "$dir/bin/wgpu-inferlink" <<COMMAND
#!/usr/bin/env bash
[ "\$1" != run ] || set -- "\$@" --limit 32 --thresholds 3
exec node "$root/bin/wgpu-inferlink.js" "\$@"
COMMAND
chmod +x "$dir/bin/wgpu-inferlink"
export PATH="$dir/bin:$PATH"
cd "$dir/work"
ln -s "$root/fixtures/demo/Saved_models" Saved_models
ln -s "$root/fixtures/demo/MNIST/raw" Dataset/MNIST/raw

# This machine has no GPU to share out, and another folder.
sed -n '/^```python$/,/^```$/p' "$root/docs/cluster.md" | sed '1d;$d' | sed "s|^WORK = .*|WORK = \"$PWD\"|; s|num_gpus=1|num_gpus=0|; s|^SHARDS = .*|SHARDS = 3|" > sweep.py
RAY_DEDUP_LOGS=0 "$venv/bin/python" sweep.py
wgpu-inferlink run --saved-models Saved_models --data Dataset/MNIST/raw --out whole --quiet --no-report > /dev/null
cmp whole/results.arrow sweep/results.arrow
echo "Ray: three shards, merged to the bytes of one piece"
