# The fusions with hidden layers through the tools: align, concat, cross, align-concat; several feature columns a side.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --rule xor --train 80 --dev 40 --test 4 data
	for split in train dev; do
		hm-jsonl2rec data/$split.jsonl | hm-imgprep -q --root data/img --size 32 | hm-tokenize -q --vocab data/vocab.txt |
			hm-encode -q --image init:resnet-tiny --text init:bert-tiny --keep -o $split.hmr
	done
}

setup() {
	cd "$BATS_FILE_TMPDIR"
}

JOINTS="align concat cross align-concat"

@test "each joint trains, and scores as in its last validation" {
	for f in $JOINTS; do
		hm-fuse-train -q --fusion $f --map-dim 8 --map-layers 2 --pre-layers 2 --pre-dim 6 --head-dropout .1,.4,.2 --epochs 2 \
			--val dev.hmr --log log.jsonl -o $f.safetensors train.hmr
		hm-score -q --model $f.safetensors --json score.json dev.hmr
		want=$(grep '"event":"eval"' log.jsonl | tail -n 1 | grep -o '"auroc":[0-9.]*')
		grep -q -- "$want" score.json || fail "$f: the log says $want: $(cat score.json)"
		hm-view $f.safetensors | grep -q "\"dropout\":\[0.1,0.4,0.2\],\"fusion\":\"$f\""
		for said in '"map_dim":8,"map_layers":2' '"normalize":true' '"pre_dim":6,"pre_layers":2'; do
			hm-view $f.safetensors | grep -qF "$said"
		done
	done
}

@test "a sweep over joints and layers: each has the bytes of its own run" {
	cat >lines.jsonl <<'END'
{"name":"a","fusion":"align","map-dim":8,"head-dropout":"0.1,0.4,0.2","lr":1e-2}
{"name":"b","fusion":"cross","map-dim":5,"no-normalize":true,"pre-layers":0,"clip-norm":0.1}
{"name":"c","fusion":"concat","map-dim":20,"map-layers":2,"pre-dim":70,"seed":7}
{"name":"d","lr":3e-3}
{"name":"e","fusion":"align-concat","map-dim":6,"pre-layers":3,"batch-size":32}
END
	mkdir -p alone
	hm() { hm-fuse-train -q --epochs 2 --val dev.hmr "$@" train.hmr; }
	for how in "" --standardize --no-standardize; do
		hm $how --fusion align --map-dim 8 --head-dropout 0.1,0.4,0.2 --lr 1e-2 -o alone/a.safetensors
		hm $how --fusion cross --map-dim 5 --no-normalize --pre-layers 0 --clip-norm .1 -o alone/b.safetensors
		hm $how --fusion concat --map-dim 20 --map-layers 2 --pre-dim 70 --seed 7 -o alone/c.safetensors
		hm $how --lr 3e-3 -o alone/d.safetensors
		hm $how --fusion align-concat --map-dim 6 --pre-layers 3 --batch-size 32 -o alone/e.safetensors
		for j in 1 3; do
			rm -rf swept
			hm -j $j $how --sweep lines.jsonl -o swept
			for m in a b c d e; do cmp alone/$m.safetensors swept/$m.safetensors; done
		done
	done
	head -n 1 swept/leaderboard.csv | grep -q '^name,fusion,map-dim,head-dropout,lr,no-normalize,pre-layers,'
	grep -q '^"\?a"\?,"\?align"\?,8,"0.1,0.4,0.2",' swept/leaderboard.csv
}

@test "a sweep: normalize false is no-normalize" {
	printf '%s\n' '{"name":"off","normalize":false}' '{"name":"on","normalize":true}' '{"name":"plain","no-normalize":true}' >norm.jsonl
	hm-fuse-train -q --sweep norm.jsonl --fusion align --map-dim 4 --epochs 1 -o norm train.hmr
	refute cmp -s norm/off.safetensors norm/on.safetensors
	cmp norm/off.safetensors norm/plain.safetensors
	grep -q '^"\?off"\?,.*false' norm/leaderboard.csv || fail "$(cat norm/leaderboard.csv)"
}

@test "--standardize folds into the maps: the model takes features as they are" {
	hm-fuse-train -q --fusion align --map-dim 8 --standardize --epochs 1 --val dev.hmr --log log.jsonl -o s.safetensors train.hmr
	hm-score -q --model s.safetensors --json score.json dev.hmr
	want=$(grep '"event":"eval"' log.jsonl | tail -n 1 | grep -o '"auroc":[0-9.]*')
	grep -q -- "$want" score.json
	hm-fuse-train -q --init s.safetensors --standardize --lr 0 --weight-decay 0 --epochs 1 -o t.safetensors train.hmr
	hm-score -q --model s.safetensors --csv a.csv dev.hmr
	hm-score -q --model t.safetensors --csv b.csv dev.hmr
	paste -d , a.csv b.csv | awk -F, 'NR > 1 { d = $2 - $5; if (d < 0) d = -d; if (d > 1e-5) bad = 1 } END { exit bad }'
}

