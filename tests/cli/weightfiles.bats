# Weights as people have them: which files the tools take as encoders, and what they say about the others.

load ../support/bats

W=$BATS_TEST_DIRNAME/../data/weights

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 12 --dev 0 --test 0 data
	head -n 20 data/vocab.txt >vocab.txt # the BERTs of tests/data/weights know 20 words and 16 positions
	hm-jsonl2rec data/train.jsonl | hm-imgprep --root data/img --size 48 | hm-tokenize --vocab vocab.txt --max-length 16 -o raw.hmr
}

setup() { cd "$BATS_TEST_TMPDIR" && raw=$BATS_FILE_TMPDIR/raw.hmr; }

# FILE.safetensors OUT: every data byte becomes 255, every float a NaN
all_nan() {
	local header=$((8 + $(od -An -tu8 -N8 "$1")))
	{ head -c $header "$1" && tail -c +$((header + 1)) "$1" | tr '\000-\377' '[\377*]'; } >"$2"
}

@test "weights that hold NaN are refused on every device, by every tool" {
	all_nan "$W/resnet.safetensors" resnet.safetensors
	all_nan "$W/late.safetensors" late.safetensors
	mkdir bert && all_nan "$W/bert/model.safetensors" bert/model.safetensors && cp "$W/bert/config.json" bert
	for more in '--device ref' '--device cpu' '--cache cache'; do
		run hm-encode -q $more --image resnet.safetensors -o x.hmr "$raw"
		expect 1 'resnet.safetensors: tensor conv1.weight holds NaN or infinity'
		run hm-encode -q $more --text bert -o x.hmr "$raw"
		expect 1 'bert: tensor embeddings.word_embeddings.weight holds NaN or infinity'
		run hm-encode -q $more --image late.safetensors -o x.hmr "$raw"
		expect 1 'late.safetensors: tensor conv1.weight holds NaN or infinity'
	done
	for more in '--freeze both' '--freeze none'; do
		run hm-fuse-train -q $more --epochs 1 --image resnet.safetensors --text init:bert-tiny -o m.safetensors "$raw"
		expect 1 'resnet.safetensors: tensor conv1.weight holds NaN or infinity'
	done
	run hm-fuse-train -q --epochs 1 --init late.safetensors -o m.safetensors "$raw"
	expect 1 'late.safetensors: .*holds NaN or infinity'
	run hm-score --model late.safetensors "$raw"
	expect 1 'late.safetensors: .*holds NaN or infinity'
	[ ! -e x.hmr ] && [ ! -e m.safetensors ]
}
