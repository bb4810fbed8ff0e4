# Many processes on one cache, one output, one checkpoint, and kill -9 at random moments: who survives writes the right bytes,
# what is left in the folder is whole, within its bound and hm's alone. The moments are drawn from a seed. ALL=1: 64 processes,
# more rounds; else 12.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 160 --dev 8 --test 0 data
	for s in train dev; do
		hm-jsonl2rec -q data/$s.jsonl | hm-imgprep -q --root data/img --size 64 | hm-tokenize -q --vocab data/vocab.txt -o $s.hmr
	done
	for k in 0 1 2 3 4; do # pieces that overlap
		hm-cat --head $((60 + 20 * k)) train.hmr | hm-cat --shard $((k % 2))/2 -o part$k.hmr
		encode -o right$k.hmr part$k.hmr
	done
	cat >part5.hmr <train.hmr
	encode -o right5.hmr part5.hmr
}

setup() {
	cd "$BATS_FILE_TMPDIR"
	t=$BATS_TEST_TMPDIR c=$BATS_TEST_TMPDIR/c
	processes=$([ -n "$ALL" ] && echo 64 || echo 12) rounds=$([ -n "$ALL" ] && echo 8 || echo 2)
}

encode() { hm-encode -q -j1 --image init:resnet-tiny --image-output both --text init:bert-tiny "$@"; }
train() { hm-fuse-train -q -j1 --image init:resnet-tiny --text init:bert-tiny --batch-size 16 --epochs 2 --val dev.hmr "$@" part0.hmr; }

# COMMAND: $longest := milliseconds that `COMMAND K` for K below $processes takes here at once, so that kills meet it.
calibrate() {
	local k start=${EPOCHREALTIME/[.,]/}
	for ((k = 0; k < processes; k++)); do "$1" $k & done
	wait
	longest=$(((${EPOCHREALTIME/[.,]/} - start) / 1000))
}

# fight SEED COMMAND: runs `COMMAND K` for K below $processes at once and kills about a half of them at moments that SEED says,
# within the time that they took before. Leaves exit statuses in status[K].
fight() {
	local k pid=() victims=()
	[ -n "${longest-}" ] || calibrate "$2"
	RANDOM=$1
	for ((k = 0; k < processes; k++)); do
		"$2" $k &
		pid[k]=$!
	done
	for ((k = 0; k < processes; k++)); do
		((RANDOM % 2)) && victims+=("$k")
	done
	for k in "${victims[@]}"; do
		sleep "$(printf '0.%06d' $((RANDOM * 1000 / 32768 * longest / (${#victims[@]} + 1))))"
		kill -KILL "${pid[k]}" 2>/dev/null || true
	done
	status=()
	for ((k = 0; k < processes; k++)); do
		status[k]=0
		wait "${pid[k]}" || status[k]=$?
		[ ${status[k]} = 0 ] || [ ${status[k]} = 137 ] || fail "process $k: exit ${status[k]}"
	done
}

