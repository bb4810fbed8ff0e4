# hm-view: JSON lines, schema, history, verify, arrays, contact sheet.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	printf '%s\n' '{"id":7,"img":"img/a.png","label":1,"text":"a \"quoted\" c\u00e4t","s":0.1}' \
		'{"id":"x y","img":"b.png","text":"","s":-3e-5}' >in.jsonl
	printf '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##a\nquoted\ncat\n"\n' >vocab.txt
	hm-jsonl2rec --keep-field s:f32 in.jsonl | hm-tokenize --vocab vocab.txt -o in.hmr
}
setup() { cd "$BATS_FILE_TMPDIR"; }

@test "one JSON line a record, keys in the schema's order" {
	run hm-view in.hmr
	expect 0
	[ "${lines[0]%%,\"xxh3*}" = '{"id":"7","img":"a.png","text":"a \"quoted\" cät","label":1,"s":0.1,"token_ids":{"dtype":"I32","shape":[7]' ]
	[ "${lines[1]%%,\"token*}" = '{"id":"x y","img":"b.png","text":"","label":-1,"s":-3e-05' ]
}

@test "--full prints tensors whole" {
	run hm-view --full --head 1 in.hmr
	expect 0 '"token_ids":\[2,5,9,7,9,8,3\]\}$'
	[ "${#lines[@]}" = 1 ]
}

@test "--schema and --history" {
	run hm-view --schema in.hmr
	expect 0 '^\{"blocks":1,"columns":\[\{"dtype":"UTF8","name":"id","shape":\[\]\}.*"name":"token_ids","shape":\[-1\].*"records":2,"skipped":0\}$'
	run hm-view --history in.hmr
	expect 0 '^\[\{"options":.*"tool":"hm-jsonl2rec".*"tool":"hm-tokenize".*\]$'
}

@test "--verify prints nothing and finds damage, also behind --head" {
	run hm-view --verify in.hmr
	expect 0
	[ -z "$output" ]
	size=$(stat -c %s in.hmr)
	head -c $((size - 1)) in.hmr >cut.hmr
	run hm-view --verify cut.hmr
	expect 1 'hm-view: error: cut.hmr: '
	run hm-view --head 0 cut.hmr
	expect 1
}

@test "--npy writes .npy files, ragged ones with offsets" {
	hm-view --npy label=label.npy --npy token_ids=ids.npy --npy s=s.npy in.hmr
	[ "$(od -An -tx1 -N8 label.npy | tr -d ' ')" = 934e554d50590100 ]
	head -c 192 label.npy | grep -aq "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }"
	[ "$(od -An -td4 -j192 label.npy | xargs)" = "1 -1" ]
	head -c 192 ids.npy | grep -aq "'shape': (9,)"
	[ "$(od -An -td8 -j192 ids.npy.offsets.npy | xargs)" = "0 7 9" ]
	[ "$(od -An -tf4 -j192 s.npy | xargs)" = "0.1 -3e-05" ]
	# texts: as wide as the longest, UTF-32
	hm-view --npy id=id.npy --npy text=text.npy in.hmr
	head -c 192 id.npy | grep -aq "{'descr': '<U3', 'fortran_order': False, 'shape': (2,), }"
	[ "$(od -An -v -tu4 -j192 id.npy | xargs)" = "55 0 0 120 32 121" ]
	head -c 192 text.npy | grep -aq "'descr': '<U14'"
	[ "$(od -An -v -tu4 -j192 text.npy | xargs)" = "97 32 34 113 117 111 116 101 100 34 32 99 228 116$(printf ' 0%.0s' {1..14})" ] || fail "$(od -An -v -tu4 -j192 text.npy | xargs)"
	hm-jsonl2rec --allow-empty /dev/null | hm-view --npy id=none.npy
	head -c 192 none.npy | grep -aq "'descr': '<U1', 'fortran_order': False, 'shape': (0,)"
	run hm-view --npy nope=x.npy in.hmr
	expect 1 "no column 'nope'"
	run hm-view --npy label in.hmr
	expect 2 'COLUMN=FILE'
}

