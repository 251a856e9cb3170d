#!/bin/bash
# A Ray of real nodes on this machine: `ray-up.sh up | down | kill-raylet N | stop-raylet N | status`. The tests use it; so can you.
#   PYTHON=python  BASE=/tmp/ray-up (short: sockets lie in it)  NODES=3 (beside the head, which runs nothing)  CPUS=1
#   GPUS=1 (they need not exist)  PORT=6399 (not 10002 to 19999, which Ray gives to its workers)  IP=127.0.0.2
# Afterwards type what it prints: RAY_ADDRESS, and the token. Ray listens on all interfaces, and whoever has no token is refused.
#
# Ray replaces 127.0.0.1 by the address of the network card, so the nodes have 127.0.0.2. Each node is a process in the
# foreground (--block) with a session of its own, and is ended by its pid: `ray stop` would end every Ray of the machine.
# The nodes start in turn: of two that started a second apart on a busy machine, the later gave up after a minute.
set -euo pipefail
PYTHON=${PYTHON:-python} BASE=${BASE:-/tmp/ray-up} NODES=${NODES:-3} CPUS=${CPUS:-1} GPUS=${GPUS:-1}
PORT=${PORT:-6399} IP=${IP:-127.0.0.2} LIMIT_S=${LIMIT_S:-60}
export RAY_USAGE_STATS_ENABLED=0 RAY_raylet_start_wait_time_s=60
common=(--node-ip-address="$IP" --disable-usage-stats --block --object-store-memory=100000000)

if [ -z "${RAY_AUTH_TOKEN:-}" ]; then
    mkdir -p "$BASE"
    [ -s "$BASE/token" ] || (umask 077 && od -An -N 32 -t x1 /dev/urandom | tr -d ' \n' >"$BASE/token")
    RAY_AUTH_TOKEN=$(cat "$BASE/token")
fi
export RAY_AUTH_TOKEN RAY_AUTH_MODE=token

node() {  # NAME ARGUMENTS…: starts a node and waits until it has joined
    local name=$1 pid
    shift
    : >"$BASE/$name.log"
    setsid "$PYTHON" -m ray.scripts.scripts start "$@" "${common[@]}" </dev/null >"$BASE/$name.log" 2>&1 &
    pid=$!
    echo "$pid" >"$BASE/pid/$name"
    for _ in $(seq $((10 * LIMIT_S))); do
        grep -q 'Ray runtime started' "$BASE/$name.log" && return 0
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    end KILL "$name"
    return 1
}

up() {
    [ -z "$(ls "$BASE/pid" 2>/dev/null)" ] || { echo "there are nodes in $BASE already: ray-up.sh down" >&2; exit 1; }
    mkdir -p "$BASE/pid"
    node head --head --port="$PORT" --num-cpus=0 --num-gpus=0 --include-dashboard=false --temp-dir="$BASE/ray" ||
        { tail -n 5 "$BASE/head.log" >&2; down; exit 1; }
    for n in $(seq "$NODES"); do
        start=(node "node$n" --address="$IP:$PORT" --num-cpus="$CPUS" --num-gpus="$GPUS" --resources="{\"node$n\": 1}")
        "${start[@]}" || "${start[@]}" || { tail -n 5 "$BASE/node$n.log" >&2; down; exit 1; }
    done
    echo "export RAY_ADDRESS=$IP:$PORT RAY_AUTH_MODE=token RAY_AUTH_TOKEN=$RAY_AUTH_TOKEN"
}

end() {  # SIGNAL NAME: ends a node and all processes in its session
    local leader pid
    leader=$(cat "$BASE/pid/$2")
    for pid in $(ps -o pid= -s "$leader"); do kill -"$1" "$pid" 2>/dev/null || true; done
    kill -"$1" "$leader" 2>/dev/null || true
}

down() {
    local names name
    names=$(ls -r "$BASE/pid" 2>/dev/null) || return 0
    for name in $names; do kill -TERM "$(cat "$BASE/pid/$name")" 2>/dev/null || true; done
    for _ in $(seq 50); do
        alive=0
        for name in $names; do kill -0 "$(cat "$BASE/pid/$name")" 2>/dev/null && alive=1; done
        [ "$alive" = 1 ] || break
        sleep 0.1
    done
    for name in $names; do end KILL "$name"; rm -f "$BASE/pid/$name"; done
}

raylet() {  # N: the pid of a node's raylet
    pgrep -P "$(cat "$BASE/pid/node$1")" -f raylet/raylet
}

case "${1:-}" in
    up) up ;;
    down) down ;;
    kill-raylet) kill -KILL "$(raylet "$2")" ;;
    stop-raylet) kill -STOP "$(raylet "$2")" ;;
    status) for f in "$BASE"/pid/*; do echo "$(basename "$f") $(ps -o pid=,stat= -p "$(cat "$f")" || echo gone)"; done ;;
    *) sed -n 2,5p "$0"; exit 2 ;;
esac
