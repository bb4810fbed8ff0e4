# A folder that may not be written any more in the middle of a run (its permissions change; the kernel lets no file system become
# read-only while a file of it is being written), or from the start (a tmpfs, mount -o remount,ro): exit 1 and one line, old files
# whole, no new ones; what a cache holds is used, and a notice says that nothing is added.

load ../support/bats
load room

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	export D=$BATS_FILE_TMPDIR
	mkdir bin
	cp "$ROOT"/build/bin/hm-* bin # another user may not see the tree
	hm-synth -q --train 96 --dev 24 --test 0 data
	for s in train dev; do
		hm-jsonl2rec -q data/$s.jsonl | hm-imgprep -q --root data/img --size 32 | hm-tokenize -q --vocab data/vocab.txt --block-size 4K -o $s.raw.hmr
		encode -o $s.hmr $s.raw.hmr
	done
	hm-fuse-train -q --epochs 2 -o head.st train.hmr
	chmod -R a+rX .
}

setup() {
	t=$BATS_TEST_TMPDIR
	cd "$t"
	chmod a+x "$t" "$t/.." "$t/../.."
	mkdir box
	bound=(env) # a user whom permissions bind
	[ "$(id -u)" != 0 ] || { chown 65534 box; bound=(setpriv --reuid 65534 --regid 65534 --clear-groups); }
	PATH=$D/bin:$PATH
}

encode() { hm-encode -q --image init:resnet-tiny --text init:bert-tiny "$@"; }
names() { find "$1" -type f ! -name '*.seconds' -exec cksum {} + | sort; } # FOLDER

# COMMAND reads records of standard input; between its halves box is closed for writing. Leaves rc, the line in $t/said.
midway() { # COMMAND...
	local pid i half=$(($(stat -c %s "$D/train.raw.hmr") / 2))
	rm -f fifo && mkfifo fifo
	"${bound[@]}" "$@" <fifo >out 2>said &
	pid=$!
	exec 8>fifo
	head -c $half "$D/train.raw.hmr" >&8
	for ((i = 0; i < 400; i++)); do # until it has taken them
		[ "$(awk '/^rchar/ { print $2 }' "/proc/$pid/io")" -lt $half ] || break
		sleep .05
	done
	sleep .2
	chmod a-w box
	tail -c +$((half + 1)) "$D/train.raw.hmr" >&8
	exec 8>&-
	rc=0
	wait $pid || rc=$?
	chmod u+w box
}
refused() { # PATTERN BEFORE
	[ $rc = 1 ] || fail "exit $rc: $(cat said)"
	[ "$(wc -l <said)" = 1 ] && grep -qE "$1" said || fail "said: $(cat said)"
	[ "$(names box)" = "$2" ] || fail "box is another: $(ls -la box)"
}

@test "an output: the old file is left, or none" {
	for old in '' yes; do
		[ -z "$old" ] || "${bound[@]}" cp "$D/dev.hmr" box/out.hmr
		before=$(names box)
		for call in hm-cat "hm-encode -q --image init:resnet-tiny" "hm-tokenize -q --vocab $D/data/vocab.txt --replace" hm-view; do
			# shellcheck disable=SC2086
			midway $call -o box/out.hmr
			refused '^hm-[a-z-]+: error: box/out.hmr: .*Permission denied$' "$before"
		done
	done
}

@test "a cache goes on: the right bytes, and what it lacks is computed again" {
	for limit in 10G 1M; do
		midway hm-encode -q --image init:resnet-tiny --text init:bert-tiny --cache box/c --cache-size $limit
		[ $rc = 0 ] || fail "exit $rc: $(cat said)"
		cmp out "$D/train.hmr"
	done
	chmod -R a-w box
	"${bound[@]}" hm-encode --image init:resnet-tiny --text init:bert-tiny --cache box/c "$D/train.raw.hmr" 2>said | cmp - "$D/train.hmr"
	grep -q 'notice: --cache: box/c cannot be written: its features are used, nothing is added$' said
	chmod -R u+w box
	rm -r box/c
}

@test "a cache's own folder that is closed in the middle: a warning, the right bytes" {
	"${bound[@]}" mkdir -p box/c/hm-cache
	lock() { chmod a-w box/c/hm-cache; }
	cp "$D/train.raw.hmr" box/in.hmr
	for when in before after; do
		[ $when = after ] || lock
		"${bound[@]}" hm-encode -q --image init:resnet-tiny --text init:bert-tiny --cache box/c box/in.hmr 2>said | cmp - "$D/train.hmr"
		[ $when = after ] || [ ! -s said ] || grep -q 'warning: --cache' said
		chmod u+w box/c/hm-cache
	done
}

