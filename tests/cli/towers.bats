# CLIP and its relatives through the tools: features, training in part, scoring, and what is refused.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 48 --dev 24 --test 4 d
	for s in train dev; do
		hm-jsonl2rec -q d/$s.jsonl | hm-imgprep --root d/img |
			hm-tokenize -q --vocab "$ROOT/tests/data/text/clip" -o $s.hmr
	done
	hm-imgprep --root d/img --size 64 --replace -o small.hmr dev.hmr
	hm-tokenize --replace --vocab d/vocab.txt -o bert.hmr dev.hmr
}
setup() { cd "$BATS_FILE_TMPDIR"; }
IMAGE=init:clip-tiny-image
TEXT='init:clip-tiny-text --vocab-size 797'

@test "features: columns, names, outputs" {
	hm-encode --image $IMAGE --text $TEXT --image-output both -o a.hmr dev.hmr
	hm-view --schema a.hmr >schema
	grep -q '"name":"image_feature","output":"pooled",.*"shape":\[64\]' schema
	grep -q '"name":"image_grid","output":"grid",.*"shape":\[49,64\]' schema
	grep -q '"name":"text_feature","output":"pooled",.*"shape":\[64\]' schema
	hm-encode --image $IMAGE --image-output projected --image-column clip_p --text $TEXT --text-output projected -o b.hmr dev.hmr
	hm-view --schema b.hmr >schema
	grep -q '"name":"clip_p","output":"projected",.*"shape":\[32\]' schema
	grep -q '"name":"text_feature","output":"projected",.*"shape":\[32\]' schema
	hm-view --history b.hmr >history # says so, too
	grep -q '"image-output":"projected"' history
	grep -q '"text-output":"projected"' history
	hm-encode -j1 --image $IMAGE --text $TEXT --image-output both -o c.hmr dev.hmr
	cmp a.hmr c.hmr
}

@test "colours are part of the cache's key; the same ones again are found" {
	hm-encode --cache c --image $IMAGE -o a.hmr dev.hmr
	hm-encode --cache c --mean 0.5,0.5,0.5 --std 0.5,0.5,0.5 --image $IMAGE -o b.hmr dev.hmr
	refute cmp -s a.hmr b.hmr
	run hm-encode --cache c --mean 0.48145466,0.4578275,0.40821073 --std 0.26862954,0.26130258,0.27577711 --image $IMAGE -o d.hmr dev.hmr
	expect 0 '24 of 24 inputs were found'
	cmp a.hmr d.hmr
}

OWN='--mean 0.48145466,0.4578275,0.40821073 --std 0.26862954,0.26130258,0.27577711'
OTHER='--mean .5,.4,.1 --std .25,.5,1'

# The schema's entry of that column.
column() { hm-view --schema "$1" | grep -o '{[^{}]*}' | grep "\"name\":\"$2\""; }

@test "colours that are not the family's own stand in the features' columns" {
	hm-encode --image $IMAGE --text $TEXT --image-output both $OTHER -o other.hmr dev.hmr
	for c in image_feature image_grid; do
		column other.hmr $c | grep -q '"mean":\[0.5,0.4,0.1\],.*"std":\[0.25,0.5,1\]' || fail "$(column other.hmr $c)"
	done
	refute grep -q mean <<<"$(column other.hmr text_feature)"
	hm-encode --no-pg --image $IMAGE --text $TEXT --image-output both -o own.hmr dev.hmr
	refute grep -q '"mean"' <<<"$(hm-view --schema own.hmr)"
	hm-encode --no-pg --image $IMAGE --text $TEXT --image-output both $OWN -o same.hmr dev.hmr
	cmp own.hmr same.hmr
	# what a folder says counts as what an option says
	hm-imgprep --root d/img --size 16 --replace -o 16.hmr dev.hmr
	cp -r "$ROOT/tests/data/towers/clip" folder
	echo '{"image_mean":[0.5,0.5,0.5],"image_std":[0.5,0.5,0.5]}' >folder/preprocessor_config.json
	hm-encode --image folder -o 16f.hmr 16.hmr
	column 16f.hmr image_feature | grep -q '"mean":\[0.5,0.5,0.5\],.*"std":\[0.5,0.5,0.5\]'
	# two streams are not joined on a column of other colours
	run hm-fuse-train --epochs 1 -o x.st own.hmr other.hmr
	expect 1 'column "image_feature"'
	# nor are neighbours looked for among them
	run hm-nearest --train own.hmr -o x.st other.hmr
	expect 1 'column "image_feature" has another "mean" there, which only one of both says: other features'
	[ ! -e x.st ]
}

