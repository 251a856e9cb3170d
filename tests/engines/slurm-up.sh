#!/bin/bash
# Brings a Slurm cluster of virtual nodes up on this machine, for tests, and takes it down again. All traffic stays on
# 127.0.0.1. It needs root and, where Slurm is not installed, apt (half a minute); no systemd and no cgroups.
#
#   slurm-up.sh install             installs Slurm, where it is missing
#   slurm-up.sh up                  writes $BASE/slurm.conf, starts all daemons, waits until all nodes are idle
#   slurm-up.sh down                ends all jobs and daemons of $BASE, and waits until they are gone
#   slurm-up.sh kill-node N         kills the daemon of a node; its jobs live on, as on a node that is cut off
#   slurm-up.sh start-node N        starts it again
#   slurm-up.sh kill-controller     kills the controller: nothing answers, jobs go on
#   slurm-up.sh start-controller    starts it again, with the state that it has saved
#   slurm-up.sh status              shows nodes and jobs
#
# Variables, each with its default. A cluster is its BASE: two of them live side by side.
#   BASE=$TMPDIR/slurm-test   everything of the cluster: configuration, keys, logs (log/slurmctld, log/slurmd.n1), state
#   NODES=4 CPUS=2 GPUS=2     nodes n1 to n4; CPUs and GPUs of each. The GPUs are /dev/null under other names.
#   FIRST_PORT=               the controller's port, the nodes' follow; by default free ports, chosen at random
#   KILL_WAIT=5               seconds between SIGTERM and SIGKILL of scancel
#   NODE_TIMEOUT=15           seconds without an answer until a node is down
#   MAX_ARRAY=1001            MaxArraySize, Slurm's own default
#   MAX_JOBS=20000            MaxJobCount
# Partitions: normal (the default), low (its jobs are requeued for those of high), high.
# Afterwards, in a shell: export SLURM_CONF=$BASE/slurm.conf
set -euo pipefail

BASE=${BASE:-${TMPDIR:-/tmp}/slurm-test}
NODES=${NODES:-4} CPUS=${CPUS:-2} GPUS=${GPUS:-2} FIRST_PORT=${FIRST_PORT:-} KILL_WAIT=${KILL_WAIT:-5}
NODE_TIMEOUT=${NODE_TIMEOUT:-15} MAX_ARRAY=${MAX_ARRAY:-1001} MAX_JOBS=${MAX_JOBS:-20000}
export SLURM_CONF=$BASE/slurm.conf

is_installed() {
    for program in slurmctld slurmd sbatch munged; do command -v $program >/dev/null || return 1; done
}

# Debian's packages start their services, which would listen on all addresses. policy-rc.d forbids that for a moment.
install() {
    is_installed && return
    local policy=/usr/sbin/policy-rc.d
    apt-get update -qq
    [ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy && trap "rm -f $policy" EXIT; }
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        slurmctld slurmd slurm-client munge >/dev/null
}

# Prints the first of NODES + 1 ports in a row on which nobody listens. They lie below those that the kernel gives away.
free_ports() {
    local first used
    used=$(awk '$4 == "0A" {print $2}' /proc/net/tcp /proc/net/tcp6 2>/dev/null | sed 's/.*://')
    while :; do
        first=$((16000 + RANDOM % 15000))
        for port in $(seq $first $((first + NODES))); do
            grep -qi "^$(printf %04X "$port")$" <<<"$used" && continue 2
        done
        echo $first
        return
    done
}

write_conf() {
    mkdir -p "$BASE"/{state,log,pid,gpu,munge}
    chmod 700 "$BASE/munge"
    [ -s "$BASE/munge/key" ] || (umask 377 && head -c 1024 /dev/urandom >"$BASE/munge/key")
    for node in $(seq "$NODES"); do mkdir -p "$BASE/spool/n$node"; done
    # A GPU must be a character device; Slurm makes the index in CUDA_VISIBLE_DEVICES of the digit in its name.
    for gpu in $(seq 0 $((GPUS - 1))); do [ -c "$BASE/gpu/gpu$gpu" ] || mknod "$BASE/gpu/gpu$gpu" c 1 3; done
    local gres=""
    : >"$BASE/gres.conf"
    if [ "$GPUS" -gt 0 ]; then
        gres="Gres=gpu:$GPUS"
        echo "NodeName=n[1-$NODES] Name=gpu File=$BASE/gpu/gpu[0-$((GPUS - 1))]" >"$BASE/gres.conf"
    fi
    # Slurm 22.05 wants a plugin for cgroups even where nothing uses them.
    if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then
        printf 'CgroupPlugin=cgroup/v2\nIgnoreSystemd=yes\n' >"$BASE/cgroup.conf"
    else
        printf 'CgroupPlugin=cgroup/v1\nCgroupMountpoint=/sys/fs/cgroup\n' >"$BASE/cgroup.conf"
    fi
    cat >"$SLURM_CONF" <<CONF
ClusterName=virtual
SlurmUser=root
SlurmdUser=root
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$FIRST_PORT
# binds to loopback only
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$BASE/munge/socket
StateSaveLocation=$BASE/state
SlurmdSpoolDir=$BASE/spool/%n
SlurmctldPidFile=$BASE/pid/slurmctld
SlurmdPidFile=$BASE/pid/slurmd.%n
SlurmctldLogFile=$BASE/log/slurmctld
SlurmdLogFile=$BASE/log/slurmd.%n
SlurmctldDebug=info
SlurmdDebug=info
SwitchType=switch/none
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
# Not every site has accounting, so nothing here may need it.
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_min_interval=100000,batch_sched_delay=1,bf_interval=5
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
# A job that is preempted gets the signal that it has asked for by --signal.
SlurmctldParameters=preempt_send_user_signal
SlurmdParameters=config_overrides
GresTypes=gpu
# A node that comes back is used again.
ReturnToService=2
SlurmctldTimeout=10
SlurmdTimeout=$NODE_TIMEOUT
KillWait=$KILL_WAIT
MinJobAge=300
MaxArraySize=$MAX_ARRAY
MaxJobCount=$MAX_JOBS
InactiveLimit=0
Waittime=0
RebootProgram=/bin/false
NodeName=n[1-$NODES] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[$((FIRST_PORT + 1))-$((FIRST_PORT + NODES))] CPUs=$CPUS CoresPerSocket=$CPUS RealMemory=4000 $gres State=UNKNOWN
PartitionName=normal Nodes=n[1-$NODES] Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
PartitionName=low Nodes=n[1-$NODES] PriorityTier=1 MaxTime=INFINITE State=UP GraceTime=10 PreemptMode=REQUEUE
PartitionName=high Nodes=n[1-$NODES] PriorityTier=10 MaxTime=INFINITE State=UP PreemptMode=OFF
CONF
}

