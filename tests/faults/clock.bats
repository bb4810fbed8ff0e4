# A clock that jumps, by years, forwards and back, at any reading: no byte of an output changes, no duration is negative or counts
# the jump, a cache removes what it should and a graph of files ends in the same files. The real clock is not touched: a preload
# library says other times, and files get other ones. ALL=1: more readings, more times.

load ../support/bats

YEARS=315360000 # ten of them, in seconds

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	${CC:-cc} -O1 -D_GNU_SOURCE -shared -fPIC -o clockjump.so "$ROOT/tests/faults/clockjump.c" -ldl
	hm-synth -q --train 48 --dev 24 --test 0 data
	for s in train dev; do
		hm-jsonl2rec -q data/$s.jsonl | hm-imgprep -q --root data/img --size 32 | hm-tokenize -q --vocab data/vocab.txt -o $s.raw.hmr
		encode -q -o $s.hmr $s.raw.hmr
	done
	train -q -o right.st
}

setup() {
	cd "$BATS_FILE_TMPDIR"
	t=$BATS_TEST_TMPDIR
}

encode() { hm-encode --image init:resnet-tiny --text init:bert-tiny "$@"; }
train() { hm-fuse-train --epochs 4 --log-steps 1 --batch-size 8 --val dev.hmr "$@" train.hmr; }
jump() { # AT BY COMMAND...
	local at=$1 by=$2
	shift 2
	JUMP_AT=$at JUMP_BY=$by JUMP_SAY=$t/readings LD_PRELOAD=$BATS_FILE_TMPDIR/clockjump.so "$@"
}

# Durations and rates in what was said or written: none is negative, endless or longer than this test may take.
sane() { # FILE...
	local n
	refute grep -hE -- '(^|[ :])-[0-9]|inf|nan' "$@"
	for n in $(grep -ohE '("[a-z]*_s":|, )[0-9.e+-]+( s\b|[,}])' "$@" | grep -oE '[0-9.]+(e[+-]?[0-9]+)?' ); do
		awk -v n="$n" 'BEGIN { exit !(n < 3600) }' || fail "$n seconds: $(cat "$@")"
	done
}

# SECONDS AT BY: `date` with that jump is so many seconds ahead, give or take an hour
ahead() {
	local now then
	now=$(date +%s) then=$(jump "$2" "$3" date +%s)
	[ $((then - now - $1)) -ge -3600 ] && [ $((then - now - $1)) -le 3600 ] || fail "$now, then $then"
}

@test "the library makes the clock jump" {
	ahead $YEARS 1 $YEARS
	ahead -$YEARS 1 -$YEARS
	ahead 0 3 $YEARS
	[ -s "$t/readings" ]
}

@test "features, cache, progress and statistics" {
	for by in $YEARS -$YEARS; do
		for at in 2 $([ -z "$ALL" ] || seq 1 9); do # 2: between the first time and the next
			rm -f "$t/readings"
			jump $at $by hm-encode --image init:resnet-tiny --text init:bert-tiny --progress --cache "$t/c$at$by" --stats "$t/s.json" -o "$t/out.hmr" train.raw.hmr 2>"$t/said"
			cmp "$t/out.hmr" train.hmr
			sane "$t/said" "$t/s.json"
			[ -s "$t/readings" ] # the clock was asked
			# and it is found again, at the right time
			hm-encode -q --image init:resnet-tiny --text init:bert-tiny --cache "$t/c$at$by" --stats "$t/s.json" -o "$t/out.hmr" train.raw.hmr
			cmp "$t/out.hmr" train.hmr
			grep -q '"cache_misses":0' "$t/s.json"
		done
	done
}

