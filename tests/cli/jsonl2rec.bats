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

{"label":null,"text":"","img":"img//img/3.png","id":3}
J
	hm-jsonl2rec a.jsonl -o a.hmr
	run hm-view a.hmr
	expect 0
	[ "${lines[0]}" = '{"id":"42953","img":"42953.png","text":"its their character","label":0}' ]
	[ "${lines[1]}" = '{"id":"00042","img":"00042.png","text":"café 😀","label":-1}' ]
	[ "${lines[2]}" = '{"id":"3","img":"img/3.png","text":"","label":-1}' ]
	[ "${#lines[@]}" = 3 ]
}

@test "damaged lines: file, line and column, and nothing written" {
	refuse '{"id":2,"img":' 'invalid JSON: an end where a value must stand at column 15'
	refuse '{"id":2,"img":"a","img":"b","text":""}' 'key "img" stands twice in one object, again at column 19'
	refuse '{"id":2,"img":"a","text":"\xff"}' 'not UTF-8 \(iconv .*\), at column 27'
	refuse '{"id":2,"img":"a","text":"\0"}' 'a NUL byte at column 27'
	refuse '{"id":2,"img":"a","text":"\\ud800"}' 'lone surrogate in a string at column'
	refuse '{"id":2,"img":"a","text":"b"} {}' 'bytes after the value at column 31'
	refuse '[]' 'begins an array, not an object \(jq -c .*\), at column 1'
	refuse '5' 'a number, not an object, at column 1'
}

@test "fields that are missing or of another type" {
	refuse '{"img":"a","text":"b"}' 'field "id" is missing from the object, which has "img", "text" \(--id-field .*\), at column 1'
	refuse '{"id":2,"img":"a"}' 'field "text" is missing .*--text-field .*--null-text empty .*--no-text .*, at column 1'
	refuse '{"id":2,"text":"a"}' 'field "img" is missing .*--img-field .*--no-img .*, at column 1'
	refuse '{"id":2.0,"img":"a","text":"b"}' 'field "id" is the number 2.0, not an integer or a string, at column 7'
	refuse '{"id":2,"img":5,"text":"b"}' 'field "img" is the number 5, not a string, at column 15'
	refuse '{"id":2,"img":null,"text":"b"}' 'field "img" is null, not a string \(.*--no-img .*\), at column 15'
	refuse '{"id":2,"img":"a","text":null}' 'field "text" is null, not a string \(--null-text empty .*\), at column 26'
}

@test "labels that are no integers: what is there, and --labels" {
	while IFS='|' read -r label is; do
		refuse "{\"id\":2,\"img\":\"a\",\"text\":\"b\",\"label\":$label}" \
			"field \"label\" is $is, not an integer from 0 \(--labels WORD,WORD,... .*\), at column 38"
	done <<'T'
true|true
1.0|the number 1.0
1e0|the number 1e0
"1"|the string "1"
"hateful"|the string "hateful"
-1|the number -1
T
	for l in '[]' '["hateful"]' '["somewhat harmful","individual"]'; do
		refuse "{\"id\":2,\"img\":\"a\",\"text\":\"b\",\"label\":$l}" 'field "label" is an array, not one class \(jq .*\), at column 38'
	done
	refuse '{"id":2,"img":"a","text":"b","label":2147483648}' 'not an integer of 32 bits, at column 38'
}

@test "--labels: words to classes, strings and floats by their value, the words travel with the column" {
	labels() { # WORDS LABEL...: the classes of these labels
		local words=$1 i=0
		shift
		for l in "$@"; do printf '{"id":%d,"img":"a","text":"b","label":%s}\n' $((i += 1)) "$l"; done |
			hm-jsonl2rec --labels "$words" -o l.hmr 2>err && hm-view l.hmr | grep -oE '"label":-?[0-9]+' | cut -d: -f2 | tr '\n' ' '
	}
	[ "$(labels no,yes '"yes"' '"no"' null)" = "1 0 -1 " ]
	[ "$(labels 1,2 2 1.0 '"2"' '"1.0"')" = "1 0 1 0 " ]
	[ "$(labels false,true true false '"true"')" = "1 0 1 " ]
	[ "$(labels -1,1 -1 1.0)" = "0 1 " ]
	[ "$(labels 'not hateful,hateful' '"not hateful"')" = "0 " ]
	hm-view --schema l.hmr | grep -q '"dtype":"I32","name":"label","names":\["not hateful","hateful"\]'
	hm-view --history l.hmr | grep -q '"labels":\["not hateful","hateful"\]'
	hm-cat l.hmr | hm-view --schema | grep -q '"names":\["not hateful","hateful"\]'
	refute labels no,yes '"Yes"'
	grep -q 'field "label" is the string "Yes", not one of --labels no,yes, at column' err
	refute labels no,yes 1
	refute labels no,yes '["yes"]'
	for words in '' yes a, a,b,a 1,1.0; do
		run hm-jsonl2rec --labels "$words" -o out.hmr /dev/null
		expect 2 'error: --labels: '
	done
	# without the option the column has no words, and the bytes are those of before
	echo '{"id":1,"img":"a","text":"b","label":1}' | hm-jsonl2rec -o l.hmr
	refute grep -qE 'names|labels|null-text|no-' <<<"$(hm-view --schema l.hmr; hm-view --history l.hmr)"
}