start_node() { slurmd -N "n$1" -f "$SLURM_CONF"; }

is_idle() { [ "$(sinfo -h -N -p normal -t idle -o %N 2>/dev/null | wc -l)" = "$NODES" ]; }

up() {
    install
    is_running && { echo "there is a cluster in $BASE already" >&2; exit 1; }
    FIRST_PORT=${FIRST_PORT:-$(free_ports)}
    rm -rf "$BASE/state"  # what a killed controller left belongs to other jobs
    write_conf
    munged --key-file="$BASE/munge/key" --socket="$BASE/munge/socket" --pid-file="$BASE/munge/pid" \
        --log-file="$BASE/munge/log" --seed-file="$BASE/munge/seed" --force
    slurmctld -c -f "$SLURM_CONF"
    for node in $(seq "$NODES"); do start_node "$node"; done
    for _ in $(seq 300); do
        is_idle && break
        sleep 0.1
    done
    is_idle || { tail -n 5 "$BASE"/log/* >&2; down; exit 1; }
    sinfo -N -p normal -o "%N %T %c %G"
    echo "export SLURM_CONF=$SLURM_CONF"
}

pids() { cat "$BASE"/pid/* "$BASE/munge/pid" 2>/dev/null || true; }

is_alive() { [ -n "${1:-}" ] && [ -d "/proc/$1" ] && ! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }

is_running() { for pid in $(pids); do is_alive "$pid" && return; done; return 1; }

# Prints the processes that a job of this cluster has left. Only what runs in a job has both variables.
left_of_jobs() {
    for environment in /proc/[0-9]*/environ; do
        grep -qzxF "SLURM_CONF=$SLURM_CONF" "$environment" 2>/dev/null &&
            grep -qz '^SLURM_JOB_ID=' "$environment" 2>/dev/null && basename "$(dirname "$environment")"
    done
    return 0
}

steps() {  # the daemons that watch one job each
    for name in /proc/[0-9]*/comm; do
        [ "$(cat "$name" 2>/dev/null)" = slurmstepd ] &&
            grep -qzxF "SLURM_CONF=$SLURM_CONF" "$(dirname "$name")/environ" 2>/dev/null &&
            basename "$(dirname "$name")"
    done
    return 0
}

end() {  # SIGTERM, after five seconds SIGKILL
    [ $# -gt 0 ] || return 0
    kill -TERM "$@" 2>/dev/null || true
    for _ in $(seq 100); do
        local left=()
        for pid in "$@"; do is_alive "$pid" && left+=("$pid"); done
        [ ${#left[@]} = 0 ] && return
        sleep 0.05
    done
    kill -KILL "${left[@]}" 2>/dev/null || true
}

down() {
    local munge
    munge=$(cat "$BASE/munge/pid" 2>/dev/null || true)
    # shellcheck disable=SC2046
    end $(cat "$BASE"/pid/* 2>/dev/null || true)
    local left
    for _ in $(seq 20); do  # what is killed may have just started another process
        left=$(steps; left_of_jobs)
        [ -n "$left" ] || break
        # shellcheck disable=SC2086
        kill -KILL $left 2>/dev/null || true
    done
    # shellcheck disable=SC2086
    end $munge
    rm -f "$BASE"/pid/* "$BASE/munge/pid" "$BASE"/munge/socket*
}

kill_hard() {
    local pid
    pid=$(cat "$BASE/pid/$1")
    kill -KILL "$pid"
    while is_alive "$pid"; do sleep 0.02; done
}

case "${1:-}" in
    install) install ;;
    up) up ;;
    down) down ;;
    kill-node) kill_hard "slurmd.n$2" ;;
    start-node) start_node "$2" ;;
    kill-controller) kill_hard slurmctld ;;
    start-controller) slurmctld -f "$SLURM_CONF" ;;
    status) sinfo -N -p normal -o "%N %T %E"; squeue -a ;;
    *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 2 ;;
esac
