#!/usr/bin/env bash
# inputs.sh FOLDER: what the calls of tests/faults/cases.txt read: few records, small pictures, tiny encoders.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
cd "$1"
export LC_ALL=C.UTF-8

vec() { # NAME FILE.vec: that picture out of the vectors of the unit tests
	local line head
	line=$(LC_ALL=C grep -abE "^$1 [0-9]+ [0-9]+ [0-9]+ [0-9]+\$" "$root/tests/data/$2")
	head=${line#*:} # its bytes and a newline stand before the file
	dd if="$root/tests/data/$2" iflag=skip_bytes,count_bytes skip=$((${line%%:*} + ${#head} + 1)) count="${line##* }" bs=64K status=none
}

hm-synth -q --train 8 --dev 6 --test 2 d
printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' when the you a is my day of cat dog and to in me it >vocab.txt
cp "$root/tests/data/weights/late.safetensors" tiny.st # a ResNet and a BERT, of 20 words
cp -r "$root/tests/data/text/clip" bpe
cp -r "$root/tests/data/towers/clip" clip
mkdir root
cp d/img/10001.png root/a.png
vec rgb-997x31 png/kinds.vec >root/b.png
vec 420-33x18 jpeg/kinds.vec >root/c.jpg
vec 422-progressive jpeg/kinds.vec >root/d.jpeg
vec lossy-33x18 webp/kinds.vec >root/e.webp
vec lossless-alpha-33x18 webp/kinds.vec >root/f.webp
i=0
for p in a.png b.png c.jpg d.jpeg e.webp f.webp; do
	i=$((i + 1))
	printf '{"id":"r%d","img":"%s","text":"a meme no. %d","label":%d}\n' $i $p $i $((i % 2))
done >pictures.jsonl
hm-jsonl2rec -q --img-prefix '' -o pictures.hmr pictures.jsonl
{ sed 3q d/train.jsonl; echo '{"id":"bad"'; tail -n 3 d/train.jsonl; } >bad.jsonl
{ echo id,img,text,label; awk 'BEGIN { for (i = 0; i < 6; i++) printf "%d,%d.png,\"caption, %d\",%d\n", i, i, i, i % 2 }'; } >rows.csv
{ cat rows.csv; echo 'bad,row'; } >badrows.csv

for s in train dev; do
	hm-jsonl2rec -q -o $s.rec.hmr d/$s.jsonl
	hm-imgprep -q --root d/img --size 16 $s.rec.hmr | hm-tokenize -q --vocab vocab.txt --max-length 8 -o $s.raw.hmr
	hm-encode -q --device ref --image tiny.st --text tiny.st --keep -o $s.hmr $s.raw.hmr
	hm-cat -q --columns id,label,image_feature,text_feature -o $s.f.hmr $s.hmr
done
hm-cat -q --head 3 -o few.raw.hmr train.raw.hmr
hm-imgprep -q --root d/img --size 16 -o few.16.hmr dev.rec.hmr
for i in 0 1 2; do hm-cat -q --shard $i/3 -o part.$i.hmr train.rec.hmr; done
hm-cat -q --block-size 400 -o blocks.hmr train.raw.hmr
head -c $(($(stat -c %s blocks.hmr) * 2 / 3)) blocks.hmr >cut.hmr
hm-view -q --npy text_feature=text.npy --npy label=label.npy dev.f.hmr
hm-view -q dev.f.hmr | sed 's/^{"id":"\([^"]*\)".*/\1/' >dev.ids

train() { hm-fuse-train -q -j1 --device ref --epochs 1 "$@"; }
train --val dev.f.hmr --log head.jsonl -o head.st train.f.hmr
train --image tiny.st --text tiny.st --vocab vocab.txt --batch-size 3 -o late.st few.raw.hmr
for k in 1 2; do
	hm-fuse-train -q -j1 --device ref --epochs $k --seed $k -o k.st train.f.hmr
	hm-score -q --device ref --bootstrap 0 --model k.st --csv p$k.csv -o p$k.hmr dev.hmr >scores$k
done
awk -F, 'NR > 1 && NR < 5 { print NR == 2 ? "a,b,kind" : last "," $1 ",near" } { last = $1 }' p1.csv >pairs.csv
printf '%s\n' '{"name":"a","lr":0.01}' '{"name":"b","fusion":"align","map-dim":4}' '{"name":"c","seed":3}' >sweep.jsonl

sweep() { train --val dev.f.hmr --sweep sweep.jsonl --select accuracy "$@" train.f.hmr; }
for i in 0 1; do sweep --shard $i/2 -o parts; done
mkdir parts.from && mv parts parts.from/heads
mkdir -p half.from && sweep --shard 0/2 -o half.from/heads
mkdir warm.from
hm-encode -q -j1 --device ref --image tiny.st --text tiny.st --cache warm.from/c -o warm.hmr few.raw.hmr
mkdir ckpt.from
# a training that was stopped: a checkpoint of its first epoch, and its log
(
	cd ckpt.from
	train --batch-size 4 --val ../dev.f.hmr --checkpoint ck --log log.jsonl -o ../first.st ../train.f.hmr
)

mkdir report
cp p1.csv p2.csv report
cp head.jsonl report/log.jsonl
echo '{"tool":"hm-fuse-train","steps":4,"train_s":12.5,"wall_s":13}' >report/train.json
cat >report/runs.json <<'END'
{"title":"Rows","about":["What it is."],"data":{"name":"made","train":8,"dev":6},"baseline":{"text":"a guess","accuracy":0.5},
"rows":[{"name":"one","part":1,"options":"--lr 1e-2","published":{"accuracy":0.5,"loss":0.7,"seconds":100},"note":"a note",
 "runs":[{"seed":1,"predictions":"p1.csv","log":"log.jsonl","stats":"train.json"}]},
{"name":"two","runs":[{"seed":2,"predictions":"p2.csv","log":"log.jsonl","stats":"train.json"}]}],
"claims":[{"text":"two is better","kind":"better","pairs":[{"a":"two","b":"one"}]}],
"stages":[{"name":"training","stats":"train.json"}]}
END
