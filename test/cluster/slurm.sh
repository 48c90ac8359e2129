#!/usr/bin/env bash
# A real Slurm on this machine, for as long as this script runs: the batch file of docs/cluster.md as it stands, over an array of
# three shards, one of which is requeued in the middle and one of which reaches its deadline; merged, the bytes have to be those
# of an unsharded run. Needs root (Slurm without systemd), and installs Slurm by apt where it is missing.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)

if [ "$(id -u)" -ne 0 ]; then echo "skipped: Slurm can't be started by $(id -un)"; exit 0; fi
if ! command -v slurmctld slurmd munged > /dev/null; then
  if ! command -v apt-get > /dev/null; then echo "skipped: there is neither Slurm nor apt"; exit 0; fi
  apt=(apt-get -qq -o DPkg::Lock::Timeout=120)
  export DEBIAN_FRONTEND=noninteractive
  "${apt[@]}" update
  "${apt[@]}" install -y --no-install-recommends slurmctld slurmd slurm-client munge > /dev/null
fi

dir=$(mktemp -d)
chmod 755 "$dir" # munge wants its socket to be reachable
mkdir "$dir"/{state,spool,log,bin}
export SLURM_CONF="$dir/slurm.conf"

stop() {
  status=$?
  [ "$status" -eq 0 ] || { tail -n 20 "$dir"/log/*.log "$dir"/work/*.log 2> /dev/null; squeue 2> /dev/null; } || true
  for name in slurmd slurmctld munged; do
    if [ -f "$dir/$name.pid" ]; then kill "$(cat "$dir/$name.pid")" 2> /dev/null || true; fi
  done
  sleep 1
  rm -rf "$dir"
  exit "$status"
}
trap stop EXIT

# --- The cluster ---------------------------------------------------------------------------------------------------------------

host=$(hostname -s)
cat > "$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket=$dir/munge.sock
CryptoType=crypto/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
ReturnToService=2
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldPort=16817
SlurmdPort=16818
SlurmdSpoolDir=$dir/spool
StateSaveLocation=$dir/state
SlurmUser=root
SlurmdUser=root
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd.log
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF

(umask 077; head -c 1024 /dev/urandom > "$dir/munge.key")
munged --force --key-file "$dir/munge.key" --socket "$dir/munge.sock" --pid-file "$dir/munged.pid" --log-file "$dir/log/munged.log" --seed-file "$dir/munge.seed"
slurmctld
slurmd
await() { # what, seconds, command...
  local what=$1 until=$((SECONDS + $2))
  shift 2
  until "$@"; do
    if [ "$SECONDS" -ge "$until" ]; then echo "gave up waiting: $what"; exit 1; fi
    sleep 0.2
  done
}
node_is_idle() { sinfo -h -o %t 2> /dev/null | grep -q idle; }
await "the node" 60 node_is_idle
echo "$(sinfo --version): a node with $(nproc) processors"

# --- The command ---------------------------------------------------------------------------------------------------------------

# The page's command on the demo's files, cut down; the deadline of task 3 is near on its first start.
cat > "$dir/bin/wgpu-inferlink" <<COMMAND
#!/usr/bin/env bash
if [ "\$1" = run ]; then
  set -- "\$@" --limit 48 --thresholds 6
  if [ "\${SLURM_ARRAY_TASK_ID:-}" = 3 ] && [ ! -e "$dir/third" ]; then touch "$dir/third"; set -- "\${@/55m/3s}"; fi
fi
exec node "$root/bin/wgpu-inferlink.js" "\$@"
COMMAND
chmod +x "$dir/bin/wgpu-inferlink"
export PATH="$dir/bin:$PATH"
mkdir -p "$dir/work/Dataset/MNIST"
cd "$dir/work"
ln -s "$root/fixtures/demo/Saved_models" Saved_models
ln -s "$root/fixtures/demo/MNIST/raw" Dataset/MNIST/raw
# shellcheck disable=SC2016
sed -n '/^```sbatch$/,/^```$/p' "$root/docs/cluster.md" | sed '1d;$d' > sweep.sbatch

# --- The sweep -----------------------------------------------------------------------------------------------------------------

job=$(sbatch --parsable --array=1-3 --gres=none --mem=0 sweep.sbatch)
merge=$(sbatch --parsable --dependency=afterok:"$job" --kill-on-invalid-dep=yes --output=merge.log --wrap "wgpu-inferlink merge sweep")
bytes() { stat -c %s "sweep/shard-$1-of-3/journal.bin" 2> /dev/null || echo 0; }
field() { scontrol show job -o "$1" 2> /dev/null | grep -o "$2=[^ ]*" | head -n 1 | cut -d= -f2; }
# Slurm lets a requeued task wait two minutes, for a reason: slurmd refuses what was issued in the second in which the task was
# killed ("Job already killed, do not launch batch job"), and the task ends as failed. A few seconds are enough here.
declare -A waiting
hasten() {
  [ "$(field "${job}_$1" JobState)" = PENDING ] && [ "$(field "${job}_$1" Restarts)" -gt 0 ] || return 0
  : "${waiting[$1]:=$SECONDS}"
  if [ $((SECONDS - waiting[$1])) -ge 5 ]; then scontrol update JobId="${job}_$1" StartTime=now 2> /dev/null || true; fi
}

second_has_units() { [ "$(bytes 2)" -gt 2000 ]; }
await "units of shard 2" 120 second_has_units
before=$(bytes 2)
scontrol requeue "${job}_2"
echo "requeued task 2 with $before bytes of finished units"
everything_is_over() {
  hasten 2; hasten 3
  [ -z "$(squeue -h)" ]
}
await "the array and the merge" 240 everything_is_over
if [ ! -e sweep/results.arrow ]; then echo "the merge did not run: it is $(field "$merge" JobState), the tasks are $(for task in 1 2 3; do field "${job}_$task" JobState; done | xargs)"; exit 1; fi

for task in 1 2 3; do
  echo "--- task $task"
  grep -E '^(shard|going on|done|deadline|SIG|interrupted)' "filtering-$task.log"
done
resumed() { node -p "JSON.parse(require('fs').readFileSync('sweep/shard-$1-of-3/manifest.json')).resumed.length"; }
[ "$(resumed 1) $(resumed 2) $(resumed 3)" = "0 1 1" ] || { echo "starts after the first: $(resumed 1) $(resumed 2) $(resumed 3), not 0 1 1"; exit 1; }
grep -q 'going on: [1-9]' filtering-2.log
grep -q 'deadline' filtering-3.log

# --- The same in one piece -----------------------------------------------------------------------------------------------------

wgpu-inferlink run --saved-models Saved_models --data Dataset/MNIST/raw --out whole --quiet --no-report > /dev/null
cmp whole/results.arrow sweep/results.arrow
tail -n 2 merge.log
echo "Slurm: three shards, one requeued, one over its deadline, merged to the bytes of one piece ($(stat -c %s whole/results.arrow))"
