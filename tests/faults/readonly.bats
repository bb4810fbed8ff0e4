# A folder that becomes read-only in the middle of a run, by its file system (mount -o remount,ro) or by its permissions (another
# user's folder): exit 1 and one line, old files whole, no new ones; a cache goes on with a notice or a warning.

load ../support/bats
load room

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	export D=$BATS_FILE_TMPDIR
	chmod a+rx "$D"
	mkdir bin
	cp "$ROOT"/build/bin/hm-* bin
	hm-synth -q --train 48 --dev 24 --test 0 data
	for s in train dev; do
		hm-jsonl2rec -q data/$s.jsonl | hm-imgprep -q --root data/img --size 32 | hm-tokenize -q --vocab data/vocab.txt -o $s.raw.hmr
		hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o $s.hmr $s.raw.hmr
	done
	hm-cat --head 24 train.raw.hmr -o half.hmr
	hm-fuse-train -q --epochs 2 -o head.st train.hmr
	chmod -R a+rX .
}

setup() { t=$BATS_TEST_TMPDIR; }

# The folder as it was, and writable no more: what both tests below do with it.
names() { find . -type f -exec cksum {} + | sort; }

# A run that waits for its input in the middle: CALL reads in.hmr, a FIFO, which gets its second half after `lock`.
# Fails unless it ends with 1, one line that matches, and the folder as it was.
stopped() { # LOCK UNLOCK CALL PATTERN
	local rc=0 before pid
	rm -f "$t/fifo" && mkfifo "$t/fifo" && chmod a+rw "$t/fifo"
	eval "$3" <"$t/fifo" >"$t/out" 2>"$t/said" &
	pid=$!
	exec 8>"$t/fifo"
	head -c 2000 "$D/train.raw.hmr" >&8
	opened $pid
	before=$(names)
	$1
	tail -c +2001 "$D/train.raw.hmr" >&8
	exec 8>&-
	wait $pid || rc=$?
	$2
	[ $rc = 1 ] || fail "$3: exit $rc: $(cat "$t/said")"
	[ "$(wc -l <"$t/said")" = 1 ] && grep -qE "$4" "$t/said" || fail "$3: said $(cat "$t/said")"
	[ "$(names)" = "$before" ] || fail "$3: the folder changed: $before $(names)"
}
# Waits until the process has taken what there is to read.
opened() { # PID
	local i
	for ((i = 0; i < 600; i++)); do
		[ "$(awk '/^rchar/ { print $2 }' /proc/$1/io 2>/dev/null || echo 0)" -lt 2000 ] || { sleep .1; return; }
		sleep .05
	done
	fail "the process does not read"
}
