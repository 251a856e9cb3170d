#!/bin/bash
# Stands in for the supervisor in tests of the port to Slurm: slurm_group.sh OUTCOME BATCH NUMBER.
# It tells in OUTCOME/NUMBER.told what happens, a line each, and ends with the exit code in OUTCOME/NUMBER.end.
told=$1/$3.told end=$1/$3.end all=$1/all.end lingers=$1/$3.lingers was_asked=
tell() { echo "$*" >>"$told"; }
asked() { tell TERM; [ -e "$1" ] && [ -z "$was_asked" ] || exit 3; was_asked=$SECONDS; }
trap 'asked "$lingers"' TERM
trap 'tell USR1; tell successor "$(python3 -c "$again" 2>&1)"; exit 0' USR1
again='import json, os, subprocess, sys; sys.exit(subprocess.run(json.loads(os.environ["LAUNCHER_RESUBMIT"])).returncode)'
tell start "$LAUNCHER_TICKET" "restarts=${SLURM_RESTART_COUNT:-0}" "gpus=$CUDA_VISIBLE_DEVICES" "job=$SLURM_JOB_ID" "pid=$$"
while :; do
    for file in "$end" "$all"; do [ -e "$file" ] && exit "$(cat "$file")"; done
    [ -n "$was_asked" ] && [ $((SECONDS - was_asked)) -ge 7 ] && exit 3
    sleep 0.1
done
