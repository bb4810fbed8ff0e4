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
	auroc=$(grep -oE 'AUROC 0\.[0-9]+' <<<"$output" | tail -n 1 | cut -d' ' -f2)
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
	[ "${#lines[@]}" = 9 ]
	grep -qE '^\{"event":"step","epoch":1,"step":1,"loss":[0-9.e-]+,"lr":0\}$' <<<"${lines[0]}"
	grep -qE '^\{"event":"step","epoch":1,"step":2,"loss":[0-9.e-]+,"lr":0.5\}$' <<<"${lines[1]}"
	grep -qE '^\{"event":"epoch","epoch":1,"train_loss":[0-9.e-]+\}$' <<<"${lines[2]}"
	grep -qE '^\{"event":"eval","epoch":1,"loss":[0-9.e-]+,"accuracy":[0-9.]+,"auroc":[0-9.]+,"n":60\}$' <<<"${lines[3]}"
	[ "${lines[8]}" = '{"event":"end","steps":6,"best_epoch":2,"reason":"done"}' ]
}

@test "starts from a model file; rate 0 leaves it as it is" {
	hm-fuse-train -q --epochs 3 -o a.safetensors train.hmr
	hm-fuse-train -q --epochs 1 --lr 0 --no-standardize --init a.safetensors -o b.safetensors train.hmr
	hm-score --model a.safetensors --csv a.csv dev.hmr >/dev/null
	hm-score --model b.safetensors --csv b.csv dev.hmr >/dev/null
	cmp a.csv b.csv
	hm-fuse-train -q --features image -o i.safetensors train.hmr
	run hm-fuse-train --init i.safetensors -o x.safetensors train.hmr
	expect 1 'i.safetensors: its classifier has 2 classes and 128 inputs, the data needs 2 and 256'
	[ ! -e x.safetensors ]
}

@test "a model that is written into after its digest was taken is none to begin with" {
	hm-fuse-train -q --epochs 1 -o live.st train.hmr
	mkfifo held.fifo
	hm-fuse-train -q --epochs 1 --init live.st -o begun.st held.fifo 2>stderr &
	pid=$!
	exec 8>held.fifo # it has opened the model when it opens its input
	printf x | dd of=live.st bs=1 seek=$(($(stat -c %s live.st) - 1)) conv=notrunc 2>/dev/null
	cat train.hmr >&8
	exec 8>&-
	rc=0
	wait $pid || rc=$?
	[ $rc = 1 ] && [ ! -e begun.st ]
	grep -qx 'hm-fuse-train: error: live.st: changed while it was in use' stderr
}

@test "the last epoch's model beside the best one's" {
	local how=(--lr 0.3 --optimizer sgd --momentum 0.9 --epochs 6 --val dev.hmr)
	hm-fuse-train -q "${how[@]}" --log all.jsonl -o last.safetensors train.hmr
	hm-fuse-train -q "${how[@]}" --select accuracy --last also.safetensors -o best.safetensors train.hmr
	best=$(grep "\"eval\"" all.jsonl | sed "s/.*\"epoch\":\([0-9]*\).*\"accuracy\":\([0-9.]*\).*/\2 \1/" | sort -k1,1gr -k2,2n | head -n 1)
	[ "${best#* }" -lt 6 ] || false # else this asks nothing
	for m in last also best; do hm-score --model $m.safetensors --json $m.json dev.hmr >/dev/null; done
	cmp last.json also.json
	grep -q "\"accuracy\":${best% *}[,}]" best.json
	run strings -n 12 also.safetensors
	[[ $output == *'hm.selected_on":"last, epoch 6"'* ]]
	run hm-fuse-train "${how[@]}" --last x.safetensors -o x.safetensors train.hmr
	expect 2 'name the same file'
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
	expect 1 'text_feature is from encoder [0-9a-f]{32} in training and from [0-9a-f]{32} in validation'
	[ ! -e x.safetensors ]
}

@test "labels: none, too large, and --on-error skip" {
	run hm-fuse-train -o x.safetensors test.hmr
	expect 1 'record 0 \(id [0-9]+\): it has no label; --on-error skip'
	run hm-fuse-train --on-error skip -o x.safetensors test.hmr
	expect 1 'no record is left to train on'
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
	expect 1 'step 4, learning rate 1e\+06: its weights are not finite; the batch'
	[ "$(cat m.old)" = old ]
	head -c 3000 train.hmr >cut.hmr
	run hm-fuse-train -o m.old cut.hmr
	expect 1 'cut.hmr'
	[ "$(cat m.old)" = old ]
}

