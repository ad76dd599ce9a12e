#!/usr/bin/env bash
# Trains a generator like the built-in one, in two stages: the base and one tuning stage. README.md has the exact commands of
# the built-in one, which has more.
#
#   models/generator-es/train.sh DATA WORK [SECONDS]
#
# DATA is a folder with mixture.txt: the texts of the base, one per line. The tuning stage reads literal.jsonl.xz, next to this
# script. WORK is a folder for the results. Without SECONDS, it runs to the end. With it, it stops training after that time (the
# tokenizer, once at the start, is not counted), and the next call continues. Exit code 0: the model is ready in WORK/tuned. 75:
# call it again. Anything else: an error.
#
# The program is `pregonero`, or what PREGONERO names. To change the training, set LAYERS, WIDTH, HEADS, VOCABULARY, BATCH,
# BASE_STEPS, TUNE_STEPS, TEXTS (how many texts the tuning stage reads, from the top), DEVICE or PRECISION (f32 on a processor
# without AMX or AVX-512 BF16). The defaults are the built-in model's sizes, its base and its first tuning stage. On a GPU you
# can train a larger model:
#
#   LAYERS=12 WIDTH=768 HEADS=12 BASE_STEPS=40000 DEVICE=cuda models/generator-es/train.sh data runs/large 540
#
# If a machine is available only for a few minutes at a time, have a scheduler call this script as long as it exits with 75.
set -euo pipefail

usage='usage: models/generator-es/train.sh DATA WORK [SECONDS]'
data=${1:?$usage}
work=${2:?$usage}
seconds=${3:-0}
here=$(cd "$(dirname "$0")" && pwd)

program=${PREGONERO:-pregonero}
layers=${LAYERS:-6} width=${WIDTH:-320} heads=${HEADS:-5}
vocabulary=${VOCABULARY:-8192} batch=${BATCH:-64}
base_steps=${BASE_STEPS:-3100} tune_steps=${TUNE_STEPS:-3000}
texts=${TEXTS:-1000000} device=${DEVICE:-cpu} precision=${PRECISION:-bf16}
started=$SECONDS

# Prints the seconds that are left of this call, at least one, or nothing if there is no limit.
left() {
    [[ $seconds -eq 0 ]] && return
    local left=$((seconds - SECONDS + started))
    echo $((left > 1 ? left : 1))
}

# stage NAME STEPS ARGUMENTS…: trains WORK/NAME, or resumes it, and ends the call when the time is up.
stage() {
    local name=$1 steps=$2 output=$work/$1
    shift 2
    [[ -e $output/finished ]] && return
    local command=("$program" train generator --output "$output" --steps "$steps" --device "$device" --precision "$precision"
        --optimizer muon --weight-decay 0.1 --beta2 0.95 --decay linear --no-verbatim-index "$@")
    [[ -d $output/checkpoints ]] && command+=(--resume)
    local limit=() code=0
    [[ $seconds -eq 0 ]] || limit=(timeout --signal=TERM "$(left)")
    "${limit[@]}" "${command[@]}" || code=$?
    # 124: the time was up; the training saved a checkpoint, or was still reading. 143: SIGTERM ended it while reading.
    if [[ $code -eq 124 || $code -eq 143 ]]; then
        echo "stage $name continues with the next call" >&2
        exit 75
    fi
    [[ $code -eq 0 ]] || exit "$code"
    touch "$output/finished"
}

[[ $seconds =~ ^[0-9]+$ ]] || { echo "$usage" >&2; exit 2; }
[[ -s $data/mixture.txt ]] || { echo "$data/mixture.txt: missing or empty; it must contain the texts of the base, one per line" >&2; exit 2; }
mkdir -p "$work"
literal=$work/literal.jsonl
if [[ ! -e $literal ]]; then
    # awk reads to the end: a pipe that is closed early would be an error.
    xz -dc "$here/literal.jsonl.xz" | awk -v texts="$texts" 'NR <= texts' >"$literal.part"
    mv "$literal.part" "$literal"
fi
if [[ ! -e $work/tokenizer ]]; then
    "$program" train tokenizer --data "$data/mixture.txt" --data "$literal:text=2" --vocab-size "$vocabulary" --output "$work/tokenizer"
fi

stage base "$base_steps" --data "$data/mixture.txt" --tokenizer "$work/tokenizer" --layers "$layers" --width "$width" --heads "$heads" \
    --batch "$batch" --learning-rate 2e-3 --muon-learning-rate 0.02 --warmup-steps 100 --dropout 0
stage tuned "$tune_steps" --data "$literal:text" --own "$literal:text" --base "$work/base" --clean none \
    --control TEMA=tema,HASHTAGS=hashtags --control-dropout 0.15 --duplicates exact --batch "$batch" --block 72 --learning-rate 1.5e-3 \
    --muon-learning-rate 0.012 --warmup-steps 40 --dropout 0.05 --f16
echo "ready: $work/tuned"
