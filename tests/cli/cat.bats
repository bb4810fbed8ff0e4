# hm-cat: end to end, shards, heads, columns, recovery.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	for i in $(seq 0 299); do printf '{"id":%d,"img":"%d.png","label":%d,"text":"caption number %d"}\n' $i $i $((i % 2)) $i; done >all.jsonl
	head -n 100 all.jsonl | hm-jsonl2rec -o a.hmr
	tail -n +101 all.jsonl | hm-jsonl2rec --block-size 1K -o b.hmr
	hm-jsonl2rec --block-size 1K all.jsonl -o all.hmr
}
setup() { cd "$BATS_FILE_TMPDIR"; }

@test "two streams are one, in order" {
	hm-cat a.hmr b.hmr | hm-view >got
	hm-view all.hmr | cmp - got
	hm-cat -j1 a.hmr b.hmr >one
	hm-cat -j4 a.hmr - <b.hmr >four
	cmp one four
}

@test "shards and heads" {
	for i in 0 1 2; do hm-cat --shard $i/3 all.hmr | hm-view; done | sort >got
	hm-view all.hmr | sort | cmp - got
	[ "$(hm-cat --shard 1/3 --head 2 all.hmr | hm-view | cut -d, -f1 | xargs)" = '{id:1 {id:4' ]
	[ "$(hm-cat --head 0 all.hmr | hm-view | wc -l)" = 0 ]
	run hm-cat --shard 3/3 all.hmr
	expect 2 'shard takes I/N'
}

@test "--columns picks and orders" {
	[ "$(hm-cat --columns label,id --head 1 all.hmr | hm-view)" = '{"label":0,"id":"0"}' ]
	run hm-cat --columns id,nope -o out.hmr all.hmr
	expect 1 "no column 'nope'"
	[ ! -e out.hmr ]
}

@test "--columns does not turn a record that failed into one that did not" {
	hm-synth -q --train 4 --dev 1 --test 1 some
	rm some/img/"$(sed -n '2s/.*"img":"[^"]*\/\([^"]*\)".*/\1/p' some/train.jsonl)"
	hm-jsonl2rec some/train.jsonl | hm-imgprep -q --root some/img --size 32 --on-error keep -o failed.hmr
	run hm-cat --columns id,label,pixels -o slim.hmr failed.hmr
	expect 1 'failed.hmr: record 1 \(id [0-9]+\): a tool failed on it, .*: add error to --columns$'
	[ ! -e slim.hmr ]
	hm-cat --columns id,label,pixels,error -o slim.hmr failed.hmr
	hm-cat --columns id,label,pixels -o slim.hmr <(hm-cat --head 1 failed.hmr) # none failed
}

@test "an id that comes twice, schemas that differ" {
	run hm-cat -o out.hmr a.hmr a.hmr
	expect 1 'a.hmr: record 0 \(id 0\): record 0 of a.hmr has the same id'
	hm-cat --columns id,img,text a.hmr >c.hmr
	run hm-cat -o out.hmr a.hmr c.hmr
	expect 1 'c.hmr: 3 columns, the first input has 4'
	[ ! -e out.hmr ]
}

@test "skipped records add up" {
	printf '{"id":"a","img":"x","text":"t"}\nnot json\n' | hm-jsonl2rec --on-error skip -o s1.hmr
	printf 'not json\n{"id":"b","img":"x","text":"t"}\n{}\n' | hm-jsonl2rec --on-error skip -o s2.hmr
	hm-cat s1.hmr s2.hmr | hm-view --schema | grep -q '"records":2,"skipped":3'
}

@test "--recover writes the good blocks and exits 1" {
	size=$(stat -c %s all.hmr)
	head -c $((size / 2)) all.hmr >cut.hmr
	run hm-cat -o saved.hmr cut.hmr
	expect 1
	[ ! -e saved.hmr ]
	run hm-cat --recover -o saved.hmr cut.hmr
	expect 1 'records were recovered'
	n=$(hm-view saved.hmr | wc -l)
	[ "$n" -gt 30 ] && [ "$n" -lt 300 ]
	hm-view all.hmr | head -n "$n" | cmp - <(hm-view saved.hmr)
	# one byte in the middle: everything but its block
	cp all.hmr hit.hmr
	printf '\377\377\377' | dd of=hit.hmr bs=1 seek=$((size / 2)) conv=notrunc status=none
	run hm-cat --recover -o saved.hmr hit.hmr
	expect 1
	n=$(hm-view saved.hmr | wc -l)
	[ "$n" -gt 200 ] && [ "$n" -lt 300 ]
	hm-view saved.hmr | comm -13 <(hm-view all.hmr | sort) <(hm-view saved.hmr | sort) >foreign
	[ ! -s foreign ]
}

@test "--recover of a whole stream is exit 0" {
	hm-cat --recover all.hmr | hm-view >got
	hm-view all.hmr | cmp - got
}
