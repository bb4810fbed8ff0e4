# A stage that dies fails the whole pipe, without pipefail; what -o names is the old file or the new one, whole.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 40 --dev 8 --test 8 data
	hm-jsonl2rec -q --block-size 500 -o rec.hmr data/train.jsonl
	hm-imgprep -q --root data/img --size 48 --block-size 20K rec.hmr | hm-tokenize -q --vocab data/vocab.txt --block-size 20K -o all.hmr
	hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o features.hmr all.hmr
}

setup() {
	cd "$BATS_FILE_TMPDIR"
	set +o pipefail
	rm -f out.hmr
}

# Every tool that reads records, one call a line; OUT stands for the output, the input comes from stdin.
readers() {
	cat <<-'END'
		hm-cat -o OUT
		hm-imgprep -q --root data/img --size 48 --replace -o OUT
		hm-tokenize -q --vocab data/vocab.txt --replace -o OUT
		hm-encode -q --image init:resnet-tiny --replace -o OUT
		hm-view -o OUT
		hm-view --full -o OUT
		hm-view --verify
		hm-view --npy label=OUT
		hm-fuse-train -q --fusion late --epochs 1 -o OUT
		hm-score -q --csv OUT
	END
}

# The call fails with status 1 and one line, and leaves no output.
refuses() { # CALL INPUT
	local line=${1//OUT/out.hmr}
	rm -f out.hmr
	run bash -c "$line <'$2' 2>&1 >/dev/null"
	expect 1 '^hm-[a-z-]*: error: standard input: '
	[ "${#lines[@]}" = 1 ] || fail "$line: more than one line: $output"
	[ ! -e out.hmr ] || fail "$line: left an output behind"
	[ -z "$(find . -name '.*.tmp')" ] || fail "$line: left a temporary file behind"
}

@test "every tool refuses a stream that was cut, and leaves nothing" {
	size=$(stat -c %s all.hmr)
	for n in 0 7 300 $((size / 2)) $((size - 80)) $((size - 1)); do
		head -c "$n" all.hmr >cut.hmr
		while read -r call; do refuses "$call" cut.hmr; done < <(readers)
	done
}

@test "every tool refuses one flipped bit" {
	size=$(stat -c %s features.hmr)
	for at in 40 $((size / 3)) $((size / 2)) $((size - 30)); do
		cp features.hmr bad.hmr
		byte=$(od -An -tu1 -j "$at" -N 1 features.hmr)
		printf "\\x$(printf %x $((byte ^ 16)))" | dd of=bad.hmr bs=1 seek="$at" conv=notrunc status=none
		cmp -s bad.hmr features.hmr && fail "nothing was changed"
		while read -r call; do refuses "$call" bad.hmr; done < <(readers)
	done
}

@test "every bad golden vector is refused by the tools" {
	for v in "$ROOT"/formats/golden/failed/*.hmr; do
		refuses 'hm-cat -o OUT' "$v"
		refuses 'hm-view --verify' "$v"
	done
}

@test "a stage with bad data fails the stages behind it" {
	{ head -n 30 data/train.jsonl; echo '{"id":'; } >bad.jsonl
	run bash -c 'hm-jsonl2rec bad.jsonl 2>first | hm-imgprep -q --root data/img --size 32 2>second | hm-cat -o out.hmr'
	expect 1
	[ ! -e out.hmr ]
	grep -q 'bad.jsonl: line 31' first
	[ "$(wc -l <first)" = 1 ] && [ "$(wc -l <second)" = 1 ]
}

@test "a producer of lines that dies before the first one fails the whole pipe, down to the scores" {
	hm-fuse-train -q --fusion late --epochs 1 -o model.st features.hmr
	for stage in hm-jsonl2rec 'hm-csv2rec --id-field id'; do
		run bash -c "cat nowhere 2>/dev/null | $stage -q - 2>first | hm-tokenize -q --vocab data/vocab.txt 2>/dev/null | hm-encode -q --text init:bert-tiny 2>/dev/null | hm-score -q --model model.st --csv out.hmr -"
		expect 1 '^hm-score: error: standard input: '
		[ ! -e out.hmr ]
		grep -q '^hm-[a-z2]*: error: standard input: ' first
	done
	# Records there are none of: nobody's scores, unless that is what is wanted.
	hm-cat --head 0 -o none.hmr features.hmr
	echo id,proba,label >none.csv
	for call in '--model model.st none.hmr' none.csv '--average mean none.csv none.csv' '--compare none.csv none.csv'; do
		run hm-score $call
		expect 1 '^hm-score: error: none.(hmr|csv): no records to score: has its producer failed\? \(--allow-missing scores nothing\)$'
	done
	run hm-lint none.hmr features.hmr
	expect 0 '^hm-lint: warning: none.hmr: no records$'
	run hm-score --allow-missing --model model.st none.hmr
	expect 0 'warning: none.hmr: no records$'
	expect 0 ' n 0$'
}

@test "a stage that is killed fails the stage behind it" {
	for tool in "hm-cat" "hm-tokenize -q --vocab data/vocab.txt --replace" "hm-imgprep -q --root data/img --size 48 --replace"; do
		rm -f in between out.hmr
		mkfifo in between
		$tool --block-size 1 <in >between 2>/dev/null &
		producer=$!
		hm-cat -o out.hmr <between 2>why &
		consumer=$!
		exec 9>in
		head -c $(($(stat -c %s all.hmr) / 2)) all.hmr >&9
		sleep 0.2
		kill -KILL $producer
		exec 9>&-
		status=0
		wait $consumer || status=$?
		expect 1
		[ ! -e out.hmr ] || fail "$tool: the consumer wrote a file"
		grep -q 'its producer' why || fail "$tool: $(cat why)"
	done
}

@test "a consumer that goes away ends its producer" {
	hm-cat all.hmr 2>/dev/null | head -c 100 >/dev/null
	[ "${PIPESTATUS[0]}" != 0 ]
}

@test "killed while writing -o: the old file is left, or none" {
	for before in old none; do
		rm -f in out.hmr
		[ $before = none ] || cp rec.hmr out.hmr
		mkfifo in
		hm-cat --block-size 1 -o out.hmr <in &
		pid=$!
		exec 9>in
		head -c 100000 all.hmr >&9
		sleep 0.2
		kill -KILL $pid
		exec 9>&-
		wait $pid || true
		if [ $before = old ]; then cmp out.hmr rec.hmr; else [ ! -e out.hmr ]; fi
		[ -z "$(find . -name '.*.tmp')" ]
	done
}

@test "no room for -o: exit 1 naming the file, the old file is left" {
	cp rec.hmr out.hmr
	run bash -c "trap '' XFSZ; ulimit -f 20; hm-cat -o out.hmr all.hmr"
	expect 1 '^hm-cat: error: out.hmr: cannot write: '
	cmp out.hmr rec.hmr
	[ -z "$(find . -name '.*.tmp')" ]
	run bash -c 'ulimit -f 20; hm-cat -o out.hmr all.hmr' # and when the signal is not ignored
	[ "$status" != 0 ]
	cmp out.hmr rec.hmr
	[ -z "$(find . -name '.*.tmp')" ]
}

@test "no room on standard output: exit 1" {
	for call in 'hm-cat all.hmr' 'hm-cat -o /dev/full all.hmr' 'hm-view all.hmr' 'hm-view --schema all.hmr' 'hm-jsonl2rec data/dev.jsonl'; do
		run bash -c "$call >/dev/full"
		expect 1 'cannot write'
		[ "${#lines[@]}" = 1 ] || fail "$call: $output"
	done
}

@test "no room into a pipe's file: the reader behind it knows" {
	run bash -c "trap '' XFSZ; ulimit -f 20; hm-cat all.hmr >part.hmr 2>/dev/null"
	expect 1
	run hm-view --verify part.hmr
	expect 1 'part.hmr: '
}
