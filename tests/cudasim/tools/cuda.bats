# The tools on device cuda: the same numbers as on ref, the same bytes again, killed and gone on, and what they say
# where there is no GPU or too little of it. Run by tests/cudasim/run, on a GPU or on the processor.

load ../../support/bats
ROOT=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
PATH=$ROOT/build/bin:$PATH

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 20 --dev 8 --test 0 d
	for s in train dev; do
		hm-jsonl2rec -q d/$s.jsonl | hm-imgprep --root d/img --size 32 | hm-tokenize --vocab d/vocab.txt -o $s.hmr
		for d in ref cuda; do
			hm-encode -q --device $d --image init:resnet-tiny --text init:bert-tiny --image-output both -o $s.$d.hmr $s.hmr
		done
	done
}
setup() { cd "$BATS_FILE_TMPDIR"; }

# Largest difference of two .npy files of f32 as a share of the largest number.
apart() {
	paste <(tail -c +129 "$1" | od -An -v -w4 -t f4) <(tail -c +129 "$2" | od -An -v -w4 -t f4) |
		awk '{ d = $1 - $2; d = d < 0 ? -d : d; m = $2 < 0 ? -$2 : $2; if (d > w) w = d; if (m > l) l = m } END { print NR ? w / l : 1 }'
}
# below X BOUND
below() { awk -v x="$1" -v b="$2" 'BEGIN { exit !(x <= b) }' || fail "$1 is above $2"; }
numbers() { grep -o '"loss":[0-9.e+-]*' "$1" | cut -d: -f2; }
# Losses of two logs, the largest relative difference.
losses_apart() {
	[ "$(numbers "$1" | wc -l)" = "$(numbers "$2" | wc -l)" ] && [ "$(numbers "$1" | wc -l)" -gt 0 ] || fail "logs of different lengths"
	paste <(numbers "$1") <(numbers "$2") | awk '{ d = ($1 - $2) / $2; d = d < 0 ? -d : d; if (d > w) w = d } END { print w }'
}

@test "features are ref's to rounding, and know their device" {
	for c in image_feature image_grid text_feature; do
		for d in ref cuda; do hm-view --npy $c=$d.$c.npy train.$d.hmr; done
		below "$(apart cuda.$c.npy ref.$c.npy)" 2e-5
	done
	hm-view --history train.cuda.hmr | grep -q '"device":"cuda"'
}

@test "the same bytes again, for any -j, through a pipe, out of a cache" {
	hm-encode -q --device cuda -j1 --image init:resnet-tiny --text init:bert-tiny --image-output both -o a.hmr train.hmr
	cmp a.hmr train.cuda.hmr
	hm-encode -q --device cuda -j4 --image init:resnet-tiny --text init:bert-tiny --image-output both <train.hmr >b.hmr
	cmp b.hmr train.cuda.hmr
	for k in 1 2; do
		hm-encode -q --device cuda --cache cache --image init:resnet-tiny --text init:bert-tiny --image-output both -o c.hmr train.hmr
		hm-view --verify c.hmr
		cmp <(hm-view --full c.hmr) <(hm-view --full train.cuda.hmr)
	done
}

@test "bf16 features are near the f32 ones" {
	hm-encode -q --device cuda --precision bf16 --image init:resnet-tiny --text init:bert-tiny -o h.hmr train.hmr
	for c in image_feature text_feature; do
		hm-view --npy $c=f.npy train.cuda.hmr
		hm-view --npy $c=h.npy h.hmr
		below "$(apart h.npy f.npy)" 5e-2
	done
}

@test "tf32 computes" {
	hm-encode -q --device cuda --precision tf32 --image init:resnet-tiny --text init:bert-tiny -o t.hmr dev.hmr
	hm-view --verify t.hmr
}

late="--image init:resnet-tiny --text init:bert-tiny --batch-size 8 --epochs 2 --lr 1e-4 --optimizer adam --clip-norm 1 --log-steps 1 --val dev.hmr"

@test "late fusion from pixels learns as on ref, dropout and shuffles included" {
	for d in ref cuda; do hm-fuse-train -q --device $d $late --log late.$d.jsonl -o late.$d.safetensors train.hmr; done
	below "$(losses_apart late.cuda.jsonl late.ref.jsonl)" 2e-3
	hm-fuse-train -q --device cuda $late --log again.jsonl -o again.safetensors train.hmr
	cmp again.safetensors late.cuda.safetensors
	cmp again.jsonl late.cuda.jsonl
}

