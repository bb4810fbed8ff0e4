# A disk that fills in the middle of every tool's and pipeline's output, at many different moments: exit 1 and one line that
# names the file, no half file under a final name; and when there is room the same call ends in the right bytes.
# ALL=1: more sizes, and the pipelines at each of them.

load ../support/bats
load room

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	export D=$BATS_FILE_TMPDIR ROOT
	hm-synth -q --train 96 --dev 48 --test 1 data
	for s in train dev; do
		hm-jsonl2rec -q data/$s.jsonl | hm-imgprep -q --root data/img --size 32 | hm-tokenize -q --vocab data/vocab.txt -o $s.raw.hmr
		hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o $s.hmr $s.raw.hmr
		hm-jsonl2rec -q -o $s.lines.hmr data/$s.jsonl
	done
	hm-fuse-train -q --epochs 2 -o head.st train.hmr
	hm-score -q --model head.st --bootstrap 0 --csv head.csv dev.hmr >/dev/null
	hm-score -q --model head.st --bootstrap 0 --ablate image=zero --csv text.csv dev.hmr >/dev/null
	hm-view -q --npy image_feature=x.npy train.hmr >/dev/null
	for seed in 1 2 3 4; do printf '{"name":"s%d","seed":%d,"epochs":1}\n' $seed $seed; done >sweep.jsonl
	for name in $(calls | cut -d: -f 1); do
		mkdir -p right/$name
		(cd right/$name && call $name)
	done
}

setup() { t=$BATS_TEST_TMPDIR; }