@test "records without a caption or a picture" {
	echo '{"id":1,"img":"a.png","text":null,"label":0}' >n.jsonl
	echo '{"id":2,"img":"a.png"}' >>n.jsonl
	echo '{"id":3,"img":"a.png","text":"null"}' >>n.jsonl
	[ "$(hm-jsonl2rec --null-text empty n.jsonl | hm-view | grep -o '"text":"[^"]*"' | tr '\n' ' ')" = '"text":"" "text":"" "text":"null" ' ]
	run hm-jsonl2rec --null-text error -o out.hmr n.jsonl
	expect 1 'line 1: the field "text" is null'
	[ "$(hm-jsonl2rec --no-text n.jsonl | hm-view | head -1)" = '{"id":"1","img":"a.png","label":0}' ]
	echo '{"id":4,"text":"x","label":1}' >i.jsonl
	[ "$(hm-jsonl2rec --no-img i.jsonl | hm-view)" = '{"id":"4","text":"x","label":1}' ]
	[ "$(hm-jsonl2rec --no-img --no-text i.jsonl | hm-view)" = '{"id":"4","label":1}' ]
	run bash -c 'hm-jsonl2rec --no-img i.jsonl | hm-imgprep --root . -o out.hmr'
	expect 1 'no column "img"'
	for call in '--no-img --img-field x' '--no-text --text-field x' '--no-text --null-text empty' '--null-text no'; do
		# shellcheck disable=SC2086
		run hm-jsonl2rec $call -o out.hmr n.jsonl
		expect 2 '^hm-jsonl2rec: error: --n'
	done
}

@test "--img-prefix: once, at a boundary, before slashes are looked at; absolute paths and backslashes are refused" {
	img() { # IMG [OPTION...]
		local p=$1
		shift
		printf '{"id":1,"img":"%s","text":""}\n' "$p" | hm-jsonl2rec -q "$@" -o p.hmr 2>err && hm-view p.hmr | sed 's/.*"img":"\([^"]*\)".*/\1/'
	}
	[ "$(img img/1.png)" = 1.png ]
	[ "$(img img/img/1.png)" = img/1.png ]
	[ "$(img imgs/1.png --img-prefix img)" = imgs/1.png ]
	[ "$(img /data/hm/img/1.png --img-prefix /data/hm/img/)" = 1.png ]
	[ "$(img /data/hm/img/1.png --img-prefix /data/hm/img)" = 1.png ]
	[ "$(img /data/hm/1.png --img-prefix /data)" = hm/1.png ]
	[ "$(img /data/hm/1.png --img-prefix /)" = data/hm/1.png ]
	[ "$(img a/1.png --img-prefix '')" = a/1.png ]
	[ "$(img 'C:\\hm\\1.png' --img-prefix 'C:\hm')" = 1.png ]
	for call in /data/hm/img/1.png '/data/hm/img/1.png --img-prefix data/hm/img/' '/data/hmx/1.png --img-prefix /data/hm' C:/1.png; do
		# shellcheck disable=SC2086
		refute img $call
		grep -qE 'line 1: the path ".*1.png" in the field "img" is absolute \(--img-prefix FOLDER .*\), at column 15$' err || fail "$call: $(cat err)"
	done
	refute img /img/1.png --img-prefix ''
	refute img 'img\\1.png'
	grep -qE 'the path "img\\1.png" in the field "img" has a backslash, and "/" separates folders \(jq .*\), at column 15$' err
	refute img 'img/a\\1.png'
}

@test "an option that met no record gets a warning: a prefix that no path has, a caption's field that no object has" {
	printf '{"id":1,"img":"pics/1.png","text":"a"}\n{"id":2,"img":"img/2.png"}\n' >u.jsonl
	run bash -c 'hm-jsonl2rec --null-text empty --img-prefix images/ -o u.hmr u.jsonl'
	expect 0 '^hm-jsonl2rec: warning: --img-prefix images/: no path begins with this folder'
	run bash -c 'hm-jsonl2rec --null-text empty --text-field caption -o u.hmr u.jsonl'
	expect 0 '^hm-jsonl2rec: warning: no object has the field "caption": every caption is empty'
	for call in '' '--img-prefix pics' '--img-prefix ./img/' '--no-text' "--img-prefix ''"; do
		[ "$call" = --no-text ] || call="$call --null-text empty"
		run bash -c "hm-jsonl2rec $call -o u.hmr u.jsonl"
		expect 0
		[ -z "$output" ] || fail "$call: $output"
	done
	run hm-jsonl2rec --no-img --img-prefix x -o out.hmr u.jsonl
	expect 2 '^hm-jsonl2rec: error: --no-img contradicts'
}

@test "a byte order mark is skipped, at the beginning of each file and where files were joined" {
	printf '\xef\xbb\xbf{"id":1,"img":"a.png","text":"a","label":0}\r\n{"id":2,"img":"a.png","text":"a"}\r\n' >a.jsonl
	sed 's/"id":1/"id":3/; s/"id":2/"id":4/' a.jsonl >b.jsonl
	[ "$(hm-jsonl2rec a.jsonl b.jsonl | hm-view | wc -l)" = 4 ]
	[ "$(cat a.jsonl b.jsonl | hm-jsonl2rec | hm-view | wc -l)" = 4 ]
	printf '\xef\xbb\xbf{"id":1,"img":3,"text":""}\n' >c.jsonl
	run hm-jsonl2rec -o out.hmr c.jsonl
	expect 1 'c.jsonl: line 1: the field "img" is the number 3, not a string, at column 15$'
	printf '\xef\xbb\xbf{"id":1,"img":"a","text":""}\n\n{"id":1,"img":"a","text":""}\n' >d.jsonl
	run hm-jsonl2rec -o out.hmr d.jsonl
	expect 1 'd.jsonl: line 3: the id "1" is on line 1 of d.jsonl already, again at column 7$'
	printf '\xef\xbb\xbf' >e.jsonl
	[ "$(hm-jsonl2rec e.jsonl | hm-view | wc -l)" = 0 ]
}

@test "files that are not UTF-8 text are named, with the command that helps" {
	echo '{"id":1,"img":"a.png","text":"a","label":0}' >a.jsonl
	named() { # FILE PATTERN
		run hm-jsonl2rec --on-error skip -o out.hmr "$1"
		expect 1 "^hm-jsonl2rec: error: $1: $2"
		[ ! -e out.hmr ]
	}
	gzip -c a.jsonl >a.gz
	named a.gz 'a gzip file, not text \(gzip -dc unpacks it\)$'
	zstd -qc a.jsonl >a.zst
	named a.zst 'a zstd file, not text \(zstd -dc unpacks it\)$'
	for to in UTF-16 UTF-16LE UTF-16BE UTF-32 UTF-32LE UTF-32BE; do
		iconv -f UTF-8 -t $to a.jsonl >a.$to
		named a.$to "${to%?E} text, not UTF-8 \(iconv -f $to -t UTF-8 converts it\)$"
		iconv -f $to -t UTF-8 a.$to | hm-jsonl2rec -o out.hmr
		rm out.hmr
	done
	hm-jsonl2rec a.jsonl -o a.hmr
	named a.hmr 'a stream of records \(.hmr\), not text$'
	run bash -c 'gzip -c a.jsonl | hm-jsonl2rec -o out.hmr'
	expect 1 'standard input: a gzip file'
}

@test "what is no JSON lines file at all is named" {
	printf 'name,text,hate,split\n1.png,"hello, world",0,train\n' >pride.csv
	run hm-jsonl2rec -o out.hmr pride.csv
	expect 1 'pride.csv: line 1: the line looks like CSV, not like a JSON object \(hm-csv2rec makes records of it, and hm-view lines of those\), at column 1$'
	printf 'file_name\tmisogynous\tText Transcription\n1.jpg\t0\thello\n' >mami.tsv
	run hm-jsonl2rec -o out.hmr mami.tsv
	expect 1 'mami.tsv: line 1: the line looks like CSV with tabs \(TSV\), .*\(hm-csv2rec --delimiter tab '
	printf 'id;text\n1;hello\n' >euro.csv
	run hm-jsonl2rec -o out.hmr euro.csv
	expect 1 "euro.csv: line 1: the line looks like CSV with semicolons, .*\(hm-csv2rec --delimiter ';' "
	printf '[\n  {"id": 1}\n]\n' >array.json
	run hm-jsonl2rec -o out.hmr array.json
	expect 1 "array.json: line 1: the line begins an array, not an object \(jq -c '.\[\]' FILE"
	printf '{\n  "id": 1\n}\n' >pretty.json
	run hm-jsonl2rec -o out.hmr pretty.json
	expect 1 'pretty.json: line 1: the line begins an object that does not end on it \(jq -c . FILE'
	printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n' >lfs.jsonl
	run hm-jsonl2rec -o out.hmr lfs.jsonl
	expect 1 'lfs.jsonl: line 1: the line is from a Git LFS pointer, not JSON \(git lfs pull fetches the file\)'
	printf '<!DOCTYPE html>\n<html></html>\n' >page.jsonl
	run hm-jsonl2rec -o out.hmr page.jsonl
	expect 1 'page.jsonl: line 1: the line is from an HTML page, not JSON'
}

@test "a doubled id, as a number and as a string, in another file too" {
	refuse '{"img":"a","text":"b","id":"1"}' 'the id "1" is on line 1 of bad.jsonl already, again at column 28'
	head -n 1 bad.jsonl >one.jsonl
	run hm-jsonl2rec -o out.hmr one.jsonl - <one.jsonl
	expect 1 '^hm-jsonl2rec: error: standard input: line 1: the id "1" is on line 1 of one.jsonl already'
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

@test "memory that runs out is no bad line: skip does not pass over it" {
	[ -z "$SAN" ] || return 0 # a sanitizer needs more memory than the limit
	{ printf '{"id":1,"img":"a","text":"","x":['; yes 0, | head -n 4000000 | tr -d '\n'; printf '0]}\n'; } >many.jsonl
	run bash -c 'ulimit -v 300000; hm-jsonl2rec -j1 --on-error skip many.jsonl -o out.hmr'
	expect 1 '^hm-jsonl2rec: error: many.jsonl: line 1: out of memory while reading JSON$'
	[ ! -e out.hmr ]
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
	echo '{"key":"k","pic":"p//1.png","cap":"c","cls":4,"n":-7,"w":0.1,"s":"x"}' >k.jsonl
	run bash -c 'hm-jsonl2rec --id-field key --img-field pic --text-field cap --label-field cls --img-prefix p/ \
		--keep-field n:i32 --keep-field w:f32 --keep-field s k.jsonl | hm-view'
	expect 0
	[ "$output" = '{"id":"k","img":"1.png","text":"c","label":4,"n":-7,"w":0.1,"s":"x"}' ] || fail "$output"
	run hm-jsonl2rec --id-field key --img-field pic --text-field cap --keep-field cls:f32 --keep-field zz k.jsonl -o out.hmr
	expect 1 'the field "zz" is missing'
	run bash -c 'hm-jsonl2rec --id-field key --img-field pic --text-field cap --img-prefix "" k.jsonl | hm-view'
	expect 0 '"img":"p//1.png"'
}

@test "no line is an error of the producer; with --allow-empty no records, a legal stream" {
	: >empty.jsonl
	printf ' \n\n' >blank.jsonl
	for f in empty.jsonl blank.jsonl /dev/null -; do
		run hm-jsonl2rec -o none.hmr "$f" </dev/null
		expect 1 "^hm-jsonl2rec: error: (${f/#-/standard input}): has no line: has its producer failed\? \(--allow-empty takes it as no records\)$"
		[ ! -e none.hmr ]
		hm-jsonl2rec --allow-empty "$f" </dev/null | hm-view --verify
		[ "$(hm-jsonl2rec --allow-empty "$f" </dev/null | hm-view | wc -l)" = 0 ]
	done
	hm-synth -q --train 3 --dev 0 --test 0 some
	run hm-jsonl2rec -o none.hmr some/train.jsonl empty.jsonl
	expect 1 'error: empty.jsonl: has no line'
	hm-jsonl2rec -q --allow-empty empty.jsonl some/train.jsonl | cmp - <(hm-jsonl2rec -q some/train.jsonl) # of no column a byte
	hm-jsonl2rec -q --limit 3 -o some.hmr some/train.jsonl empty.jsonl # never looked at
	hm-jsonl2rec -q --limit 0 -o some.hmr empty.jsonl
	hm-jsonl2rec -q --shard 3/4 some/train.jsonl | hm-view --verify # has lines, of other shards
	echo '{' >bad.jsonl
	hm-jsonl2rec -q --on-error skip bad.jsonl | hm-view --verify # had one
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

@test "a label field that no object has" {
	echo '{"id":1,"img":"a.png","text":"x","Label":1}' >"$BATS_TEST_TMPDIR/l.jsonl"
	for o in '--label-field label' '--labels 0,1'; do
		# shellcheck disable=SC2086
		run hm-jsonl2rec $o -o "$BATS_TEST_TMPDIR/l.hmr" "$BATS_TEST_TMPDIR/l.jsonl"
		expect 0 'warning: no [a-z]+ has the field "label": no record has a label \(--label-field names another\)$'
	done
	run hm-jsonl2rec -o "$BATS_TEST_TMPDIR/l.hmr" "$BATS_TEST_TMPDIR/l.jsonl"
	refute grep -q warning <<<"$output"
}