@test "a run that was stopped goes on to the same bytes" {
	set -- --fusion cross --map-dim 6 --head-dropout .2,.4,.1 --batch-size 16 --val dev.hmr
	hm-fuse-train -q "$@" --epochs 4 -o whole.safetensors train.hmr
	rm -f run.ckpt
	hm-fuse-train -q "$@" --epochs 2 --checkpoint run.ckpt -o half.safetensors train.hmr
	hm-fuse-train -q "$@" --epochs 4 --checkpoint run.ckpt --resume -o resumed.safetensors train.hmr
	hm-view whole.safetensors | grep -o '"tensors":.*' >a
	hm-view resumed.safetensors | grep -o '"tensors":.*' >b
	cmp a b
	hm-score -q --model whole.safetensors --csv a.csv dev.hmr
	hm-score -q --model resumed.safetensors --csv b.csv dev.hmr
	cmp a.csv b.csv
	run hm-fuse-train -q "$@" --pre-layers 2 --epochs 4 --checkpoint run.ckpt --resume -o no.safetensors train.hmr
	expect 1 'pre-layers'
}

@test "end to end: the towers below a head are trained, and are in the file" {
	hm-fuse-train -q --fusion align --map-dim 8 --image init:resnet-tiny --text init:bert-tiny --vocab-size 400 --epochs 1 \
		--batch-size 16 --lr 1e-4 --val dev.hmr -o full.safetensors train.hmr
	hm-view full.safetensors | grep -q '"in_file":true.*"in_file":true'
	hm-score -q --model full.safetensors dev.hmr >/dev/null
	hm-fuse-train -q --init full.safetensors --freeze both --epochs 1 --val dev.hmr -o next.safetensors train.hmr
	hm-encode -q --image full.safetensors --text full.safetensors --replace -o own.hmr dev.hmr
	hm-score -q --model full.safetensors --csv a.csv dev.hmr
	hm-score -q --model full.safetensors --csv b.csv own.hmr
	paste -d , a.csv b.csv | awk -F, 'NR > 1 { d = $2 - $5; if (d < 0) d = -d; if (d > 1e-5) bad = 1 } END { exit bad }'
}

@test "several columns of a side, in their order; the model names them" {
	for f in late align; do
		hm-fuse-train -q --fusion $f --image-feature image_feature,text_feature --text-feature text_feature --epochs 1 \
			--val dev.hmr -o two.safetensors train.hmr
		hm-view two.safetensors | grep -q '"columns":"image_feature,text_feature".*"dim":256'
		hm-score -q --model two.safetensors --csv a.csv dev.hmr
		hm-score -q --model two.safetensors --image-feature image_feature,text_feature --csv b.csv dev.hmr
		cmp a.csv b.csv
		run hm-score --model two.safetensors --image-feature text_feature,image_feature dev.hmr
		expect 1 'text_feature,image_feature.* was made by encoder .*, the model was trained on'
		run hm-score --model two.safetensors --image-feature image_feature dev.hmr
		expect 1 'encoder|has 128 numbers'
	done
	run hm-fuse-train --image-feature image_feature,nothing -o no.safetensors train.hmr
	expect 1 'there is no column .*image_feature,nothing'
	run hm-fuse-train --image-feature image_feature, -o no.safetensors train.hmr
	expect 2 'image-feature takes names'
	run hm-fuse-train --image-feature id -o no.safetensors train.hmr
	expect 1 'id'
	[ ! -e no.safetensors ]
}

@test "wrong calls and heads that fit no machine" {
	run hm-fuse-train --map-dim 8 -o no.safetensors train.hmr
	expect 2 'map-dim is not an option of --fusion late'
	run hm-fuse-train --fusion align --features text -o no.safetensors train.hmr
	expect 2 'uses both sides'
	run hm-fuse-train --fusion align --head-dropout .1,.2 -o no.safetensors train.hmr
	expect 2 'head-dropout takes three numbers'
	run hm-fuse-train --fusion align --normalize --no-normalize -o no.safetensors train.hmr
	expect 2 'contradict'
	run hm-fuse-train --fusion cross --map-dim 65536 -o no.safetensors train.hmr
	expect 1 'choose a smaller --map-dim'
	run hm-fuse-train --fusion cross --map-dim 4096 --pre-dim 65536 -o no.safetensors train.hmr
	expect 1 'there are .* GB: choose a smaller'
	hm-fuse-train -q --fusion align --map-dim 8 --epochs 1 -o m.safetensors train.hmr
	run hm-fuse-train --init m.safetensors --map-dim 9 --epochs 1 -o no.safetensors train.hmr
	expect 2 'init has --map-dim 8'
	run hm-fuse-train --init m.safetensors --fusion concat --epochs 1 -o no.safetensors train.hmr
	expect 2 'model of align fusion'
	hm-fuse-train -q --init m.safetensors --head-dropout 0,0,.5 --epochs 1 -o n.safetensors train.hmr
	hm-view n.safetensors | grep -q '"dropout":\[0,0,0.5\]'
	run hm-score --model m.safetensors --no-normalize dev.hmr
	expect 2 'says that it normalises'
	echo '{"name":"a","fusion":"early"}' >bad.jsonl
	run hm-fuse-train --sweep bad.jsonl -o no train.hmr
	expect 1 'line 1: early fusion is not a head'
	echo '{"name":"a","fusion":"align","head-dropout":"2,0,0"}' >bad.jsonl
	run hm-fuse-train --sweep bad.jsonl -o no train.hmr
	expect 1 'line 1: .*head-dropout takes three numbers'
	[ ! -e no.safetensors ]
}
