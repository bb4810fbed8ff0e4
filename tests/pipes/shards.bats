# SHARDS= and RUN= of pipelines/*.mk: files of shards, joined, are the files of an unsharded run, byte by byte. (As jobs of a
# Slurm: tests/cluster.)

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 24 --dev 12 --test 4 data
	seed whole join >/dev/null 2>&1
	clip whole-clip join >/dev/null 2>&1
}
setup() { cd "$BATS_FILE_TMPDIR"; }

seed() { # OUT [ARGUMENT...]
	make --no-print-directory -f "$ROOT/pipelines/seed.mk" OUT="$1" DATA=data SIZE=32 EPOCHS=1 IMAGE=init:resnet-tiny TEXT=init:bert-tiny \
		DEVICE=cpu ROWS='all-frozen-cached all-frozen' "${@:2}"
}
clip() { # OUT [ARGUMENT...]
	make --no-print-directory -f "$ROOT/pipelines/clip.mk" OUT="$1" DATA=data IMAGE=init:clip-tiny-image TEXT=init:clip-tiny-text \
		VOCAB="$ROOT/tests/data/text/clip" ENCODE='--vocab-size 797 --mean 0.5,0.5,0.5 --std 1,1,1' SEEDS=1 EPOCHS=1 ROWS=late "${@:2}"
}

@test "seed.mk in 2, 3 and 7 shards: pixels, tokens and features of both splits" {
	for n in 2 3 7; do
		seed $n join SHARDS=$n CACHE=cache >log.txt 2>&1 || { cat log.txt; false; }
		for f in {train,dev}.{pixels,tokens,features}.hmr; do cmp whole/data/$f $n/data/$f; done
		[ "$(ls $n/data/shards | wc -l)" = $((8 * n)) ]
		[ "$(hm-view --schema $n/data/shards/train.1of$n.features.hmr | grep -o '"records":[0-9]*')" = '"records":'$(((24 + n - 2) / n)) ]
		run seed $n join SHARDS=$n CACHE=cache
		expect 0
		refute grep -q '^hm-' <<<"$output"
	done
}

@test "more shards than records" {
	mkdir -p few
	cp -r data/img data/vocab.txt few
	head -n 4 data/train.jsonl >few/train.jsonl
	head -n 1 data/dev.jsonl >few/dev.jsonl
	seed few-1 join DATA=few >/dev/null 2>&1
	seed few-6 join DATA=few SHARDS=6 >log.txt 2>&1 || { cat log.txt; false; }
	for f in {train,dev}.{pixels,tokens,features}.hmr; do cmp few-1/data/$f few-6/data/$f; done
}

