# hm-fuse-train stopped at any moment and resumed ends in the same bytes as a run never stopped, log included.

load ../support/bats

common="--text init:bert-tiny --image init:resnet-tiny --batch-size 8 --epochs 3 --lr 1e-3 --log-steps 3 --select auroc -j2"

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 64 --dev 16 --test 0 d
	for s in train dev; do
		hm-jsonl2rec -q d/$s.jsonl | hm-imgprep --root d/img --size 40 | hm-tokenize --vocab d/vocab.txt -o $s.hmr
	done
	hm-fuse-train -q $common --val dev.hmr --log whole.jsonl -o whole.safetensors train.hmr
	hm-fuse-train -q $common --fusion early --frozen-mode train --val dev.hmr --log early.jsonl -o early.safetensors train.hmr
}
setup() { cd "$BATS_FILE_TMPDIR"; }

# until_done NAME OPTION...: runs, kills with SIGKILL after a while drawn from RANDOM, resumes, until a run ends by itself.
until_done() {
	local name=$1 kills=0 pid rc
	shift
	rm -f $name.ckpt $name.jsonl $name.safetensors
	while :; do
		hm-fuse-train -q "$@" --checkpoint $name.ckpt --resume --log $name.jsonl -o $name.safetensors train.hmr &
		pid=$!
		if [ $kills -lt 6 ]; then
			sleep 0.$((RANDOM % 40 + 10))
			kill -9 $pid 2>/dev/null || true
		fi
		rc=0
		wait $pid || rc=$?
		[ $rc = 0 ] && break
		[ $rc = 137 ] || fail "after $kills kills: exit $rc"
		kills=$((kills + 1))
	done
	echo "$name: $kills kills"
}

@test "two runs that write one log: the second ends at once, the first one's lines stay" {
	printf 'a line of the first\n' >shared.jsonl
	run flock shared.jsonl hm-fuse-train -q $common --checkpoint two.ckpt --log shared.jsonl --val dev.hmr -o two.safetensors train.hmr
	expect 1 '^hm-fuse-train: error: shared.jsonl: another process is writing it$'
	[ "$(cat shared.jsonl)" = 'a line of the first' ]
	hm-fuse-train -q $common --checkpoint two.ckpt --log shared.jsonl --val dev.hmr -o two.safetensors train.hmr
	cmp shared.jsonl whole.jsonl
	hm-fuse-train -q $common --checkpoint three.ckpt --log /dev/null --val dev.hmr -o three.safetensors train.hmr
}

@test "kill -9 at random moments, late fusion, a checkpoint every step" {
	RANDOM=17
	until_done k1 $common --val dev.hmr --checkpoint-steps 1
	cmp k1.safetensors whole.safetensors
	cmp k1.jsonl whole.jsonl
}

@test "kill -9 at random moments, early fusion in train mode, a checkpoint every 3 steps" {
	RANDOM=23
	until_done k2 $common --fusion early --frozen-mode train --val dev.hmr --checkpoint-steps 3
	cmp k2.safetensors early.safetensors
	cmp k2.jsonl early.jsonl
}

# Waits until the run has written a checkpoint, then sends the signal.
signal_run() {
	rm -f s.ckpt s.jsonl s.safetensors
	hm-fuse-train -q $common --val dev.hmr --checkpoint s.ckpt --checkpoint-steps 1 --log s.jsonl -o s.safetensors train.hmr &
	pid=$!
	for ((i = 0; i < 600; i++)); do
		[ ! -e s.ckpt ] || break
		sleep 0.01
	done
	kill -$1 $pid
	rc=0
	wait $pid || rc=$?
}

@test "TERM and INT: the step is finished, a checkpoint written, exit 128 + n" {
	for signal in TERM INT; do
		signal_run $signal
		case $signal:$rc in TERM:143 | INT:130) ;; *) fail "$signal: exit $rc" ;; esac
		[ ! -e s.safetensors ]
		grep -q '"reason":"signal"' s.jsonl
		hm-fuse-train -q $common --val dev.hmr --checkpoint s.ckpt --resume --checkpoint-steps 1 --log s.jsonl -o s.safetensors train.hmr
		cmp s.safetensors whole.safetensors
		cmp s.jsonl whole.jsonl
	done
}

@test "USR1: a checkpoint, and the run goes on" {
	signal_run USR1
	[ $rc = 0 ]
	cmp s.safetensors whole.safetensors
}

@test "without --checkpoint a signal does what it does to any program" {
	hm-fuse-train -q $common --epochs 1000 --val dev.hmr -o n.safetensors train.hmr &
	pid=$!
	sleep 0.5
	kill -TERM $pid
	rc=0
	wait $pid || rc=$?
	[ $rc = 143 ]
	[ ! -e n.safetensors ]
}

@test "threads are the checkpoint's; a resumed run that was done writes the model again" {
	rm -f t.ckpt
	hm-fuse-train -q $common --val dev.hmr --checkpoint t.ckpt -o t.safetensors train.hmr
	rm t.safetensors
	hm-fuse-train -q $common -j1 --val dev.hmr --checkpoint t.ckpt --resume -o t.safetensors train.hmr
	cmp t.safetensors whole.safetensors
}

