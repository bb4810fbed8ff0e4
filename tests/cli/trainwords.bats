# What hm-fuse-train says while it trains, and what it says before the first step.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 33 --dev 12 --test 0 data
	sed 's/"label": *[01]/"label":0/' data/train.jsonl >zero.jsonl
	sed 's/"label": *1/"label":2/; s/"label": *0/"label":1/' data/train.jsonl >shifted.jsonl
	sed 's/"label": *[01]/"label":1/' data/dev.jsonl >ones.jsonl
	for s in train dev; do hm-jsonl2rec -q data/$s.jsonl | hm-imgprep -q --root data/img --size 32 -o $s.raw.hmr; done
	for s in zero shifted ones; do hm-jsonl2rec -q $s.jsonl | hm-imgprep -q --root data/img --size 32 -o $s.raw.hmr; done
	for s in train dev zero shifted ones; do hm-encode -q --image init:resnet-tiny -o $s.hmr $s.raw.hmr; done
}
setup() { cd "$BATS_FILE_TMPDIR"; }

train() { hm-fuse-train --epochs 2 -o $BATS_TEST_TMPDIR/m.st "$@"; }

@test "a line per epoch: losses, accuracy, AUROC, seconds" {
	run train --val dev.hmr train.hmr
	expect 0 'notice: epoch 1 of 2: training loss [0-9.]+, validation loss [0-9.]+, accuracy [0-9.]+, AUROC [0-9.]+, [0-9.]+ s$'
	expect 0 'notice: epoch 2 of 2: training loss'
	run train train.hmr
	expect 0 'notice: epoch 2 of 2: training loss [0-9.]+, [0-9.]+ s$'
	run train -q train.hmr
	[ -z "$output" ]
}

@test "labels of one class, and a class that no record has, are warned about" {
	run train zero.hmr
	expect 0 'warning: all 33 training labels are 0'
	run train shifted.hmr
	expect 0 'warning: no training record has label 0, and the largest is 2: classes are numbered from 0'
	run train --val dev.hmr --lr 1e-9 train.hmr
	refute grep -q "labels are" <<<"$output"
}

@test "answers of one class are warned about" {
	run train --val dev.hmr --class-weight 1e6,1e-6 --no-standardize --epochs 60 --lr 1e-2 train.hmr
	expect 0 'warning: after the last epoch all 12 validation answers are class 0'
}

@test "what dooms the run is said before the first step" {
	run train --select auroc --val ones.hmr --checkpoint $BATS_TEST_TMPDIR/c.ckpt train.hmr
	expect 1 'error: --select auroc needs two classes in the validation set: all 12 labels are 1'
	[ ! -e $BATS_TEST_TMPDIR/c.ckpt ]
	# 33 images in batches of 16: the last has one, of 32x32, whose last stage is one cell
	run train --image init:resnet-tiny --batch-size 16 --checkpoint $BATS_TEST_TMPDIR/c.ckpt train.raw.hmr
	expect 1 '33 examples in batches of 16 leave a last batch of one, .*another --batch-size, or .*--drop-last'
	[ ! -e $BATS_TEST_TMPDIR/c.ckpt ]
	run train --image init:resnet-tiny --batch-size 16 --drop-last train.raw.hmr
	expect 0
	run train --image init:resnet-tiny --batch-size 1 train.raw.hmr
	expect 1 'one value per channel with --batch-size 1 .*choose a larger --batch-size'
	run train --stats $BATS_TEST_TMPDIR/none/s.json --checkpoint $BATS_TEST_TMPDIR/c.ckpt train.hmr
	expect 1 'none/s.json: cannot open its folder: No such file'
	[ ! -e $BATS_TEST_TMPDIR/c.ckpt ]
	OMP_THREAD_LIMIT=1 run train -q -j 2 --image init:resnet-tiny --epochs 1 train.raw.hmr # -j counts, and not OpenMP's variables
	expect 0
	run train --batch-size 64 --drop-last train.hmr
	expect 1 '--drop-last leaves nothing: there are 33 examples, and a batch has 64'
}

@test "--drop-last: full batches alone, in every epoch others" {
	train -q --batch-size 16 --drop-last --log $BATS_TEST_TMPDIR/l.jsonl --log-steps 1 train.hmr
	[ "$(grep -c '"event":"step"' $BATS_TEST_TMPDIR/l.jsonl)" = 4 ]
	train -q --batch-size 16 --log $BATS_TEST_TMPDIR/l.jsonl --log-steps 1 train.hmr
	[ "$(grep -c '"event":"step"' $BATS_TEST_TMPDIR/l.jsonl)" = 6 ]
	# the history says it, and so does a sweep's line
	train -q --batch-size 16 --drop-last train.hmr
	grep -aq 'drop-last' $BATS_TEST_TMPDIR/m.st
	printf '%s\n' '{"name":"x","drop-last":true,"batch-size":16}' >$BATS_TEST_TMPDIR/s.jsonl
	hm-fuse-train -q --epochs 2 --sweep $BATS_TEST_TMPDIR/s.jsonl -o $BATS_TEST_TMPDIR/heads train.hmr
	cmp $BATS_TEST_TMPDIR/heads/x.safetensors $BATS_TEST_TMPDIR/m.st
}

