# Features made elsewhere: their columns carry any text as `encoder`, or nothing (tests/oracle/make_foreign.py).

load ../support/bats

IMAGE="openai/clip-vit-large-patch14-336, mean of 3 crops"
TEXT=all-MiniLM-L6-v2

setup() {
	cd "$BATS_FILE_TMPDIR"
	F=$ROOT/tests/data/foreign
}

@test "a head on them trains, names their encoders as they are, and is scored" {
	for fusion in late align; do
		dims=
		[ $fusion = late ] || dims="--map-dim 8"
		hm-fuse-train -q --fusion $fusion $dims --epochs 3 --val $F/dev.hmr --log log.jsonl -o $fusion.safetensors $F/train.hmr
		hm-view $fusion.safetensors >seen
		grep -qF "\"encoder\":\"$IMAGE\"" seen || fail "$(cat seen)"
		grep -qF "\"encoder\":\"$TEXT\"" seen
		refute grep -q '"digest"\|"output"' seen
		run hm-score --model $fusion.safetensors --json score.json $F/dev.hmr
		expect 0 '^accuracy'
		[[ $output != *notice* ]] || fail "$output"
		want=$(grep '"event":"eval"' log.jsonl | tail -n 1 | grep -o '"auroc":[0-9.]*')
		grep -q -- "$want" score.json || fail "the log says $want: $(cat score.json)"
	done
	hm-fuse-train -q --init late.safetensors --epochs 1 -o next.safetensors $F/train.hmr
	hm-view next.safetensors | grep -qF "\"encoder\":\"$IMAGE\""
}

@test "another text is refused, and both are named" {
	hm-fuse-train -q --epochs 1 -o m.safetensors $F/train.hmr
	other="${IMAGE%s}z"
	run hm-score --model m.safetensors $F/other.hmr
	expect 1 "other.hmr: column \"image_feature\" was made by encoder $other, the model was trained on $IMAGE\$"
	run hm-fuse-train --epochs 1 --val $F/other.hmr -o no.safetensors $F/train.hmr
	expect 1 "image_feature is from encoder $IMAGE in training and from $other in validation"
	run hm-fuse-train --epochs 1 --init m.safetensors -o no.safetensors $F/other.hmr
	expect 1 "trained on image features of encoder $IMAGE, the data has those of $other"
	run hm-nearest --train $F/train.hmr -o no.hmr $F/other.hmr
	expect 1 "column \"image_feature\" has another \"encoder\" there: $IMAGE, not $other"
	run hm-fuse-train --epochs 1 -o no.safetensors $F/long.hmr
	expect 1 'long.hmr: column "image_feature": its attribute "encoder" is longer than 256 bytes'
	# a digest is not a text: neither stands for the other
	hm-synth -q --rule add --train 8 --dev 4 --test 4 data
	hm-jsonl2rec data/train.jsonl | hm-tokenize -q --vocab data/vocab.txt | hm-encode -q --text init:bert-tiny -o own.hmr
	run hm-score --model m.safetensors --text-feature text_feature own.hmr
	expect 1 'image_feature'
	run hm-fuse-train --text init:bert-tiny --freeze text --features text -o no.safetensors $F/train.hmr
	expect 1 "column 'text_feature' was made by encoder $TEXT, not by [0-9a-f]{32}"
	[ ! -e no.safetensors ] && [ ! -e no.hmr ]
}

@test "several of them a side; one of other texts is refused" {
	hm-fuse-train -q --image-feature image_feature,text_feature --text-feature text_feature --epochs 1 -o two.safetensors $F/train.hmr
	hm-score -q --model two.safetensors $F/dev.hmr
	run hm-score --model two.safetensors $F/other.hmr
	expect 1 'image_feature,text_feature" was made by encoder [0-9a-f]{32}, the model was trained on [0-9a-f]{32}'
}

@test "columns that say nothing need --allow-unknown-features, at every tool" {
	run hm-fuse-train --image-feature bare_image --text-feature bare_text --epochs 1 -o bare.safetensors $F/train.hmr
	expect 1 'column .bare_image. does not say which encoder made it; --allow-unknown-features takes it'
	hm-fuse-train -q --image-feature bare_image --text-feature bare_text --allow-unknown-features --epochs 1 --val $F/dev.hmr \
		-o bare.safetensors $F/train.hmr
	refute grep -q '"encoder"\|"digest"\|"output"' <(hm-view bare.safetensors)
	run hm-score --model bare.safetensors $F/dev.hmr
	expect 1 '"bare_image" does not say which encoder made it \(--allow-unknown-features'
	run hm-score --model bare.safetensors --allow-unknown-features $F/dev.hmr
	expect 0 'the model does not say which encoder made its bare_'
	hm-nearest -q --train $F/train.hmr --columns bare_image,bare_text -o near.hmr $F/dev.hmr
	hm-score -q near.hmr
}

@test "hm-nearest votes with them" {
	hm-nearest -q --k 5 --train $F/train.hmr -o near.hmr $F/dev.hmr
	run hm-score near.hmr
	expect 0 '^accuracy .* n 30'
}