@test "training, its notices, log, checkpoint and seconds" {
	for by in $YEARS -$YEARS; do
		rm -f "$t"/ckpt*
		jump 2 $by hm-fuse-train --epochs 4 --log-steps 1 --batch-size 8 --val dev.hmr --checkpoint "$t/ckpt" --checkpoint-steps 1 --log "$t/log" \
			--progress --stats "$t/s.json" -o "$t/out.st" train.hmr 2>"$t/said"
		cmp "$t/out.st" right.st
		sane "$t/said" "$t/s.json"
		rm "$t/out.st"
		train -v --checkpoint "$t/ckpt" --resume --log "$t/log" --stats "$t/s.json" -o "$t/out.st" 2>"$t/said" # at another time
		cmp "$t/out.st" right.st
		sane "$t/said" "$t/s.json"
		awk '{ exit !($1 >= 0 && $1 < 3600) }' "$t/ckpt.seconds"
	done
}

@test "a cache whose files are of the future, of 1970, or both: bounded, and of use" {
	hm-synth -q --train 300 --dev 0 --test 0 many
	hm-jsonl2rec -q many/train.jsonl | hm-imgprep -q --root many/img --size 128 -o many.hmr
	grid() { hm-encode -q --image init:resnet-tiny --image-output grid --cache "$c" --cache-size 1M --stats "$t/s.json" "$@" >/dev/null; }
	hm-cat --head 20 train.raw.hmr -o few.hmr
	for when in 2100-01-01 $([ -z "$ALL" ] || echo 1970-01-02) both; do
		c=$t/c$when
		grid many.hmr
		case $when in
		both)
			files=("$c"/hm-cache/*)
			for ((k = 0; k < ${#files[@]}; k++)); do touch -d "$([ $((k % 2)) = 0 ] && echo 2100-01-01 || echo 1970-01-02)" "${files[k]}"; done
			;;
		*) touch -d $when "$c"/hm-cache/* ;;
		esac
		# another encoder's features come in, and stay
		for k in 1 2 3 4; do hm-encode -q --image init:resnet-tiny:$k --image-output grid --cache "$c" --cache-size 1M many.hmr >/dev/null; done
		[ "$(cat "$c"/hm-cache/* | wc -c)" -le 1048576 ]
		grid few.hmr
		grid few.hmr
		grep -q '"cache_hits":20,"cache_misses":0' "$t/s.json" || fail "$when: what was just computed is gone: $(cat "$t/s.json")"
		[ -z "$(find "$c" -newermt 2099-01-01 ! -name CACHEDIR.TAG)" ] || fail "files of the future are kept before others: $(ls -l "$c/hm-cache")"
	done
}

@test "a graph of files that are of the future or of the past: the same files in the end" {
	seed() { # OUT
		make -f "$ROOT/pipelines/seed.mk" all DATA=data IMAGE=init:resnet-tiny TEXT=init:bert-tiny EPOCHS=1 SIZE=32 ROWS=all-frozen-cached OUT="$1" >"$t/printed" 2>"$t/said"
	}
	sums() { (cd "$1" && find . \( -name '*.hmr' -o -name '*.safetensors' -o -name 'dev.csv' -o -name dev.json \) -print0 | sort -z | xargs -0 cksum); }
	seed "$t/out"
	sums "$t/out" >"$t/want"
	for what in "$t/out/data/train.pixels.hmr" "$t/out/runs.json"; do
		# one of its own: if its input changed now, make would not see it
		touch -d 2100-01-01 "$what"
		rc=0
		seed "$t/out" || rc=$?
		[ $rc = 2 ]
		grep -q "dated more than a day ahead, by a clock that was wrong: $what: .touch. them" "$t/said"
		touch -d "$([ -z "$ALL" ] && echo now || echo 1980-01-01)" "$what"
		seed "$t/out"
		diff "$t/want" <(sums "$t/out")
	done
	touch -d 2100-01-01 data/train.jsonl # one of the user's: what follows from it is made each time
	seed "$t/out"
	grep -q 'hm-imgprep .*train.lines' "$t/printed" && grep -q 'in the future' "$t/said"
	diff "$t/want" <(sums "$t/out")
	touch data/train.jsonl
	seed "$t/out"
	diff "$t/want" <(sums "$t/out")
	seed "$t/out" # and then there is nothing to do
	refute grep -qE '^ *hm-' "$t/printed"
}
