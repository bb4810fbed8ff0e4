#!/usr/bin/env bash
# golden.sh DEVICE FOLDER: makes small data and runs every kind of computation on it: features, both fusions in training
# (frozen, fine-tuned, from features, in a sweep), checkpoints, scores. Prints one line per result, `sha256  name`. The lines
# for `ref` are kept in tests/data/golden/ref.txt: code that is only moved must not change one of them.
set -euo pipefail
device=$1
mkdir -p "$2"
cd "$2"
export LC_ALL=C.UTF-8

line() { printf '%s  %s\n' "$(sha256sum | cut -d' ' -f1)" "$1"; }
file() { line "$1" <"$1"; }
# A checkpoint without its own digest, which stands in the header.
checkpoint() { tail -c +9 "$1" | LC_ALL=C sed -E 's/"hm.digest":"[0-9a-f]*"//' | tr -d ' ' | line "$1"; }
column() { hm-view --full "$1" | grep -o "\"$2\":[^]]*\]*" | line "$1:$2"; }

hm-synth -q --train 40 --dev 12 --test 2 --seed 7 d
for s in train dev; do
	hm-jsonl2rec -q d/$s.jsonl | hm-imgprep -q --root d/img --size 40 | hm-tokenize -q --vocab d/vocab.txt -o $s.raw.hmr
done
file dev.raw.hmr
image=init:resnet-tiny text=init:bert-tiny:3
for s in train dev; do
	hm-encode -q --device $device --image $image --text $text --vocab-size 200 --image-output both -o $s.both.hmr $s.raw.hmr
	hm-encode -q --device $device --image $image --text $text --vocab-size 200 -o $s.hmr $s.raw.hmr
done
hm-encode -q --device $device --image init:resnet-tiny:5 --image-output grid --keep --store f16 -o grid.hmr dev.raw.hmr
file dev.both.hmr
file dev.hmr
file grid.hmr
for c in image_feature image_grid text_feature; do column dev.both.hmr $c; done
hm-encode -q --device $device --text $text --vocab-size 200 --cache cache -o cached.hmr dev.raw.hmr
hm-encode -q --device $device --text $text --vocab-size 200 --cache cache -o again.hmr dev.raw.hmr
cmp cached.hmr again.hmr
tail -c +9 cache/hm-cache/*.feat | line cache

train() { # NAME INPUT OPTION...
	local name=$1 in=$2 words=
	shift 2
	[[ " $*" != *" --text "* ]] || words='--vocab-size 200'
	hm-fuse-train -q --device $device -j1 $plain --batch-size 8 --epochs 2 --log-steps 2 $words --log $name.jsonl --checkpoint $name.ckpt \
		--val dev.$in.hmr -o $name.safetensors "$@" train.$in.hmr
	file $name.jsonl
	file $name.safetensors
	checkpoint $name.ckpt
}
score() { # NAME INPUT OPTION...
	local name=$1 in=$2
	shift 2
	hm-score -q --device $device --model $name.safetensors --bootstrap 50 --csv $name.$in.csv --json $name.$in.json -o $name.$in.out.hmr "$@" $in.hmr >$name.$in.txt
	for f in csv json out.hmr txt; do file $name.$in.$f; done
}
plain=--no-standardize
cp train.hmr train.feature.hmr
cp dev.hmr dev.feature.hmr
train head feature --optimizer adam --lr 1e-2 --select accuracy
score head dev
plain= train scaled feature --features text --optimizer sgd --momentum .9 --class-weight 1,2
score scaled dev
train start feature --init head.safetensors --schedule linear --warmup-steps 2
train late raw --image $image --text $text --clip-norm 1 --weight-decay 1e-2 --no-decay norm,bias --schedule cosine
score late dev.raw
score late dev.raw --ablate image=shuffle
train image raw --features image --image $image --freeze none
train mixed raw --image $image --text $text --freeze image --dropout 0
train frozen raw --image $image --text $text --freeze both --frozen-mode train
train early raw --fusion early --image $image --text $text
score early dev.raw
score early dev.raw --ablate text=zero --ablate image=shuffle
cp train.both.hmr train.grid.hmr
cp dev.both.hmr dev.grid.hmr
hm-cat -q --columns id,label,image_grid -o train.g.hmr train.both.hmr
hm-cat -q --columns id,label,image_grid -o dev.g.hmr dev.both.hmr
hm-fuse-train -q --device $device -j1 --fusion early --text $text --vocab-size 200 --batch-size 8 --epochs 1 --dropout .2 -o cached.safetensors train.g.hmr train.raw.hmr
file cached.safetensors
hm-score -q --device $device --model cached.safetensors --csv cached.csv dev.g.hmr dev.raw.hmr >cached.txt
file cached.csv
train again raw --init early.safetensors --frozen-mode train --optimizer sgd
printf '%s\n' '{"name":"a","lr":0.01}' '{"name":"b","lr":0.003,"optimizer":"adam","epochs":3}' >sweep.jsonl
hm-fuse-train -q --device $device --no-standardize --sweep sweep.jsonl --batch-size 8 --epochs 2 --val dev.hmr -o sweep train.hmr
for f in sweep/*; do file $f; done
