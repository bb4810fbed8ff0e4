# hm-cat --deal: the shards of a stream are that stream again, byte by byte; what cannot be all shards of one stream is
# refused by name and leaves no output.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 0 --dev 23 --test 0 data
	# captions of very different lengths, so that token_ids is ragged and blocks end in different places
	awk '{ s = ""; for (i = 0; i < NR * NR % 40; i++) s = s " meme"; sub(/"text": *"/, "&" s " "); print }' data/dev.jsonl >lines.jsonl
	hm-jsonl2rec -q lines.jsonl -o whole.hmr
}
setup() { cd "$BATS_FILE_TMPDIR"; rm -f out.hmr; }

prepare() { hm-imgprep -q --root data/img --size 48 "$@" | hm-tokenize --vocab data/vocab.txt; }
encode() { hm-encode -q --image init:resnet-tiny --text init:bert-tiny; }

# N COMMAND...: makes N.0.hmr to N.(N-1).hmr; in the command, I/N is the shard. Their names go to SHARDS, the last one first.
shards() {
	local n=$1 i
	shift
	SHARDS=()
	for ((i = 0; i < n; i++)); do
		"${@//I\/N/$i/$n}" >"$n.$i.hmr" || fail "shard $i/$n of $*"
		SHARDS=("$n.$i.hmr" "${SHARDS[@]}")
	done
}

# PATTERN FILE...: dealing these files is exit 1 with PATTERN, in one line, without output.
refused() {
	local pattern=$1
	shift
	run hm-cat --deal -o out.hmr "$@"
	expect 1 "^hm-cat: error: $pattern"
	[ "${#lines[@]}" = 1 ] || fail "more than one line: $output"
	[ ! -e out.hmr ] || fail "an output was left"
}

chain() { hm-jsonl2rec -q "$@" | prepare | encode; }

@test "a chain of tools in shards ends in the bytes of the chain" {
	chain lines.jsonl >want.hmr
	hm-view --schema want.hmr | grep -q '"records":23,'
	for n in 1 2 3 7 30; do
		shards $n chain --shard I/N lines.jsonl
		hm-cat --deal "${SHARDS[@]}" -o got.hmr
		cmp got.hmr want.hmr
		hm-cat --deal -j1 "${SHARDS[@]}" | cmp - want.hmr
		hm-cat --deal -j4 "${SHARDS[@]}" | cmp - want.hmr
	done
}

@test "a file cut by hm-cat is that file again" {
	printf '%s\n' '{' '[]' '0' 'x' '{}' | cat - lines.jsonl | hm-jsonl2rec -q --on-error skip --block-size 1K -o skipped.hmr
	hm-view --schema skipped.hmr | grep -q '"skipped":5'
	for n in 1 2 3 7 30; do
		shards $n hm-cat --shard I/N skipped.hmr
		hm-cat --deal --block-size 1K "${SHARDS[@]}" | cmp - skipped.hmr
	done
	hm-cat --head 0 whole.hmr -o none.hmr
	shards 3 hm-cat --shard I/N none.hmr
	hm-cat --deal "${SHARDS[@]}" | cmp - none.hmr
}

@test "many blocks, of other sizes in each shard" {
	awk 'BEGIN { for (i = 0; i < 2000; i++) { s = ""; for (k = i * i % 97; k > 0; k--) s = s "x" i; printf "{\"id\":%d,\"img\":\"x\",\"text\":\"%s\"}\n", i, s } }' >long.jsonl
	hm-jsonl2rec -q long.jsonl -o long.hmr
	shards 3 hm-jsonl2rec --block-size 700 --shard I/N long.jsonl
	for j in 1 4; do hm-cat --deal -j$j "${SHARDS[@]}" | cmp - long.hmr; done
	shards 64 hm-jsonl2rec --block-size 200 --shard I/N long.jsonl
	for j in 1 4; do hm-cat --deal -j$j "${SHARDS[@]}" | cmp - long.hmr; done
}

