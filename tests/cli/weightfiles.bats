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

@test "checkpoints of training scripts give the features of the weights in them" {
	hm-encode -q --no-pg --image "$W/resnet.safetensors" "$raw" >want
	for f in imagenet.pth.tar lightning.ckpt nested.pt legacy.pth legacy5.pth; do
		hm-encode -q --no-pg --image "$W/checkpoints/$f" "$raw" | cmp want -
	done
	run hm-encode --image "$W/checkpoints/average.pth" -o x.hmr "$raw"
	expect 1 'average.pth: two parts of it fit, "ema.shadow.module." and "model.": --key NAME takes one$'
	[ ! -e x.hmr ]
	hm-encode -q --no-pg --key model --image "$W/checkpoints/average.pth" "$raw" | cmp want -
	hm-encode -q --no-pg --key ema --image "$W/checkpoints/average.pth" "$raw" >average
	hm-encode -q --no-pg --key ema.shadow.module --image "$W/checkpoints/average.pth" "$raw" | cmp average -
	refute cmp -s want average
	run hm-encode --key optimizer --image "$W/checkpoints/average.pth" -o x.hmr "$raw"
	expect 1 'average.pth: holds no tensor below "optimizer"; it has "ema.shadow.module.bn1.bias", '
	run hm-encode --image "$W/checkpoints/object.pth" -o x.hmr "$raw"
	expect 1 'object.pth: it holds an object of class torchvision.models.resnet.ResNet, which is not built here'
	# the key of one file is no matter of the other's
	for call in "--image $W/checkpoints/average.pth --text init:bert-tiny" "--image $W/checkpoints/average.pth --text $W/bert"; do
		hm-encode -q --heads 2 --key model $call -o both.hmr "$raw"
		hm-view both.hmr | grep -q image_feature
	done
	run hm-encode --key nothing --image "$W/resnet.safetensors" --text "$W/bert" -o x.hmr "$raw"
	expect 2 '--key nothing: none of the encoders. files has such a part'
	run hm-encode --key model --image init:resnet-tiny -o x.hmr "$raw"
	expect 2 '--key model: none of the encoders. files'
	run hm-fuse-train -q --key nothing --epochs 1 --image "$W/resnet.safetensors" --text "$W/bert" -o m.safetensors "$raw"
	expect 2 '--key nothing: none of the encoders. files'
	hm-fuse-train -q --key model --epochs 1 --heads 2 --image "$W/checkpoints/average.pth" --text "$W/bert" -o m.safetensors "$raw"
	[ ! -e x.hmr ]
	hm-encode -q --no-pg --heads 2 --text "$W/bert" "$raw" >want
	hm-encode -q --no-pg --heads 2 --text "$W/checkpoints/bert.bin" "$raw" | cmp want -
}

# PREFIX FILE [FROM]: the tensors of resnet.safetensors, or of FROM, with PREFIX before every name
prefixed() {
	local size header from=$W/${3:-resnet.safetensors}
	size=$(od -An -tu8 -N8 "$from")
	header=$(head -c $((size + 8)) "$from" | tail -c "$size" | sed -E 's/"([A-Za-z0-9_.]+)":\{"dtype"/"'"$1"'\1":{"dtype"/g')
	{ u64 ${#header} && printf %s "$header" && tail -c +$((size + 9)) "$from"; } >"$2"
}

u64() { # NUMBER below 2^32, as 8 bytes
	printf "$(printf '\\%03o\\%03o\\%03o\\%03o\\0\\0\\0\\0' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24)))"
}

@test "any prefix is taken off" {
	hm-encode -q --no-pg --image "$W/resnet.safetensors" "$raw" >want
	for prefix in module. _orig_mod. model.backbone. student.net.3.; do
		prefixed "$prefix" p.safetensors
		hm-encode -q --no-pg --image p.safetensors "$raw" | cmp want -
	done
	hm-score --model "$W/late.safetensors" --heads 2 "$raw" >want
	prefixed module. m.safetensors late.safetensors
	hm-score --model m.safetensors --heads 2 "$raw" | cmp want -
	prefixed 'x' p.safetensors # no prefix: it ends in no dot
	run hm-encode --image p.safetensors -o x.hmr "$raw"
	expect 1 'p.safetensors: holds no image encoder .*: its tensors are "xbn1.bias", "xlayer'
}

@test "config.json must count the layers that the file has" {
	cp -r "$W/bert" bert
	for n in 2 12; do
		sed "s/\"num_hidden_layers\": 1/\"num_hidden_layers\": $n/" "$W/bert/config.json" >bert/config.json
		run hm-encode --text bert -o x.hmr "$raw"
		expect 1 "bert: config.json has \"num_hidden_layers\" $n, the tensors are of 1 layer"
	done
	[ ! -e x.hmr ]
}

@test "a TorchScript archive is shown, and the names of its tensors are the network's" {
	run hm-view "$W/torchscript/clip.pt"
	expect 0 '"kind":"weights","networks":.*"dtype":"F16","name":"visual.conv1.weight","shape":\[8,3,4,4\].*"torchscript":true'
	run hm-view "$W/resnet.pth"
	[ "$status" = 0 ] && [[ "$output" != *torchscript* ]]
	mkdir clip && cp "$W/torchscript/clip.pt" clip/open_clip_pytorch_model.bin
	run hm-view clip
	expect 0 '"torchscript":true'
	run hm-encode --image "$W/torchscript/frozen.pt" -o x.hmr "$raw"
	expect 1 'frozen.pt: a TorchScript archive whose modules hold no tensor; a frozen network has them among its constants'
}

@test "what holds no weights is named" {
	printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 440449768\n' >model.safetensors
	run hm-encode --text model.safetensors -o x.hmr "$raw"
	expect 1 'model.safetensors: a Git LFS pointer: the file itself was not fetched \(git lfs pull\)$'
	mkdir folder && echo '{}' >folder/config.json && printf '\211HDF\r\n\032\n' >folder/tf_model.h5
	run hm-encode --text folder -o x.hmr "$raw"
	expect 1 'folder: a folder without model.safetensors, pytorch_model.bin and open_clip.s files; it has "tf_model.h5", "config.json"; hm reads'
	run hm-encode --text folder/tf_model.h5 -o x.hmr "$raw"
	expect 1 'tf_model.h5: an HDF5 file \(Keras, TensorFlow\): hm reads .safetensors'
	run hm-encode --image resnet18-f37072fd.pth -o x.hmr "$raw"
	expect 1 'resnet18-f37072fd.pth: cannot open: No such file or directory; pipelines/get-weights.sh fetches it$'
	[ ! -e x.hmr ]
}

@test "names are looked at before bytes: a file of 8 GB with other tensors costs nothing" {
	local header='{"x":{"dtype":"F32","shape":[2147483648],"data_offsets":[0,8589934592]}}   '
	{ u64 ${#header} && printf %s "$header"; } >huge.safetensors
	truncate -s $((8589934592 + 8 + ${#header})) huge.safetensors
	local limit='ulimit -d 200000;'
	[ -z "$SAN" ] || limit= # a sanitizer needs more memory than the limit
	for call in 'hm-encode --image' 'hm-encode --text' 'hm-score --model'; do
		run bash -c "$limit $call huge.safetensors '$raw' >x.hmr"
		expect 1 'huge.safetensors: .*"x"'
	done
}
