#!/usr/bin/env bash
# make demo: makes a data set of 600 memes whose label depends on both picture and caption, and runs the whole
# system on it: features from small random encoders, three heads (image, caption, both), scores with intervals,
# paired tests, a contact sheet and a training curve. Then demo-xor.sh: whole networks, late against early fusion,
# where neither modality alone predicts the label. Everything is written to FOLDER (demo), which is removed first when
# an earlier call made it. Pictures that gnuplot draws are left out where it is not installed.
# --quick: without demo-xor.sh. usage: demo.sh [--quick] [FOLDER]
set -euo pipefail
quick=
[ "${1-}" != --quick ] || { quick=1; shift; }
if [ $# -gt 1 ] || [[ ! ${1-demo} =~ ^[A-Za-z0-9_./][A-Za-z0-9_./-]*$ ]]; then
	echo "usage: demo.sh [--quick] [FOLDER]   (a name of letters, digits, . _ - and /)" >&2
	exit 2
fi
out=${1-demo} here=$(dirname "$0")
[ ! -d "$here/../build/bin" ] || PATH=$(cd "$here/../build/bin" && pwd):$PATH
export PATH
command -v hm-synth >/dev/null || { echo "demo.sh: hm-synth is not in PATH: build hm with make, or install it" >&2; exit 1; }
mark=$out/.made-by-hm-demo
if [ -e "$out" ] && [ ! -e "$mark" ]; then
	echo "demo.sh: $out is there and was not made by this script: move it away, or name another folder: demo.sh FOLDER" >&2
	exit 1
fi
rm -rf "$out"
mkdir -p "$out"
: >"$mark"
start=$SECONDS

run() { # prints the command line, then runs it
	printf '\n$ %s\n' "$1"
	eval "$1"
}

run "hm-synth --rule add --train 350 --dev 250 --test 0 --progress $out/data"

for split in train dev; do
	run "hm-jsonl2rec $out/data/$split.jsonl |
  hm-imgprep --root $out/data/img --size 112 -o $out/$split.pixels.hmr
hm-tokenize --vocab $out/data/vocab.txt $out/$split.pixels.hmr |
  hm-encode --image init:resnet-tiny --text init:bert-tiny --progress -o $out/$split.hmr"
done

for what in image text image,text; do
	name=${what/image,text/both}
	run "hm-fuse-train --fusion late --features $what --optimizer adamw --lr 3e-3 --schedule cosine \\
  --batch-size 64 --epochs 15 --log-steps 6 --val $out/dev.hmr --log $out/$name.jsonl -o $out/$name.safetensors $out/train.hmr"
	run "hm-score --model $out/$name.safetensors --csv $out/$name.csv --json $out/$name.json $out/dev.hmr >$out/$name.txt"
done
run "hm-score --compare $out/both.csv $out/image.csv $out/text.csv | tee $out/compare.txt"
run "hm-view --sheet $out/sheet.png $out/dev.pixels.hmr"
curve="$out/curve.png"
if command -v gnuplot >/dev/null; then
	run "$(printf %q "$here")/plot-curve.sh $out/both.jsonl $curve"
else
	curve="not drawn: gnuplot is not installed"
fi

cat <<TXT

On $(sed -n 's/.*"n":\([0-9]*\).*/\1/p' "$out/both.json") memes that no head was trained on:
TXT
for name in image text both; do
	printf '  %-14s %s\n' "${name/text/caption}" "$(tail -n 1 "$out/$name.txt")"
done
cat <<TXT

contact sheet   $out/sheet.png
training curve  $curve
models, predictions, features: $out/
TXT

[ -n "$quick" ] || "$here/demo-xor.sh" "$out/xor"
echo "$((SECONDS - start)) s in all"