@test "wrong calls" {
	run hm-fuse-train train.hmr
	expect 2 '-o MODEL is required'
	run hm-fuse-train --log x.safetensors -o x.safetensors train.hmr
	expect 2 "-o and --log name the same file"
	run hm-fuse-train --val - -o x.safetensors - <train.hmr
	expect 2 'standard input is named twice'
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
	for o in '--encoder-lr 1' '--dropout .3' '--heads 4' '--act gelu' '--vocab-size 3' '--freeze both --frozen-mode train'; do
		run hm-fuse-train $o -o x.safetensors train.hmr
		expect 2 '^hm-fuse-train: error: --(encoder-lr|dropout|heads|act|vocab-size|frozen-mode train) .* neither --image, --text nor --init gives one'
	done
	idle() { # PATTERN OPTION...: options on encoders that would change nothing
		run hm-fuse-train --epochs 1 -o x.safetensors "${@:2}" train.raw.hmr
		expect 2 "^hm-fuse-train: error: $1"
	}
	idle '--frozen-mode train is of frozen encoders' --image init:resnet-tiny --frozen-mode train
	idle '--encoder-lr is of encoders that are trained' --image init:resnet-tiny --freeze both --encoder-lr 1e-5
	idle '--vocab-size needs --text init:NAME' --text w.safetensors --vocab-size 30
	idle '--text names an encoder, and --features image leaves that side out' --features image --image init:resnet-tiny --text init:bert-tiny
	run hm-fuse-train --epochs 2 --batch-size 8 --warmup-steps 100000 -o x.safetensors train.hmr
	expect 0 'warning: --warmup-steps 100000: the run has [0-9]+ steps, so the rate never reaches --lr$'
	rm x.safetensors
	run hm-fuse-train --features image --text-feature nope -o x.safetensors train.hmr
	expect 2 '^hm-fuse-train: error: --text-feature names columns, and --features image leaves that side out'
	run hm-fuse-train --device cuda -o x.safetensors train.hmr
	expect 3 'cuda'
}

raw_sets() { # the same records with pixels and token ids, and one with everything
	[ ! -e train.raw.hmr ] || return 0
	for s in train dev; do
		hm-jsonl2rec -q d/$s.jsonl | hm-imgprep --root d/img --size 64 | hm-tokenize --vocab d/vocab.txt -o $s.raw.hmr
		hm-encode -q --image init:resnet-tiny --text init:bert-tiny --image-output both --keep -o $s.all.hmr $s.raw.hmr
	done
}

loss() { sed -n 's/.*"train_loss":\([0-9.e-]*\).*/\1/p' "$1"; }

near() { awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; exit !(d < 1e-5 && d > -1e-5) }' || fail "$1 and $2"; }

@test "late fusion end to end, then its encoders again, and scores" {
	raw_sets
	run hm-fuse-train --image init:resnet-tiny --text init:bert-tiny --lr 5e-4 --batch-size 32 --epochs 1 --val dev.raw.hmr -o w.safetensors train.raw.hmr
	expect 0 'w.safetensors: epoch 1 of 1, validation accuracy'
	grep -aq '"image_encoder.layer1.0.conv1.weight"' w.safetensors
	grep -aq '"text_encoder.encoder.layer.0.attention.self.query.weight"' w.safetensors
	hm-fuse-train -q --image w.safetensors --text w.safetensors --freeze both --epochs 1 -o head.safetensors train.raw.hmr
	hm-score --model head.safetensors dev.raw.hmr | grep -q '^accuracy'
	hm-fuse-train -q --init w.safetensors --lr 0 --no-standardize --freeze both --epochs 1 -o same.safetensors train.raw.hmr
	hm-score --model w.safetensors --csv w.csv dev.raw.hmr >/dev/null
	hm-score --model same.safetensors --csv same.csv dev.raw.hmr >/dev/null
	cmp w.csv same.csv
}

@test "a frozen encoder: from its features and from the raw column, the same losses" {
	raw_sets
	for fusion in late early; do
		[ $fusion = late ] && options="--freeze both" || options="--dropout 0"
		hm-fuse-train -q --fusion $fusion --image init:resnet-tiny --text init:bert-tiny $options --epochs 1 --log raw.jsonl -o raw.safetensors train.raw.hmr
		hm-fuse-train -q --fusion $fusion --image init:resnet-tiny --text init:bert-tiny $options --epochs 1 --log all.jsonl -o all.safetensors train.all.hmr
		near "$(loss raw.jsonl)" "$(loss all.jsonl)"
	done
	# one side trained from pixels beside the other's cached feature
	hm-cat --columns id,label,pixels,text_feature train.all.hmr -o mixed.hmr
	hm-fuse-train -q --image init:resnet-tiny --epochs 1 --batch-size 32 -o mixed.safetensors mixed.hmr
	grep -aq '"image_encoder.conv1.weight"' mixed.safetensors
	refute grep -aq '"text_encoder' mixed.safetensors
}

