# The number by which a tool names a record is the record's number in that file, counted from 0: cut out with
# hm-cat --shard, it is the record that is bad. Lines of CSVs and of JSON lines are counted from 1 and called lines.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 0 --dev 12 --test 0 data
	hm-jsonl2rec -q data/dev.jsonl | hm-imgprep --root data/img --size 48 | hm-tokenize --vocab data/vocab.txt -o good.hmr
}

setup() {
	cd "$BATS_FILE_TMPDIR"
	sed '6s/"id": *[^,]*/"id":"bad"/' data/dev.jsonl >bad.jsonl
	grep -q '"bad"' bad.jsonl || fail "line 6 has no id to replace"
}

# FILE: the last run failed, named a record of FILE with the id "bad", and by a number that leads to it.
names_the_bad_record() {
	[ "$status" = 1 ] || fail "exit status $status: $output"
	local n
	n=$(grep -oE "${1//./\\.}: record [0-9]+ \(id bad\): " <<<"$output" | grep -oE 'record [0-9]+' | cut -d' ' -f2) ||
		fail "no record of $1 with the id 'bad' is named: $output"
	[ "$(wc -l <<<"$n")" = 1 ] || fail "more than one record is named: $output"
	hm-cat --shard "$n/1000000" "$1" | hm-view | grep -q '"id":"bad"' || fail "record $n of $1 is another one: $output"
}

@test "hm-imgprep" {
	sed '6s/"img": *"[^"]*"/"img":"missing.png"/' bad.jsonl | hm-jsonl2rec -q -o in.hmr
	run hm-imgprep --root data/img --size 48 -o x.hmr in.hmr
	names_the_bad_record in.hmr
	run hm-imgprep --root data/img --size 48 -o x.hmr - <in.hmr
	expect 1 'standard input: record 5 \(id bad\): missing.png: '
}

# A caption with a word of the last line of the vocabulary, for a network that has one line less.
@test "hm-encode, hm-fuse-train and hm-score: a token id outside the vocabulary" {
	printf 'zebra\n' | cat data/vocab.txt - >more.txt
	size=$(wc -l <data/vocab.txt)
	sed '6s/"text": *"[^"]*"/"text":"zebra"/' bad.jsonl | hm-jsonl2rec -q |
		hm-imgprep --root data/img --size 48 | hm-tokenize --vocab more.txt -o in.hmr
	run hm-encode -q --text init:bert-tiny --vocab-size "$size" -o x.hmr in.hmr
	names_the_bad_record in.hmr
	run hm-fuse-train -q --image init:resnet-tiny --text init:bert-tiny --vocab-size "$size" --freeze none -o x.safetensors in.hmr
	names_the_bad_record in.hmr
	hm-fuse-train -q --epochs 1 --image init:resnet-tiny --text init:bert-tiny --vocab-size "$size" -o m.safetensors good.hmr
	run hm-score -q --allow-mismatch --model m.safetensors --heads 2 in.hmr
	names_the_bad_record in.hmr
}

@test "hm-fuse-train and hm-score: labels" {
	sed '6s/, *"label": *[0-9]//' bad.jsonl | hm-jsonl2rec -q | hm-tokenize --vocab data/vocab.txt |
		hm-encode -q --text init:bert-tiny -o none.hmr
	run hm-fuse-train -q --features text --classes 2 -o x.safetensors none.hmr
	names_the_bad_record none.hmr
	run hm-fuse-train -q --features text --on-error skip --epochs 1 -o m.safetensors none.hmr
	expect 0
	sed '6s/"label": *[0-9]/"label":7/' bad.jsonl | hm-jsonl2rec -q | hm-tokenize --vocab data/vocab.txt |
		hm-encode -q --text init:bert-tiny -o seven.hmr
	run hm-score -q --model m.safetensors seven.hmr
	names_the_bad_record seven.hmr
}

@test "hm-cat: an id that an earlier input has" {
	hm-jsonl2rec -q -o first.hmr bad.jsonl
	sed 's/"id": *\([0-9]\)/"id":1\1/' bad.jsonl | hm-jsonl2rec -q -o other.hmr
	run hm-cat -o x.hmr first.hmr other.hmr
	names_the_bad_record other.hmr
	expect 1 'other.hmr: record 5 \(id bad\): record 5 of first.hmr has the same id$'
	hm-cat --shard 2/12 -o two.hmr first.hmr
	hm-cat --shard 5/12 -o five.hmr first.hmr
	run hm-cat -o x.hmr two.hmr five.hmr other.hmr
	expect 1 'other.hmr: record 5 \(id bad\): record 0 of five.hmr has the same id$'
}

@test "hm-lint: the label that is one too many" {
	seq 0 101 | awk '{ printf "{\"id\":\"%s\",\"img\":\"x\",\"text\":\"t\",\"label\":%d}\n", $1 == 100 ? "bad" : $1, $1 }' >many.jsonl
	hm-jsonl2rec -q -o many.hmr many.jsonl
	run hm-lint good.hmr many.hmr
	names_the_bad_record many.hmr
}

@test "lines of text begin at 1 and are called lines" {
	sed '6s/"label": *[0-9]/"label":"x"/' bad.jsonl >label.jsonl
	run hm-jsonl2rec -o x.hmr label.jsonl
	expect 1 '^hm-jsonl2rec: error: label.jsonl: line 6: '
	printf 'id,proba,label\na,.1,0\n"b\nb",.2,1\n\nbad,1.5,1\n' >p.csv
	run hm-score p.csv
	expect 1 '^hm-score: error: p.csv: line 6 \(id bad\): '
	printf 'id,proba,label\na,.1,0\n"b\nb",.2,1\n\na,.5,1\n' >p.csv
	run hm-score p.csv
	expect 1 '^hm-score: error: p.csv: line 6 \(id a\): line 2 has the same id$'
}