@test "lines and rows that were skipped: the same, and their numbers add up" {
	awk '{ print } NR % 4 == 1 || NR > 20 { print "{" }' lines.jsonl >bad.jsonl
	chain --on-error skip bad.jsonl >want.hmr
	hm-view --schema want.hmr | grep -q '"records":23,"skipped":8'
	for n in 1 2 3 7; do
		shards $n chain --on-error skip --shard I/N bad.jsonl
		hm-cat --deal "${SHARDS[@]}" | cmp - want.hmr
	done
	printf 'id,img,text\n1,a,b\n2,a\n3,a,b\n4,a,b\n5\n6,a,b\n' >t.csv
	hm-csv2rec -q --on-error skip t.csv >want.hmr
	hm-view --schema want.hmr | grep -q '"records":4,"skipped":2'
	shards 3 hm-csv2rec -q --on-error skip --shard I/N t.csv
	hm-cat --deal "${SHARDS[@]}" | cmp - want.hmr
}

# Picture 2 of the lines is bad; it belongs to shard 2/3.
bad_picture() {
	sed '3s/"img": *"[^"]*"/"img":"img\/missing.png"/' lines.jsonl >missing.jsonl
	grep -q missing.png missing.jsonl
}
pictures() { hm-jsonl2rec -q "${@:2}" | prepare --on-error "$1"; }

@test "bad pictures: kept ones travel on" {
	bad_picture
	pictures keep missing.jsonl | encode >want.hmr
	hm-view want.hmr | grep -c '"error":"[^"]' | grep -qx 1
	for n in 2 3; do
		kept() { pictures keep "$@" | encode; }
		shards $n kept --shard I/N missing.jsonl
		hm-cat --deal "${SHARDS[@]}" | cmp - want.hmr
	done
}

@test "bad pictures: skipped ones leave a place that nobody knows" {
	bad_picture
	shards 3 pictures skip --shard I/N missing.jsonl
	local why='3.2.hmr: 1 records were left out \(--on-error skip\), perhaps by hm-imgprep after the stream was cut, .*--on-error keep$'
	refused "$why" "${SHARDS[@]}"
	# the same where the numbers of records fit, and where they are known at the end alone
	hm-view --schema 3.2.hmr | grep -q '"records":6,'
	hm-view --schema 3.1.hmr | grep -q '"records":8,'
	refused "/dev/fd/[0-9]+: ${why#*: }" 3.0.hmr 3.1.hmr <(cat 3.2.hmr)
	shards 2 pictures skip --shard I/N missing.jsonl
	hm-view --schema 2.0.hmr | grep -q '"records":11,'
	hm-view --schema 2.1.hmr | grep -q '"records":11,'
	refused '2.0.hmr: 1 records were left out' "${SHARDS[@]}"
	# with no picture missing, --on-error skip does no harm
	pictures skip lines.jsonl >want.hmr
	shards 3 pictures skip --shard I/N lines.jsonl
	hm-cat --deal "${SHARDS[@]}" | cmp - want.hmr
	# skipped lines and skipped pictures cannot be told apart
	awk '{ print } NR == 2 { print "{" }' lines.jsonl >bad.jsonl
	shards 2 pictures skip --on-error skip --shard I/N bad.jsonl
	refused '2.0.hmr: 1 records were left out' "${SHARDS[@]}"
}

@test "captions left out by hm-encode are known, too" {
	sed '$s/"text": *"/&zebra /' lines.jsonl >zebra.jsonl
	sed '$!d; s/.*/zebra/' lines.jsonl | cat data/vocab.txt - >more.txt
	short() { hm-jsonl2rec -q "$@" | hm-tokenize --vocab more.txt |
		hm-encode -q --text init:bert-tiny --vocab-size "$(wc -l <data/vocab.txt)" --on-error skip; }
	shards 2 short --shard I/N zebra.jsonl
	refused '2.0.hmr: 1 records were left out \(--on-error skip\), perhaps by hm-encode' "${SHARDS[@]}"
	hm-encode -q --text init:bert-tiny --on-error keep <(hm-tokenize --vocab data/vocab.txt whole.hmr) | hm-view --history | grep -q '"on-error":"keep"'
}