@test "frozen in train mode: batch statistics move, weights do not" {
	raw_sets
	hm-fuse-train -q --image init:resnet-tiny --text init:bert-tiny --freeze both --frozen-mode train --epochs 1 --log t.jsonl -o t.safetensors train.raw.hmr
	hm-fuse-train -q --image init:resnet-tiny --text init:bert-tiny --freeze both --epochs 1 --log e.jsonl -o e.safetensors train.raw.hmr
	refute cmp -s t.jsonl e.jsonl
	run hm-fuse-train --image init:resnet-tiny --freeze both --frozen-mode train -o x train.hmr
	expect 2 "frozen-mode train runs the encoder on 'pixels', and train.hmr has only 'image_feature'"
	run hm-fuse-train --image init:resnet-tiny --text init:bert-tiny -o x train.hmr
	expect 1 "train.hmr: there is no column 'pixels', which the encoder is trained on; hm-imgprep makes it"
	run hm-fuse-train -o x train.raw.hmr
	expect 1 "there is no column 'image_feature'; hm-encode makes it, or --image SPEC gives an encoder for 'pixels'"
	run hm-fuse-train --image init:resnet-tiny:9 --freeze image --features image -o x train.hmr
	expect 1 "column 'image_feature' was made by encoder [0-9a-f]{32}, not by [0-9a-f]{32}"
}

@test "early fusion" {
	raw_sets
	hm-fuse-train -q --fusion early --image init:resnet-tiny --text init:bert-tiny --batch-size 32 --epochs 1 --val dev.raw.hmr -o early.safetensors train.raw.hmr
	for name in transformer.pooler.dense.weight image_encoder.4.0.conv1.weight word_modality_embeddings image_positional_embeddings.weight; do
		grep -aq "\"$name\"" early.safetensors || fail "no $name"
	done
	hm-fuse-train -q --init early.safetensors --epochs 1 -o again.safetensors train.raw.hmr
	run hm-fuse-train --init early.safetensors --fusion late -o x train.raw.hmr
	expect 2 'init early.safetensors is a model of early fusion, but --fusion says otherwise'
	run hm-fuse-train --fusion early --image init:resnet-tiny -o x train.raw.hmr
	expect 2 'fusion early trains a transformer: give --text SPEC or --init MODEL'
	run hm-fuse-train --fusion early --text init:bert-tiny --freeze text -o x train.all.hmr
	expect 2 'fusion early uses both sides and trains its transformer'
}

@test "data larger than memory, and a pipe: the same bytes" {
	raw_sets
	options="--image init:resnet-tiny --text init:bert-tiny --batch-size 32 --epochs 1"
	hm-fuse-train -q $options -o all.safetensors train.raw.hmr
	TMPDIR=$PWD hm-fuse-train -q $options --memory 100K -o small.safetensors train.raw.hmr
	cat train.raw.hmr | hm-fuse-train -q $options --memory 0 -o pipe.safetensors -
	cmp all.safetensors small.safetensors
	cmp all.safetensors pipe.safetensors
	run ls
	refute grep -q 'hm-[A-Za-z0-9]\{6\}' <<<"$output"
}

@test "dropout and precision" {
	raw_sets
	options="--features text --text init:bert-tiny --batch-size 32 --epochs 1"
	hm-fuse-train -q $options --log a.jsonl -o a.safetensors train.raw.hmr
	hm-fuse-train -q $options --dropout 0 --log b.jsonl -o b.safetensors train.raw.hmr
	refute cmp -s a.jsonl b.jsonl
	if has_bf16; then
		hm-fuse-train -q $options --dropout 0 --precision bf16 --log c.jsonl -o c.safetensors train.raw.hmr
		awk -v a="$(loss b.jsonl)" -v c="$(loss c.jsonl)" 'BEGIN { d = a - c; exit !(d < .02 && d > -.02) }'
	else
		run hm-fuse-train $options --precision bf16 -o c.safetensors train.raw.hmr
		expect 3 'bf16'
	fi
	run hm-fuse-train $options --precision auto -o c.safetensors train.raw.hmr
	expect 2 '--precision auto is for tools that only run networks'
}

@test "a run that diverges keeps its last checkpoint and writes no model" {
	run hm-fuse-train --optimizer sgd --lr 1e6 --weight-decay 1e6 --batch-size 30 --epochs 9 --checkpoint div.ckpt --checkpoint-steps 1 --log div.jsonl -o div.safetensors train.hmr
	expect 1 "step [0-9]+, learning rate 1e\+06: .* not finite; the batch's ids are [0-9]+, "
	[ -s div.ckpt ]
	[ ! -e div.safetensors ]
}
