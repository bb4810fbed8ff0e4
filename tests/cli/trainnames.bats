# hm-fuse-train compares what the classes are called: by --names, the records, --val, --init, and a checkpoint.

load ../support/bats

A=harmless,hateful
R=hateful,harmless

encode() { # LINES RECORDS OPTION...
	hm-jsonl2rec -q "${@:3}" "$1" | hm-tokenize -q --vocab data/vocab.txt | hm-encode -q --text init:bert-tiny -o "$2"
}
setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 40 --dev 12 --test 0 data
	for s in train dev; do
		sed 's/"label":0/"label":"harmless"/; s/"label":1/"label":"hateful"/' data/$s.jsonl >$s.words.jsonl
		encode data/$s.jsonl $s.hmr
		for o in $A $R $A,other; do encode $s.words.jsonl $s.$o.hmr --labels $o; done # the same rows
	done
	hm-fuse-train -q --epochs 1 -o words.st train.$A.hmr
	hm-fuse-train -q --epochs 1 -o none.st train.hmr
	echo '{"name":"x"}' >sweep.jsonl
}
setup() { cd "$BATS_FILE_TMPDIR"; }

train() { hm-fuse-train --epochs 2 -o $BATS_TEST_TMPDIR/m.st "$@"; }
quiet() { # the call is taken, without a warning
	run train "$@"
	expect 0
	refute grep -q warning <<<"$output"
}
refused() { # PATTERN OPTION...: an error, and with --allow-mismatch a warning
	local pattern=$1
	shift
	run train "$@"
	expect 1 "^hm-fuse-train: error: $pattern; hm-jsonl2rec --labels and --names give the order, --allow-mismatch goes on$"
	[ ! -e $BATS_TEST_TMPDIR/m.st ]
	run train --allow-mismatch "$@"
	expect 0 "^hm-fuse-train: warning: $pattern$"
	[ "$(grep -c warning <<<"$output")" = 1 ] || fail "$output"
	rm -r $BATS_TEST_TMPDIR/m.st
}

@test "--val against the training records, and against --names" {
	refused '--val: class 0 is "hateful", and is "harmless" in the training records' --val dev.$R.hmr train.$A.hmr
	refused '--val: class 0 is "hateful", and is "harmless" by --names' --names $A --val dev.$R.hmr train.hmr
	refused '--val: class 1 is "hateful", and is "mean" by --names' --names harmless,mean --val dev.$A.hmr train.$A.hmr
	# --names says what --val says, and the records differ from both
	moved='--names: class 0 is "hateful", which class 1 is called in the training records'
	run train --names $R --val dev.$R.hmr train.$A.hmr
	expect 1 "error: $moved; hm-jsonl2rec"
	refused "$moved" --names $R train.$A.hmr
	refused '--names: class 1 is "harmless", which class 0 is called in the training records' --names fine,harmless train.$A.hmr
	quiet --names $A --val dev.$A.hmr train.hmr
	quiet --val dev.$A.hmr train.$A.hmr
	quiet --names fine,mean train.$A.hmr # another word for both classes
}

@test "classes at the end of the records' list that no training record has" {
	run train train.$A,other.hmr
	expect 0 'warning: the training records name 3 classes and none is of class 2, "other": the model has 2 classes; --classes 3 keeps all$'
	quiet --classes 2 train.$A,other.hmr
	quiet --classes 3 train.$A,other.hmr
}

@test "--init against the training records, and against --names" {
	refused 'words.st: class 0 is "hateful" in the training records, and was "harmless" when the model was trained' --init words.st train.$R.hmr
	refused 'words.st: class 0 is "hateful" by --names, and was "harmless" when the model was trained' --init words.st --names $R train.hmr
	run train --init words.st --names $A train.$R.hmr
	expect 1 'error: --names: class 0 is "harmless", which class 1 is called in the training records'
	refused 'words.st: class 0 is "hateful" in the training records, and was "harmless" when the model was trained' --init words.st --val dev.$R.hmr train.$R.hmr
	quiet --init words.st train.$A.hmr
	quiet --init words.st --names $A train.hmr
}

