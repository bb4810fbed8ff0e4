# Memory and processor time under hostile input: each call within what its man page says under MEMORY, and exit status 1 with
# one line, or the right answer. No clock is read: seconds are the processor's, twenty times what a call takes.

load ../support/bats

SAN_FACTOR=1
[ -z "$SAN" ] || SAN_FACTOR=100 # a sanitizer needs more memory than any limit

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 12 --dev 0 --test 0 data
	hm-jsonl2rec -q data/train.jsonl -o plain.hmr
	hm-imgprep -q --root data/img --size 32 plain.hmr | hm-tokenize -q --vocab data/vocab.txt -o raw.hmr
	hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o train.hmr raw.hmr
}

setup() {
	cd "$BATS_FILE_TMPDIR"
}

# MEGABYTES SECONDS COMMAND...: runs it with so much memory of its own (ulimit -d) and so many seconds of the processor.
within() {
	local memory=$1 seconds=$2
	shift 2
	memory=$((memory * SAN_FACTOR))
	(ulimit -d $((memory * 1024)) -t "$seconds" && exec "$@")
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
