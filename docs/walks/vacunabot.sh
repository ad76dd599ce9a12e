#!/usr/bin/env bash
# VacunaBot from nothing: collect posts, build two data sets, look at them, train a classifier and a generator, and let the bot post.
#
#   bash docs/walks/vacunabot.sh NEW-FOLDER
#
# Needs `pregonero` on the PATH, X's keys and the app's bearer token in the environment (docs/guide/install.md, docs/guide/collecting.md), and
# the account in WALK_HANDLE. It says what the posts cost, and reads none if that is more than WALK_DOLLARS (50). It posts for real.
# WALK_SIZE=small trains for seconds: it shows that the steps fit together, no more than that.
# tests/it/walk.rs runs this very file, small, against a scripted X.
set -euo pipefail

walk=$(cd "$(dirname "$0")" && pwd)
folder=${1:?usage: vacunabot.sh NEW-FOLDER}
size=${WALK_SIZE:-full}
: "${WALK_HANDLE:?set it to the name of the account that posts, without @}"
mkdir "$folder"
cd "$folder"
cp "$walk/stance.toml" "$walk/voice.toml" .

step() { printf '\n== %s\n' "$*"; }

step "0. Configure: the account, the hours, and the two models that this walk will make"
cat > config.toml <<CONFIG
[account]
handle = "$WALK_HANDLE"
[schedule]
cron = ["${WALK_CRON:-0 0 9,18 * * *}"]
timezone = "America/Bogota"
quiet_hours = []
jitter = "0s"
[generation]
model = "generator"
[sentiment]
model = "classifier"
target = "positive"
min_score = 0.0
[review]
mode = "flagged"
[publish]
live = true
CONFIG

step "1. Collect: it says the price first, and never spends more than the limit"
pregonero dataset collect --hashtag YoMeVacuno --hashtag YoNoMeVacuno --lang es --no-links --no-replies --no-retweets \
    --full-archive --since "${WALK_SINCE:-2021-03-01}" --until "${WALK_UNTIL:-2021-05-31}" \
    --rights "read from X's API under its developer terms" --max-cost "${WALK_DOLLARS:-50}" --yes --output collected

step "2. Build: filters, labels by hashtag, parts in which no author is twice; then the posts in favour alone"
pregonero dataset build --spec stance.toml --output stance
pregonero dataset build --spec voice.toml --output voice

step "3. Look at it before training on it"
pregonero dataset explore stance --no-names --timezone America/Bogota --output stance.html

step "4. Train the classifier, and measure it on people it has not seen"
classifier=()
[ "$size" = small ] && classifier=(--embedding 8 --units 4 --epochs 2 --min-count 1)
pregonero train classifier --data stance "${classifier[@]}" --output classifier

step "5. Train the generator: the built-in one learns the voice"
generator=(--epochs 3)
[ "$size" = small ] && generator=(--steps 2 --warmup-steps 1 --batch 2 --held-out 0.1 --block 32)
pregonero train generator --data voice:text --base builtin --samples texts "${generator[@]}" --output generator

step "6. Run the bot on both models until it has posted"
pregonero config check
pregonero run --now &
daemon=$!
trap 'kill -TERM "$daemon" 2>/dev/null || true' EXIT
for _ in $(seq "${WALK_PATIENCE:-300}"); do
    posted=$(pregonero --json history list | grep -c '"tweet_id":"' || true)
    [ "$posted" -gt 0 ] && break
    kill -0 "$daemon" || { echo "the daemon ended before it posted" >&2; exit 1; }
    sleep 1
done
kill -TERM "$daemon"
wait "$daemon"
trap - EXIT
pregonero history list
[ "$posted" -gt 0 ] || { echo "nothing was posted; see: pregonero history show 1" >&2; exit 1; }