@test "--val against --init, where nobody else says it" {
	refused '--val: class 0 is "hateful", and was "harmless" when the model of --init was trained' --init words.st --val dev.$R.hmr train.hmr
	quiet --init words.st --val dev.$A.hmr train.hmr
}

@test "one side without words, or with fewer" {
	quiet --val dev.hmr train.$A.hmr
	quiet --val dev.$A.hmr train.hmr
	quiet --val dev.$A,other.hmr train.$A.hmr
	quiet --classes 2 --val dev.$A.hmr train.$A,other.hmr
	quiet --init none.st --val dev.$R.hmr train.$R.hmr
	quiet --init words.st --val dev.hmr train.hmr
	quiet --classes 2 --init words.st --val dev.$A,other.hmr train.$A,other.hmr
	quiet --classes 3 --names $A,other --val dev.$A.hmr train.hmr
	# the model gets no words, those that there are differ all the same
	run train --classes 3 --val dev.$R.hmr train.$A.hmr
	expect 1 'the labels have 2 names for 3 classes: the model gets none'
	expect 1 '--val: class 0 is "hateful", and is "harmless" in the training records'
}

@test "a model of another number of classes is refused for that, whatever its words" {
	hm-fuse-train -q --epochs 1 --classes 3 --names a,b,c -o three.st train.hmr
	for in in "train.$A.hmr" "--val dev.$R.hmr train.hmr"; do
		# shellcheck disable=SC2086
		run train --init three.st --classes 2 $in
		expect 1 'error: three.st: its classifier has 3 classes and [0-9]+ inputs, the data needs 2 and'
	done
}

@test "a sweep and its shards" {
	for shard in "" "--shard 0/2"; do
		# shellcheck disable=SC2086
		run hm-fuse-train --epochs 1 --sweep sweep.jsonl $shard --names $A --val dev.$R.hmr -o heads train.hmr
		expect 1 'error: --val: class 0 is "hateful", and is "harmless" by --names'
		# shellcheck disable=SC2086
		run hm-fuse-train --epochs 1 --sweep sweep.jsonl $shard --init words.st -o heads train.$R.hmr
		expect 1 'error: words.st: class 0 is "hateful" in the training records'
		[ ! -e heads ]
	done
}

@test "--resume: other names are of another run" {
	train -q --names $A --checkpoint a.ckpt train.hmr
	cp $BATS_TEST_TMPDIR/m.st a.st
	for names in "--names $R" "--names $A"x; do
		# shellcheck disable=SC2086
		run train $names --checkpoint a.ckpt --resume train.hmr
		expect 1 'error: a.ckpt: the checkpoint is of another run: names was [0-9a-f]{32} there and is [0-9a-f]{32} here$'
	done
	run train --checkpoint a.ckpt --resume train.hmr
	expect 1 'the checkpoint is of another run: names was [0-9a-f]{32} there and is absent here$'
	train -q --names $A --checkpoint a.ckpt --resume train.hmr
	cmp a.st $BATS_TEST_TMPDIR/m.st
	# the names of the records and of --init are names, too; a run without any says nothing of them, as before
	train -q --init words.st --checkpoint i.ckpt train.hmr
	grep -aq '\\"names\\":' i.ckpt
	run train --init none.st --checkpoint i.ckpt --resume train.hmr
	expect 1 'digest of --init was [0-9a-f]{32} there and is [0-9a-f]{32} here$'
	train -q --checkpoint n.ckpt train.hmr
	refute grep -aq '\\"names\\":' n.ckpt
	run train --names $A --checkpoint n.ckpt --resume train.hmr
	expect 1 'names was absent there and is [0-9a-f]{32} here$'
	train -q --checkpoint n.ckpt --resume train.hmr
}