@test "a checkpoint of another run is refused, the difference named" {
	rm -f o.ckpt
	hm-fuse-train -q $common --val dev.hmr --checkpoint o.ckpt -o o.safetensors train.hmr
	cp o.ckpt o.kept
	run hm-fuse-train $common --val dev.hmr --lr 2e-3 --checkpoint o.ckpt --resume -o x train.hmr
	expect 1 'o.ckpt: the checkpoint is of another run: lr was 0.001 there and is 0.002 here'
	run hm-fuse-train $common --val dev.hmr --checkpoint o.ckpt --resume -o x dev.hmr
	expect 1 'of another run: training data was [0-9a-f]{32} there and is [0-9a-f]{32} here'
	run hm-fuse-train $common --val train.hmr --checkpoint o.ckpt --resume -o x train.hmr
	expect 1 'of another run: validation data was'
	run hm-fuse-train $common --image init:resnet-tiny:3 --val dev.hmr --checkpoint o.ckpt --resume -o x train.hmr
	expect 1 'of another run: image encoder was'
	run hm-fuse-train $common --device ref --val dev.hmr --checkpoint o.ckpt --resume -o x train.hmr
	expect 1 'of another run: device was cpu there and is ref here'
	run hm-fuse-train $common --fusion early --val dev.hmr --checkpoint o.ckpt --resume -o x train.hmr
	expect 1 'of another run: fusion was late there and is early here'
	run hm-fuse-train $common --heads 4 --val dev.hmr --checkpoint o.ckpt --resume -o x train.hmr
	expect 1 'of another run: heads was absent there and is 4 here'
	cmp o.ckpt o.kept
	[ ! -e x ]
}

@test "a checkpoint knows its first model" {
	rm -f i.ckpt
	local head="--batch-size 8 --epochs 1 --freeze both" # the encoders stay those of the seed 0
	for lr in 1e-2 1e-3; do
		hm-fuse-train -q --text init:bert-tiny --image init:resnet-tiny $head --lr $lr -o first$lr.safetensors train.hmr
	done
	hm-fuse-train -q $head --init first1e-2.safetensors --checkpoint i.ckpt -o i.safetensors train.hmr
	run hm-fuse-train $head --init first1e-3.safetensors --checkpoint i.ckpt --resume -o x train.hmr
	expect 1 'i.ckpt: the checkpoint is of another run: digest of --init was [0-9a-f]{32} there and is [0-9a-f]{32} here$'
	[ ! -e x ]
	cp first1e-2.safetensors same.safetensors # another path
	hm-fuse-train -q $head --init same.safetensors --checkpoint i.ckpt --resume -o again.safetensors train.hmr
	cmp i.safetensors again.safetensors
}

@test "a damaged checkpoint is an error, never a fresh start" {
	rm -f b.ckpt
	hm-fuse-train -q $common --epochs 1 --val dev.hmr --checkpoint b.ckpt -o b.safetensors train.hmr
	head -c 5000 b.ckpt >cut.ckpt
	run hm-fuse-train $common --epochs 1 --val dev.hmr --checkpoint cut.ckpt --resume -o x train.hmr
	expect 1 'cut.ckpt: '
	size=$(stat -c %s b.ckpt)
	cp b.ckpt flip.ckpt
	printf '\377' | dd of=flip.ckpt bs=1 seek=$((size / 2)) conv=notrunc status=none
	run hm-fuse-train $common --epochs 1 --val dev.hmr --checkpoint flip.ckpt --resume -o x train.hmr
	expect 1 'flip.ckpt: '
	cp b.safetensors no.ckpt
	run hm-fuse-train $common --epochs 1 --val dev.hmr --checkpoint no.ckpt --resume -o x train.hmr
	expect 1 'no.ckpt: it is not a checkpoint'
	[ ! -e x ]
}

@test "wrong calls" {
	touch there.ckpt
	run hm-fuse-train $common --val dev.hmr --checkpoint there.ckpt -o x train.hmr
	expect 2 'checkpoint there.ckpt exists: --resume goes on from it, or remove it'
	run hm-fuse-train $common --val dev.hmr --resume -o x train.hmr
	expect 2 'resume needs --checkpoint'
	run hm-fuse-train $common --val dev.hmr --checkpoint-steps 5 -o x train.hmr
	expect 2 'checkpoint-steps needs --checkpoint'
	run hm-fuse-train $common --val dev.hmr --checkpoint x -o x train.hmr
	expect 2 "name the same file"
}

@test "train_s counts what came before the checkpoint" {
	hm-fuse-train -q $common --val dev.hmr --checkpoint clock.ckpt -o clock.safetensors train.hmr
	before=$(cat clock.ckpt.seconds)
	hm-fuse-train -q $common --val dev.hmr --checkpoint clock.ckpt --resume --stats clock.json -o clock.safetensors train.hmr # nothing left to do
	after=$(grep -oE '"train_s":[0-9.e-]+' clock.json | cut -d : -f 2)
	awk -v a="$before" -v b="$after" 'BEGIN { exit !(a > 0 && b > a) }'
}