early="--fusion early --image init:resnet-tiny --text init:bert-tiny --frozen-mode train --batch-size 8 --epochs 2 --lr 1e-4 --schedule cosine --warmup-steps 2 --clip-norm 1 --log-steps 1 --val dev.hmr"

@test "early fusion learns as on ref, in bf16 nearly so; killed and gone on, it ends in the same bytes" {
	for d in ref cuda; do hm-fuse-train -q --device $d $early --log early.$d.jsonl -o early.$d.safetensors train.hmr; done
	below "$(losses_apart early.cuda.jsonl early.ref.jsonl)" 1e-3
	hm-fuse-train -q --device cuda --precision bf16 $early --log half.jsonl -o half.safetensors train.hmr
	below "$(losses_apart half.jsonl early.ref.jsonl)" 5e-2
	hm-fuse-train -q --device cuda $early --checkpoint c.ckpt --checkpoint-steps 1 --log k.jsonl -o k.safetensors train.hmr &
	for ((i = 0; i < 3000; i++)); do
		[ ! -e c.ckpt ] || break
		sleep 0.01
	done
	kill -9 $! 2>/dev/null || true
	wait $! || true
	hm-fuse-train -q --device cuda $early --checkpoint c.ckpt --resume --checkpoint-steps 1 --log k.jsonl -o k.safetensors train.hmr
	cmp k.safetensors early.cuda.safetensors
	cmp k.jsonl early.cuda.jsonl
}

@test "frozen encoders' features train a head, and a sweep's heads are its own runs' bytes" {
	head="--batch-size 6 --epochs 3 --standardize --val dev.cuda.hmr"
	for d in ref cuda; do hm-fuse-train -q --device $d $head --lr 1e-2 --log-steps 1 --log head.$d.jsonl -o head.$d.safetensors train.cuda.hmr; done
	below "$(losses_apart head.cuda.jsonl head.ref.jsonl)" 1e-4
	printf '{"name":"a","lr":0.01}\n{"name":"b","lr":0.1,"optimizer":"sgd"}\n' >sweep.jsonl
	hm-fuse-train -q --device cuda $head --sweep sweep.jsonl -o swept train.cuda.hmr
	cmp <(tail -c 200 swept/a.safetensors) <(tail -c 200 head.cuda.safetensors)
}

@test "steps that repeat are launched as graphs, steps of other shapes are not" {
	[ -z "${HM_DEVICE:-}" ] || skip "there is a GPU"
	# 4 steps an epoch, the last of 2 examples: each after the second one of its kind is a graph
	HM_SIM_GRAPHS=1 run hm-fuse-train -q --device cuda --batch-size 6 --epochs 6 -o g.safetensors train.cuda.hmr
	expect 0 '[0-9]+ graphs launched'
	n=$(grep -oE '[0-9]+ graphs' <<<"$output" | cut -d' ' -f1)
	[ "$n" -ge 12 ] && [ "$n" -le 60 ] || fail "$n graphs"
	HM_SIM_GRAPHS=1 HM_CUDA_SYNC=1 run hm-fuse-train -q --device cuda --batch-size 6 --epochs 6 -o h.safetensors train.cuda.hmr
	expect 0 ' 0 graphs launched'
	cmp g.safetensors h.safetensors
}

# lengths SPLIT: its records with captions of many lengths, the longest behind the first batches.
lengths() {
	awk '{ t = $0; sub(/.*"text":"/, "", t); sub(/".*/, "", t); k = 1 + NR * NR % 7; if (NR == 15) k = 40
		for (all = t; --k;) all = all " " t
		sub(/"text":"[^"]*"/, "\"text\":\"" all "\""); print }' d/$1.jsonl |
		hm-jsonl2rec -q | hm-imgprep --root d/img --size 32 | hm-tokenize --vocab d/vocab.txt -o $1.long.hmr
}
text="--features text --text init:bert-tiny --batch-size 8 --epochs 2 --lr 1e-4 --clip-norm 1 --log-steps 1 --val dev.hmr"
head="--epochs 2 --log-steps 1 --val dev.cuda.hmr"
# told MODEL BATCH FILE: a run whose output is its log and the calls of HM_SIM_CALLS in between.
told() {
	rm -f told.ckpt
	HM_SIM_CALLS=1 run hm-fuse-train -q --device cuda ${!1} --batch-size $2 --checkpoint told.ckpt --log /dev/stderr -o told.safetensors $3
}