@test "a checkpoint, a log and a model: the run ends, the checkpoint of before is whole" {
	for ((k = 0; k < 2; k++)); do
		rm -rf box/*
		"${bound[@]}" hm-fuse-train -q --epochs 1048576 --batch-size 16 --val "$D/dev.hmr" --checkpoint box/ckpt --log box/log.jsonl -o box/model.st "$D/train.hmr" 2>said &
		pid=$!
		for ((i = 0; i < 1200; i++)); do [ ! -e box/ckpt ] || break; sleep .05; done
		[ -e box/ckpt ]
		chmod a-w box
		rc=0
		wait $pid || rc=$?
		chmod u+w box
		[ $rc = 1 ] && [ "$(wc -l <said)" = 1 ] && grep -qE '^hm-fuse-train: error: box/ckpt[a-z.]*: .*Permission denied$' said || fail "exit $rc: $(cat said)"
		[ ! -e box/model.st ]
		[ -z "$(find box -name '.*')" ]
		# it goes on from there
		"${bound[@]}" timeout -s TERM 3 hm-fuse-train -q --epochs 1048576 --batch-size 16 --val "$D/dev.hmr" --checkpoint box/ckpt --resume --log box/log.jsonl -o box/model.st "$D/train.hmr" || rc=$?
		case $rc in 124 | 143) ;; *) fail "exit $rc" ;; esac
	done
}

# A file system that is read-only from the start: each tool says so before the work, and what is there stays.
readonly_calls() {
	printf old >old.hmr
	mkdir c && hm-encode -q --image init:resnet-tiny --text init:bert-tiny --cache c -o /dev/null "$D/train.raw.hmr"
	mount -o remount,ro tmpfs "$fs"
	while IFS= read -r call; do
		rc=0
		bash -c "$call" >"$t/out" 2>"$t/said" || rc=$?
		[ $rc = 1 ] || fail "$call: exit $rc: $(cat "$t/said")"
		[ "$(wc -l <"$t/said")" = 1 ] && grep -qE '^hm-[a-z0-9-]+: error: ([a-z]+:? )?(old|new)[^:]*: .*Read-only file system$' "$t/said" || fail "$call: said $(cat "$t/said")"
	done <<-'END'
		hm-cat -o old.hmr $D/train.hmr
		hm-cat -o new.hmr $D/train.hmr
		hm-jsonl2rec -q -o new.hmr $D/data/dev.jsonl
		hm-encode -q --image init:resnet-tiny -o new.hmr $D/train.raw.hmr
		hm-fuse-train -q --epochs 1 -o new.st $D/train.hmr
		hm-fuse-train -q --epochs 1 --log new.jsonl -o /dev/null $D/train.hmr
		hm-fuse-train -q --epochs 1 --checkpoint new.ckpt -o /dev/null $D/train.hmr
		hm-fuse-train -q --sweep <(echo '{"name":"a"}') --val $D/dev.hmr -o new.heads $D/train.hmr
		hm-score -q --model $D/head.st --csv new.csv $D/dev.hmr
		hm-view --npy label=new.npy $D/dev.hmr
		hm-view --sheet new.png $D/dev.raw.hmr
		hm-report -q -o new.report a=<(hm-score -q --model $D/head.st --csv - --bootstrap 0 $D/dev.hmr 2>/dev/null)
		hm-synth -q new.data
		hm-bundle -q --image init:resnet-tiny --text init:bert-tiny --vocab $D/data/vocab.txt $D/head.st -o new.st
	END
	[ "$(cat old.hmr)" = old ] && [ "$(find . -name '*new*' -o -name '*.tmp' | wc -l)" = 0 ]
	hm-encode --image init:resnet-tiny --text init:bert-tiny --cache c "$D/train.raw.hmr" 2>"$t/said" | cmp - "$D/train.hmr"
	grep -q 'notice: --cache: c cannot be written: its features are used, nothing is added$' "$t/said"
	grep -q '192 of 192 inputs were found, 0 computed' "$t/said"
}

@test "a file system that is read-only: said by every tool, and a cache there is read" {
	room size=64m readonly_calls
}
