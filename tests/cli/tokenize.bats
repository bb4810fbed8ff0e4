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
	hm-tokenize -q --vocab "$vocab" "$@" 2>/dev/null | hm-view --full | sed 's/.*"token_ids":\[\([^]]*\)\].*/\1/' |
		awk -F, 'NR == FNR { t[n++] = $0; next } { for (i = 1; i <= NF; i++) printf "%s%s", t[$i], i < NF ? " " : ""; print "" }' FS='\n' "$vocab" FS=, -
}

@test "captions become the vocabulary's pieces" {
	run tokens in.hmr
	expect 0
	[ "${lines[0]}" = "[CLS] the cat ##s sat on the mat . [SEP]" ] || fail "$output"
	[ "${lines[1]}" = "[CLS] h ##e ##l ##l ##o h ##e ##l ##l ##o [MASK] [SEP]" ] || fail "$output"
	[ "${lines[2]}" = "[CLS] [SEP]" ] || fail "$output"
}

@test "--cased, --uncased, --max-length and --no-special-in-text" {
	run tokens --cased in.hmr
	[ "${lines[1]}" = "[CLS] HELLO h ##e ##l ##l ##o [MASK] [SEP]" ] || fail "$output"
	run tokens --uncased in.hmr
	[ "${lines[1]}" = "[CLS] h ##e ##l ##l ##o h ##e ##l ##l ##o [MASK] [SEP]" ] || fail "$output"
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
	refuse 'this is an empty file, not a file of a tokenizer'
	printf 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 231508\n' >v.txt
	refuse 'this is a Git LFS pointer, not a file of a tokenizer \(git lfs pull\)'
	iconv -f UTF-8 -t UTF-16 "$vocab" >v.txt
	refuse 'this is UTF-16 text, not a file of a tokenizer'
	gzip -c "$vocab" >v.txt
	refuse 'this is a gzip file, not a file of a tokenizer \(gzip -dc\)'
	printf '#version: 0.2\na b\n' >v.txt
	refuse 'a BPE tokenizer needs vocab.json too, and there is none in the folder'
	rm v.txt
	refuse 'cannot open'
}

# FOLDER: a tokenizer.json with the vocabulary, as transformers writes it; SED edits it.
make_json() { # FOLDER [SED]
	mkdir -p "$1"
	awk '{ gsub(/["\\]/, "\\\\&"); printf "%s\"%s\":%d", (NR > 1 ? "," : ""), $0, NR - 1 }' "$vocab" >words
	{
		printf '{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":{"type":"BertNormalizer",'
		printf '"clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},'
		printf '"pre_tokenizer":{"type":"BertPreTokenizer"},"post_processor":null,"model":{"type":"WordPiece","unk_token":"[UNK]",'
		printf '"continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{%s}}}' "$(cat words)"
	} | sed "${2:-}" >"$1/tokenizer.json"
}

@test "tokenizer.json is the vocabulary where there is no vocab.txt, and has its digest" {
	make_json folder
	hm-tokenize --uncased --vocab "$vocab" in.hmr -o txt.hmr
	for path in folder folder/tokenizer.json; do
		hm-tokenize --vocab $path in.hmr -o json.hmr
		cmp txt.hmr json.hmr
	done
	cp "$vocab" folder
	hm-tokenize --vocab folder in.hmr -o both.hmr
	cmp txt.hmr both.hmr
	echo more >>folder/vocab.txt
	run hm-tokenize --vocab folder in.hmr -o out.hmr
	expect 1 '^hm-tokenize: error: folder/vocab.txt and folder/tokenizer.json hold different vocabularies, from id 208 on: name the file that counts \(--vocab folder/vocab.txt\)$'
	hm-tokenize --vocab folder/tokenizer.json in.hmr -o one.hmr
	cmp txt.hmr one.hmr
	make_json bpe 's/"WordPiece"/"BPE"/'
	run hm-tokenize --vocab bpe in.hmr -o out.hmr
	expect 1 '^hm-tokenize: error: bpe/tokenizer.json: "continuing_subword_prefix" is not empty; hm-tokenize reads BPE without$'
	[ ! -e out.hmr ]
}

