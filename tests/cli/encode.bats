# hm-encode: which columns come and go, the same bytes for any -j, and what is refused.

load ../support/bats

W=$BATS_TEST_DIRNAME/../data/weights

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 24 --dev 0 --test 0 data
	hm-jsonl2rec data/train.jsonl | hm-imgprep --root data/img --size 48 | hm-tokenize --vocab data/vocab.txt -o raw.hmr
	hm-encode --image init:resnet-tiny --text init:bert-tiny -o features.hmr raw.hmr
}

setup() { cd "$BATS_FILE_TMPDIR"; }

columns() { hm-view --schema "$1" | grep -o '"name":"[a-z_]*"' | cut -d'"' -f4 | tr '\n' ' '; }

@test "features come, raw columns of the encoders named go" {
	[ "$(columns features.hmr)" = "id img text label image_feature text_feature " ]
	hm-view --schema features.hmr | grep -qE '"encoder":"[0-9a-f]{32}","fit":"squash","name":"image_feature","output":"pooled","precision":"f32","shape":\[128\],"size":"48x48"'
	hm-encode --image init:resnet-tiny --image-output both -o $BATS_TEST_TMPDIR/i.hmr raw.hmr
	[ "$(columns $BATS_TEST_TMPDIR/i.hmr)" = "id img text label token_ids image_feature image_grid " ]
	hm-view --schema $BATS_TEST_TMPDIR/i.hmr | grep -q '"shape":\[4,128\]'
	hm-encode --text init:bert-tiny --keep --store bf16 -o $BATS_TEST_TMPDIR/t.hmr raw.hmr
	[ "$(columns $BATS_TEST_TMPDIR/t.hmr)" = "id img text label pixels token_ids text_feature " ]
	hm-view --schema $BATS_TEST_TMPDIR/t.hmr | grep -q '"dtype":"BF16"'
}

@test "the same bytes for any -j, from a pipe, from branches joined again" {
	for j in 1 3; do
		hm-encode -j $j --image init:resnet-tiny --text init:bert-tiny -o $BATS_TEST_TMPDIR/j.hmr raw.hmr
		cmp features.hmr $BATS_TEST_TMPDIR/j.hmr
	done
	hm-encode --image init:resnet-tiny --text init:bert-tiny <raw.hmr | cmp - features.hmr
	hm-encode -q --image init:resnet-tiny raw.hmr | hm-encode -q --text init:bert-tiny | hm-view >$BATS_TEST_TMPDIR/two
	hm-view features.hmr | cmp - $BATS_TEST_TMPDIR/two
}

@test "one set of weights is one encoder in every form" {
	for spec in resnet.safetensors resnet.pth resnet-legacy.pth late.safetensors early.pth; do
		hm-encode -q --no-pg --image "$W/$spec" raw.hmr >$BATS_TEST_TMPDIR/this
		[ ! -e $BATS_TEST_TMPDIR/first ] || cmp $BATS_TEST_TMPDIR/first $BATS_TEST_TMPDIR/this
		mv $BATS_TEST_TMPDIR/this $BATS_TEST_TMPDIR/first
	done
}

@test "the reference device agrees" {
	hm-encode --device ref --image init:resnet-tiny --text init:bert-tiny raw.hmr | hm-view --full | head -n 4 >$BATS_TEST_TMPDIR/ref
	hm-view --full features.hmr | head -n 4 >$BATS_TEST_TMPDIR/cpu
	near() { tr -c '0-9.e-' '\n' <"$1" | grep -E '^-?[0-9.e-]+$'; }
	paste <(near $BATS_TEST_TMPDIR/ref) <(near $BATS_TEST_TMPDIR/cpu) |
		awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > 1e-4) { print; bad = 1 } n++ } END { exit bad || n < 1000 }'
}

