#!/usr/bin/env bash
# Trains a generator in stages like those of the built-in one (README.md has its exact commands). Each call continues
# where the last one stopped, and stops training after SECONDS; composing texts and the tokenizer, once at the start, are
# not counted. Exit code 0: the model is ready in WORK/tuned. 75: call it again. Anything else: an error.
#
#   models/generator-es/train.sh DATA WORK [SECONDS]
#
# DATA contains the texts of the base, one per line: simple.txt (short sentences) and mixture.txt (everything). What the last
# stage reads is next to this script. The program is `pregonero`, or what PREGONERO names. Sizes come from LAYERS, WIDTH,
# HEADS, VOCABULARY, BATCH, SIMPLE_STEPS, BASE_STEPS, TUNE_STEPS, COMPOSED (texts), DEVICE and PRECISION; the defaults are
# those of the built-in model. More composed texts are not better: the gate `verbatim` rejects what is like one of them, and the
# grammar says a few hundred thousand in all. On a GPU, give larger ones:
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
vocabulary=${VOCABULARY:-8192} batch=${BATCH:-16}
simple_steps=${SIMPLE_STEPS:-1400} base_steps=${BASE_STEPS:-20000} tune_steps=${TUNE_STEPS:-3000}
composed=${COMPOSED:-24000} device=${DEVICE:-cpu} precision=${PRECISION:-bf16}
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
        --weight-decay 0.1 --beta2 0.95 --dropout 0 --no-verbatim-index "$@")
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
for file in "$data/simple.txt" "$data/mixture.txt"; do
    [[ -s $file ]] || { echo "$file: missing or empty; it must contain the texts of the base, one per line" >&2; exit 2; }
done
mkdir -p "$work"
plain=$work/campaign-plain.jsonl
if [[ ! -e $plain ]]; then
    xz -dc "$here/campaign.jsonl.xz" | grep '"plain": 1' >"$plain.part"
    mv "$plain.part" "$plain"
fi
if [[ ! -e $work/composed.jsonl ]]; then
    "$program" dataset compose --grammar "$here/campaign.grammar.json" -n "$composed" --seed 61 --columns tema,hashtags \
        --output "$work/composed.jsonl"
fi
if [[ ! -e $work/tokenizer ]]; then
    "$program" train tokenizer --data "$data/mixture.txt" --data "$plain:text=3" --vocab-size "$vocabulary" --output "$work/tokenizer"
fi

stage simple "$simple_steps" --data "$data/simple.txt" --tokenizer "$work/tokenizer" --layers "$layers" --width "$width" --heads "$heads" \
    --batch "$batch" --learning-rate 2e-3 --warmup-steps 150 --decay constant
stage base "$base_steps" --data "$data/mixture.txt" --base "$work/simple" --batch "$batch" --learning-rate 1.5e-3 --warmup-steps 100 \
    --decay constant
stage tuned "$tune_steps" --data "$work/composed.jsonl:text" --data "$plain:text" --base "$work/base" --clean none \
    --own "$work/composed.jsonl:text" --own "$plain:text" \
    --control TEMA=tema,HASHTAGS=hashtags --control-dropout 0.15 --duplicates exact --batch 64 --block 96 --learning-rate 1e-3 \
    --warmup-steps 60 --decay linear --f16
echo "ready: $work/tuned"
