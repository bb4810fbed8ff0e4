# Jobs of a real Slurm, started here: the pipelines with RUN= inside an allocation, and slurm.sh, end in the bytes of a run on
# one machine.

load ../support/bats
load slurm

setup_file() {
	start_slurm || return 1
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 24 --dev 12 --test 4 data
	mkdir local long
	(cd local && seed_mk -j2 report >log.txt 2>&1) && (cd long && seed_mk -j2 "${LONG[@]}" report >log.txt 2>&1) || { cat l*/log.txt >&2; return 1; }
}
teardown_file() { stop_slurm; }
teardown() { empty_slurm; }

# The name of the file that reports name everywhere: each test runs in a folder of its own.
setup() { mkdir -p "$BATS_TEST_TMPDIR/run" && cd "$BATS_TEST_TMPDIR/run" && LOCAL=$BATS_FILE_TMPDIR/local/experiment; }

# Arguments of make: two rows that cost little.
SEED=(-f "$ROOT/pipelines/seed.mk" SIZE=32 EPOCHS=1 IMAGE=init:resnet-tiny TEXT=init:bert-tiny DEVICE=cpu ROWS='all-frozen-cached all-frozen')
# A row of a few seconds, which writes checkpoints.
LONG=(ROWS=fast-learning EPOCHS= 'fast-learning=--optimizer sgd --lr 1e-3 --momentum 0.9 --batch-size 2 --epochs 4 --checkpoint-steps 4')
seed_mk() { make --no-print-directory "${SEED[@]}" DATA="$BATS_FILE_TMPDIR/data" "$@"; }
slurm() { # submit|status|cancel [OPTION...] [-- ARGUMENT...]
	local options=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1") && shift; done
	"$ROOT/pipelines/slurm.sh" "${options[@]}" -- "${SEED[@]}" DATA="$BATS_FILE_TMPDIR/data" "${@:2}"
}
until_said() { # PATTERN COMMAND...: within 60 seconds
	local i
	for ((i = 0; i < 300; i++)); do
		run "${@:2}"
		! grep -qE -- "$1" <<<"$output" || return 0
		sleep 0.2
	done
	fail "never said $1: $output; $(tail -n 20 experiment/slurm/*.log)"
}
until_over() { # [ARGUMENT...]: of slurm.sh's jobs none is left
	local i
	for ((i = 0; i < 300; i++)); do
		run slurm status -- "$@"
		grep -qE 'waiting|running' <<<"$output" || return 0
		sleep 0.2
	done
	fail "60 s, and there are still jobs: $output"
}

