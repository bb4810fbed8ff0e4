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
	run hm-view --npy id=id.npy in.hmr
	expect 1 "column 'id' is text"
	[ ! -e id.npy ]
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
	expect 1 "no column 'pixels'"
	[ ! -e c.png ]
}

@test "zero records" {
	run bash -c 'hm-jsonl2rec /dev/null | hm-view'
	expect 0
	[ -z "$output" ]
	hm-jsonl2rec /dev/null | hm-view --npy label=empty.npy
	head -c 192 empty.npy | grep -aq "'shape': (0,)"
}
