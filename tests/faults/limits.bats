# Memory and processor time under hostile input: each call within what its man page says under MEMORY, and exit status 1 with
# one line, or the right answer. No clock is read: seconds are the processor's, twenty times what a call takes.

load ../support/bats

SAN_FACTOR=1
[ -z "$SAN" ] || SAN_FACTOR=100 # a sanitizer needs more memory than any limit

H=$ROOT/$B/tests/faults/enemy # writes what printf cannot

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 12 --dev 0 --test 0 data
	hm-jsonl2rec -q data/train.jsonl -o plain.hmr
	hm-imgprep -q --root data/img --size 32 plain.hmr | hm-tokenize -q --vocab data/vocab.txt -o raw.hmr
	hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o train.hmr raw.hmr
	printf '{"id":"1","img":"x","text":"t"}\n' | hm-jsonl2rec -q -o one.hmr -
	awk 'NR <= 5 || /^[a-z]/' data/vocab.txt >vocab.txt
}

setup() {
	cd "$BATS_FILE_TMPDIR"
}

# MEGABYTES SECONDS COMMAND...: runs it with so much memory of its own (ulimit -d) and so many seconds of the processor.
within() {
	local memory=$1 seconds=$2
	shift 2
	memory=$((memory * SAN_FACTOR))
	(ulimit -d $((memory * 1024)) -t "$seconds" && "$@")
}

# PATTERN MEGABYTES SECONDS COMMAND...: the command says PATTERN in one line and exits with 1.
refused() {
	local pattern=$1
	shift
	run within "$@"
	[ "$status" = 1 ] && [ "${#lines[@]}" = 1 ] || fail "exit status $status, ${#lines[@]} lines: ${*:3}: ${output:0:500}"
	grep -qE -- "$pattern" <<<"$output" || fail "expected '$pattern' of ${*:3} in: ${output:0:500}"
}

# MEGABYTES: the run before wrote its figures to stats, and needed no more memory. (Threads reserve more than they use, so
# ulimit -d is for one of them.)
peaked() {
	local peak
	peak=$(grep -o '"peak_memory_bytes":[0-9]*' stats | cut -d: -f2)
	[ "$((peak / 1048576))" -le $(($1 * SAN_FACTOR)) ] || fail "$((peak / 1048576)) MB, more than $1"
}

# ROWS BYTES: big.npy, zeros, sparse
zeros_npy() {
	local header="{'descr':'|u1','fortran_order':False,'shape':($1,$2)}"
	{ printf '\x93NUMPY\x01\0\x76\0' && printf '%-117s\n' "$header"; } >big.npy
	truncate -s $((128 + $1 * $2)) big.npy
}

@test "a join in another order: what comes early goes to a file beyond 64 MiB, and comes back" {
	seq 1 120 | awk '{ printf "{\"id\":\"%d\",\"img\":\"a\",\"text\":\"caption %d\"}\n", $1, $1 }' >ids.jsonl
	zeros_npy 120 1048576
	tac ids.jsonl >reversed.jsonl
	sort ids.jsonl >other.jsonl # 1, 10, 100, 101, ...
	for o in ids reversed other; do hm-jsonl2rec -q $o.jsonl | hm-npy2rec -q --ids - --column x=big.npy -o $o.hmr; done
	hm-view -q ids.hmr >want
	for o in reversed other; do
		within 100 60 hm-view -q -j1 ids.hmr $o.hmr >got
		cmp got want
		refused '119 ids are in ids.hmr but not in' 100 60 hm-view -q --verify -j1 ids.hmr <(hm-cat -q --head 1 $o.hmr)
		refused "119 ids are in $o.hmr but not in" 100 60 hm-view -q --verify -j1 <(hm-cat -q --head 1 ids.hmr) $o.hmr
	done
	rm big.npy
}

