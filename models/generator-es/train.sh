#!/usr/bin/env bash
# Trains a generator in stages like those of the built-in one (README.md has its exact commands). Each call continues
# where the last one stopped, and stops training after SECONDS; the tokenizer, once at the start, is
# not counted. Exit code 0: the model is ready in WORK/tuned. 75: call it again. Anything else: an error.
#
#   models/generator-es/train.sh DATA WORK [SECONDS]
#
# DATA contains mixture.txt, the texts of the base, one per line (mixture.py writes such a file). What the last stage reads is
# next to this script: the texts of literal.jsonl.xz with "core": 1. To do only the last stage, put a base into WORK/base with
# an empty file named `finished`, such as ../generator-es-base. The program is `pregonero`, or what PREGONERO names. Sizes come
# from LAYERS, WIDTH, HEADS, VOCABULARY, BATCH, BASE_STEPS, TUNE_STEPS, DEVICE and PRECISION; the defaults are those of
# the built-in model. On a GPU, give larger ones:
#
#   LAYERS=12 WIDTH=768 HEADS=12 BATCH=64 BASE_STEPS=40000 DEVICE=cuda models/generator-es/train.sh data runs/large 540
#
# If a machine is available only for a few minutes at a time, have a scheduler call this script until it exits with 0.
set -euo pipefail

usage='usage: models/generator-es/train.sh DATA WORK [SECONDS]'
data=${1:?$usage}
work=${2:?$usage}
seconds=${3:-0}
here=$(cd "$(dirname "$0")" && pwd)

program=${PREGONERO:-pregonero}
layers=${LAYERS:-6} width=${WIDTH:-320} heads=${HEADS:-5}
vocabulary=${VOCABULARY:-8192} batch=${BATCH:-64}
base_steps=${BASE_STEPS:-3000} tune_steps=${TUNE_STEPS:-2000}
device=${DEVICE:-cpu} precision=${PRECISION:-bf16}
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
        --optimizer muon --decay linear --weight-decay 0.1 --beta2 0.95 --no-verbatim-index "$@")
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
mkdir -p "$work"
core=$work/core.jsonl
if [[ ! -e $core ]]; then
    xz -dc "$here/literal.jsonl.xz" | grep '"core": 1' >"$core.part"
    mv "$core.part" "$core"
fi
if [[ ! -e $work/base/finished ]]; then
    mixture=$data/mixture.txt
    [[ -s $mixture ]] || { echo "$mixture: missing or empty; it must contain the texts of the base, one per line" >&2; exit 2; }
    if [[ ! -e $work/tokenizer ]]; then
        "$program" train tokenizer --data "$mixture" --data "$core:text=3" --vocab-size "$vocabulary" --output "$work/tokenizer"
    fi
    stage base "$base_steps" --data "$mixture" --tokenizer "$work/tokenizer" --layers "$layers" --width "$width" --heads "$heads" \
        --batch "$batch" --dropout 0 --learning-rate 2e-3 --muon-learning-rate 0.02 --warmup-steps 60
fi
stage tuned "$tune_steps" --data "$core:text" --own "$core:text" --base "$work/base" --clean none \
    --control TEMA=tema,HASHTAGS=hashtags --control-dropout 0.12 --duplicates exact --batch 64 --block 72 --dropout 0.05 --f16 \
    --learning-rate 1.5e-3 --muon-learning-rate 0.012 --warmup-steps 40
echo "ready: $work/tuned"
