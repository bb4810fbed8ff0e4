# hm-fuse-train: the model file, the log, sameness, and all that it refuses.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 120 --dev 60 --test 6 d
	for s in train dev test; do
		hm-jsonl2rec -q d/$s.jsonl | hm-imgprep --root d/img --size 64 | hm-tokenize --vocab d/vocab.txt |
			hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o $s.hmr
	done
}
setup() { cd "$BATS_FILE_TMPDIR"; }

@test "learns, and writes a safetensors file of classifier.*" {
	run hm-fuse-train --fusion late --standardize --lr 5e-3 --epochs 30 --val dev.hmr -o m.safetensors train.hmr
	expect 0 'm.safetensors: epoch 30 of 30, validation accuracy 0\.[0-9]{4}, AUROC 0\.[0-9]{4}'
	auroc=$(grep -oE 'AUROC 0\.[0-9]+' <<<"$output" | cut -d' ' -f2)
	awk -v a="$auroc" 'BEGIN { exit !(a > 0.65) }' || fail "AUROC $auroc"
	head -c 4000 m.safetensors | grep -aq '"classifier.bias":{"data_offsets"'
	head -c 4000 m.safetensors | grep -aq 'hm.image_digest'
}

@test "the same bytes again, for any -j, other ones for another seed" {
	hm-fuse-train -q -j1 --epochs 2 --log a.jsonl -o a.safetensors train.hmr
	hm-fuse-train -q -j4 --epochs 2 --log b.jsonl -o b.safetensors - <train.hmr
	cmp a.safetensors b.safetensors
	cmp a.jsonl b.jsonl
	hm-fuse-train -q --seed 7 --epochs 2 -o c.safetensors train.hmr
	refute cmp -s a.safetensors c.safetensors
}

@test "the log" {
	hm-fuse-train -q --batch-size 50 --log-steps 2 --epochs 2 --schedule linear --lr 0.5 --warmup-steps 1 --val dev.hmr --log l.jsonl -o m.safetensors train.hmr
	run cat l.jsonl
	[ "${#lines[@]}" = 8 ]
	grep -qE '^\{"event":"step","epoch":1,"step":2,"loss":[0-9.e-]+,"lr":0.5\}$' <<<"${lines[0]}"
	grep -qE '^\{"event":"epoch","epoch":1,"train_loss":[0-9.e-]+\}$' <<<"${lines[1]}"
	grep -qE '^\{"event":"eval","epoch":1,"loss":[0-9.e-]+,"accuracy":[0-9.]+,"auroc":[0-9.]+,"n":60\}$' <<<"${lines[2]}"
	[ "${lines[7]}" = '{"event":"end","steps":6,"best_epoch":2,"reason":"done"}' ]
}

@test "starts from a model file; rate 0 leaves it as it is" {
	hm-fuse-train -q --epochs 3 -o a.safetensors train.hmr
	hm-fuse-train -q --epochs 1 --lr 0 --init a.safetensors -o b.safetensors train.hmr
	hm-score --model a.safetensors --csv a.csv dev.hmr >/dev/null
	hm-score --model b.safetensors --csv b.csv dev.hmr >/dev/null
	cmp a.csv b.csv
	hm-fuse-train -q --features image -o i.safetensors train.hmr
	run hm-fuse-train --init i.safetensors -o x.safetensors train.hmr
	expect 1 'i.safetensors: its classifier has 2 classes and 128 inputs, the data needs 2 and 256'
	[ ! -e x.safetensors ]
}

@test "one feature alone; branches joined by id" {
	hm-cat --columns id,label,image_feature train.hmr -o i.hmr
	hm-cat --columns id,text_feature train.hmr -o t.hmr
	hm-fuse-train -q --epochs 2 --no-shuffle -o joined.safetensors i.hmr t.hmr
	hm-fuse-train -q --epochs 2 --no-shuffle -o whole.safetensors train.hmr
	hm-score --model joined.safetensors --csv j.csv dev.hmr >/dev/null
	hm-score --model whole.safetensors --csv w.csv dev.hmr >/dev/null
	cmp j.csv w.csv
	run hm-fuse-train --features text -o x.safetensors i.hmr
	expect 1 "no column 'text_feature'; hm-encode makes it"
}