# The experiment of this folder is the local one: records, features, models, scores and tables by their bytes; and the report,
# too, once the times of the local run stand in place of its own.
same_results() {
	local f
	for f in data/{train,dev}.{pixels,tokens,features}.hmr runs.json rows.tsv compare.txt errors.png errors.txt \
		runs/{all-frozen,all-frozen-cached}/42/{model.safetensors,command.txt,log.jsonl,dev.{csv,hmr,json,txt},history.json}; do
		cmp "$LOCAL/$f" "experiment/$f" || return 1
	done
	cp -r experiment timed
	for f in "$LOCAL"/stats/*.json "$LOCAL"/runs/*/*/{train,score}.json; do
		f=${f#"$LOCAL"/}
		[ "$(grep -oE '"(records|steps|cache_misses|tool)":[^,}]*' "timed/$f")" = "$(grep -oE '"(records|steps|cache_misses|tool)":[^,}]*' "$LOCAL/$f")" ] || fail "$f: $(cat "timed/$f")"
		cp "$LOCAL/$f" "timed/$f"
	done
	hm-report timed/runs.json
	for f in report.html report.md report.csv; do cmp "$LOCAL/$f" "timed/$f" || return 1; done
}

@test "make -j with RUN=srun inside an allocation: every heavy command is a step, the results are the local ones" {
	seed_mk SHARDS=3 settings >/dev/null
	run salloc -Q --ntasks=4 make --no-print-directory -j 8 "${SEED[@]}" DATA="$BATS_FILE_TMPDIR/data" SHARDS=3 \
		RUN='srun --ntasks=1' RUN_GPU='srun --ntasks=1 --cpus-per-task=2' report
	expect 0
	[ "$(grep -cE '^srun --ntasks=1 hm-(jsonl2rec|imgprep|tokenize) ' <<<"$output")" = 18 ]
	[ "$(grep -cE '^srun --ntasks=1 hm-cat --deal ' <<<"$output")" = 6 ]
	[ "$(grep -cE '^srun --ntasks=1 --cpus-per-task=2 hm-(encode|fuse-train|score --model) ' <<<"$output")" = 10 ]
	refute grep -qE '^hm-(jsonl2rec|imgprep|tokenize|cat|encode|fuse-train) ' <<<"$output"
	local job
	job=$(scontrol -o show job | grep -o '^JobId=[0-9]*' | tail -n 1)
	[ "$(grep -cE "launch task StepId=${job#JobId=}\.[0-9]+ " "$HM_SLURM/slurmd.log")" = 34 ]
	same_results
}

@test "submit: an array of shards, then the join, the rows, the report; status has a line each; a second submission repeats nothing" {
	run slurm submit --sbatch '--time=7 --comment=ours' --sbatch-gpu --nice=3 -- SHARDS=3
	expect 0 '^submitted: 3 shards, 2 rows; logs are in experiment/slurm$'
	squeue -h -r -o '%j %k %l %y %K' | sort >queue.txt
	diff queue.txt - <<-END
		hm-all ours 7:00 0 N/A
		hm-all-frozen ours 7:00 3 N/A
		hm-all-frozen-cached ours 7:00 3 N/A
		hm-join ours 7:00 0 N/A
		hm-shards ours 7:00 3 0
		hm-shards ours 7:00 3 1
		hm-shards ours 7:00 3 2
	END
	run slurm status -- SHARDS=3
	expect 0 '^all +1 waiting$'
	run slurm submit -- SHARDS=3
	expect 1 'experiment has jobs in the queue already: slurm.sh status, or cancel$'
	until_over SHARDS=3
	expect 0
	diff - <(echo "$output") <<-END
		shards             3 done
		join               1 done
		all-frozen-cached  1 done
		all-frozen         1 done
		all                1 done
	END
	same_results
	grep -q '"encode, train".*stats/encode-train.json' experiment/runs.json
	[ "$(grep -lE '^hm-encode ' experiment/slurm/*.log | paste -sd ' ')" = 'experiment/slurm/shards-0.log experiment/slurm/shards-1.log experiment/slurm/shards-2.log' ]
	[ "$(grep -lE '^hm-(cat|fuse-train) ' experiment/slurm/*.log | paste -sd ' ')" = 'experiment/slurm/all-frozen-cached.log experiment/slurm/all-frozen.log experiment/slurm/join.log' ]
	grep -q '^hm-report experiment/runs.json$' experiment/slurm/all.log
	rm experiment/slurm/*.log
	slurm submit -- SHARDS=3
	until_over SHARDS=3
	expect 0 '^all +1 done$'
	refute grep -hE '^hm-' experiment/slurm/*.log
}

@test "a shard that fails: what needs it is cancelled, status says which; repaired and submitted again, only it is done" {
	cp -r "$BATS_FILE_TMPDIR/data" data
	local img
	img=data/img/$(sed -n 2p data/train.jsonl | grep -o '[0-9]*\.png') # of shard 1
	mv "$img" away.png
	slurm submit -- SHARDS=3 DATA=data
	until_over SHARDS=3 DATA=data
	expect 1
	diff - <(echo "$output") <<-END
		shards             2 done, failed: experiment/slurm/shards-1.log
		join               cancelled, because shards failed
		all-frozen-cached  cancelled, because shards failed
		all-frozen         cancelled, because shards failed
		all                cancelled, because shards failed
	END
	[ -z "$(squeue -h)" ]
	grep -q '^hm-imgprep: error: ' experiment/slurm/shards-1.log
	[ ! -e experiment/data/train.pixels.hmr ]
	cp -p away.png "$img"
	touch -r data/train.jsonl "$img"
	rm experiment/slurm/*.log
	slurm submit -- SHARDS=3 DATA=data
	until_over SHARDS=3 DATA=data
	expect 0 '^shards +3 done$'
	[ "$(grep -lE '^hm-' experiment/slurm/shards-*.log)" = experiment/slurm/shards-1.log ]
	refute grep -q '^hm-jsonl2rec .*/train.jsonl' experiment/slurm/shards-1.log
	for f in data/{train,dev}.features.hmr runs/all-frozen/42/model.safetensors; do cmp "$LOCAL/$f" experiment/$f; done
}

row_job() { awk '$1 == "fast-learning" { print $2 }' experiment/slurm/jobs; }
until_trained() { # until an epoch is over
	local i
	for ((i = 0; i < 300; i++)); do
		! grep -q ' epoch 1 of 4: ' experiment/slurm/fast-learning.log 2>/dev/null || return 0
		sleep 0.1
	done
	fail "no epoch: $(cat experiment/slurm/*.log)"
}
long_results() {
	local f
	for f in data/{train,dev}.{pixels,tokens}.hmr runs.json runs/fast-learning/42/{model.safetensors,log.jsonl,dev.csv,dev.json}; do
		cmp "$BATS_FILE_TMPDIR/long/experiment/$f" experiment/$f || return 1
	done
}

@test "a job that is requeued goes on from its checkpoint and ends in the same bytes" {
	slurm submit -- "${LONG[@]}" SHARDS=2
	until_trained
	scontrol requeue "$(row_job)"
	until_said BeginTime squeue -h -o %r -j "$(row_job)"
	scontrol update JobId="$(row_job)" StartTime=now+2 # not in two minutes, but not within the second either: slurmd takes it for the job that it just ended
	until_said '^fast-learning +1 (waiting|running)$' slurm status -- "${LONG[@]}" SHARDS=2
	until_over "${LONG[@]}" SHARDS=2
	expect 0 '^all +1 done$'
	scontrol -o show job "$(row_job)" | grep -q ' Restarts=1 '
	[ "$(grep -c '^hm-fuse-train --' experiment/slurm/fast-learning.log)" = 2 ]
	grep -q '^hm-fuse-train: .*stopped by signal 15 after step [1-9]' experiment/slurm/fast-learning.log
	[ "$(grep -c ' epoch [1-4] of 4: training loss' experiment/slurm/fast-learning.log)" = 4 ] # none of them twice
	long_results
}

@test "a job whose processes are killed: status says it, what follows is cancelled, the next submission ends in the same bytes" {
	slurm submit -- "${LONG[@]}" SHARDS=2
	until_trained
	kill -KILL $(scontrol listpids "$(row_job)" | awk 'NR > 1 && $1 > 1 { print $1 }')
	until_over "${LONG[@]}" SHARDS=2
	expect 1 '^fast-learning +FAILED: experiment/slurm/fast-learning.log$'
	expect 1 '^all +cancelled, because fast-learning failed$'
	[ ! -e experiment/runs/fast-learning/42/model.safetensors ]
	slurm submit -- "${LONG[@]}" SHARDS=2
	until_over "${LONG[@]}" SHARDS=2
	expect 0 '^all +1 done$'
	long_results
}

@test "cancel takes what is left out of the queue" {
	slurm submit -- "${LONG[@]}" SHARDS=2
	until_said '^fast-learning +1 running$' slurm status -- "${LONG[@]}" SHARDS=2
	run slurm cancel -- "${LONG[@]}" SHARDS=2
	expect 0 '^cancelled: 2 jobs$'
	until_over "${LONG[@]}" SHARDS=2
	expect 1 '^fast-learning +CANCELLED: experiment/slurm/fast-learning.log$'
	expect 1 '^shards +2 done$'
	[ -z "$(squeue -h)" ]
	run slurm cancel -- "${LONG[@]}" SHARDS=2
	expect 0 '^cancelled: 0 jobs$'
}

@test "clip.mk, installed: the tools of PATH, the same features, scores and table as on one machine" {
	(cd "$ROOT" && make -s install prefix="$BATS_TEST_TMPDIR/there" >/dev/null)
	local here=$BATS_TEST_TMPDIR/there args f
	export PATH=$here/bin:$PATH
	args=(-f "$here/share/hm/pipelines/clip.mk" all DATA="$BATS_FILE_TMPDIR/data" IMAGE=init:clip-tiny-image TEXT=init:clip-tiny-text
		VOCAB="$ROOT/tests/data/text/clip" ENCODE='--vocab-size 797 --mean 0.5,0.5,0.5 --std 1,1,1' EPOCHS=1 SEEDS='1 2' ROWS=late)
	(mkdir ../one && cd ../one && make "${args[@]}" >log.txt 2>&1 || { cat log.txt; false; })
	"$here/share/hm/pipelines/slurm.sh" submit -- "${args[@]}" SHARDS=2 RUN='srun --ntasks=1'
	until_said '^all +1 done$' "$here/share/hm/pipelines/slurm.sh" status -- "${args[@]}" SHARDS=2
	diff - <(echo "$output") <<-END
		shards             2 done
		join               1 done
		late               1 done
		knn                1 done
		all                1 done
	END
	grep -q "^srun --ntasks=1 bash -euo pipefail -c 'hm-jsonl2rec --shard 1/2 " clip-experiment/slurm/shards-1.log
	for f in data/{train,dev}.hmr {late,knn,mean}.{csv,json} runs/late/2/model.safetensors table.txt compare.txt runs.json; do
		cmp ../one/clip-experiment/$f clip-experiment/$f
	done
}

@test "wrong calls, options that sbatch does not take, and a machine without Slurm are said" {
	run "$ROOT/pipelines/slurm.sh" --help
	expect 0 '^usage: slurm.sh submit '
	for call in '' 'submit' 'submit --' 'start -- all' 'status --sbatch x -- all' 'submit --nice -- all' 'submit --sbatch'; do # shellcheck disable=SC2086
		run "$ROOT/pipelines/slurm.sh" $call
		expect 2 '^(usage: slurm.sh submit |slurm.sh: error: .*make.s arguments)'
	done
	run slurm submit -- freeze-image
	expect 2 "^slurm.sh: error: freeze-image: goals are all or report; ROWS='freeze-image' is a run of that row"
	run slurm submit -- -C /
	expect 2 'call slurm.sh in the folder where make is to run, not with -C'
	run slurm submit -- SHARDS=x
	expect 2 'SHARDS=x: an integer from 1 to 999'
	run slurm status
	expect 1 '^slurm.sh: error: experiment/slurm/jobs does not exist: nothing was submitted'
	run slurm submit --sbatch-gpu --partition=none
	expect 1 '^slurm.sh: error: sbatch does not take the stage shards'
	mkdir bin
	printf '#!/bin/sh\ncase "$*" in *=hm-all-frozen\ *) exit 1 ;; esac\nexec %s --hold "$@"\n' "$(command -v sbatch)" >bin/sbatch
	chmod +x bin/sbatch
	PATH=$PWD/bin:$PATH run slurm submit
	expect 1 '^cancelled: 3 jobs$'
	expect 1 '^slurm.sh: error: sbatch does not take the stage all-frozen; what was submitted before it is cancelled'
	[ -z "$(squeue -h)" ]
	rm bin/sbatch
	ln -s "$(command -v bash)" "$(command -v make)" "$(command -v cat)" bin
	PATH=$PWD/bin run "$ROOT/pipelines/slurm.sh" submit -- all
	expect 1 '^slurm.sh: error: sbatch is not installed: slurm.sh needs the commands of Slurm'
}
