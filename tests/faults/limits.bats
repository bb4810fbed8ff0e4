# Memory and processor time under hostile input: each call within what its man page says under MEMORY, and exit status 1 with
# one line, or the right answer. No clock is read: seconds are the processor's, twenty times what a call takes.

load ../support/bats

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
	[ -z "$SAN" ] || memory=$((memory * 100)) # a sanitizer needs more than the limit
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