@test "a head is scored and validated on the colours that it was trained on" {
	for s in own other; do
		o=$OTHER
		[ $s = other ] || o=
		hm-encode --image $IMAGE --text $TEXT $o -o $s.hmr dev.hmr
		hm-fuse-train -q --epochs 1 -o $s.st $s.hmr
		hm-score -q --bootstrap 0 --model $s.st $s.hmr
	done
	run hm-score --bootstrap 0 --model own.st other.hmr
	expect 1 "column \"image_feature\": mean is 0.5,0.4,0.1 here, the model was trained on the family's own \(hm-encode --mean and --std; --allow-mismatch goes on\)$"
	run hm-score --bootstrap 0 --model other.st own.hmr
	expect 1 "mean is the family's own here, the model was trained on 0.5,0.4,0.1"
	run hm-score --bootstrap 0 --allow-mismatch --model other.st own.hmr
	expect 0 "warning: .*mean is the family's own here"
	run hm-fuse-train --epochs 1 --val own.hmr -o x.st other.hmr
	expect 1 "val: column \"image_feature\": mean is the family's own here"
	run hm-fuse-train --epochs 1 --init own.st -o x.st other.hmr
	expect 1 'own.st: column "image_feature": mean is 0.5,0.4,0.1 here'
	[ ! -e x.st ]
}

@test "an encoder in a model file has the colours of its folder, whether it reads pixels or its features are there" {
	hm-imgprep --root d/img --size 16 --replace -o 16.hmr dev.hmr
	rm -rf folder
	cp -r "$ROOT/tests/data/towers/clip" folder
	hm-encode --image folder -o own.hmr 16.hmr
	echo '{"image_mean":[0.5,0.5,0.5],"image_std":[0.5,0.5,0.5]}' >folder/preprocessor_config.json
	hm-encode --image folder -o half.hmr 16.hmr
	for how in '--freeze image' '--encoder-lr 1e-6'; do
		hm-fuse-train -q --features image --image folder $how --epochs 1 -o m.st 16.hmr
		hm-view m.st | grep -q '"mean":\[0.5,0.5,0.5\]'
		hm-score -q --bootstrap 0 --model m.st --csv pixels.csv 16.hmr
		[ "$how" = '--freeze image' ] || continue
		hm-score -q --bootstrap 0 --model m.st --csv features.csv half.hmr
		cmp pixels.csv features.csv
		run hm-score --bootstrap 0 --model m.st own.hmr
		expect 1 "mean is the family's own here, the model was trained on 0.5,0.5,0.5"
		hm-fuse-train -q --features image --image folder $how --epochs 1 --val 16.hmr -o m.st half.hmr
		run hm-fuse-train -q --features image --image folder $how --epochs 1 -o x.st own.hmr
		expect 1 'own.hmr: column "image_feature" was made with another mean, std, act, heads or eps than --image has; '
		run hm-fuse-train -q --features image --image folder $how --epochs 1 --val own.hmr -o x.st half.hmr
		expect 1 'own.hmr: column "image_feature" was made with another mean, std, act, heads or eps'
		[ ! -e x.st ]
		run hm-fuse-train -q --features image --image folder $how --epochs 1 --allow-mismatch -o x.st own.hmr
		expect 0 'warning: own.hmr: column "image_feature" was made with another mean, std, act, heads or eps'
	done
	# a checkpoint of a network knows them as well
	hm-fuse-train -q --features image --image folder --epochs 1 --checkpoint c.ckpt -o m.st 16.hmr
	rm folder/preprocessor_config.json
	run hm-fuse-train -q --features image --image folder --epochs 1 --checkpoint c.ckpt --resume -o x.st 16.hmr
	expect 1 'c.ckpt: the checkpoint is of another run: image settings was .*"mean":\[0.5,0.5,0.5\].* there and is '
}