@test "clip.mk in 2 and 5 shards; each shard is one pipe behind RUN_GPU" {
	clip c2 join SHARDS=2 CACHE=cache-clip >log.txt 2>&1 || { cat log.txt; false; }
	clip c5 join SHARDS=5 RUN='env A=1' RUN_GPU='env B=2' >log.txt 2>&1 || { cat log.txt; false; }
	for f in train.hmr dev.hmr; do cmp whole-clip/data/$f c2/data/$f && cmp whole-clip/data/$f c5/data/$f; done
	[ "$(grep -c "^env B=2 bash -euo pipefail -c 'hm-jsonl2rec --shard [0-4]/5 " log.txt)" = 10 ]
	[ "$(grep -c '^env A=1 hm-cat --deal ' log.txt)" = 2 ]
	refute grep -qE '^hm-[a-z0-9]+ ' log.txt
	# a tool that fails within the pipe fails the shard, and leaves nothing
	run clip broken shard-0 SHARDS=2 RUN_GPU=env PIXELS='--size 0'
	expect 2 '^hm-imgprep: error: '
	[ -z "$(find broken/data -name '*.hmr')" ]
}

@test "one shard: the commands are those of a run that names none" {
	for how in 'SHARDS=1' 'SHARDS=1 RUN= RUN_GPU='; do # shellcheck disable=SC2086
		for mk in seed clip; do
			$mk new -n report | grep -v '^mkdir' >want.txt
			$mk new -n report $how | grep -v '^mkdir' | diff want.txt -
		done
	done
	grep -q '^hm-encode ' want.txt || grep -q '| hm-encode ' want.txt
	[ -z "$(seed whole -n shard-0 | grep '^hm-')" ] # which join has made
}

@test "every heavy command runs behind RUN, those that use the device behind RUN_GPU" {
	cat >front <<-'END'
		#!/bin/sh
		echo "$1 $2" >>"$FRONT"
		shift
		exec "$@"
	END
	chmod +x front
	FRONT=front.txt seed prefixed report SHARDS=2 RUN='./front cpu' RUN_GPU='./front gpu' >log.txt 2>&1 || { cat log.txt; false; }
	sort front.txt | uniq -c | sed 's/^ *//' | diff - <(cat <<-END
		6 cpu hm-cat
		4 cpu hm-imgprep
		4 cpu hm-jsonl2rec
		4 cpu hm-tokenize
		4 gpu hm-encode
		2 gpu hm-fuse-train
		2 gpu hm-score
	END
	)
	refute grep -q front prefixed/report.md # the commands that it shows are hm's
	# RUN_GPU is RUN, unless it is given
	[ "$(seed unmade -n report RUN='./front both' | grep -c '^./front both hm-\(encode\|fuse-train\|score\) ')" = 6 ]
	FRONT=clip.txt clip prefixed-clip all RUN='./front cpu' >log.txt 2>&1 || { cat log.txt; false; }
	sort clip.txt | uniq -c | sed 's/^ *//' | diff - <(printf '%s\n' '2 cpu bash' '1 cpu hm-fuse-train' '1 cpu hm-nearest' '1 cpu hm-score')
}

@test "what the stages of the report took is the sum of the shards" {
	local s=2/stats/encode-train
	cat $s.0of2.json $s.1of2.json | tr '{,}' '\n\n\n' | awk -F: '
		/wall_s|records|cache_misses/ { sum[$1] += $2 }
		/peak/ && $2 > peak { peak = $2 }
		END { printf "%.6f %d %d %d\n", sum["\"wall_s\""], sum["\"records\""], sum["\"cache_misses\""], peak }' >want.txt
	sed 's/.*"peak_memory_bytes":\([0-9]*\).*/\1/' $s.json >peak.txt
	for k in wall_s records cache_misses; do grep -o "\"$k\":[0-9.e-]*" $s.json; done | cut -d: -f2 | paste -sd ' ' - peak.txt |
		awk '{ getline peak; printf "%.6f %d %d %d\n", $1, $2, $3, peak }' | diff - want.txt
	grep -q '"records":24[,}]' $s.json
	# a shard that did not say what it took: none is shown, rather than too little
	rm $s.1of2.json 2/data/train.features.hmr
	seed 2 join SHARDS=2 CACHE=cache >/dev/null 2>&1
	[ ! -s $s.json ]
	cmp whole/data/train.features.hmr 2/data/train.features.hmr
}

@test "an id that comes twice is found, wherever its records are" {
	cp -r data twice
	{ cat data/train.jsonl; sed -n 2p data/train.jsonl; } >twice/train.jsonl # records 1 and 24: different shards
	run seed twice-out join DATA=twice SHARDS=2
	expect 2 'twice'
	[ ! -e twice-out/data/train.pixels.hmr ]
}

@test "SHARDS is an integer from 1" {
	for bad in 0 '' x 1.5 -2 '2 3' 1000; do
		run seed bad join SHARDS="$bad"
		expect 2 "SHARDS=$bad: an integer from 1 to 999"
		[ ! -e bad ]
	done
}

@test "slurm.sh without Slurm says so" {
	mkdir -p bin
	ln -sf "$(command -v bash)" "$(command -v make)" "$(command -v cat)" bin
	PATH=$PWD/bin run "$ROOT/pipelines/slurm.sh" submit -- all
	expect 1 '^slurm.sh: error: sbatch is not installed: slurm.sh needs the commands of Slurm'
	PATH=$PWD/bin run "$ROOT/pipelines/slurm.sh" --help
	expect 0 '^usage: slurm.sh submit '
}
