# hm-jsonl2rec: columns and types, what is refused and where, shards, several files, the same bytes for any -j.

load ../support/bats

setup() { cd "$BATS_TEST_TMPDIR"; }

# One line after a good one, into a file, must fail with PATTERN; no output may appear.
refuse() { # LINE PATTERN
	printf '{"id":1,"img":"1.png","text":"a"}\n%b\n' "$1" >bad.jsonl
	run hm-jsonl2rec bad.jsonl -o out.hmr
	expect 1 "^hm-jsonl2rec: error: bad.jsonl: line 2: .*$2"
	[ "${#lines[@]}" = 1 ] || fail "more than one line: $output"
	[ ! -e out.hmr ] || fail "an output was left"
	run bash -c 'hm-jsonl2rec -q bad.jsonl 2>/dev/null | hm-view --verify'
	expect 1
}

@test "the two forms of the data set" {
	cat >a.jsonl <<'J'
{"id":42953,"img":"img\/42953.png","label":0,"text":"its their character"}
{"id":"00042","img":"img/00042.png","text":"caf\u00e9 \ud83d\ude00","other":[1,{"x":null}]}

{"label":null,"text":"","img":"/img/img/3.png","id":3}
J
	hm-jsonl2rec a.jsonl -o a.hmr
	run hm-view a.hmr
	expect 0
	[ "${lines[0]}" = '{"id":"42953","img":"42953.png","text":"its their character","label":0}' ]
	[ "${lines[1]}" = '{"id":"00042","img":"00042.png","text":"café 😀","label":-1}' ]
	[ "${lines[2]}" = '{"id":"3","img":"3.png","text":"","label":-1}' ]
	[ "${#lines[@]}" = 3 ]
}

@test "damaged lines: file, line and column, and nothing written" {
	refuse '{"id":2,"img":' 'invalid JSON: an end where a value must stand at column 15'
	refuse '{"id":2,"img":"a","img":"b","text":""}' 'key "img" stands twice in one object, again at column 19'
	refuse '{"id":2,"img":"a","text":"\xff"}' 'not UTF-8 at column 27'
	refuse '{"id":2,"img":"a","text":"\0"}' 'a NUL byte at column 27'
	refuse '{"id":2,"img":"a","text":"\\ud800"}' 'lone surrogate in a string at column'
	refuse '{"id":2,"img":"a","text":"b"} {}' 'bytes after the value at column 31'
	refuse '[]' 'no JSON object at column 1'
}

@test "fields that are missing or of another type" {
	refuse '{"img":"a","text":"b"}' 'field "id" is missing .* column 1'
	refuse '{"id":2,"img":"a"}' 'field "text" is missing .* column 1'
	refuse '{"id":2.0,"img":"a","text":"b"}' 'field "id" is no integer or string at column 7'
	refuse '{"id":2,"img":5,"text":"b"}' 'field "img" is no string at column 15'
	refuse '{"id":2,"img":"a","text":null}' 'field "text" is no string at column 26'
	for l in true 1.0 '"1"' '[]' 1e0; do
		refuse "{\"id\":2,\"img\":\"a\",\"text\":\"b\",\"label\":$l}" 'field "label" is no integer at column 38'
	done
	refuse '{"id":2,"img":"a","text":"b","label":-1}' 'field "label" is no class: it is negative at column 38'
}

@test "a doubled id, as a number and as a string, in another file too" {
	refuse '{"img":"a","text":"b","id":"1"}' 'the id "1" stands on line 1 of bad.jsonl already, again at column 28'
	head -n 1 bad.jsonl >one.jsonl
	run hm-jsonl2rec -o out.hmr one.jsonl - <one.jsonl
	expect 1 '^hm-jsonl2rec: error: standard input: line 1: the id "1" stands on line 1 of one.jsonl already'
}

@test "too deep and too long" {
	deep=$(printf '[%.0s' {1..40})
	refuse "{\"id\":2,\"x\":$deep" 'nesting too deep at column 44'
	{ printf '{"id":2,"x":"'; head -c 17000000 /dev/zero | tr '\0' a; printf '"}\n'; } >long.jsonl
	run hm-jsonl2rec long.jsonl -o out.hmr
	expect 1 'long.jsonl: line 1: the line is longer than the 16777216 bytes allowed, at column 16777217'
	[ ! -e out.hmr ]
}

