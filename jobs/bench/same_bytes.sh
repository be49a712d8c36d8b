#!/usr/bin/env bash
# The same bytes, whichever way: results, checks, decisions and group statistics of every date of a project that prepare.py
# made, compared file by file between one backfill and
#   nights      a run for each date, in order
#   disorder    a run for each date, in random order
#   killed      a backfill that is killed at random points, again and again, until one is let finish
#   buckets     other numbers of buckets
#   partitions  other partitions and batch sizes of the engine
#
#   jobs/bench/same_bytes.sh VERDICT PROJECT FROM TO WORK
set -euo pipefail
[ $# = 5 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
verdict=$1 project=$2 from=$3 to=$4 work=$5

quiet=(--quiet --fail-on never)
copy() { # a project of its own, with so many buckets
    rm -rf "${work:?}/$1" && mkdir -p "$work/$1"
    cp -r "$project"/project.yaml "$project"/experiments "$work/$1"
    if [ -n "${2-}" ]; then sed -i "s/^project: {/project: {buckets: $2, /" "$work/$1/project.yaml"; fi
}
sums() {
    (cd "$work/$1/tables" && find group_stats results checks decisions -name '*.parquet' | sort | xargs sha256sum)
}
dates() {
    local day=$from
    while [[ ! $day > $to ]]; do echo "$day"; day=$(date -d "$day + 1 day" +%F); done
}
same() {
    if sums "$1" | cmp -s - "$work/whole.sums"; then echo "$1: the same ($(wc -l < "$work/whole.sums") files)"
    else echo "$1: DIFFERS" >&2; exit 1; fi
}
run() { "$verdict" run --project "$work/$1" --date "$2" "${quiet[@]}" > /dev/null; }
backfill() { local name=$1; shift; "$verdict" backfill --project "$work/$name" --from "$from" --to "$to" "${quiet[@]}" "$@" > /dev/null; }

mkdir -p "$work"
copy whole; backfill whole; sums whole > "$work/whole.sums"
copy nights; for day in $(dates); do run nights "$day"; done; same nights
copy disorder; for day in $(dates | shuf --random-source=<(yes 7)); do run disorder "$day"; done; same disorder
copy killed; kills=0
for _ in $(seq 12); do
    backfill killed & pid=$!
    sleep "$((RANDOM % 5)).$((RANDOM % 10))"
    # The command is a child of the function's shell.
    if pkill -KILL -P "$pid" || kill -KILL "$pid" 2> /dev/null; then kills=$((kills + 1)); fi
    wait "$pid" 2> /dev/null || true
done
backfill killed; same killed; echo "killed $kills times"
for buckets in 1 4 64; do copy "buckets_$buckets" "$buckets"; backfill "buckets_$buckets"; same "buckets_$buckets"; done
for setting in "1 1024" "2 333" "7 8192"; do
    read -r partitions batch <<< "$setting"
    copy "partitions_$partitions"
    backfill "partitions_$partitions" --set "datafusion.execution.target_partitions=$partitions" \
        --set "datafusion.execution.batch_size=$batch"
    same "partitions_$partitions"
done