@test "--sheet draws the pictures there are" {
	hm-synth -q --train 8 --dev 0 --test 0 d
	hm-jsonl2rec d/train.jsonl | hm-imgprep --root d/img --size 64 >p.hmr
	hm-view --sheet a.png --sheet-count 5 p.hmr
	hm-view -j1 --sheet b.png --sheet-count 5 p.hmr
	cmp a.png b.png
	[ "$(od -An -tu1 -N4 a.png | xargs)" = "137 80 78 71" ]
	run hm-view --sheet c.png in.hmr
	expect 1 'there is no column "pixels"; hm-imgprep makes it'
	[ ! -e c.png ]
}

@test "zero records" {
	run bash -c 'hm-jsonl2rec --allow-empty /dev/null | hm-view'
	expect 0
	[ -z "$output" ]
	hm-jsonl2rec --allow-empty /dev/null | hm-view --npy label=empty.npy
	head -c 192 empty.npy | grep -aq "'shape': (0,)"
}

@test "a model file: one object with what it is and what it was trained on" {
	hm-synth -q --train 12 --dev 4 --test 4 data
	hm-jsonl2rec data/train.jsonl | hm-imgprep -q --root data/img --size 32 | hm-tokenize -q --vocab data/vocab.txt -o raw.hmr
	hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o all.hmr raw.hmr
	hm-fuse-train -q --epochs 2 -o head.safetensors all.hmr
	digest() { hm-view --schema all.hmr | grep -oE "\"$1[^}]*\"name\":\"$2\"|\"encoder\":\"[0-9a-f]{32}\"[^{]*\"name\":\"$2\"" | grep -oE '[0-9a-f]{32}' | head -n 1; }
	run hm-view head.safetensors
	expect 0 '^\{"classes":2,"fusion":"late","history":\[\{.*"tool":"hm-jsonl2rec".*"tool":"hm-encode".*"tool":"hm-fuse-train","version":"[0-9.]+"\}\],"image":\{'
	[ "${#lines[@]}" = 1 ]
	expect 0 "\"image\":\{\"digest\":\"$(digest encoder image_feature)\",\"dim\":128,\"in_file\":false,\"output\":\"pooled\",\"precision\":\"f32\""
	expect 0 "\"text\":\{\"digest\":\"$(digest encoder text_feature)\",\"dim\":128,\"in_file\":false"
	expect 0 '"inputs":256,"kind":"model","parameters":514,"selected_on":"last, epoch 2","tensors":\[\{"dtype":"F32","name":"classifier.bias","shape":\[2\]\},\{"dtype":"F32","name":"classifier.weight","shape":\[2,256\]\}\]'
	[ "$(hm-view --history head.safetensors)" = "$(grep -oE '"history":\[.*\],"image":\{' <<<"$output" | sed 's/^"history"://; s/,"image":{$//')" ]
	hm-view -o object head.safetensors
	[ "$(cat object)" = "$output" ]
	run hm-view --verify head.safetensors
	expect 0
	[ -z "$output" ]
	# encoders in the file, either fusion
	hm-fuse-train -q --epochs 1 --fusion early --image init:resnet-tiny --text init:bert-tiny -o early.safetensors raw.hmr
	run hm-view early.safetensors
	expect 0 '"fusion":"early".*"image":\{"digest":"[0-9a-f]{32}","in_file":true|"fusion":"early".*"image":\{[^}]*"in_file":true'
	expect 0 '"name":"transformer.embeddings.LayerNorm.bias","shape":\[128\]'
	# what PyTorch saved of the reference classes
	run hm-view "$ROOT/tests/data/models/early.pth"
	expect 0 '^\{"classes":2,"fusion":"early","image":\{"digest":"[0-9a-f]{32}","in_file":true\},"inputs":8,"kind":"model",'
	run hm-view --history "$ROOT/tests/data/models/early.pth"
	expect 1 'early.pth: a model without a history'
}