@test "the first and the last step are always in the log" {
	train -q --batch-size 8 --log $BATS_TEST_TMPDIR/l.jsonl --log-steps 1000 train.hmr
	[ "$(grep '"event":"step"' $BATS_TEST_TMPDIR/l.jsonl | grep -o '"step":[0-9]*' | tr '\n' ' ')" = '"step":1 "step":10 ' ]
}

@test "features are standardised unless told otherwise; where an encoder trains they are not there" {
	train -q train.hmr
	cp $BATS_TEST_TMPDIR/m.st $BATS_TEST_TMPDIR/a.st
	train -q --standardize train.hmr
	cmp $BATS_TEST_TMPDIR/a.st $BATS_TEST_TMPDIR/m.st
	train -q --no-standardize train.hmr
	refute cmp -s $BATS_TEST_TMPDIR/a.st $BATS_TEST_TMPDIR/m.st
	grep -aq 'standardize\\":false' $BATS_TEST_TMPDIR/m.st
	run train --standardize --no-standardize train.hmr
	expect 2 'contradict'
	train -q --image init:resnet-tiny --batch-size 11 train.raw.hmr
	grep -aq 'standardize\\":false' $BATS_TEST_TMPDIR/m.st
	run train --standardize --image init:resnet-tiny --batch-size 11 train.raw.hmr
	expect 2 '--standardize scales features; here an encoder runs'
}

@test "more epochs than planned, where the schedule is constant" {
	hm-fuse-train -q --epochs 4 -o $BATS_TEST_TMPDIR/four.st --select accuracy --val dev.hmr train.hmr
	hm-fuse-train -q --epochs 2 --checkpoint $BATS_TEST_TMPDIR/c.ckpt -o $BATS_TEST_TMPDIR/two.st --select accuracy --val dev.hmr train.hmr
	cp $BATS_TEST_TMPDIR/c.ckpt $BATS_TEST_TMPDIR/two.ckpt
	hm-fuse-train -q --epochs 4 --checkpoint $BATS_TEST_TMPDIR/c.ckpt --resume -o $BATS_TEST_TMPDIR/on.st --select accuracy --val dev.hmr train.hmr
	cmp $BATS_TEST_TMPDIR/four.st $BATS_TEST_TMPDIR/on.st
	# fewer are another run, and so are more where the rate depends on how many there are
	run hm-fuse-train -q --epochs 1 --checkpoint $BATS_TEST_TMPDIR/two.ckpt --resume -o $BATS_TEST_TMPDIR/x.st --select accuracy --val dev.hmr train.hmr
	expect 1 'epochs was 2 there and is 1 here'
	hm-fuse-train -q --epochs 2 --schedule cosine --checkpoint $BATS_TEST_TMPDIR/cos.ckpt -o $BATS_TEST_TMPDIR/x.st train.hmr
	run hm-fuse-train -q --epochs 4 --schedule cosine --checkpoint $BATS_TEST_TMPDIR/cos.ckpt --resume -o $BATS_TEST_TMPDIR/x.st train.hmr
	expect 1 'epochs was 2 there and is 4 here \(more epochs go on where the schedule is constant; else --init MODEL'
}

@test "--precision bf16 is of encoders: a head on cached features is f32, and one notice says so" {
	train() { hm-fuse-train --device ref --epochs 1 -o $BATS_TEST_TMPDIR/m.st "$@"; } # ref has bf16 on every processor
	run train --precision bf16 train.hmr
	expect 0 'notice: --precision bf16 is of encoders, and none runs here: a head on cached features is trained in f32$'
	[ "$(grep -c 'trained in f32' <<<"$output")" = 1 ]
	tensors() { hm-score --device ref --model $BATS_TEST_TMPDIR/m.st --csv - train.hmr 2>/dev/null; }
	tensors >bf16.csv
	run train train.hmr
	refute grep -q 'trained in f32' <<<"$output"
	tensors | cmp - bf16.csv # f32 it is
	echo '{"name":"a"}' >one.jsonl
	run hm-fuse-train --device ref --epochs 1 --precision bf16 --sweep one.jsonl -o $BATS_TEST_TMPDIR/heads train.hmr
	[ "$(grep -c 'trained in f32' <<<"$output")" = 1 ] || fail "$output"
	for how in '' '--freeze image'; do # a trained encoder, and one that runs while the records are read
		run train --precision bf16 --image init:resnet-tiny $how --drop-last --batch-size 16 train.raw.hmr
		expect 0
		refute grep -q 'trained in f32' <<<"$output"
	done
}