@test "features by another activation or number of heads are not taken for each other" {
	hm-imgprep --root d/img --size 16 --replace -o 16.hmr dev.hmr
	cp "$ROOT/tests/data/towers/clip/model.safetensors" bare.safetensors
	for how in quick_gelu:2 gelu:2 quick_gelu:1; do
		hm-encode -q --image bare.safetensors --act ${how%:*} --heads ${how#*:} -o $how.hmr 16.hmr
	done
	hm-fuse-train -q --features image --epochs 1 -o m.st quick_gelu:2.hmr
	hm-score -q --bootstrap 0 --model m.st quick_gelu:2.hmr >/dev/null
	run hm-score --bootstrap 0 --model m.st gelu:2.hmr
	expect 1 'act is gelu here, the model was trained on quick_gelu \(hm-encode --act quick_gelu; '
	run hm-score --bootstrap 0 --model m.st quick_gelu:1.hmr
	expect 1 'heads is 1 here, the model was trained on 2'
	run hm-fuse-train -q --features image --epochs 1 --val gelu:2.hmr -o y.st quick_gelu:2.hmr
	expect 1 '--val: column "image_feature": act is gelu here'
	run hm-fuse-train -q --features image --image bare.safetensors --act gelu --heads 2 --freeze image --epochs 1 -o y.st quick_gelu:2.hmr
	expect 1 'was made with another mean, std, act, heads or eps than --image has; '
	[ ! -e y.st ]
}

@test "trained, saved, scored: the file says what the tensors do not" {
	hm-fuse-train -q --image $IMAGE --text $TEXT --epochs 2 --encoder-lr 1e-4 --val dev.hmr --log log.jsonl -o m.safetensors train.hmr
	hm-view m.safetensors | grep -q '"act":"quick_gelu".*"heads":2.*"image_act":"quick_gelu".*"image_heads":2'
	hm-score -q --model m.safetensors --json s.json dev.hmr >/dev/null
	auroc=$(grep -o '"auroc":[0-9.]*' log.jsonl | tail -n 1)
	grep -qF "$auroc" s.json || fail "$auroc is not in $(cat s.json)"
	hm-encode --image m.safetensors --text m.safetensors -o again.hmr dev.hmr # and gives its encoders
}

@test "layers that are not trained stay, the others move" {
	hm-fuse-train -q --image $IMAGE --text $TEXT --epochs 1 --train-layers text:1,image:0 -o m.safetensors train.hmr
	hm-fuse-train -q --image $IMAGE --text $TEXT --epochs 1 --lr 0 -o start.safetensors train.hmr
	tensor() { hm-view --full "$1" 2>/dev/null | grep -o "{[^{}]*\"name\":\"$2\"[^{}]*}"; }
	for f in m start; do hm-view $f.safetensors >$f.json; done
	run hm-encode --image m.safetensors --image-output grid -o grid.hmr dev.hmr
	expect 0
	hm-encode --image start.safetensors --image-output grid -o grid0.hmr dev.hmr
	hm-view --npy image_grid=grid.npy grid.hmr && hm-view --npy image_grid=grid0.npy grid0.hmr
	cmp grid.npy grid0.npy # the grid stands before the last norm, which alone was trained
	hm-encode --image m.safetensors -o pooled.hmr dev.hmr
	hm-encode --image start.safetensors -o pooled0.hmr dev.hmr
	hm-view --npy image_feature=p.npy pooled.hmr && hm-view --npy image_feature=p0.npy pooled0.hmr
	refute cmp -s p.npy p0.npy
	run hm-fuse-train --image $IMAGE --text $TEXT --train-layers text:3 -o x.safetensors train.hmr
	expect 2 '^hm-fuse-train: error: --train-layers text: the text encoder has 2 layers, not 3$'
	for wrong in text text:x audio:1 text:1,text:1 image:1, ''; do
		run hm-fuse-train --image $IMAGE --text $TEXT --train-layers "$wrong" -o x.safetensors train.hmr
		expect 2 '^hm-fuse-train: error: --train-layers takes image:K, text:K or both'
	done
	run hm-fuse-train --image $IMAGE --text $TEXT --freeze image --train-layers image:1 -o x.safetensors train.hmr
	expect 2 '^hm-fuse-train: error: --train-layers image: the image encoder is not trained here$'
	[ ! -e x.safetensors ]
}

@test "what a folder says that is not computed, and what a caption may not hold" {
	local at="$ROOT/tests/data/towers"
	no() { # OPTION PATTERN
		run hm-encode "$1" said -o said.hmr dev.hmr
		expect 1 "^hm-encode: error: $1: said: $2"
		[ ! -e said.hmr ]
		rm -r said
	}
	cp -r "$at/roberta" said
	sed -i 's/{/{"pad_token_id": 0, /' said/config.json
	no --text 'config.json: "pad_token_id" is 0, only 1 can be computed$'
	cp -r "$at/vit" said
	sed -i 's/{/{"pooler_act": "relu", /' said/config.json
	no --image 'config.json: "pooler_act" is relu, only tanh can be computed$'
	cp -r "$at/clip" said
	rm said/config.json
	echo '{"model_cfg":{"text_cfg":{"heads":2,"no_causal_mask":true}}}' >said/open_clip_config.json
	no --text 'open_clip_config.json: "no_causal_mask" of "text_cfg" asks for what cannot be computed$'
	# RoBERTa's weights alone are not BERT's
	cp -r "$at/roberta" said
	rm said/config.json
	no --text 'it has one type of tokens, as RoBERTa.s relatives have'
	# positions do not count RoBERTa's padding token: a caption that holds it is refused
	hm-jsonl2rec <<<'{"id":"1","img":"a","text":"<pad>"}' | hm-tokenize --vocab "$ROOT/tests/data/text/roberta" -o pad.hmr
	run hm-encode --text "$at/roberta" -o said.hmr pad.hmr
	expect 1 'its tokens hold the padding token 1, which the text encoder does not count as a position'
}

@test "ViT and DINOv2 as a training script saves them with transformers 5: the names they have in memory" {
	local at="$ROOT/tests/data/towers" live='s/attention\.attention\.(q|k|v)[a-z]+\./attention.$1_proj./g; s/attention\.output\.dense/attention.o_proj/g;'
	rename_in() { # FILE PERL: the header's names
		perl -e 'undef $/; $_ = <STDIN>; my $n = unpack("Q<", $_); my $t = substr($_, 8, $n); $t =~ s/\s+$//;
			for ($t) { eval $ARGV[0] } $t .= " " x (-length($t) % 8); print pack("Q<", length $t), $t, substr($_, 8 + $n)' "$2" <"$1"
	}
	for f in vit dinov2; do
		rm -rf "live-$f"
		cp -r "$at/$f" "live-$f"
		local how=$live
		[ $f = dinov2 ] || how+=' s/encoder\.layer\./layers./g; s/intermediate\.dense/mlp.fc1/g; s/output\.dense/mlp.fc2/g;'
		rename_in "$at/$f/model.safetensors" "$how" >"live-$f/model.safetensors"
		refute cmp -s "$at/$f/model.safetensors" "live-$f/model.safetensors"
		hm-imgprep --root d/img --size "$([ $f = vit ] && echo 16 || echo 28)" --replace -o sized.hmr dev.hmr
		hm-encode -q --image "$at/$f" -o published.hmr sized.hmr
		hm-encode -q --image "live-$f" -o live.hmr sized.hmr
		cmp published.hmr live.hmr
	done
}

@test "a processor of a folder says how pixels are normalised" {
	hm-imgprep --root d/img --size 16 --replace -o 16.hmr dev.hmr
	rm -rf said
	cp -r "$ROOT/tests/data/towers/clip" said
	hm-encode -q --image said --mean .5,.5,.5 --std .5,.5,.5 -o half.hmr 16.hmr
	hm-encode -q --image said --mean 0,0,0 --std 1,1,1 -o none.hmr 16.hmr
	echo '{"image_mean":[0.1,0.1,0.1],"image_std":[0.5,0.5,0.5]}' >said/preprocessor_config.json
	echo '{"image_processor":{"image_mean":[0.5,0.5,0.5],"image_std":[0.5,0.5,0.5]},"processor_class":"CLIPProcessor"}' >said/processor_config.json
	hm-encode -q --image said -o said.hmr 16.hmr
	cmp said.hmr half.hmr
	rm said/processor_config.json
	echo '{"image_mean":[1,1,1],"image_std":[1,1,1],"rescale_factor":0.00784313725490196}' >said/preprocessor_config.json
	hm-encode -q --image said -o said.hmr 16.hmr
	cmp said.hmr half.hmr
	echo '{"image_mean":[0.1,0.1,0.1],"image_std":[0.5,0.5,0.5],"do_normalize":false}' >said/preprocessor_config.json
	hm-encode -q --image said -o said.hmr 16.hmr
	cmp said.hmr none.hmr
	rm -r said said.hmr
}

@test "images of another size and captions without an end are refused" {
	run hm-encode --image $IMAGE -o x.hmr small.hmr
	expect 1 '^hm-encode: error: small.hmr: column "pixels" has images of 64x64, the image encoder takes 224x224; hm-imgprep --size 224 makes them$'
	run hm-encode --text init:clip-tiny-text -o x.hmr bert.hmr
	expect 1 '^hm-encode: error: bert.hmr: record 0 \(id [0-9]+\): its tokens lack the end token 49407, .* an init: encoder fits another by --vocab-size$'
	run hm-encode --text $TEXT --text-output pooler -o x.hmr dev.hmr
	expect 2 '^hm-encode: error: --text: a clip-text has no output "pooler": pooled, projected$'
	run hm-encode --image init:resnet-tiny --image-output projected -o x.hmr dev.hmr
	expect 2 'a ResNet has no output "projected": pooled, grid$'
	run hm-encode --image "$ROOT/tests/data/towers/openai.safetensors" -o x.hmr small.hmr
	expect 2 'nothing says which activation its layers have: --act quick_gelu .* or --act gelu'
	for wrong in '--mean 1,2,3 --std 1,1,1' '--mean .5,.5,.5' '--mean .5,.5 --std 1,1,1' '--mean .5,.5,.5 --std 0,1,1'; do
		run hm-encode --image $IMAGE $wrong -o x.hmr dev.hmr
		expect 2 '^hm-encode: error: --(mean|std) '
	done
	[ ! -e x.hmr ]
}

# Of the last validation in the log and of hm-score with these arguments: the same AUROC.
same_auroc() { # LOG ARGUMENTS...
	local log=$1
	shift
	hm-score -q --json s.json "$@" >/dev/null
	want=$(grep -o '"auroc":[0-9.]*' "$log" | tail -n 1)
	[ -n "$want" ] && grep -qF "$want" s.json || fail "$want is not in $(cat s.json)"
}

@test "an encoder's other output is trained, named in the model, and scored without an option" {
	for out in pooled projected; do
		hm-fuse-train -q --image $IMAGE --text $TEXT --image-output $out --text-output $out --epochs 1 --encoder-lr 1e-4 \
			--val dev.hmr --log log.jsonl -o $out.safetensors train.hmr
		same_auroc log.jsonl --model $out.safetensors dev.hmr
		hm-encode -q --image $out.safetensors --text $out.safetensors --image-output $out --text-output $out -o own.hmr dev.hmr
		same_auroc log.jsonl --model $out.safetensors own.hmr
		hm-fuse-train -q --init $out.safetensors --freeze both --epochs 1 --val dev.hmr --log log.jsonl -o next.safetensors train.hmr
		same_auroc log.jsonl --model next.safetensors dev.hmr
		hm-view next.safetensors | grep -qF "\"text_output\":\"$out\"" || hm-view next.safetensors | grep -qF "\"output\":\"$out\""
	done
	hm-view projected.safetensors >seen
	grep -q '"image":{"digest":"[0-9a-f]*","dim":32,.*"output":"projected".*"text":{"digest":"[0-9a-f]*","dim":32,.*"output":"projected"' seen ||
		fail "$(cat seen)"
	# a feature of the other output is not taken for it
	hm-encode -q --image projected.safetensors --text projected.safetensors -o other.hmr dev.hmr
	run hm-score --model projected.safetensors other.hmr
	expect 1 "column 'image_feature' is the encoder's output \"pooled\", \"projected\" is needed"
	# frozen from the start: computed while the records are read
	hm-fuse-train -q --image $IMAGE --text $TEXT --text-output projected --freeze both --epochs 1 --val dev.hmr --log log.jsonl \
		-o frozen.safetensors train.hmr
	same_auroc log.jsonl --model frozen.safetensors dev.hmr
	# a BERT's: cls is trained as well, mean only taken from a frozen one
	hm-tokenize -q --replace --vocab d/vocab.txt -o bert-train.hmr train.hmr
	for how in '--text-output cls' '--text-output mean --freeze text'; do
		hm-fuse-train -q --features text --text init:bert-tiny --vocab-size 400 $how --epochs 1 --val bert.hmr --log log.jsonl \
			-o bert.safetensors bert-train.hmr
		same_auroc log.jsonl --model bert.safetensors bert.hmr
	done
}

@test "heads of each side, and wrong words about encoders" {
	hm-fuse-train -q --image $IMAGE --text $TEXT --image-heads 4 --text-heads 1 --epochs 1 --encoder-lr 1e-4 --val dev.hmr \
		--log log.jsonl -o m.safetensors train.hmr
	hm-view m.safetensors | grep -q '"heads":1,.*"image_heads":4,'
	same_auroc log.jsonl --model m.safetensors dev.hmr
	refused() { # PATTERN COMMAND...: a wrong call
		local pattern=$1
		shift
		run "$@"
		expect 2 "$pattern"
	}
	train() { hm-fuse-train -o x.safetensors "$@"; }
	refused 'a clip-text has no output "pooler": pooled, projected$' train --image $IMAGE --text $TEXT --text-output pooler train.hmr
	refused 'a clip-image has no output "cls": pooled, projected$' train --image $IMAGE --text $TEXT --image-output cls train.hmr
	refused 'image-output takes pooled.*projected.*cls' train --image $IMAGE --image-output grid train.hmr
	refused 'a bert is not trained with the output "mean": pooler, cls$' train --features text --text init:bert-tiny --text-output mean bert.hmr
	refused '--image-output and --image-heads are of the image encoder: give --image SPEC' train --text $TEXT --image-output projected train.hmr
	refused '--text-output is not an option of --fusion early' train --fusion early --text init:bert-tiny --text-output cls train.hmr
	refused 'm.safetensors: it was trained on the text encoder.s output "pooled", not "projected"$' train --init m.safetensors --text-output projected train.hmr
	refused 'm.safetensors: it was trained on the image encoder.s output "pooled", not "projected"$' hm-score --model m.safetensors --image-output projected dev.hmr
	refused 'a clip-text has no output|it was trained on the text encoder.s output' hm-score --model m.safetensors --text-output mean dev.hmr
	echo '{"name":"a"}' >one.jsonl
	refused '--sweep trains heads on cached features' train --sweep one.jsonl --text-output cls train.hmr
	refused 'which is not given' hm-score --text-output cls dev.hmr
	hm-encode -q --image $IMAGE --text $TEXT -o f.hmr train.hmr
	hm-fuse-train -q --epochs 1 -o head.safetensors f.hmr
	refused '--text-output and --text-heads are of the model.s text encoder, and head.safetensors holds none' \
		hm-score --model head.safetensors --text-output projected f.hmr
	[ ! -e x.safetensors ]
}