@test "hm-view --full --head 1 of large records: a record's text is written piece by piece, blocks are not read far ahead" {
	seq 1 8 | awk '{ printf "{\"id\":\"%d\",\"img\":\"a\",\"text\":\"b\"}\n", $1 }' >ids.jsonl
	zeros_npy 8 50000000
	hm-jsonl2rec -q ids.jsonl | hm-npy2rec -q --ids - --column x=big.npy -o large.hmr
	[ "$(hm-view -q -j8 --full --head 1 --stats stats large.hmr | wc -c)" -gt 100000000 ] # the text is twice the record
	peaked 200
	hm-view -q -j8 --verify --stats stats large.hmr
	peaked 200
	rm big.npy
}

@test "hm-cat of large records: what waits for the writer is 64 MiB, not a block for each thread" {
	hm-cat -q -j8 --stats stats -o copy.hmr large.hmr
	peaked 500
	cmp <(hm-view large.hmr) <(hm-view copy.hmr)
	rm large.hmr copy.hmr
}

# NAME HEADER BYTES: a .safetensors file of that header and so many bytes of zeros, sparse
sparse_weights() {
	local pad=$(((8 - ${#2} % 8) % 8)) n i
	n=$((${#2} + pad))
	{ for i in 0 1 2 3 4 5 6 7; do printf "\\x$(printf %x $((n >> 8 * i & 255)))"; done && printf "%s%${pad}s" "$2" ''; } >"$1"
	truncate -s $((8 + n + $3)) "$1"
}

@test "weights of 8 GB: names and shapes are looked at before bytes, by every tool and option" {
	local digest='"__metadata__":{"hm.digest":"00000000000000000000000000000000"},'
	local two='"conv1.weight":{"dtype":"F32","shape":[64,3,7,7],"data_offsets":[0,37632]},"x":{"dtype":"F32","shape":[2147483648],"data_offsets":[37632,8589972224]}'
	sparse_weights huge.safetensors "{$two}" 8589972224
	sparse_weights marked.safetensors "{$digest$two}" 8589972224
	mkdir -p folder && ln -sf ../huge.safetensors folder/model.safetensors
	for w in huge.safetensors marked.safetensors folder; do
		refused "$w.*x" 60 5 hm-encode -q -j1 --device ref --image $w -o x.hmr raw.hmr
		refused "$w.*" 60 5 hm-encode -q -j1 --device ref --text $w -o x.hmr raw.hmr
		refused "$w.*" 60 5 hm-score -q -j1 --model $w train.hmr
		refused "$w.*" 60 5 hm-classify -q -j1 $w data/img/10001.png text
		refused "$w.*" 60 5 hm-bundle -q -o x.safetensors --image init:resnet-tiny $w
		refused "$w.*" 60 5 hm-fuse-train -q -j1 --device ref --init $w --epochs 1 -o x.safetensors train.hmr
		refused "$w.*" 60 5 hm-fuse-train -q -j1 --device ref --checkpoint $w --resume --epochs 1 -o x.safetensors train.hmr
		within 60 5 hm-view -q $w | grep -q 2147
	done
	printf '1\n2\n' >two.ids
	refused '2147483648 rows' 60 5 hm-npy2rec -q -j1 --ids two.ids --column x=huge.safetensors -o x.hmr
}

# N: lines of a sweep, of which the last repeats the first's name
sweep_lines() {
	awk -v n="$1" 'BEGIN { for (i = 1; i < n; i++) printf "{\"name\":\"a%d\",\"lr\":0.1,\"epochs\":1}\n", i; print "{\"name\":\"a1\"}" }'
}

@test "a sweep of very many lines is checked before the first head, in linear time and memory" {
	local n=200000
	[ -z "$ALL" ] || n=1000000
	sweep_lines $n >sweep.jsonl
	refused "line $n: the name \"a1\" is used twice" $((60 + n / 1000)) $((10 + n / 20000)) \
		hm-fuse-train -q -j1 --device ref --sweep sweep.jsonl -o swept train.hmr
	sweep_lines 1000001 >sweep.jsonl
	refused 'more than 1000000 lines' 400 10 hm-fuse-train -q -j1 --device ref --sweep sweep.jsonl -o swept train.hmr
	[ ! -e swept ]
	rm sweep.jsonl
}

# ARGUMENT...: the picture x, made by enemy.c
picture() { "$H" "$@" >x; }
prepare() { hm-imgprep -q -j1 --root . --size 32 -o /dev/null "$@" one.hmr; }

@test "pictures that claim more than they hold are refused before memory is taken" {
	picture png 60000 60000 8 2 0 100 && refused 'limits are 16384 per side' 50 2 prepare
	picture png 0xffffffff 0xffffffff 8 2 0 100 && refused 'x: ' 50 2 prepare
	picture png 0 4 8 2 0 100 && refused 'x: ' 50 2 prepare
	picture png 8192 8192 8 2 0 100 && refused 'cannot hold 8192x8192' 50 2 prepare
	picture png 8192 8192 16 6 0 100 && refused 'cannot hold 8192x8192' 50 2 prepare
	picture png 8192 8192 1 0 1 100 && refused 'cannot hold 8192x8192' 50 2 prepare
	picture png 200000 200000 8 2 0 100 && refused 'cannot hold|limits are' 50 2 prepare --max-side 262144 --max-pixels 1G
	picture png 4 4 8 2 0 300000000 && refused 'more image data than 4x4' 50 5 prepare
	picture jpeg 65000 65000 0 && refused 'limits are 16384' 50 2 prepare
	picture jpeg 16000 4000 0 && refused 'x: ' 330 10 prepare # the rows that are there come first
	picture jpeg 16000 4000 1 && refused 'x: ' 800 20 prepare
	picture webp 16384 16384 && refused 'limits are' 50 2 prepare
	picture webp 16383 4000 && within 600 10 prepare # 34 bytes that are a whole picture
	picture webp 1 16384 && within 60 2 prepare
}

@test "pictures that hide much cost nothing: texts, empty chunks, files of 256 MiB" {
	picture png-texts 300000000 1 && within 50 5 prepare
	picture png-texts 50000000 40 && within 50 5 prepare
	picture png-chunks 500000 && within 60 5 prepare
	picture png 4 4 8 2 0 52 && truncate -s 268435456 x && within 320 5 prepare
	truncate -s 268435457 x && refused 'larger than 256M' 50 2 prepare
	ln -sf /dev/zero y && printf '{"id":"1","img":"y","text":"t"}\n' | hm-jsonl2rec -q -o y.hmr -
	refused 'y: ' 50 2 hm-imgprep -q -j1 --root . --follow-symlinks --size 32 -o /dev/null y.hmr
}

@test "large pictures on several threads: one budget over all of them" {
	picture png 16384 4096 16 6 0 536875008 # 64 Mpx, 738 MB each
	for i in 1 2 3; do printf '{"id":"%d","img":"x","text":"t"}\n' $i; done | hm-jsonl2rec -q -o three.hmr -
	hm-imgprep -q -j3 --root . --size 32 --stats stats -o three.j3.hmr three.hmr
	peaked $((1024 + 3 * 128)) # 2.2 GB without it
	hm-imgprep -q -j1 --root . --size 32 -o three.j1.hmr three.hmr
	cmp three.j1.hmr three.j3.hmr
	rm x
}

@test "streams that claim more than they hold" {
	local read=("hm-view -q -j1 --verify x" "hm-cat -q -j1 -o /dev/null x" "hm-tokenize -q -j1 --vocab vocab.txt -o /dev/null x")
	for r in "${read[@]}"; do
		"$H" claims 67108864 67108864 1 1 >x && refused 'x: ' 50 2 $r
		"$H" claims 0xffffffff 0xffffffff 1 1 >x && refused 'x: ' 50 2 $r
		"$H" claims 64 64 0xffffffff 1 >x && refused 'x: ' 50 2 $r
		"$H" claims 67108864 100 65536 1000 >x && refused 'x: ' 50 2 $r
		"$H" bomb 67108864 1073741824 >x && refused 'x: ' 50 2 $r
		"$H" bomb 1000 67108864 >x && refused 'x: ' 50 2 $r
		"$H" bomb 67108864 67108864 >x && refused 'x: ' 230 5 $r # its payload is made, and its layout wrong
		printf '\x5a\x2a\x4d\x18\xff\xff\xff\xffHMRH' >x && refused 'x: ' 50 2 $r
		truncate -s 8G x && refused 'x: ' 50 5 $r
		truncate -s 0 x && truncate -s 8G x && refused 'x: ' 50 5 $r
	done
	"$H" claims 67108864 67108864 1 1 >x && truncate -s 1G x && refused 'hash differs' 150 5 hm-view -q -j1 --verify x
}

@test "hm-cat --recover is linear in the file: frames that claim the same bytes" {
	local recover="hm-cat -q -j1 --recover -o /dev/null x"
	"$H" claims 67108864 67108864 1 20000 >x
	run within 330 60 $recover
	expect 1
	"$H" indexes 500000 8000000 >x # 8 MB
	run within 100 60 $recover
	expect 1 'too much damage|cannot be read'
	"$H" indexes 1000000 100 >x
	run within 100 20 $recover
	expect 1
	rm x
}

@test "a join of two long histories is linear" {
	"$H" history 60000 1 >a.hmr
	"$H" history 60000 2 >b.hmr
	within 200 6 hm-view -q -j1 --verify a.hmr b.hmr
}

@test "JSON lines that are deep, long, wide or without an end" {
	line() { printf '{"id":"1","img":"x","text":"t","x":'; "$@"; printf '}\n'; }
	repeat() { head -c "$2" /dev/zero | tr '\0' "$1"; } # one character, so many times
	local read="hm-jsonl2rec -q -j1 -o /dev/null x"
	line repeat '[' 1000000 >x && refused 'line 1: .*nest' 80 2 $read
	repeat '{' 15000000 >x && refused 'line 1: ' 150 5 $read
	{ printf '{"id":"' && head -c 20000000 /dev/zero | tr '\0' x; } >x && refused 'line 1: .*16' 80 5 $read
	truncate -s 0 x && truncate -s 4G x && refused 'NUL bytes only' 80 5 $read
	{ printf '{"id":"1","img":"x","text":"' && repeat x 15000000 && printf '"}\n'; } >x && within 180 5 $read
	line repeat 1 1000000 >x && refused 'line 1: ' 80 2 $read
	{ printf '{"id":"1","img":"x","text":"t"' && seq 300000 | awk '{ printf ",\"k%d\":1", $1 }' && printf '}\n'; } >x
	run within 200 5 $read && [ "$status" -le 1 ]
	{ printf '{"id":"1","img":"x","text":"t","x":[' && seq -s, 1000000 && printf ']}\n'; } >x
	run within 300 5 $read && [ "$status" -le 1 ]
	{ printf '{"id":"1","img":"x","text":"' && seq 500000 | awk '{ printf "\\u0001" }' && printf '"}\n'; } >x && within 80 5 $read
}

# NAME DTYPE SHAPE [BYTES]: NAME.npy with that header and zeros, sparse
npy() {
	{ printf '\x93NUMPY\x01\0\x76\0' && printf '%-117s\n' "{'descr':'$2','fortran_order':False,'shape':$3}"; } >"$1.npy"
	truncate -s +"${4:-0}" "$1.npy"
}

@test "arrays with large shapes, texts and headers" {
	printf '1\n2\n' >two.ids
	local call="hm-npy2rec -q -j1 --ids two.ids -o /dev/null --column"
	npy a '<f4' '(2,4611686018427387904)' && refused 'a.npy: ' 50 2 $call x=a.npy
	npy a '<f4' '(9223372036854775807,)' && refused 'a.npy: ' 50 2 $call x=a.npy
	npy a '<f4' '(2,99999999999999999999999)' && refused 'a.npy: ' 50 2 $call x=a.npy
	npy a '<f4' '(2,1000000000)' 8000000000 && refused 'a.npy: |64 MiB' 60 2 $call x=a.npy
	npy a '<f4' '(2000000000,)' 8000000000 && refused '2000000000 rows' 60 2 $call x=a.npy
	npy a '<U1000000000' '(2,)' 8000000000 && refused 'a.npy: |64 MiB' 60 5 $call x=a.npy
	npy a '|O' '(2,)' && refused 'a.npy: ' 50 2 $call x=a.npy
	printf '\x93NUMPY\x02\0\xff\xff\xff\x7f{' >a.npy && truncate -s 3G a.npy && refused 'a.npy: ' 50 2 $call x=a.npy
	npy a '<f4' '(2,2)' 16
	npy i '<i8' '(2000000000,)' 16000000000 && refused 'rows|twice|same id' 60 10 hm-npy2rec -q -j1 --ids i.npy --column x=a.npy -o /dev/null
	truncate -s 0 big.ids && truncate -s 4G big.ids && refused 'big.ids: ' 80 5 hm-npy2rec -q -j1 --ids big.ids --column x=a.npy -o /dev/null
	rm ./*.npy big.ids
}

@test "CSVs: a quote without an end, columns without number, lines of any length" {
	local read="hm-csv2rec -q -j1 -o /dev/null x.csv" score="hm-score -q -j1 --bootstrap 0 x.csv"
	{ printf 'id,img,text,label\n1,x,"' && head -c 30000000 /dev/zero | tr '\0' x; } >x.csv && refused 'x.csv: ' 100 5 $read
	{ printf 'id,img,text,label\n1,x,"t' && seq 3000000; } >x.csv && refused 'x.csv: ' 100 5 $read
	head -c 5000000 /dev/zero | tr '\0' , >x.csv && refused 'x.csv: ' 120 5 $read
	{ printf 'id,img,text,label\n' && head -c 5000000 /dev/zero | tr '\0' , && echo; } >x.csv && refused 'x.csv: ' 120 5 $read
	truncate -s 0 x.csv && truncate -s 4G x.csv && refused 'x.csv: ' 100 5 $read
	{ printf 'id,img,text,label\n' && printf '1,x,t,0\n%.0s' {1..2000}; } >x.csv && refused 'x.csv: ' 60 2 $read
	{ printf 'id,proba,label\n"' && head -c 30000000 /dev/zero | tr '\0' x; } >x.csv && refused 'x.csv: ' 150 5 $score
	{ printf 'id,proba,label\n' && head -c 5000000 /dev/zero | tr '\0' , && echo; } >x.csv && refused 'x.csv: ' 120 5 $score
	seq -s, 1000000 >x.csv && refused 'x.csv: ' 120 5 $score
	truncate -s 0 x.csv && truncate -s 4G x.csv && refused 'x.csv: ' 150 5 $score
	{ printf 'id,proba,label\n' && seq 100000 | awk '{ print $1 ",0.5," $1 }'; } >x.csv && refused 'x.csv: ' 200 5 $score
	rm x.csv
}

@test "vocabularies and tokenizers: words, merges and rows without number" {
	local call="hm-tokenize -q -j1 -o /dev/null --vocab" special='[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n'
	{ printf "$special" && seq 2000000; } >v.txt && refused 'v.txt: ' 100 5 $call v.txt plain.hmr
	{ printf "$special" && head -c 9000000 /dev/zero | tr '\0' x; } >v.txt && refused 'v.txt: ' 100 5 $call v.txt plain.hmr
	truncate -s 0 v.txt && truncate -s 4G v.txt && refused 'v.txt: ' 60 2 $call v.txt plain.hmr
	mkdir -p t
	{ printf '{"model":{"type":"BPE","vocab":{"a":0},"merges":[' && seq 400000 | awk '{ printf "%s\"a a\"", NR > 1 ? "," : "" }' && printf ']}}'; } >t/tokenizer.json
	refused 't' 300 10 $call t plain.hmr
	{ printf '{"model":{"type":"BPE","vocab":{' && seq 600000 | awk '{ printf "%s\"w%d\":%d", NR > 1 ? "," : "", $1, $1 }' && printf '},"merges":[]}}'; } >t/tokenizer.json
	refused 't' 400 10 $call t plain.hmr
	{ head -c 3000000 /dev/zero | tr '\0' '['; } >t/tokenizer.json && refused 't' 100 5 $call t plain.hmr
	truncate -s 0 t/tokenizer.json && truncate -s 4G t/tokenizer.json && refused 't' 60 2 $call t plain.hmr
	hm-jsonl2rec -q -o c.hmr - <<<'{"id":"1","img":"x","text":"'"$(head -c 4000000 /dev/zero | tr '\0' x)"'"}' && within 250 10 $call data/vocab.txt c.hmr
}

@test "folders of weights: huge configurations, indexes of a million rows" {
	local w=$ROOT/tests/data/weights call="hm-encode -q -j1 --device ref -o /dev/null --text f raw.hmr" k
	rm -rf f && cp -r "$w/bert" f && chmod -R u+w f
	for k in num_hidden_layers num_attention_heads hidden_size vocab_size max_position_embeddings intermediate_size; do
		sed "s/\"$k\": *[0-9]*/\"$k\": 2147483647/" "$w/bert/config.json" >f/config.json
		refused 'f' 60 2 $call
	done
	head -c 200000 /dev/zero | tr '\0' '[' >f/config.json && refused 'f' 60 2 $call
	truncate -s 0 f/config.json && truncate -s 4G f/config.json && refused 'f' 60 2 $call
	rm -rf f && mkdir f
	index() { # TENSORS SHARDS
		printf '{"weight_map":{'
		seq "$1" | awk -v m="$2" '{ printf "%s\"t%d\":\"s%d.safetensors\"", NR > 1 ? "," : "", $1, $1 % m }'
		printf '}}'
	}
	index 1000000 1000000 >f/model.safetensors.index.json && refused 'f' 100 5 $call
	index 60000 60000 >f/model.safetensors.index.json && refused 'f' 100 5 $call
	index 60000 1 >f/model.safetensors.index.json && refused 'f' 100 5 $call
}

@test "headers of weights: names, shapes and metadata without number" {
	local call="hm-encode -q -j1 --device ref -o /dev/null --image w.safetensors raw.hmr" n
	list() { seq "$1" | awk "{ printf \"%s$2\", NR > 1 ? \",\" : \"\", \$1 }"; }
	sparse_weights w.safetensors "{$(list 60000 '\\"t%d\\":{\\"dtype\\":\\"F32\\",\\"shape\\":[0],\\"data_offsets\\":[0,0]}')}" 0 && refused 'w.safetensors: ' 150 5 $call
	sparse_weights w.safetensors "{\"__metadata__\":{$(list 200000 '\\"t%d\\":\\"a\\"')}}" 0 && refused 'w.safetensors: ' 150 5 $call
	sparse_weights w.safetensors "{\"a\":{\"dtype\":\"F32\",\"shape\":[$(list 300000 1)],\"data_offsets\":[0,4]}}" 4 && refused 'w.safetensors: ' 150 5 $call
	sparse_weights w.safetensors '{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}' 4 && refused 'overflow' 50 2 $call
	sparse_weights w.safetensors "{$(head -c 5000000 /dev/zero | tr '\0' ' ')}" 0 && refused 'more than 4 MiB' 60 2 $call
	printf '\xff\xff\xff\xff\xff\xff\xff\x7f{' >w.safetensors && refused 'w.safetensors: ' 50 2 $call
	truncate -s 0 w.safetensors && truncate -s 8G w.safetensors && refused 'w.safetensors: ' 50 2 $call
	for n in 0x28 0x7d 0x5d 0x32 0x85 0x4e 0x29; do # MARK, EMPTY_DICT, EMPTY_LIST, DUP, TUPLE1, NONE, EMPTY_TUPLE
		"$H" pickle $n 5000000 >w.safetensors && refused 'w.safetensors: ' 250 5 $call
	done
	rm w.safetensors
}

# N: n.jsonl and n.csv of so many records, other.jsonl with other ids, p.csv and q.csv of predictions, f.npy of 8 features
many_records() {
	awk -v n="$1" 'BEGIN {
		for (i = 0; i < n; i++) {
			printf "{\"id\":\"%07d\",\"img\":\"a%d\",\"text\":\"caption %d\",\"label\":%d}\n", i, i / 2, i % (n / 2), i % 2 >"n.jsonl"
			printf "{\"id\":\"b%06d\",\"img\":\"b%d\",\"text\":\"text %d\",\"label\":%d}\n", i, i / 2, i % (n / 2), i % 2 >"other.jsonl"
			if (!i) {
				print "id,img,text,label" >"n.csv"
				print "id,proba,label" >"p.csv"
				print "id,proba,label" >"q.csv"
			}
			printf "%07d,a%d,caption %d,%d\n", i, i / 2, i % (n / 2), i % 2 >"n.csv"
			printf "%07d,%.6f,%d\n", i, (i * 7919 % n) / n, i % 2 >"p.csv"
			printf "%07d,%.6f,%d\n", i, (i * 104729 % n) / n, i % 2 >"q.csv"
		}
	}'
	npy f '<f4' "($1,8)" $(($1 * 32))
}

@test "memory for many records is what the pages say, and time is linear" {
	local n=100000 program=10 stream=27 # reading and writing blocks of 1 MiB with -j2, of hm-stream(5)
	[ -z "$ALL" ] || n=1000000
	many_records $n
	held() { # BYTES COMMAND...: takes so many bytes for each record besides
		local most=$((program + stream + n * $1 / 1000000))
		shift
		(ulimit -t $((5 + n / 20000)) && "$@" --stats stats)
		peaked "$most"
	}
	held 210 hm-jsonl2rec -q -j2 -o n.hmr n.jsonl
	held 210 hm-jsonl2rec -q -j2 -o other.hmr other.jsonl
	held 210 hm-csv2rec -q -j2 -o c.hmr n.csv
	held 210 hm-cat -q -j2 -o x.hmr n.hmr
	held 210 hm-view -q -j2 --verify n.hmr
	held 420 hm-view -q -j2 --verify n.hmr c.hmr
	held 210 hm-tokenize -q -j2 --vocab data/vocab.txt -o x.hmr n.hmr
	held 210 hm-npy2rec -q -j2 --ids n.hmr --column image_feature=f.npy,encoder=x -o f.hmr
	held 1300 hm-lint -q -j2 --pairs pairs.csv n.hmr other.hmr >lint.out || [ $? = 1 ]
	held 350 hm-score -q -j2 --bootstrap 0 p.csv >score.out
	held 700 hm-score -q -j2 --bootstrap 20 --compare p.csv q.csv >score.out
	hm-cat -q --head 50 -o few.hmr f.hmr
	held 520 hm-nearest -q -j2 --device cpu --train f.hmr --columns image_feature -o x.hmr few.hmr
	held 440 hm-fuse-train -q -j2 --device cpu --epochs 1 --batch-size 1000 -o head.safetensors f.hmr
	held 590 hm-score -q -j2 --device cpu --bootstrap 0 --model head.safetensors f.hmr >score.out
	npy wide '<f4' '(10000,1024)' 40960000
	head -n 10000 n.jsonl | hm-npy2rec -q -j2 --ids - --column image_feature=wide.npy,encoder=x -o wide.hmr
	hm-cat -q --head 50 -o few.hmr wide.hmr
	n=10000 held $((450 + 3 * 4 * 1024)) hm-nearest -q -j2 --device cpu --train wide.hmr --columns image_feature -o x.hmr few.hmr
	rm -f ./n.* ./*.csv other.* c.hmr x.hmr f.npy f.hmr
}

@test "what goes into a report is bounded" {
	mkdir -p r
	truncate -s 4G runs.json && refused 'runs.json: ' 50 2 hm-report -q -o r runs.json
	head -c 3000000 /dev/zero | tr '\0' '[' >runs.json && refused 'runs.json' 60 2 hm-report -q -o r runs.json
	{ printf '{"rows":[' && seq -s, 3000000 && printf ']}'; } >runs.json && refused 'runs.json' 400 5 hm-report -q -o r runs.json
}