# How many bytes hm's files in the cache take; fails if there is another file than hm's and those in $t/others.
cache_bytes() {
	local f name sum=0
	while IFS= read -r f; do
		name=${f##*/}
		if [[ $name =~ ^[0-9a-f]+-[0-9a-f]+-[0-9a-f]+\.feat$ || $name =~ ^[0-9a-f]{32}\.skim$ || $name = CACHEDIR.TAG ||
			$name =~ ^\.([0-9a-f]{32}\.skim|CACHEDIR\.TAG)\.[0-9a-z]+\.tmp$ ]]; then # the last: killed between link and rename
			sum=$((sum + $(stat -c %s "$f")))
		else
			grep -qxF "$f" "$t/others" || fail "left behind: $f"
		fi
	done < <(find "$c" -type f)
	echo $sum
}

@test "one cache, too small for all: right bytes, within its bound, no file of others touched" {
	one() { exec hm-encode -q -j1 --image init:resnet-tiny --image-output both --text init:bert-tiny --cache "$c" --cache-size 1M \
		-o "$t/out$1.hmr" part$((($1 + round) % 6)).hmr 2>"$t/said$1"; }
	mkdir -p "$c/hm-cache"
	for f in "$c/thesis.tmp" "$c/hm-cache/oscar.feat" "$c/hm-cache/.x.skim.1.tmp"; do head -c 300000 /dev/urandom >"$f" && echo "$f"; done >"$t/others"
	tr '\n' '\0' <"$t/others" | xargs -0 cksum >"$t/sums"
	killed=0 lived=0
	for ((round = 0; round < rounds; round++)); do
		rm -f "$t"/out*.hmr
		fight $((round + 100)) one
		for ((k = 0; k < processes; k++)); do
			if [ ${status[k]} = 0 ]; then
				cmp "$t/out$k.hmr" right$(((k + round) % 6)).hmr
				refute grep -v 'warning: --cache: .*leaves no room while other processes write' "$t/said$k"
				lived=$((lived + 1))
			else
				[ ! -e "$t/out$k.hmr" ] || cmp "$t/out$k.hmr" right$(((k + round) % 6)).hmr # killed when it had its name
				[ ! -s "$t/said$k" ] || grep -q warning "$t/said$k"
				killed=$((killed + 1))
			fi
		done
		bytes=$(cache_bytes)
		[ "$bytes" -le 1048576 ] || fail "round $round: $bytes bytes"
	done
	[ -z "$(find "$t" -maxdepth 1 -name '.*')" ] # of the outputs
	cksum $(cat "$t/others") | cmp - "$t/sums"
	[ $killed -gt $((rounds * processes / 8)) ] && [ $lived -gt $((rounds * processes / 4)) ] || fail "$killed killed, $lived not"
	for k in 0 1 2 3 4 5; do # whatever is left in the cache
		encode --cache "$c" --cache-size 1M part$k.hmr | cmp - right$k.hmr
	done
	bytes=$(cache_bytes)
	[ "$bytes" -le 1048576 ] && [ "$bytes" -gt 300000 ]
	# and it is of use again
	encode --cache "$c" --cache-size 1M --stats "$t/stats" part0.hmr >/dev/null
	encode --cache "$c" --cache-size 1M --stats "$t/stats" part0.hmr >/dev/null
	grep -q '"cache_misses":0' "$t/stats"
	echo "# $processes processes, $rounds rounds: $killed killed, $lived ended with the right bytes; cache of $bytes bytes" >&3
}

@test "one cache with room for all" {
	one() { exec hm-encode -q -j1 --image init:resnet-tiny --image-output both --text init:bert-tiny --cache "$c" -o "$t/out$1.hmr" part$(($1 % 6)).hmr; }
	: >"$t/others"
	for ((round = 0; round < rounds / 2; round++)); do
		rm -f "$t"/out*.hmr
		fight $((round + 200)) one
		for ((k = 0; k < processes; k++)); do
			[ ${status[k]} != 0 ] || cmp "$t/out$k.hmr" right$((k % 6)).hmr
		done
	done
	cache_bytes >/dev/null
	for _ in 1 2; do encode --cache "$c" --stats "$t/stats" part5.hmr | cmp - right5.hmr; done
	grep -q '"cache_misses":0' "$t/stats"
}

@test "one -o of them all: it is one of theirs, whole" {
	one() { exec hm-cat --head $((40 + $1 % 4 * 40)) --block-size 20K -o "$t/out.hmr" train.hmr; }
	for k in 0 1 2 3; do hm-cat --head $((40 + k * 40)) --block-size 20K -o "$t/right$k" train.hmr; done
	for ((round = 0; round < rounds; round++)); do
		fight $((round + 300)) one
		found=
		for k in 0 1 2 3; do ! cmp -s "$t/out.hmr" "$t/right$k" || found=$k; done
		[ -n "$found" ] || fail "the output is none of theirs"
	done
	# only between link and rename may a kill leave a file, which is then whole
	for f in "$t"/.*.tmp; do [ ! -e "$f" ] || hm-view --verify "$f"; done
	[ "$(find "$t" -name '.*' | wc -l)" -le 1 ]
}

@test "one checkpoint of two runs: each ends in its own bytes, and none goes on from the other's" {
	train --lr 1e-3 -o "$t/right0"
	train --lr 5e-3 -o "$t/right1"
	one() { # K: the run right[run[K]]
		local lr=(1e-3 5e-3)
		train --lr ${lr[run[$1]]} --checkpoint "$t/ckpt" --checkpoint-steps 1 --resume -o "$t/out$1" 2>"$t/said$1"
	}
	ended() { # K STATUS: in its bytes, killed, or refused
		case $2 in
		0) cmp "$t/out$1" "$t/right${run[$1]}" ;;
		137) ;;
		1) [ ! -e "$t/out$1" ] && [ ${run[0]} != ${run[1]} ] && grep -q 'ckpt: the checkpoint is of another run: lr was' "$t/said$1" ;;
		*) fail "exit $2" ;;
		esac
	}
	for ((round = 0; round < rounds; round++)); do
		run=(0 $((round % 2)))
		rm -f "$t"/ckpt* "$t"/out*
		RANDOM=$((round + 400))
		for k in 0 1; do one $k & pid[k]=$!; done
		sleep 0.$((RANDOM % 5))$((RANDOM % 10))
		pkill -KILL -P ${pid[RANDOM % 2]} || true
		for k in 0 1; do
			rc=0
			wait ${pid[k]} || rc=$?
			ended $k $rc
		done
		# what is left is the checkpoint of one of them, whole
		[ -e "$t/ckpt" ] || continue
		for k in 0 1; do
			rc=0
			rm -f "$t/out$k"
			one $k || rc=$?
			ended $k $rc
		done
	done
}
