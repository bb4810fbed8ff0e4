# hm-tokenize: ids as the reference gave them, attributes, vocabularies that are refused, failed records, -j.

load ../support/bats

setup() {
	cd "$BATS_TEST_TMPDIR"
	vocab=$ROOT/tests/data/text/vocab.txt
	cat >in.jsonl <<'J'
{"id":1,"img":"a","text":"the cats sat on the mat."}
{"id":2,"img":"a","text":"HELLO hello[MASK]"}
{"id":3,"img":"a","text":""}
J
	hm-jsonl2rec in.jsonl -o in.hmr
}

# The tokens of each record, words parted by spaces.
tokens() { # hm-tokenize's arguments
	hm-tokenize --vocab "$vocab" "$@" | hm-view --full | sed 's/.*"token_ids":\[\([^]]*\)\].*/\1/' |
		awk -F, 'NR == FNR { t[n++] = $0; next } { for (i = 1; i <= NF; i++) printf "%s%s", t[$i], i < NF ? " " : ""; print "" }' FS='\n' "$vocab" FS=, -
}

@test "captions become the vocabulary's pieces" {
	run tokens in.hmr
	expect 0
	[ "${lines[0]}" = "[CLS] the cat ##s sat on the mat . [SEP]" ] || fail "$output"
	[ "${lines[1]}" = "[CLS] h ##e ##l ##l ##o h ##e ##l ##l ##o [MASK] [SEP]" ] || fail "$output"
	[ "${lines[2]}" = "[CLS] [SEP]" ] || fail "$output"
}

@test "--cased, --max-length and --no-special-in-text" {
	run tokens --cased in.hmr
	[ "${lines[1]}" = "[CLS] HELLO h ##e ##l ##l ##o [MASK] [SEP]" ] || fail "$output"
	run tokens --max-length 4 in.hmr
	[ "${lines[0]}" = "[CLS] the cat [SEP]" ] || fail "$output"
	run tokens --max-length 2 in.hmr
	[ "${lines[0]}" = "[CLS] [SEP]" ] || fail "$output"
	run tokens --no-special-in-text in.hmr
	[ "${lines[1]}" = "[CLS] h ##e ##l ##l ##o h ##e ##l ##l ##o [ m ##a ##s ##k ] [SEP]" ] || fail "$output"
}

@test "the column says which vocabulary and casing" {
	a=$(hm-tokenize --vocab "$vocab" in.hmr | hm-view --schema)
	grep -qE '"cased":false' <<<"$a"
	digest=$(grep -oE '"vocab":"[0-9a-f]{32}"' <<<"$a")
	mkdir folder
	sed 's/$/\r/' "$vocab" >folder/vocab.txt # CRLF is the same vocabulary
	b=$(hm-tokenize --vocab folder --cased in.hmr | hm-view --schema)
	grep -qF "$digest" <<<"$b" && grep -qE '"cased":true' <<<"$b"
	echo more >>folder/vocab.txt
	! hm-tokenize --vocab folder in.hmr | hm-view --schema | grep -qF "$digest"
}

@test "vocabularies that are refused" {
	refuse() { # PATTERN
		run hm-tokenize --vocab v.txt in.hmr -o out.hmr
		expect 1 "^hm-tokenize: error: v.txt: $1"
		[ ! -e out.hmr ]
	}
	{ printf '\xef\xbb\xbf'; cat "$vocab"; } >v.txt
	refuse 'line 1: the file begins with a byte order mark'
	{ cat "$vocab"; echo the; } >v.txt
	refuse 'line 209: the token "the" stands on line [0-9]+ already'
	grep -vxF '[MASK]' "$vocab" >v.txt
	refuse 'the token \[MASK\] is missing'
	{ cat "$vocab"; printf '\xff\n'; } >v.txt
	refuse 'line 209: the line is not UTF-8'
	: >v.txt
	refuse 'the token \[PAD\] is missing'
	rm v.txt
	refuse 'cannot open'
}

@test "failed records get no ids" {
	echo '{"id":1,"img":"a","text":"the cat","error":"no picture"}' | hm-jsonl2rec --keep-field error |
		hm-tokenize --vocab "$vocab" | hm-view --full >out.json
	grep -qF '"error":"no picture"' out.json
	grep -qF '"token_ids":[]' out.json
}

@test "an existing column needs --replace, a missing one is named" {
	hm-tokenize --vocab "$vocab" in.hmr -o once.hmr
	run hm-tokenize --vocab "$vocab" once.hmr -o out.hmr
	expect 1 'once.hmr: column "token_ids" exists already'
	[ ! -e out.hmr ]
	hm-tokenize --vocab "$vocab" --replace --max-length 2 once.hmr | hm-view --full | grep -q '"token_ids":\[2,3\]'
	hm-cat --columns id,img once.hmr -o notext.hmr
	run hm-tokenize --vocab "$vocab" notext.hmr -o out.hmr
	expect 1 'notext.hmr: no column "text"'
}

@test "a damaged stream fails, and so does a dead producer" {
	head -c 300 in.hmr >cut.hmr
	run hm-tokenize --vocab "$vocab" cut.hmr -o out.hmr
	expect 1 'cut.hmr'
	[ ! -e out.hmr ]
	run bash -c "echo '{' | hm-jsonl2rec 2>/dev/null | hm-tokenize --vocab '$vocab' 2>/dev/null | hm-view --verify"
	expect 1
}

@test "wrong calls" {
	for call in "" "--vocab $vocab --max-length 1" "--vocab $vocab --max-length 70000" "--vocab $vocab --nix" "--vocab"; do
		# shellcheck disable=SC2086
		run hm-tokenize -o out.hmr $call
		expect 2 '^see hm-tokenize --help$'
	done
}

@test "the same bytes for any -j; skipped counts travel on" {
	for i in {1..5000}; do echo "{\"id\":$i,\"img\":\"$i\",\"text\":\"running cats $i éß 日本 [MASK]\"}"; done >m.jsonl
	echo '{' >>m.jsonl
	hm-jsonl2rec -q --on-error skip m.jsonl -o m.hmr
	hm-tokenize -j1 --vocab "$vocab" m.hmr -o 1.hmr
	hm-tokenize -j4 --vocab "$vocab" m.hmr -o 4.hmr
	hm-jsonl2rec -q --on-error skip m.jsonl | hm-tokenize -j3 --vocab "$vocab" >p.hmr
	cmp 1.hmr 4.hmr
	cmp 1.hmr p.hmr
	hm-view --schema 1.hmr | grep -q '"skipped":1'
}
