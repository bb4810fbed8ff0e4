#!/usr/bin/env bash
# The second part of the demo, run by demo.sh: memes whose label is image concept XOR caption concept, so that neither
# modality alone and no sum of the two can beat chance. Small encoders first learn one concept each, as a stand-in for
# pretrained ones. Then heads on their features, late fusion and early fusion start from them. At last the encoders stay
# frozen: their features are computed once, and heads of five kinds are trained on them.
# usage: demo-xor.sh FOLDER
set -euo pipefail
[ $# = 1 ] || { echo "usage: demo-xor.sh FOLDER" >&2; exit 2; }
out=$1 here=$(dirname "$0")
[ ! -d "$here/../build/bin" ] || PATH=$(cd "$here/../build/bin" && pwd):$PATH
export PATH
mkdir -p "$out"
start=$SECONDS

run() { # prints the command line, then runs it
	printf '\n$ %s\n' "$1"
	eval "$1"
}

run "hm-synth --rule xor --train 2400 --dev 500 --test 0 $out/data"
for split in train dev; do
	run "hm-jsonl2rec $out/data/$split.jsonl |
  hm-imgprep --root $out/data/img --size 112 |
  hm-tokenize --vocab $out/data/vocab.txt -o $out/$split.hmr"
done

# The label of each encoder's concept is another field of the same lines; pixels and tokens are joined to it by id.
for split in train dev; do
	run "hm-cat --columns id,pixels,token_ids $out/$split.hmr -o $out/$split.raw.hmr"
	for concept in image text; do
		run "hm-jsonl2rec --label-field ${concept}_concept $out/data/$split.jsonl -o $out/$split.$concept.hmr"
	done
done
learn="--optimizer adamw --lr 5e-4 --batch-size 32 --progress"
run "hm-fuse-train --features image --image init:resnet-tiny $learn --epochs 1 \\
  --val $out/dev.image.hmr --val $out/dev.raw.hmr -o $out/image-encoder.safetensors $out/train.image.hmr $out/train.raw.hmr"
run "hm-fuse-train --features text --text init:bert-tiny $learn --epochs 1 \\
  --val $out/dev.text.hmr --val $out/dev.raw.hmr -o $out/text-encoder.safetensors $out/train.text.hmr $out/train.raw.hmr"

encoders="--image $out/image-encoder.safetensors --text $out/text-encoder.safetensors"
for side in image text; do
	run "hm-fuse-train --features $side --freeze both --$side $out/$side-encoder.safetensors $learn --epochs 5 \\
  --val $out/dev.hmr -o $out/$side.safetensors $out/train.hmr"
done
for fusion in late early; do
	run "hm-fuse-train --fusion $fusion $encoders $learn --epochs 2 \\
  --val $out/dev.hmr --log $out/$fusion.jsonl -o $out/$fusion.safetensors $out/train.hmr"
done
for name in image text late early; do
	run "hm-score --model $out/$name.safetensors --csv $out/$name.csv --json $out/$name.json $out/dev.hmr >$out/$name.txt"
done
run "hm-score --compare $out/early.csv $out/late.csv | tee $out/compare.txt"
scores="$out/scores.png"
if command -v gnuplot >/dev/null; then
	run "$(printf %q "$here")/plot-scores.sh $scores 'image alone=$out/image.json' 'caption alone=$out/text.json' \\
  'late fusion=$out/late.json' 'early fusion=$out/early.json'"
else
	scores="not drawn: gnuplot is not installed"
fi

# The encoders' features, computed once: heads learn from them in no time.
for split in train dev; do
	run "hm-encode $encoders -o $out/$split.features.hmr $out/$split.hmr"
done
heads="late concat align cross align-concat"
for head in $heads; do
	width="--map-dim 32"
	[ $head != late ] || width=
	run "hm-fuse-train --fusion $head $width --lr 1e-3 --epochs 15 --stats $out/head-$head.stats.json \\
  -o $out/head-$head.safetensors $out/train.features.hmr"
	run "hm-score --model $out/head-$head.safetensors --json $out/head-$head.json $out/dev.features.hmr >$out/head-$head.txt"
done

echo
echo "On 500 memes that no model was trained on, label = image concept XOR caption concept:"
for name in image text late early; do
	title=$name
	case $name in
	image) title='image alone' ;;
	text) title='caption alone' ;;
	*) title="$name fusion" ;;
	esac
	printf '  %-14s %s\n' "$title" "$(tail -n 1 "$out/$name.txt")"
done
echo
echo "Heads on the frozen encoders' features; late is one linear layer, which cannot tell XOR:"
printf '  %-14s %8s %8s\n' fusion AUROC seconds
for head in $heads; do
	printf '  %-14s %8.4f %8.2f\n' $head "$(grep -o '"auroc": *[0-9.]*' $out/head-$head.json | head -n 1 | tr -dc '0-9.')" \
		"$(grep -o '"train_s": *[0-9.]*' $out/head-$head.stats.json | tr -dc '0-9.')"
done
echo
echo "the same as a picture  $scores ($((SECONDS - start)) s for this act)"