@test "a step asks for no memory and waits once, whatever lengths captions have; what does not fit says so before" {
	[ -z "${HM_DEVICE:-}" ] || skip "there is a GPU"
	for s in train dev; do lengths $s; done
	late=${late/dev.hmr/dev.long.hmr} early=${early/dev.hmr/dev.long.hmr} text=${text/dev.hmr/dev.long.hmr}
	for m in late early text head; do
		set=train.long.hmr
		[ $m != head ] || set=train.cuda.hmr
		told $m 6 $set
		expect 0 '"event":"end"'
		asked=$(sed -n '/"step":1,/,/"event":"end"/p' <<<"$output" | grep -E 'cudaMalloc|cudaHostAlloc|cudaFree' || true)
		[ -z "$asked" ] || fail "$m, after the first step: $asked"
		# from one step's line to the next one's, within an epoch
		waits=$(awk '/"event":"step"/ { if (steps++) print n; n = 0 } /"event":"e/ { steps = 0 } /Synchronize/ { n++ }' <<<"$output" | sort -u)
		[ "$waits" = 1 ] || fail "$m: waits of a step: $waits"
	done
	export HM_SIM_MEMORY=114000000 # enough but for the longest caption
	told text 2 train.long.hmr
	expect 1 'device cuda: out of memory: '
	refute grep -q '"step"' <<<"$output"
}

@test "hm-score gives ref's probabilities" {
	for m in late early; do
		[ -e $m.cuda.safetensors ] || hm-fuse-train -q --device cuda ${!m} -o $m.cuda.safetensors train.hmr
		for d in ref cuda; do hm-score -q --device $d --model $m.cuda.safetensors -o $m.$d.scored.hmr dev.hmr >/dev/null; done
		for d in ref cuda; do hm-view --npy prob=$d.npy $m.$d.scored.hmr; done
		below "$(apart cuda.npy ref.npy)" 1e-5
	done
}

@test "no GPU: cuda is exit 3 with one line, auto is the processor" {
	[ -z "${HM_DEVICE:-}" ] || skip "there is a GPU"
	export HM_SIM_NO_DEVICE=1
	run hm-encode -q --device cuda --text init:bert-tiny -o x.hmr train.hmr
	expect 3 '^hm-encode: error: device cuda is absent: '
	[ "${#lines[@]}" = 1 ]
	run hm-encode --device auto --text init:bert-tiny -o x.hmr train.hmr
	expect 0
	refute grep -q cuda <<<"$output"
}

@test "a GPU that is not there, a plug-in that is none or of another version" {
	run hm-encode -q --device cuda:7 --text init:bert-tiny -o x.hmr train.hmr
	expect 3 'device cuda:7 is absent: there (is|are) [1-7]$'
	HM_CUDA_PLUGIN=$PWD/train.hmr run hm-encode -q --device cuda --text init:bert-tiny -o x.hmr train.hmr
	expect 3 'device cuda cannot be loaded: '
	HM_CUDA_PLUGIN='' run hm-encode -q --device cuda --text init:bert-tiny -o x.hmr train.hmr
	expect 3 'device cuda is not built in'
}

@test "auto takes the GPU and says so" {
	run hm-encode --device auto --text init:bert-tiny -o x.hmr train.hmr
	expect 0 'notice: computing on device cuda'
	hm-view --history x.hmr | grep -q '"device":"cuda"'
}

@test "a failure on the device is exit 1, says among which operations, leaves no output" {
	[ -z "${HM_DEVICE:-}" ] || skip "there is a GPU"
	HM_SIM_FAIL=400 run hm-fuse-train -q --device cuda $early -o x.safetensors train.hmr
	expect 1 '^hm-fuse-train: error: .*device cuda: .*'
	[ ! -e x.safetensors ]
	HM_CUDA_SYNC=1 HM_SIM_FAIL=400 run hm-fuse-train -q --device cuda $early -o x.safetensors train.hmr
	expect 1 '^hm-fuse-train: error: .*device cuda: [a-z_ ]+: '
}

@test "what does not fit says how much it needs and what there is" {
	[ -z "${HM_DEVICE:-}" ] || skip "there is a GPU"
	HM_SIM_MEMORY=40000000 run hm-fuse-train -q --device cuda $early -o x.safetensors train.hmr
	expect 1 'device cuda: out of memory: [0-9.]+ GiB more are needed, [0-9.]+ of [0-9.]+ GiB are free; a smaller --batch-size'
	[ ! -e x.safetensors ]
}