@test "a folder's tokenizer_config.json is honoured, and said" {
	mkdir folder
	cp "$vocab" folder
	echo '{"do_lower_case": false, "model_max_length": 6}' >folder/tokenizer_config.json
	for path in folder folder/vocab.txt; do
		run hm-tokenize --vocab $path in.hmr -o out.hmr
		expect 0
		[ "${lines[0]}" = "hm-tokenize: notice: case and accents are kept, as folder/tokenizer_config.json says" ] || fail "$output"
		[ "${lines[1]}" = "hm-tokenize: notice: at most 6 ids per text, as folder/tokenizer_config.json says" ] || fail "$output"
		[ "${lines[2]}" = "hm-tokenize: notice: 2 of 3 captions had more than 6 ids and were cut" ] || fail "$output"
		[ ${#lines[@]} = 3 ] || fail "$output"
		hm-tokenize -q --cased --max-length 6 --vocab "$vocab" in.hmr -o same.hmr
		cmp out.hmr same.hmr
	done
	run hm-tokenize -q --vocab folder in.hmr -o out.hmr
	expect 0
	[ -z "$output" ] || fail "$output"
	# the command line wins, and is heard
	run hm-tokenize -q --uncased --vocab folder in.hmr -o out.hmr
	expect 0 '^hm-tokenize: warning: text is lowered \(--uncased\), although folder/tokenizer_config.json says that it is not$'
	run hm-tokenize --max-length 9 --vocab folder in.hmr -o out.hmr
	expect 0 '^hm-tokenize: notice: 9 ids per text \(--max-length\), although folder/tokenizer_config.json says 6$'
	hm-view --schema out.hmr | grep -q '"cased":true'
	echo '{"do_basic_tokenize": false}' >folder/tokenizer_config.json
	run hm-tokenize --vocab folder in.hmr -o none.hmr
	expect 1 '^hm-tokenize: error: folder/tokenizer_config.json: "do_basic_tokenize" is false; hm-tokenize always splits words$'
	[ ! -e none.hmr ]
}

@test "settings that are not the usual ones stand in the schema and the history" {
	make_json folder 's/"handle_chinese_chars":true,"strip_accents":null/"handle_chinese_chars":false,"strip_accents":false/'
	hm-tokenize -q --no-special-in-text --vocab folder in.hmr -o out.hmr
	hm-view --schema out.hmr >schema
	for word in '"cased":false' '"strip_accents":false' '"tokenize_chinese_chars":false' '"special_in_text":false'; do grep -qF "$word" schema; done
	hm-view --history out.hmr >history
	for word in '"strip_accents":false' '"tokenize_chinese_chars":false' '"no-special-in-text":true' '"max-length":512'; do grep -qF "$word" history; done
	refute grep -qF special_in_text history
}

@test "nobody says the casing of a vocabulary with capital letters: a warning" {
	run hm-tokenize -q --vocab "$vocab" in.hmr -o out.hmr
	expect 0 '^hm-tokenize: warning: [0-9]+ of the 208 tokens of .*vocab.txt have capital letters, but text is lowered: --cased keeps case'
	for casing in --cased --uncased; do
		run hm-tokenize -q $casing --vocab "$vocab" in.hmr -o out.hmr
		expect 0
		[ -z "$output" ] || fail "$output"
	done
	printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' hello world >v.txt
	run hm-tokenize --vocab v.txt in.hmr -o out.hmr
	expect 0
	[ -z "$output" ] || fail "$output"
}

@test "folders of other tokenizers are named" {
	mkdir folder
	run hm-tokenize --vocab folder in.hmr -o out.hmr
	expect 1 '^hm-tokenize: error: folder: the folder holds no tokenizer; hm-tokenize reads WordPiece \(vocab.txt, or tokenizer.json of that type\); CLIP.s BPE \(vocab.json with merges.txt, '
	: >folder/encoder.json
	run hm-tokenize --vocab folder in.hmr -o out.hmr
	expect 1 '^hm-tokenize: error: folder: the folder holds encoder.json, a BPE tokenizer \(as vocab.json and merges.txt it is read\); '
	rm folder/encoder.json
	: >folder/tokenizer.model
	run hm-tokenize --vocab folder in.hmr -o out.hmr
	expect 1 '^hm-tokenize: error: folder: the folder holds tokenizer.model, a SentencePiece tokenizer; '
	ln -s nowhere folder/vocab.txt
	run hm-tokenize --vocab folder in.hmr -o out.hmr
	expect 1 '^hm-tokenize: error: folder/vocab.txt: the symbolic link leads nowhere$'
}

@test "an empty line of the vocabulary is a token that no caption has" {
	printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' the '' cat >v.txt
	echo '{"id":1,"img":"a","text":"The cat"}' | hm-jsonl2rec | hm-tokenize --vocab v.txt | hm-view --full | grep -qF '"token_ids":[2,5,7,3]'
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
	expect 1 'notext.hmr: there is no column "text"'
}

@test "a damaged stream fails, and so does a dead producer" {
	head -c 300 in.hmr >cut.hmr
	run hm-tokenize --vocab "$vocab" cut.hmr -o out.hmr
	expect 1 'cut.hmr'
	[ ! -e out.hmr ]
	run bash -c "echo '{' | hm-jsonl2rec 2>/dev/null | hm-tokenize --vocab '$vocab' 2>/dev/null | hm-view --verify"
	expect 1
}

@test "a published vocabulary that is not there: the script that fetches it" {
	run hm-tokenize --vocab weights/bert-base-uncased -o out.hmr /dev/null
	expect 1 '^hm-tokenize: error: weights/bert-base-uncased: cannot open: No such file or directory; pipelines/get-weights.sh fetches it$'
	run hm-tokenize --vocab weights/other -o out.hmr /dev/null
	expect 1 'weights/other: cannot open: No such file or directory$'
}

@test "wrong calls" {
	for call in "" "--vocab $vocab --max-length 1" "--vocab $vocab --max-length 70000" "--vocab $vocab --nix" "--vocab" "--vocab $vocab --cased --uncased"; do
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

# ---- CLIP and RoBERTa ----

@test "CLIP's and RoBERTa's tokenizers: kind, ends, lengths" {
	hm-tokenize --vocab "$ROOT/tests/data/text/clip" in.hmr -o clip.hmr
	hm-view --schema clip.hmr | grep -qE '"kind":"clip-bpe".*"merges":"[0-9a-f]{32}".*"vocab":"[0-9a-f]{32}"'
	hm-view --full clip.hmr | sed -n 3p | grep -qF '"token_ids":[795,796]'
	hm-view --history clip.hmr | grep -qF '"max-length":77'
	hm-tokenize --vocab "$ROOT/tests/data/text/roberta/merges.txt" in.hmr -o roberta.hmr
	hm-view --schema roberta.hmr | grep -qF '"kind":"byte-bpe"'
	hm-view --full roberta.hmr | sed -n 3p | grep -qF '"token_ids":[0,2]'
	hm-view --history roberta.hmr | grep -qF '"max-length":512'
	hm-view --schema clip.hmr >schema
	refute grep -q cased schema
}

@test "captions that are cut are counted, without -v; not with -q" {
	run hm-tokenize --vocab "$ROOT/tests/data/text/clip" --max-length 4 in.hmr -o out.hmr
	expect 0 '^hm-tokenize: notice: 2 of 3 captions had more than 4 ids and were cut$'
	run hm-tokenize -q --vocab "$ROOT/tests/data/text/clip" --max-length 4 in.hmr -o out.hmr
	[ -z "$output" ] || fail "$output"
	run hm-tokenize --vocab "$ROOT/tests/data/text/clip" in.hmr -o out.hmr
	[ -z "$output" ] || fail "$output"
	run hm-tokenize --vocab "$vocab" --uncased --max-length 5 in.hmr -o out.hmr
	expect 0 '^hm-tokenize: notice: 2 of 3 captions had more than 5 ids and were cut$'
}

@test "--straight-quotes and special tokens as text, for every kind" {
	printf '{"id":1,"img":"a","text":"don\xe2\x80\x99t"}\n{"id":2,"img":"a","text":"a<|endoftext|>b<s>[SEP]"}\n' | hm-jsonl2rec -o q.hmr
	printf '{"id":1,"img":"a","text":"don\x27t"}\n{"id":2,"img":"a","text":"a<|endoftext|>b<s>[SEP]"}\n' | hm-jsonl2rec -o p.hmr
	for v in "$ROOT/tests/data/text/clip" "$ROOT/tests/data/text/roberta" "$vocab"; do
		hm-tokenize -q --vocab "$v" --straight-quotes q.hmr | hm-cat --columns token_ids | hm-view --full >a
		hm-tokenize -q --vocab "$v" p.hmr | hm-cat --columns token_ids | hm-view --full >b
		hm-tokenize -q --vocab "$v" q.hmr | hm-cat --columns token_ids | hm-view --full >c
		hm-tokenize -q --vocab "$v" --no-straight-quotes q.hmr | hm-cat --columns token_ids | hm-view --full >d
		hm-tokenize -q --vocab "$v" --no-special-in-text p.hmr | hm-cat --columns token_ids | hm-view --full >e
		cmp a b
		cmp c d
		refute cmp -s a c
		refute cmp -s b e
	done
	hm-tokenize -q --vocab "$vocab" --straight-quotes q.hmr | hm-view --schema | grep -qF '"straight_quotes":true'
}

@test "an option of another kind is a wrong call, that is said" {
	run hm-tokenize --vocab "$ROOT/tests/data/text/clip" --cased in.hmr -o out.hmr
	expect 2 "^hm-tokenize: error: --cased and --uncased are for WordPiece; .*clip holds CLIP's tokenizer, which lowers text$"
	[ ! -e out.hmr ]
	run hm-tokenize --vocab "$ROOT/tests/data/text/clip" --straight-quotes --no-straight-quotes in.hmr -o out.hmr
	expect 2 'contradict each other'
}

@test "a gzip file that is cut off, and one that holds something else" {
	head -c 300 /dev/urandom | base64 >text
	{ echo '"bpe_simple_vocab_16e6.txt#version: 0.2'; cat text; } | gzip -c >bpe_simple_vocab_16e6.txt.gz
	run hm-tokenize --vocab bpe_simple_vocab_16e6.txt.gz in.hmr -o out.hmr
	expect 1 '^hm-tokenize: error: bpe_simple_vocab_16e6.txt.gz: line 2: ".*" is not two tokens with a space between$'
	head -c 100 bpe_simple_vocab_16e6.txt.gz >cut.gz
	run hm-tokenize --vocab cut.gz in.hmr -o out.hmr
	expect 1 '^hm-tokenize: error: cut.gz: the gzip file '
	[ ! -e out.hmr ]
}

