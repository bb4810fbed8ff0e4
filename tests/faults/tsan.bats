# Data races, looked for by ThreadSanitizer. Quick: the unit programs of what threads are made of here, workers and the ordered ring,
# which take seconds to build. ALL=1: every tool on every threaded path, -j 4, with data of real sizes, and the unit programs of
# records and ranks, built whole without oneDNN (45 s of a core) into $B/tsan; some minutes. OpenMP's threads are lib/ops/cpu/team.c's,
# so its loops are looked at, too.

load ../support/bats

setup() {
	cd "$BATS_FILE_TMPDIR"
	export TSAN_OPTIONS="halt_on_error=1 exitcode=66"
}

@test "a race that is planted is found" {
	printf '%s\n' '#include <pthread.h>' 'static volatile int n; static void *add(void *x) { for (int i = 0; i < 1000; i++) n++; return x; }' \
		'int main(void) { pthread_t t; pthread_create(&t, 0, add, 0); add(0); return pthread_join(t, 0); }' >race.c
	${CC:-cc} -fsanitize=thread -O1 -g -pthread -o race race.c
	run ./race
	expect 66 'ThreadSanitizer: data race'
}

@test "workers, the ordered ring, the threads of OpenMP's regions" {
	for u in unit/test_ring unit/test_base ops/test_team; do
		local program=$u.c more=
		[ $u != ops/test_team ] || more=$ROOT/lib/ops/cpu/team.c
		u=${u##*/test_}
		${CC:-cc} -fsanitize=thread -std=c11 -D_GNU_SOURCE -DHM_VERSION='"0"' -DHM_TEAM=1 -O1 -g -I"$ROOT/lib" -pthread -fopenmp -o test_$u \
			"$ROOT/tests/$program" $more "$ROOT"/lib/base/*.c -lcmocka -lxxhash -lm -ldl
		CMOCKA_MESSAGE_OUTPUT=TAP run "$PWD/test_$u"
		expect 0 '^ok 1 '
	done
}

# A call with four threads; it must end with STATUS, and a race ends it with 66.
four() { # STATUS COMMAND...
	local want=$1
	shift
	run "$@" -j 4
	[ "$status" = "$want" ] || fail "$*: exit $status: $output"
}

every_path() {
	local o=$ROOT/$B/tsan u b unit
	(
		unset SAN ONEDNN CUDA MPI
		"${MAKE:-make}" -C "$ROOT" -s --no-print-directory -j2 O="$o" CUDA=0 MPI=0 ONEDNN=0 SAN=thread all \
			"$o"/plain-san-thread/tests/unit/test_{rec,ranks,sidefile,featcache}
	)
	for u in rec ranks sidefile featcache; do (cd "$ROOT" && TMPDIR=$BATS_TEST_TMPDIR "$o/plain-san-thread/tests/unit/test_$u"); done
	PATH=$o/bin:$PATH
	four 0 hm-synth -q --train 400 --dev 64 --test 16 data
	four 0 hm-jsonl2rec --block-size 4K -o lines.hmr data/train.jsonl
	hm-view -q lines.hmr | sed -E 's/.*"id":"([^"]*)","img":"([^"]*)","text":"([^"]*)","label":([01]).*/\1,\2,"\3",\4/' | sed '1i id,img,text,label' >lines.csv
	four 0 hm-csv2rec --block-size 4K -o csv.hmr lines.csv
	four 0 hm-imgprep --root data/img --size 48 --block-size 64K -o pixels.hmr lines.hmr
	four 0 hm-tokenize --vocab data/vocab.txt --block-size 2K -o tokens.hmr lines.hmr
	for _ in cold warm; do four 0 hm-encode -q --image init:resnet-tiny --text init:bert-tiny --cache c -o train.hmr pixels.hmr tokens.hmr; done
	hm-jsonl2rec -q data/dev.jsonl | hm-imgprep -q --root data/img --size 48 | hm-tokenize -q --vocab data/vocab.txt -o dev.raw.hmr
	four 0 hm-encode -q --image init:resnet-tiny --text init:bert-tiny --cache c -o dev.hmr dev.raw.hmr
	for u in 0 1 2; do four 0 hm-cat --block-size 16K --shard $u/3 -o shard$u.hmr pixels.hmr; done
	four 0 hm-cat --deal --block-size 64K -o pixels2.hmr shard0.hmr shard1.hmr shard2.hmr
	cmp pixels2.hmr pixels.hmr
	head -c 100000 pixels.hmr >cut.hmr
	four 1 hm-cat --recover -o recovered.hmr cut.hmr
	four 0 hm-view --verify pixels.hmr train.hmr
	four 0 hm-view --npy image_feature=x.npy -o view.json train.hmr
	four 0 hm-view --sheet sheet.png pixels.hmr
	four 0 hm-npy2rec --ids train.hmr --column y=x.npy -o npy.hmr
	four 0 hm-fuse-train -q --epochs 3 --val dev.hmr --checkpoint ckpt --checkpoint-steps 2 --log log.jsonl -o head.st train.hmr
	for u in 1 2 3 4 5 6; do printf '{"name":"s%d","seed":%d,"epochs":2}\n' $u $u; done >sweep.jsonl
	four 0 hm-fuse-train -q --sweep sweep.jsonl --val dev.hmr --keep best:1 -o heads train.hmr
	hm-cat --head 32 -o few.pixels.hmr pixels.hmr
	hm-cat --head 32 -o few.tokens.hmr tokens.hmr
	for u in late early; do # their examples do not fit, and are read while the networks compute
		four 0 hm-fuse-train -q --epochs 1 --batch-size 8 --fusion $u --memory 1M --image init:resnet-tiny --text init:bert-tiny --checkpoint ckpt.$u \
			--vocab data/vocab.txt -o $u.st few.pixels.hmr few.tokens.hmr
	done
	four 0 hm-score --model head.st --bootstrap 2000 --csv a.csv --json a.json dev.hmr
	four 0 hm-score --model late.st --bootstrap 2000 --csv b.csv dev.raw.hmr
	four 0 hm-score --compare a.csv b.csv
	four 0 hm-nearest --train train.hmr -o near.hmr dev.hmr
	four 0 hm-nearest --train train.hmr --duplicates .9 -o near.jsonl dev.hmr
	four 0 hm-lint --allow caption-shared --json lint.json pixels.hmr dev.raw.hmr
	hm-bundle -q --image init:resnet-tiny --text init:bert-tiny --vocab data/vocab.txt head.st -o bundle.st
	head -n 160 data/train.jsonl >some.jsonl
	four 0 hm-classify bundle.st --root data/img some.jsonl
	four 0 hm-classify bundle.st data/img/10001.png "a word"
	hm-report -q a=a.csv b=b.csv -o report
}

@test "every tool, with the data of ALL" {
	if [ -n "$ALL" ]; then
		every_path
	else # what the full run relies on is there: the target and its setting
		run "${MAKE:-make}" -C "$ROOT" --no-print-directory O="$BATS_TEST_TMPDIR/o" CUDA=0 MPI=0 ONEDNN=0 SAN=thread config
		expect 0 'plain-san-thread'
	fi
}