@test "streams joined by id: each of their histories loses the shard" {
	hm-cat --columns id whole.hmr | hm-view | sed 's/[^0-9]//g' | awk 'BEGIN { print "id,note" } { print $0 ",n" $0 }' >notes.csv
	notes() { hm-csv2rec -q --no-img --no-text --keep-field note "$@" notes.csv; }
	notes >notes.hmr
	hm-tokenize --vocab data/vocab.txt whole.hmr notes.hmr >want.hmr
	both() { hm-tokenize --vocab data/vocab.txt <(hm-jsonl2rec -q --shard "$1" lines.jsonl) <(notes --shard "$1"); }
	shards 3 both I/N
	hm-cat --deal "${SHARDS[@]}" | cmp - want.hmr
	cut() { hm-tokenize --vocab data/vocab.txt <(hm-cat --shard "$1" whole.hmr) <(hm-cat --shard "$1" notes.hmr); }
	shards 3 cut I/N
	hm-cat --deal "${SHARDS[@]}" | cmp - want.hmr
}

@test "shards of shards" {
	hm-jsonl2rec -q --shard 0/2 lines.jsonl -o 0of2.hmr
	hm-jsonl2rec -q --shard 1/2 lines.jsonl -o 1of2.hmr
	shards 3 hm-cat --shard I/N 0of2.hmr
	hm-cat --deal "${SHARDS[@]}" | cmp - 0of2.hmr
	hm-cat --deal <(hm-cat --deal "${SHARDS[@]}") 1of2.hmr | cmp - whole.hmr
	# parts of different shards make nothing
	hm-cat --shard 0/2 0of2.hmr -o a.hmr
	hm-cat --shard 1/2 1of2.hmr -o b.hmr
	refused 'b.hmr: its history differs from that of a.hmr: step 1 \(hm-jsonl2rec\) has "shard":"1/2", not "shard":"0/2"$' a.hmr b.hmr
	hm-cat --shard 0/2 1of2.hmr -o b.hmr
	refused 'b.hmr: its history differs' a.hmr b.hmr
}