@test "skip leaves bad lines out and counts them in the stream" {
	printf '%s\n' '{"id":1,"img":"a","text":""}' '{' '{"id":1,"img":"a","text":""}' '{"id":2,"img":"a","text":""}' >s.jsonl
	run hm-jsonl2rec --on-error skip s.jsonl -o s.hmr
	expect 0 '2 bad lines left out'
	[ "$(hm-view s.hmr | wc -l)" = 2 ]
	[ "$(hm-view --schema s.hmr | grep -o '"skipped":2')" ]
	for i in 0 1; do # each bad line belongs to one shard
		hm-jsonl2rec -q --on-error skip --shard $i/2 s.jsonl | hm-view --schema | grep -q '"records":1,.*"skipped":1\|"skipped":1.*"records":1'
	done
}

@test "shards, limits and their order" {
	for i in {0..9}; do echo "{\"id\":$i,\"img\":\"a\",\"text\":\"\"}"; done >n.jsonl
	ids() { hm-jsonl2rec "$@" n.jsonl | hm-view | grep -o '"id":"[0-9]*"' | tr -dc '0-9\n' | tr '\n' ' '; }
	[ "$(ids --shard 1/3)" = "1 4 7 " ]
	[ "$(ids --shard 0/3 --limit 2)" = "0 3 " ]
	[ "$(ids --limit 3)" = "0 1 2 " ]
	[ "$(ids --limit 0)" = "" ]
	[ "$(ids --shard 0/1)" = "0 1 2 3 4 5 6 7 8 9 " ]
}

@test "other field names, kept fields, other prefixes" {
	echo '{"key":"k","pic":"/p/p/1.png","cap":"c","cls":4,"n":-7,"w":0.1,"s":"x"}' >k.jsonl
	run bash -c 'hm-jsonl2rec --id-field key --img-field pic --text-field cap --label-field cls --img-prefix p/ \
		--keep-field n:i32 --keep-field w:f32 --keep-field s k.jsonl | hm-view'
	expect 0
	[ "$output" = '{"id":"k","img":"1.png","text":"c","label":4,"n":-7,"w":0.1,"s":"x"}' ] || fail "$output"
	run hm-jsonl2rec --id-field key --img-field pic --text-field cap --keep-field cls:f32 --keep-field zz k.jsonl -o out.hmr
	expect 1 'the field "zz" is missing'
	run bash -c 'hm-jsonl2rec --id-field key --img-field pic --text-field cap --img-prefix "" k.jsonl | hm-view'
	expect 0 '"img":"/p/p/1.png"'
}

@test "nothing in, no records out, a legal stream" {
	hm-jsonl2rec </dev/null | hm-view --verify
	[ "$(hm-jsonl2rec </dev/null | hm-view | wc -l)" = 0 ]
}

@test "wrong calls" {
	for call in "--shard 2/2" "--shard 1" "--shard a/b" "--shard -1/2" "--keep-field x:i64" "--keep-field id" "--limit -1" "--nix" \
		"--on-error keep"; do
		# shellcheck disable=SC2086
		run hm-jsonl2rec $call -o out.hmr /dev/null
		expect 2 '^see hm-jsonl2rec --help$'
	done
	run hm-jsonl2rec nix.jsonl -o out.hmr
	expect 1 'nix.jsonl: cannot open'
	run hm-jsonl2rec . -o out.hmr
	expect 1 'error: .: cannot read'
	[ ! -e out.hmr ]
}

@test "the same bytes for any -j, as a file and from a pipe" {
	for i in {1..3000}; do echo "{\"id\":$i,\"img\":\"img/$i.png\",\"label\":$((i % 2)),\"text\":\"caption number $i\"}"; done >m.jsonl
	hm-jsonl2rec -j1 --block-size 4K m.jsonl -o 1.hmr
	hm-jsonl2rec -j4 --block-size 4K m.jsonl -o 4.hmr
	hm-jsonl2rec -j4 --block-size 4K <m.jsonl >p.hmr
	cmp 1.hmr 4.hmr
	cmp 1.hmr p.hmr
}
