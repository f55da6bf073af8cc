#!/usr/bin/env bash
# Does the shipped model's data help downstream? Pairs, then for each segmenter 4 arms and the rival's teacher x seeds.
# usage: scripts/run_downstream.sh OUT [MODEL]     the same call goes on after an interruption
set -euo pipefail
out=${1:?usage: scripts/run_downstream.sh OUT [MODEL]} model=${2:-scenes}
: "${COUNT:=256}" "${TEST:=128}" "${LABELLED:=32}" "${SEEDS:=0,1}" "${SAMPLING:=20}" "${BATCH:=16}"
: "${SEGMENTERS:=built-in:400 segformer:250}" # name:steps
mkdir -p "$out"
# Scenes of another seed than the model's training (0), the tuning (1) and the test (2).
pandiff scenes --count "$COUNT" --seed 3 --size 128 --out "$out/real"
pandiff scenes --count "$TEST" --seed 2 --size 128 --out "$out/test"
# One caption of each real scene is a prompt: the first, second, ... of the five by turns.
python - "$out/real/captions.json" >"$out/prompts.txt" <<'END'
import json, sys
captions = {}
for a in json.load(open(sys.argv[1]))["annotations"]:
    captions.setdefault(a["image_id"], []).append(a["caption"])
print(*(c[k % len(c)] for k, c in enumerate(captions.values())), sep="\n")
END
pandiff synthesize --model "$model" --prompts "$out/prompts.txt" --count "$COUNT" --seed 0 \
  --steps "$SAMPLING" --out "$out/generated"
for segmenter in $SEGMENTERS; do
  pandiff downstream --real "$out/real" --generated "$out/generated" --test "$out/test" --segmenter "${segmenter%:*}" \
    --seeds "$SEEDS" --steps "${segmenter#*:}" --batch "$BATCH" --labelled "$LABELLED" --out "$out/${segmenter%:*}"
done