# NAME: COMMAND, which writes into the folder that it runs in.
calls() {
	cat <<-'END'
		jsonl2rec: hm-jsonl2rec -q -o lines.hmr $D/data/train.jsonl
		chain: hm-jsonl2rec -q $D/data/train.jsonl | hm-imgprep -q --root $D/data/img --size 32 | hm-tokenize -q --vocab $D/data/vocab.txt -o raw.hmr
		cat: hm-cat --level 3 -o cat.hmr $D/train.raw.hmr
		encode: hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o features.hmr $D/train.raw.hmr
		cache: hm-encode -q --image init:resnet-tiny --image-output both --cache c -o features.hmr $D/train.raw.hmr
		train: hm-fuse-train -q --epochs 3 --val $D/dev.hmr --checkpoint ckpt --checkpoint-steps 1 --resume --log log.jsonl --log-steps 1 --last last.st -o model.st $D/train.hmr
		sweep: hm-fuse-train -q --sweep $D/sweep.jsonl --val $D/dev.hmr -o heads $D/train.hmr
		score: hm-score -q --model $D/head.st --csv s.csv --json s.json --latex s.tex --submission u.csv -o s.hmr $D/dev.hmr >/dev/null
		sheet: hm-score -q --errors 12 --model $D/head.st --sheet sheet.png $D/dev.hmr $D/dev.raw.hmr >/dev/null
		report: hm-report -q a=$D/head.csv b=$D/text.csv -o report
		view: hm-view -q --npy image_feature=x.npy -o view.json $D/train.hmr
		nearest: hm-nearest -q --train $D/train.hmr -o near.hmr $D/dev.hmr
		lint: hm-lint -q --json lint.json $D/train.raw.hmr $D/dev.raw.hmr >/dev/null || [ $? = 1 -a -e lint.json ]
		bundle: hm-bundle -q --image init:resnet-tiny --text init:bert-tiny --vocab $D/data/vocab.txt $D/head.st -o bundle.st
		npy: hm-npy2rec -q --ids $D/train.lines.hmr --column x=$D/x.npy -o npy.hmr
		synth: hm-synth -q --force --train 30 --dev 10 --test 0 made
		stdout: hm-cat $D/train.raw.hmr >stdout.hmr
	END
}
call() { bash -o pipefail -c "$(calls | sed -n "s/^$1: //p")"; } # NAME
# Files that grow or may be lost, so that a full disk leaves a part of them, by name or folder.
grows() { # NAME FILE
	case $1:$2 in cache:c/* | train:ckpt* | train:log.jsonl | stdout:stdout.hmr | synth:made/*) ;; *) false ;; esac
}

# The call where there is little room: 1, with a line that names a file of it and the reason, or 0 and the right bytes. With more
# room the same call ends in the right bytes. Leaves its exit status in $t/rc.
try() { # NAME
	local f rc=0
	call "$1" 2>"$t/said" || rc=$?
	echo $rc >>"$t/rcs"
	while IFS= read -r f; do
		f=${f#./}
		[[ $f != *.tmp ]] || fail "left behind: $f"
		grows "$1" "$f" || cmp "$f" "$D/right/$1/$f" || fail "exit $rc, but $f is another"
	done < <(find . -type f)
	if [ $rc != 0 ]; then
		[ $rc = 1 ] || fail "exit $rc: $(cat "$t/said")"
		grep -qE '^hm-[a-z0-9-]+: error: [^:]+: .*(No space left on device|Disk quota exceeded)' "$t/said" || fail "said: $(cat "$t/said")"
		[ "$(grep -c 'error: .*No space' "$t/said")" = 1 ]
	else
		whole "$1"
	fi
	mount -o remount,size=64m,nr_inodes=10000 tmpfs "$fs"
	call "$1" 2>"$t/said" || fail "with room: exit $?: $(cat "$t/said")"
	whole "$1"
}
whole() { # NAME
	diff -r -x c -x ckpt.seconds -x ckpt . "$D/right/$1" || fail "other files than with room"
}

# Sizes in KiB, from nearly nothing to more than the call needs: every (ALL) or some of them.
sizes() { # NAME
	local need step k=0
	need=$(find "$D/right/$1" -type f -printf '%s\n' | awk '{ n += 4 * int(($1 + 4095) / 4096) } END { print n + 4 }') # in pages
	step=$([ -n "$ALL" ] && echo $((need / 40 + 4)) || echo $((need / 2 + 3)))
	for ((k = 4; k < need + 2 * step; k += step)); do echo "$k"; done
}

each_size() { # NAME...
	local name k
	for name in "$@"; do
		: >"$t/rcs"
		for k in $(sizes "$name"); do room "size=${k}k" try "$name"; done
		grep -q 0 "$t/rcs" && grep -q 1 "$t/rcs" || fail "$name: no size was too small, or all were"
	done
}

@test "the tools' outputs" {
	each_size chain cat encode bundle npy nearest
}

@test "outputs of several files, and what goes to standard output" {
	each_size view score sheet stdout
}

@test "folders: a report, a made data set" {
	each_size report synth
}

@test "a cache" {
	each_size cache
}

@test "training with checkpoint and log, and a sweep" {
	each_size train sweep
}

@test "no inode left" {
	for name in $(calls | cut -d: -f 1 | grep -v stdout); do # standard output is opened by the shell
		: >"$t/rcs"
		for n in 1 $([ -z "$ALL" ] || seq 2 12); do room "size=64m,nr_inodes=$n" try "$name"; done
		grep -q 1 "$t/rcs" || fail "$name: no number was too small"
	done
}

# A pipeline's graph whose folder fills: make fails and says which file; no file of it is a half one; with room it goes on and ends
# in the files of an undisturbed run, and then has nothing left to do.
seed() { make -f "$ROOT/pipelines/seed.mk" all DATA="$D/data" IMAGE=init:resnet-tiny TEXT=init:bert-tiny EPOCHS=1 SIZE=32 ROWS=all-frozen-cached OUT=out; }
clip() {
	make -f "$ROOT/pipelines/clip.mk" all DATA="$D/data" OUT=out IMAGE=init:clip-tiny-image TEXT=init:clip-tiny-text \
		VOCAB="$ROOT/tests/data/text/clip" ENCODE='--vocab-size 797' EPOCHS=1 ROWS=late
}
demo() { bash "$ROOT/pipelines/demo.sh" --quick out; }
try_graph() { # NAME
	local rc=0 f
	"$1" >"$t/printed" 2>"$t/said" || rc=$?
	echo $rc >>"$t/rcs"
	if [ $rc != 0 ]; then
		grep -qE '(^hm-[a-z0-9-]+: error: [^:]+: |: write error: |^mkdir: |^mv: |^awk: ).*No space left on device' "$t/said" || fail "exit $rc, said: $(cat "$t/said")"
	fi
	[ -z "$(find . -name '.*.tmp')" ]
	for f in $(find out -name '*.hmr'); do hm-view --verify "$f"; done
	for f in $(find out -name '*.safetensors'); do hm-view "$f" >/dev/null; done
	[ -z "${once-}" ] || { [ $rc != 0 ]; return; }
	mount -o remount,size=256m,nr_inodes=10000 tmpfs "$fs"
	"$1" >"$t/printed" 2>"$t/said" || fail "with room: exit $?: $(cat "$t/said")"
	graph_files | diff "$t/sums" - >"$t/differ" || fail "other files than with room: $(cat "$t/differ")"
	if [ "$1" != demo ]; then
		"$1" >"$t/printed"
		refute grep -qE '^ *hm-' "$t/printed"
	fi
}
# What does not hold a time: records, models, predictions, scores.
graph_files() { find out \( -name '*.hmr' -o -name '*.safetensors' -o -name '*.csv' -o -name 'dev.json' \) ! -path '*/cache/*' ! -name report.csv -print0 | sort -z | xargs -0 cksum; }
each_graph() { # NAME QUICK-SIZES SIZES: KiB
	local k
	: >"$t/rcs"
	mkdir -p "$t/whole"
	(cd "$t/whole" && "$1" >/dev/null 2>&1 && graph_files >"$t/sums")
	[ "$(wc -l <"$t/sums")" -gt 5 ]
	for k in $2 $([ -z "$ALL" ] || echo "$3"); do room "size=${k}k" try_graph "$1"; done
	[ "$(sort -u "$t/rcs" | grep -vc '^0$')" != 0 ] || fail "no size was too small"
}

@test "seed.mk" {
	each_graph seed "16 400 900" "$(seq -s ' ' 4 60 1200)"
}

@test "clip.mk" {
	each_graph clip "250 500" "$(seq -s ' ' 4 60 900)"
}

@test "demo.sh (ALL: it is also run again, with room)" {
	if [ -n "$ALL" ]; then
		each_graph demo "16000" "$(seq -s ' ' 4 1600 17600)"
	else
		once=1 room size=700k try_graph demo
	fi
}