@test "other weights: which networks, which tensors" {
	cd "$ROOT/tests/data/weights"
	run hm-view resnet.pth
	expect 0 '^\{"kind":"weights","networks":\[\{"family":"resnet","prefix":"","side":"image"\}\],"parameters":1382,"tensors":\[\{"dtype":"F32","name":"bn1.bias","shape":\[2\]\},\{"dtype":"I64","name":"bn1.num_batches_tracked","shape":\[\]\}'
	run hm-view bert # a folder
	expect 0 '^\{"kind":"weights","metadata":\{"format":"pt"\},"networks":\[\{"family":"bert","prefix":"bert.","side":"text"\}\]'
	run hm-view checkpoints/lightning.ckpt
	expect 0 '"networks":\[\{"family":"resnet","prefix":"model._orig_mod.backbone.","side":"image"\}\]'
	run hm-view views.pth
	expect 0 '"networks":\[\].*"dtype":"BF16","name":"bf16","shape":\[2\]'
	[ "$(hm-view bert-sharded | grep -o '"name":"' | wc -l)" = "$(hm-view bert-sharded | grep -o '"shape":' | wc -l)" ]
}

@test "a model: damage, and options that are for records" {
	[ -e head.safetensors ] || fail "the test before made no model"
	cp head.safetensors bad.safetensors
	printf x | dd of=bad.safetensors bs=1 seek=$(($(stat -c %s bad.safetensors) - 5)) conv=notrunc status=none
	for o in '' --history --verify; do
		# shellcheck disable=SC2086
		run hm-view $o bad.safetensors
		expect 1 '^hm-view: error: bad.safetensors: '
		[ "${#lines[@]}" = 1 ]
	done
	for o in --full --schema '--head 3' '--npy a=x' '--sheet x'; do
		# shellcheck disable=SC2086
		run hm-view $o head.safetensors
		expect 2 "'head.safetensors' holds weights: --history and --verify alone go with them"
		[ ! -e x ]
	done
	run hm-view --verify head.safetensors -o head.safetensors
	expect 2
	run hm-view in.hmr head.safetensors
	expect 1 'head.safetensors: not an .hmr stream but a safetensors file, a model or weights, where records are wanted \(hm-view shows what is in it\)'
}

@test "what is no stream is named, and what makes records of it" {
	hm-cat -o a.hmr in.hmr
	gzip -c a.hmr >a.hmr.gz && zstd -qc a.hmr >a.hmr.zst
	printf 'id,proba,label\n1,0.5,1\n' >a.csv
	printf 'id\tlabel\n' >a.tsv
	printf 'version https://git-lfs.github.com/spec/v1\noid sha256:1\n' >lfs.hmr
	printf '<!DOCTYPE html><html><body>404</body></html>' >page.hmr
	printf 'just words\n' >words
	iconv -f UTF-8 -t UTF-16 in.jsonl >wide
	tail -c +$((9 + $(od -An -tu4 -j4 -N4 a.hmr))) a.hmr >beheaded
	head -c 9 a.hmr >begun
	head -c 4096 /dev/zero >zeros
	: >empty
	while IFS='|' read -r file said; do
		for call in "hm-view $file" "hm-view - <$file" "hm-cat --recover -o x $file" "hm-encode --image init:resnet-tiny -o x $file" "cat $file | hm-fuse-train -o x"; do
			run bash -c "$call"
			[ "$status" = 1 ] || fail "$call: exit status $status: $output"
			grep -qE "^hm-[a-z-]*: error: ($file|standard input): $said" <<<"${lines[0]}" || fail "$call: $output"
			[ ! -e x ]
		done
	done <<-'END'
		in.jsonl|not an .hmr stream but JSON: hm-jsonl2rec makes records of JSON lines$
		a.hmr.gz|not an .hmr stream but a gzip file \(gzip -dc unpacks it\)$
		a.hmr.zst|not an .hmr stream but a zstd file \(zstd -dc unpacks it\)$
		a.csv|not an .hmr stream but a table \(CSV, TSV\): hm-score reads predictions as CSV, of other tables hm-csv2rec makes records$
		a.tsv|not an .hmr stream but a table
		lfs.hmr|not an .hmr stream but a Git LFS pointer: the file itself was not fetched \(git lfs pull\)$
		page.hmr|not an .hmr stream but an HTML page$
		words|not an .hmr stream but a text file$
		wide|not an .hmr stream but UTF-16 text \(iconv .* makes UTF-8 of it\)$
		beheaded|an .hmr stream without its beginning, which is lost$
		begun|the stream ends within its header: it was cut, or its producer died$
		zeros|not an .hmr stream but a file of NUL bytes only
		empty|the input is empty, not even a header: has its producer failed\?$
	END
}
