# hm-fuse-train --micro-batch: a batch in parts, in one process. (Several processes: tests/cluster/mpi.bats.)

load ../support/bats

init="--image init:resnet-tiny --text init:bert-tiny"

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 70 --dev 20 --test 0 d
	for s in train dev; do
		hm-jsonl2rec -q d/$s.jsonl | hm-imgprep -q --root d/img --size 32 | hm-tokenize -q --vocab d/vocab.txt -o $s.hmr
		hm-encode -q $init -o $s.features.hmr $s.hmr
	done
}
setup() { cd "$BATS_FILE_TMPDIR"; }

losses() { grep -o '"loss":[0-9.e-]*' "$1" | cut -d : -f 2; }
train() { # NAME OPTION...
	hm-fuse-train -q -j1 --batch-size 32 --epochs 2 --log-steps 1 --log "$1.log" -o "$1.model" "${@:2}"
}

@test "loss and gradients are those of the whole batch: steps of SGD and Adam, class weights, a last batch of 6" {
	for kind in "--optimizer sgd --lr .1" "--optimizer adamw --lr 1e-3 --clip-norm .1" "--class-weight 1,3" "--fusion align --map-dim 16 --head-dropout .3,.2,.1"; do
		train whole $kind train.features.hmr
		for parts in 1 5 8 31 32 100; do
			train parts --micro-batch $parts $kind train.features.hmr
			[ "$(losses parts.log | wc -l)" = 6 ]
			paste <(losses whole.log) <(losses parts.log) |
				awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > 5e-6) { print "differ by " d; exit 1 } }' || fail "$kind, parts of $parts"
		done
	done
	hm-view --history parts.model | grep -q '"micro-batch":100'
	refute grep -q micro-batch <(hm-view --history whole.model)
}

@test "early fusion and a trained text encoder: dropout is drawn for the place in the whole batch" {
	for kind in "--fusion early" "--freeze image"; do
		train whole $kind $init --dropout .3 --optimizer sgd --lr 1e-3 train.hmr
		train parts --micro-batch 5 $kind $init --dropout .3 --optimizer sgd --lr 1e-3 train.hmr
		paste <(losses whole.log) <(losses parts.log) | awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > 5e-5) exit 1 }' || fail "$kind"
	done
}

@test "a run that goes on from a checkpoint ends in the same bytes; another --micro-batch is another run" {
	parts="--micro-batch 8 --batch-size 32 -q -j1 $init train.hmr"
	hm-fuse-train $parts --epochs 2 --checkpoint two.ckpt -o two.model
	hm-fuse-train $parts --epochs 1 --checkpoint one.ckpt -o one.model
	hm-fuse-train $parts --epochs 2 --checkpoint one.ckpt --resume -o one.model
	cmp one.model two.model
	cmp one.ckpt two.ckpt # no clock in it
	[ -s one.ckpt.seconds ]
	run hm-fuse-train $parts --epochs 3 --micro-batch 4 --checkpoint one.ckpt --resume -o x.model
	expect 1 'the checkpoint is of another run: micro-batch was 8 there and is 4 here'
	run hm-fuse-train -q -j1 $init train.hmr --batch-size 32 --epochs 3 --checkpoint one.ckpt --resume -o x.model
	expect 1 'the checkpoint is of another run: micro-batch was 8 there and is absent here'
}

@test "a part of one example, whose batch norm has one value per channel, is refused before the first step" {
	for parts in 1 31 5; do # of 32, and of 6
		run hm-fuse-train -q $init --batch-size 32 --micro-batch $parts --epochs 1 -o x.model train.hmr
		expect 1 "70 examples in batches of 32 and parts of $parts leave a part of one, .*: choose another --micro-batch"
	done
	run hm-fuse-train -q --micro-batch 0 -o x.model train.features.hmr
	expect 2 'micro-batch takes an integer from 1 to'
}

@test "several processes that a launcher starts without --parallel hear of it" {
	for size in OMPI_COMM_WORLD_SIZE=2 PMI_SIZE=3 SLURM_STEP_NUM_TASKS=4; do
		run env $size hm-fuse-train -q --epochs 1 -o x.model train.features.hmr
		expect 0 "^hm-fuse-train: warning: ${size#*=} processes were started, and each trains alone: --parallel mpi trains one model"
	done
	run env OMPI_COMM_WORLD_SIZE=1 SLURM_STEP_NUM_TASKS=1 hm-fuse-train -q --epochs 1 -o x.model train.features.hmr
	expect 0
	[ -z "$output" ] || fail "$output"
}