@test "existing features are replaced only when asked to" {
	hm-encode --image init:resnet-tiny --keep -o $BATS_TEST_TMPDIR/k.hmr raw.hmr
	run hm-encode --image init:resnet-tiny:2 -o $BATS_TEST_TMPDIR/x.hmr $BATS_TEST_TMPDIR/k.hmr
	expect 1 'column "image_feature" exists already \(--replace'
	[ ! -e $BATS_TEST_TMPDIR/x.hmr ]
	hm-encode --image init:resnet-tiny:2 --replace -o $BATS_TEST_TMPDIR/x.hmr $BATS_TEST_TMPDIR/k.hmr
	hm-encode --image init:resnet-tiny:2 raw.hmr | hm-view >$BATS_TEST_TMPDIR/want
	hm-view $BATS_TEST_TMPDIR/x.hmr | cmp - $BATS_TEST_TMPDIR/want
}

@test "ids past the table and sequences past the positions" {
	small() { hm-encode --text init:bert-tiny --vocab-size 100 "$@" raw.hmr; }
	run small -o $BATS_TEST_TMPDIR/x.hmr
	expect 1 "raw.hmr: record 0 \(id [0-9]+\): token id [0-9]+ is outside the text encoder's vocabulary of 100$"
	[ ! -e $BATS_TEST_TMPDIR/x.hmr ]
	small --on-error skip -q | hm-view --schema | grep -q '"records":0,"skipped":24'
	[ "$(small --on-error keep | hm-view | grep -c '"error":"token id')" = 24 ]
	# what failed before costs nothing now and is not touched
	small --on-error keep | hm-encode --image init:resnet-tiny -o $BATS_TEST_TMPDIR/e.hmr
	[ "$(hm-view $BATS_TEST_TMPDIR/e.hmr | grep -c '"error":"token id')" = 24 ]
	[ "$(hm-view --full $BATS_TEST_TMPDIR/e.hmr | grep -c '"image_feature":\[0,0,0')" = 24 ]
	run hm-encode --text "$W/bert" raw.hmr
	expect 1 'its [0-9]+ tokens are outside 1 to 16, the lengths that the text encoder takes|token id [0-9]+ is outside'
}

@test "what text_feature is: the pooler, [CLS], the mean; a head is scored on what it was trained on" {
	for o in pooler cls mean; do
		hm-encode --text init:bert-tiny --text-output $o -o $BATS_TEST_TMPDIR/$o.hmr raw.hmr
		hm-view --schema $BATS_TEST_TMPDIR/$o.hmr | grep -q "\"output\":\"$o\""
	done
	hm-encode --text init:bert-tiny raw.hmr | cmp - $BATS_TEST_TMPDIR/pooler.hmr
	[ "$(for o in pooler cls mean; do hm-view --full $BATS_TEST_TMPDIR/$o.hmr | grep -o '"text_feature":.*' | sha256sum; done | sort -u | wc -l)" = 3 ]
	hm-fuse-train -q --epochs 1 -o $BATS_TEST_TMPDIR/m.st $BATS_TEST_TMPDIR/mean.hmr
	hm-score --model $BATS_TEST_TMPDIR/m.st --bootstrap 0 $BATS_TEST_TMPDIR/mean.hmr
	run hm-score --model $BATS_TEST_TMPDIR/m.st --bootstrap 0 $BATS_TEST_TMPDIR/cls.hmr
	expect 1 'is the encoder.s output "cls", the model was trained on "mean"'
	hm-fuse-train -q --epochs 1 -o $BATS_TEST_TMPDIR/p.st $BATS_TEST_TMPDIR/pooler.hmr
	run hm-score --model $BATS_TEST_TMPDIR/p.st --bootstrap 0 $BATS_TEST_TMPDIR/cls.hmr
	expect 1 'is the encoder.s output "cls", the model was trained on "pooler"'
	run hm-fuse-train -q --epochs 1 --init $BATS_TEST_TMPDIR/p.st -o $BATS_TEST_TMPDIR/x.st $BATS_TEST_TMPDIR/cls.hmr
	expect 1 'trained on the text encoder.s output "pooler", the data has "cls"'
	# a frozen encoder here gives its pooler: the column of [CLS] does not stand for it
	run hm-fuse-train -q --epochs 1 --text init:bert-tiny --freeze text -o $BATS_TEST_TMPDIR/x.st $BATS_TEST_TMPDIR/cls.hmr
	expect 1 'is the encoder.s output "cls", "pooler" is needed'
	run hm-fuse-train -q --epochs 1 --val $BATS_TEST_TMPDIR/cls.hmr -o $BATS_TEST_TMPDIR/x.st $BATS_TEST_TMPDIR/mean.hmr
	expect 1 'output mean in training and cls in validation'
	# kept features of one output are not taken for another
	for o in cls mean cls; do
		hm-encode -q --text init:bert-tiny --text-output $o --cache $BATS_TEST_TMPDIR/cache raw.hmr | cmp - $BATS_TEST_TMPDIR/$o.hmr
	done
	run hm-encode --image init:resnet-tiny --text-output cls -o $BATS_TEST_TMPDIR/x.hmr raw.hmr
	expect 2 'text-output needs --text'
}

@test "--precision auto says what it took, and gives its bytes; bf16 that gains nothing is noticed" {
	cd "$BATS_TEST_TMPDIR"
	run hm-encode --text init:bert-tiny --precision auto --cache cache -o auto.hmr "$BATS_FILE_TMPDIR/raw.hmr"
	expect 0 'notice: --precision auto: (f32|bf16)$'
	took=${output##*auto: } took=${took%%$'\n'*}
	hm-view --schema auto.hmr | grep -q "\"precision\":\"$took\""
	hm-encode -q --text init:bert-tiny --precision "$took" --cache cache --stats s -o named.hmr "$BATS_FILE_TMPDIR/raw.hmr"
	grep -q '"cache_misses":0' s
	cmp auto.hmr named.hmr # the history, too, says what was used
	run hm-encode --device ref --text init:bert-tiny --precision auto -o r.hmr "$BATS_FILE_TMPDIR/raw.hmr"
	expect 0 'notice: --precision auto: f32'
	hm-fuse-train -q --features text --epochs 1 -o m.safetensors auto.hmr
	hm-score -q --model m.safetensors --precision auto -o /dev/null auto.hmr
	# where products of bf16 are computed in f32, they cannot gain
	if has_bf16 && grep -q GenuineIntel /proc/cpuinfo && ! grep -q amx_bf16 /proc/cpuinfo; then
		[ "$took" = f32 ]
		run hm-encode --text init:bert-tiny --precision bf16 -o b.hmr "$BATS_FILE_TMPDIR/raw.hmr"
		expect 0 'bf16 products run at [01].[0-9] times the speed of f32'
	fi
}

@test "a feature that --store cannot hold is an error" {
	run hm-encode --image init:resnet-tiny --mean 0,0,0 --std .000001,.000001,.000001 --store f16 -o big.hmr raw.hmr
	expect 1 'raw.hmr: record 0 \(id [0-9]+\): a feature is beyond 65504, the most that --store f16 holds; bf16 and f32 hold it$'
	[ ! -e big.hmr ]
	hm-encode -q --image init:resnet-tiny --mean 0,0,0 --std .000001,.000001,.000001 --store bf16 -o big.hmr raw.hmr
}

@test "another vocabulary than the folder's" {
	cp -r "$W/bert" $BATS_TEST_TMPDIR/bert
	cp data/vocab.txt $BATS_TEST_TMPDIR/bert
	echo other >>$BATS_TEST_TMPDIR/bert/vocab.txt
	run hm-encode --text $BATS_TEST_TMPDIR/bert raw.hmr
	expect 1 'raw.hmr: token_ids were made with another vocabulary than that of .*/bert: [0-9a-f]{8}, not [0-9a-f]{8} \(hm-tokenize --vocab\); --allow-mismatch goes on'
	# so has a file of the folder, and so has a model that is trained on top of it
	run hm-encode --text $BATS_TEST_TMPDIR/bert/model.safetensors raw.hmr
	expect 1 'raw.hmr: token_ids were made with another vocabulary than that of .*/bert: '
	echo '{"do_lower_case":false}' >$BATS_TEST_TMPDIR/bert/tokenizer_config.json
	head -n 20 data/vocab.txt >$BATS_TEST_TMPDIR/bert/vocab.txt # as many as this encoder has
	local low=$BATS_TEST_TMPDIR/low.hmr m=$BATS_TEST_TMPDIR/m.st
	hm-tokenize -q --replace --uncased --max-length 16 --vocab $BATS_TEST_TMPDIR/bert -o $low raw.hmr
	for spec in bert bert/model.safetensors; do
		run hm-fuse-train --epochs 1 --freeze both --image init:resnet-tiny --text $BATS_TEST_TMPDIR/$spec -o $m $low
		expect 1 'low.hmr: token_ids were made otherwise than .*/bert says: "cased" is false, not true .*; --allow-mismatch goes on'
		[ ! -e $m ]
	done
	run hm-fuse-train -q --epochs 1 --freeze both --allow-mismatch --image init:resnet-tiny --text $BATS_TEST_TMPDIR/bert -o $m $low
	expect 0 'warning: .*low.hmr: token_ids were made otherwise than '
	run hm-encode --allow-mismatch --image init:resnet-tiny raw.hmr
	expect 2 'allow-mismatch needs --text'
}

@test "a folder's tokenizer.json is a vocabulary like any other" {
	cp -r "$W/bert" $BATS_TEST_TMPDIR/bert
	cd $BATS_TEST_TMPDIR
	json() { # LOWERCASE
		printf '{"normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":%s},' $1
		printf '"pre_tokenizer":{"type":"BertPreTokenizer"},"model":{"type":"WordPiece","unk_token":"[UNK]","vocab":{"[PAD]":0,"[UNK]":1,'
		printf '"[CLS]":2,"[SEP]":3,"[MASK]":4,"a":5,"b":6}}}'
	}
	json true >bert/tokenizer.json
	echo '{"id":1,"img":"a","text":"A b"}' | hm-jsonl2rec -o in.hmr
	hm-tokenize --vocab bert in.hmr | hm-encode --text bert -o out.hmr
	printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' a b >v.txt
	hm-tokenize --vocab v.txt in.hmr | hm-encode --text bert -o same.hmr
	cmp <(hm-view --full out.hmr) <(hm-view --full same.hmr)
	echo c >>v.txt
	hm-tokenize --vocab v.txt in.hmr -o other.hmr
	run hm-encode --text bert other.hmr
	expect 1 'other.hmr: token_ids were made with another vocabulary than that of bert: '
	run hm-encode -q --allow-mismatch --text bert -o allowed.hmr other.hmr
	expect 0 'warning: other.hmr: token_ids were made with another vocabulary than that of bert: '
	cmp <(hm-view --full out.hmr) <(hm-view --full allowed.hmr) # the same ids
	json false >bert/tokenizer.json
	run bash -c 'hm-tokenize --uncased --vocab bert in.hmr | hm-encode --text bert'
	expect 1 'token_ids were made otherwise than bert says: "cased" is false, not true'
}

@test "another casing than the folder's" {
	cp -r "$W/bert" $BATS_TEST_TMPDIR/bert
	cp data/vocab.txt $BATS_TEST_TMPDIR/bert
	echo '{"do_lower_case": false}' >$BATS_TEST_TMPDIR/bert/tokenizer_config.json
	run hm-encode --text $BATS_TEST_TMPDIR/bert raw.hmr
	expect 1 'raw.hmr: token_ids were made otherwise than .*/bert says: "cased" is false, not true \(hm-tokenize --cased\)'
}

@test "wrong calls, absent columns and devices" {
	run hm-encode raw.hmr
	expect 2 'give --image, --text or both'
	run hm-encode --text init:bert-tiny --image-output grid raw.hmr
	expect 2 '--image-output needs --image'
	run hm-encode --image init:resnet9 -o x.hmr raw.hmr
	expect 2 'no image encoder is called "resnet9"'
	run hm-encode --text "$W/bert" --vocab-size 5 raw.hmr
	expect 2 'vocab-size needs'
	run hm-encode --device cuda --image init:resnet-tiny -o x.hmr raw.hmr
	expect 3 'cuda'
	for device in cpu ref; do
		run hm-encode --device $device --precision tf32 --image init:resnet-tiny -o x.hmr raw.hmr
		expect 3 'tf32'
	done
	run hm-encode --image init:resnet-tiny features.hmr
	expect 1 'there is no column "pixels"; hm-imgprep makes it'
	run hm-encode --image "$W/bert" -o x.hmr raw.hmr
	expect 1 'bert.*holds no image encoder that can be read|"model_type" is "bert", which is of the text side'
	[ ! -e x.hmr ]
}

@test "hostile weight files are refused with the reason" {
	cd $BATS_TEST_TMPDIR
	printf '\200\002cos\nsystem\nq\001U\011touch ran\205R.\200\002].' >evil.pkl
	printf '\200\002\212\nl\374\234F\371 j\250P\031.\200\002M\351\003.\200\002}q\000U\rlittle_endianq\001\210s.' >evil.pth
	cat evil.pkl >>evil.pth
	run hm-encode --image evil.pth -o x.hmr "$BATS_FILE_TMPDIR/raw.hmr"
	expect 1 'evil.pth: it holds an object of class os.system, which is not built here'
	[ ! -e ran ]
	head -c 9000 "$W/resnet.pth" >cut.pth
	run hm-encode --image cut.pth -o x.hmr "$BATS_FILE_TMPDIR/raw.hmr"
	expect 1 'cut.pth: '
	head -c 9000 "$W/resnet.safetensors" >cut.safetensors
	run hm-encode --image cut.safetensors -o x.hmr "$BATS_FILE_TMPDIR/raw.hmr"
	expect 1 'cut.safetensors: .*lie outside'
	[ ! -e x.hmr ]
}

@test "weights that are written into while they are in use end the run, a file that takes their place does not" {
	mkfifo held.fifo
	for how in replaced written; do
		cp "$ROOT/tests/data/models/late.safetensors" live.st
		hm-encode -q --image live.st -o $how.hmr held.fifo 2>stderr &
		pid=$!
		exec 8>held.fifo # it has opened the weights when it opens its input
		if [ $how = replaced ]; then
			cp live.st other.st && mv other.st live.st
		else
			printf x | dd of=live.st bs=1 seek=$(($(stat -c %s live.st) - 1)) conv=notrunc 2>/dev/null
		fi
		cat raw.hmr >&8
		exec 8>&-
		rc=0
		wait $pid || rc=$?
		if [ $how = replaced ]; then
			[ $rc = 0 ] && [ -s $how.hmr ]
		else
			[ $rc = 1 ] && [ ! -e $how.hmr ]
			grep -qx 'hm-encode: error: live.st: changed while it was in use' stderr
		fi
	done
}

@test "a cache gets no features of weights that were written into after their digest was taken" {
	local o=$BATS_TEST_TMPDIR
	for s in 1 2; do
		hm-fuse-train -q --features image --epochs 1 --image init:resnet-tiny:$s -o $o/$s.st raw.hmr
	done
	[ $(stat -c %s $o/1.st) = $(stat -c %s $o/2.st) ]
	hm-encode -q --image $o/1.st -o $o/right.hmr raw.hmr
	cp $o/1.st $o/live.st
	mkfifo $o/held
	hm-encode -q --image $o/live.st --cache $o/cache -o $o/mixed.hmr $o/held 2>$o/stderr &
	pid=$!
	exec 8>$o/held # it has opened the weights when it opens its input
	cat $o/2.st >$o/live.st
	cat raw.hmr >&8
	exec 8>&-
	rc=0
	wait $pid || rc=$?
	[ $rc = 1 ] && [ ! -e $o/mixed.hmr ]
	grep -q 'live.st: changed while it was in use' $o/stderr
	hm-encode -q --image $o/1.st --cache $o/cache -o $o/again.hmr raw.hmr
	hm-view -q $o/right.hmr >$o/right
	hm-view -q $o/again.hmr | cmp - $o/right
}