@test "a shard missing, twice, or of another stream" {
	shards 7 hm-jsonl2rec -q --shard I/N lines.jsonl
	refused '7.0.hmr is shard 0/7, and of the others 1 is missing: 3/7$' 7.0.hmr 7.1.hmr 7.2.hmr 7.4.hmr 7.5.hmr 7.6.hmr
	refused '7.2.hmr is shard 2/7, and of the others 5 are missing: 0/7, 1/7, 3/7, \.\.\.$' 7.4.hmr 7.2.hmr
	refused '7.3.hmr is shard 3/7, and of the others 6 are missing: 0/7, 1/7, 2/7, \.\.\.$' 7.3.hmr
	cp 7.1.hmr again.hmr
	refused 'again.hmr: shard 1/7, and so is 7.1.hmr$' "${SHARDS[@]}" again.hmr
	shards 3 hm-jsonl2rec -q --shard I/N lines.jsonl
	refused '3.1.hmr: shard 1/3, but 7.0.hmr is shard 0/7: they are not cut from one stream$' 7.0.hmr 3.1.hmr
	refused 'whole.hmr: its history names no shard, but 3.0.hmr is shard 0/3' 3.0.hmr whole.hmr
	refused 'whole.hmr: its history names no shard, but 3.0.hmr is shard 0/3' whole.hmr 3.0.hmr
	hm-jsonl2rec -q --label-field label --shard 1/3 --no-text lines.jsonl -o other.hmr
	refused "other.hmr: column 3 is 'label', in the first input it is 'text'; schemas must be equal$" 3.0.hmr other.hmr 3.2.hmr
	hm-jsonl2rec -q --null-text empty --shard 1/3 lines.jsonl -o other.hmr
	refused 'other.hmr: its history differs from that of 3.0.hmr: step 1 \(hm-jsonl2rec\) has "null-text":"empty", not no "null-text"$' 3.0.hmr other.hmr 3.2.hmr
	hm-imgprep -q --root data/img --size 48 3.0.hmr -o a.hmr
	hm-imgprep -q --root data/img --size 48 --max-pixels 9M 3.1.hmr -o b.hmr
	refused 'b.hmr: .*: step 2 \(hm-imgprep\) has "max-pixels":9437184, not "max-pixels":67108864$' a.hmr b.hmr 3.2.hmr
	# fewer lines: only the numbers tell
	head -n 19 lines.jsonl | hm-jsonl2rec -q --shard 1/3 -o other.hmr
	refused 'other.hmr \(shard 1/3\) has 6 records and 3.0.hmr \(shard 0/3\) has 8: a shard has as many' 3.0.hmr other.hmr 3.2.hmr
	refused '/dev/fd/[0-9]+ \(shard 1/3\) has 6 records and 3.0.hmr \(shard 0/3\) has 8: ' 3.0.hmr <(cat other.hmr) 3.2.hmr
	# of files it is known before the work: the damage in one of them is not reached
	cp 3.0.hmr hit.hmr
	printf '\377\377\377' | dd of=hit.hmr bs=1 seek=$(($(stat -c %s hit.hmr) / 2)) conv=notrunc status=none
	refused 'other.hmr \(shard 1/3\) has 6 records and hit.hmr ' hit.hmr other.hmr 3.2.hmr
	refused 'hit.hmr: block 0 ' hit.hmr 3.1.hmr 3.2.hmr
	seq 40 | sed 's/.*/{"id":"n&","img":"x","text":"t"}/' | hm-jsonl2rec -q --shard 2/3 -o other.hmr
	refused 'other.hmr \(shard 2/3\) has 13 records and 3.1.hmr \(shard 1/3\) has 8: ' 3.0.hmr other.hmr 3.1.hmr
	# an id that comes twice
	sed '2s/"id": *[^,]*,/"id":"same",/; 6s/"id": *[^,]*,/"id":"same",/' lines.jsonl >twice.jsonl
	for i in 0 1 2; do awk -v i=$i 'NR % 3 == (i + 1) % 3' twice.jsonl | hm-jsonl2rec -q -o t$i.hmr; done
	refused 't2.hmr: record 1 \(id same\): record 0 of t1.hmr has the same id$' t0.hmr t1.hmr t2.hmr
}

@test "shards without a history, and pieces made by hand: the order of the inputs counts" {
	hm-cat --no-pg whole.hmr -o want.hmr
	shards 3 hm-jsonl2rec -q --no-pg --shard I/N lines.jsonl
	hm-cat --deal 3.0.hmr 3.1.hmr 3.2.hmr | cmp - want.hmr
	hm-cat --deal want.hmr | cmp - want.hmr
	refused '3.1.hmr \(shard 1/3\) has 8 records and 3.2.hmr \(shard 0/3\) has 7: ' 3.2.hmr 3.1.hmr 3.0.hmr
	for i in 0 1 2; do awk -v i=$i 'NR % 3 == (i + 1) % 3' lines.jsonl | hm-jsonl2rec -q -o hand$i.hmr; done
	hm-cat --deal hand0.hmr hand1.hmr hand2.hmr | cmp - whole.hmr
	refused 'hand1.hmr: its history differs from that of 3.0.hmr: step 1 \(hm-jsonl2rec\) is one more$' 3.0.hmr hand1.hmr 3.2.hmr
	refused '3.1.hmr: its history differs from that of hand0.hmr: step 1 \(hm-jsonl2rec\) is missing$' hand0.hmr 3.1.hmr hand2.hmr
	{ echo '{'; awk 'NR % 3 == 2' lines.jsonl; } | hm-jsonl2rec -q --no-pg --on-error skip -o 3.1.hmr
	refused '3.1.hmr: 1 records were left out \(--on-error skip\), and no history says' 3.0.hmr 3.1.hmr 3.2.hmr
}