@test "features of another encoder, or of none that is named" {
	hm-jsonl2rec -q d/dev.jsonl | hm-tokenize --vocab d/vocab.txt | hm-encode -q --text init:bert-tiny:5 -o other.hmr
	run hm-fuse-train --features text --val other.hmr -o x.safetensors train.hmr
	expect 1 'text_feature: encoder [0-9a-f]{32} in training, [0-9a-f]{32} in validation'
	[ ! -e x.safetensors ]
}

@test "labels: none, too large, and --on-error skip" {
	run hm-fuse-train -o x.safetensors test.hmr
	expect 1 'record 0 \(id [0-9]+\): it has no label; --on-error skip'
	run hm-fuse-train --on-error skip -o x.safetensors test.hmr
	expect 1 'no record to train on'
	hm-jsonl2rec -q --label-field image_concept d/train.jsonl | hm-tokenize --vocab d/vocab.txt |
		hm-encode -q --text init:bert-tiny -o four.hmr
	run hm-fuse-train --classes 3 -o x.safetensors four.hmr
	expect 1 'id [0-9]+: label 3, but there are 3 classes'
	hm-fuse-train -q --epochs 1 -o x4.safetensors four.hmr
	run hm-fuse-train --val four.hmr --select auroc -o x.safetensors four.hmr
	expect 1 'needs two classes, these are 4'
	[ ! -e x.safetensors ]
}

@test "an id in both sets is a warning" {
	run hm-fuse-train --epochs 1 --val train.hmr -o x1.safetensors train.hmr
	expect 0 'warning: 120 ids are in training and in validation'
}

@test "a run that fails leaves the old model and log alone" {
	echo old >m.old
	echo oldlog >l.old
	run hm-fuse-train --optimizer sgd --lr 1e6 --weight-decay 1e6 --epochs 9 --log l.old -o m.old train.hmr
	expect 1 'step [0-9]+, learning rate 1e\+06: .* not finite; the batch'
	[ "$(cat m.old l.old | xargs)" = "old oldlog" ]
	run hm-fuse-train --optimizer sgd --lr 1e6 --weight-decay 1e6 --batch-size 30 --epochs 1 -o m.old train.hmr
	expect 1 'step 4, learning rate 1e\+06: it left weights that are not finite; the batch'
	[ "$(cat m.old)" = old ]
	head -c 3000 train.hmr >cut.hmr
	run hm-fuse-train -o m.old cut.hmr
	expect 1 'cut.hmr'
	[ "$(cat m.old)" = old ]
}

@test "wrong calls" {
	run hm-fuse-train train.hmr
	expect 2 '-o FILE is required'
	run hm-fuse-train --log x.safetensors -o x.safetensors train.hmr
	expect 2 "-o and --log name the same file"
	run hm-fuse-train --val - -o x.safetensors - <train.hmr
	expect 2 'standard input cannot be both'
	run hm-fuse-train --select auroc -o x.safetensors train.hmr
	expect 2 'select needs --val'
	run hm-fuse-train --momentum 0.9 -o x.safetensors train.hmr
	expect 2 "momentum is sgd's alone"
	run hm-fuse-train --no-decay gain -o x.safetensors train.hmr
	expect 2 'no-decay takes norm, bias or both'
	run hm-fuse-train --class-weight 1 -o x.safetensors train.hmr
	expect 2 'class-weight takes 2 positive numbers'
	run hm-fuse-train --fusion early -o x.safetensors train.hmr
	expect 2 'fusion'
	run hm-fuse-train --device cuda -o x.safetensors train.hmr
	expect 3 'cuda'
}