@test "histories after which no order is sure" {
	shards 2 hm-jsonl2rec -q --shard I/N --limit 9 lines.jsonl
	refused '2.1.hmr: it is not a whole shard: hm-jsonl2rec took it with --limit' "${SHARDS[@]}"
	shards 2 hm-cat --shard I/N --head 9 whole.hmr
	refused '2.1.hmr: it is not a whole shard: hm-cat took it with --head' "${SHARDS[@]}"
	hm-jsonl2rec -q <(sed 's/"id": */&9/' lines.jsonl) -o more.hmr
	both() { hm-cat <(hm-cat --shard "$1" whole.hmr) <(hm-cat --shard "$1" more.hmr); }
	shards 2 both I/N
	refused '2.1.hmr: its history has an hm-cat after the shard was taken, .*: give the stream before it$' "${SHARDS[@]}"
	shards 2 hm-cat --shard I/N whole.hmr more.hmr
	hm-cat --deal "${SHARDS[@]}" | hm-view >got
	{ hm-view whole.hmr; hm-view more.hmr; } | cmp - got
}

@test "--deal with --shard, --head and --columns: what they do to the whole" {
	shards 3 hm-cat --shard I/N whole.hmr
	hm-cat --head 5 --columns label,id whole.hmr -o want.hmr
	hm-cat --deal --head 5 --columns label,id "${SHARDS[@]}" | cmp - want.hmr
	for i in 0 1; do hm-cat --deal --shard $i/2 "${SHARDS[@]}" >2.$i.hmr; done
	hm-cat --shard 1/2 whole.hmr | cmp - 2.1.hmr
	hm-cat --deal 2.1.hmr 2.0.hmr | cmp - whole.hmr
	columns() { hm-cat --columns label,id "$@" whole.hmr; }
	columns >want.hmr
	shards 3 columns --shard I/N
	hm-cat --deal "${SHARDS[@]}" | cmp - want.hmr
	run hm-cat --deal --recover "${SHARDS[@]}"
	expect 2 '^hm-cat: error: --deal contradicts --recover'
	run hm-cat --deal - - </dev/null
	expect 2 'standard input is named twice'
	shards 3 hm-cat --no-pg --shard I/N whole.hmr
	hm-cat --deal 3.0.hmr 3.1.hmr 3.2.hmr | cmp - <(hm-cat --no-pg whole.hmr)
}

@test "pipes as shards; a producer that dies is named" {
	hm-cat --deal <(hm-cat --shard 1/3 whole.hmr) - <(hm-cat --shard 0/3 whole.hmr) < <(hm-cat --shard 2/3 whole.hmr) | cmp - whole.hmr
	shards 3 hm-cat --shard I/N whole.hmr
	head -c $(($(stat -c %s 3.1.hmr) - 90)) 3.1.hmr >cut.hmr
	refused 'cut.hmr: the stream ends without its end mark' 3.0.hmr cut.hmr 3.2.hmr
	refused 'standard input: the stream ends without its end mark' 3.0.hmr - 3.2.hmr <cut.hmr
	run bash -c 'hm-cat --deal 3.0.hmr cut.hmr 3.2.hmr 2>/dev/null | hm-view --verify'
	expect 1 'its producer gave up'
	cp 3.2.hmr hit.hmr
	printf '\377\377\377' | dd of=hit.hmr bs=1 seek=$(($(stat -c %s hit.hmr) / 2)) conv=notrunc status=none
	refused 'hit.hmr: ' 3.0.hmr 3.1.hmr hit.hmr
	refused 'none.there: cannot open: No such file' 3.0.hmr none.there 3.2.hmr
}

@test "more shards than files may be open: the limit is raised, or the file is named" {
	shards 100 hm-cat --shard I/N whole.hmr
	(ulimit -Sn 40 && hm-cat --deal "${SHARDS[@]}") | cmp - whole.hmr
	run bash -c 'ulimit -n 40; hm-cat --deal -o out.hmr 100.*.hmr'
	expect 1 '^hm-cat: error: 100\.[0-9]*\.hmr: cannot open: Too many open files$'
	[ ! -e out.hmr ]
}
