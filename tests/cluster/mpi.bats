# One training in several processes (hm-fuse-train --parallel mpi): the same bytes for any number of ranks, also after a
# rank was killed and another number went on; what goes wrong on one rank ends all, and is named.

load ../support/bats

init="--image init:resnet-tiny --text init:bert-tiny"
common="-q -j1 --micro-batch 8 --batch-size 50 --epochs 2 --log-steps 1"

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 130 --dev 40 --test 0 d # batches of 50, 50 and 30: 7 parts, the last of 2; 4 parts, the last of 6
	for s in train dev; do
		hm-jsonl2rec -q d/$s.jsonl | hm-imgprep -q --root d/img --size 64 | hm-tokenize -q --vocab d/vocab.txt -o $s.hmr
		hm-encode -q $init -o $s.features.hmr $s.hmr
	done
	hm-cat -q --head 129 -o fewer.hmr train.hmr
}
setup() { cd "$BATS_FILE_TMPDIR"; }

ranks() { # P OPTION...
	local n=$1
	shift
	mpirun --allow-run-as-root --oversubscribe -n "$n" hm-fuse-train --parallel mpi "$@"
}

# same NAME "P ..." OPTION...: the run without MPI and those of P ranks write the same model, log and checkpoint.
same() {
	local name=$1 counts=$2 p x
	shift 2
	hm-fuse-train $common --checkpoint $name.ckpt --log $name.log -o $name.model "$@"
	for p in $counts; do
		ranks $p $common --checkpoint $name.$p.ckpt --log $name.$p.log -o $name.$p.model "$@"
		for x in model log ckpt; do
			cmp $name.$x $name.$p.$x || fail "$name: $x of $p ranks differs"
		done
	done
	rm -f $name.*
}

@test "a head on cached features" {
	same head "1 2 3 4 8" --val dev.features.hmr --select auroc train.features.hmr
	same align "2 3" --fusion align --map-dim 64 --head-dropout .2,.4,.1 --pre-layers 2 train.features.hmr
}

@test "late fusion, both encoders trained: AdamW, clipping, class weights, exemptions from decay" {
	same late "1 2 3 4" $init --lr 1e-3 --clip-norm .1 --class-weight 1,3 --weight-decay .1 --no-decay norm,bias \
		--val dev.hmr --select accuracy train.hmr
}

@test "late fusion with frozen encoders, in both modes" {
	same frozen-train "2 3" $init --freeze both --frozen-mode train --optimizer sgd --momentum .9 --lr 1e-2 train.hmr
	same frozen-eval "3" $init --freeze image --optimizer adam train.hmr
}

@test "running statistics move by the parts in their order, as by batches of one part" {
	still="-q -j1 $init --freeze both --frozen-mode train --lr 0 --no-shuffle --epochs 1 --micro-batch 8" # nothing else moves
	hm-fuse-train $still --batch-size 8 -o ones.model train.hmr
	ranks 3 $still --batch-size 40 -o parts.model train.hmr
	tensors() { tail -c +$((9 + $(od -An -tu8 -N8 "$1"))) "$1"; } # what follows the header, which has the options
	cmp <(tensors ones.model) <(tensors parts.model)
}

@test "early fusion, the trunk in both modes" {
	same early "2 3" --fusion early $init --frozen-mode train --clip-norm 1 --schedule cosine --warmup-steps 3 train.hmr
	same early-eval "4" --fusion early $init --class-weight 1,2 --val dev.hmr train.hmr
}

@test "the model is that of whole batches, up to rounding" {
	hm-fuse-train -q -j1 --batch-size 50 --epochs 2 --log-steps 1 --log whole.log -o whole.model train.features.hmr
	ranks 3 $common --log parts.log -o parts.model train.features.hmr
	losses() { grep -o '"loss":[0-9.]*' "$1" | cut -d : -f 2; }
	[ "$(losses whole.log | wc -l)" = 6 ]
	close() { paste <(losses whole.log) <(losses parts.log) | awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > 2e-6) exit 1 }'; }
	close
	text="--features text --text init:bert-tiny --dropout .3 --class-weight 1,3 --clip-norm .1 --optimizer sgd --lr .1" # no batch norm
	hm-fuse-train -q -j1 --batch-size 50 --epochs 2 --log-steps 1 $text --log whole.log -o whole.model train.hmr
	ranks 3 $common $text --log parts.log -o parts.model train.hmr
	close
}

@test "--micro-batch, unless given, is a rank's share of a batch, which a checkpoint keeps" {
	ranks 3 -q -j1 --batch-size 50 --epochs 1 --checkpoint share.ckpt -o share.model train.features.hmr
	hm-fuse-train -q -j1 --batch-size 50 --micro-batch 17 --epochs 1 --checkpoint want.ckpt -o want.model train.features.hmr
	cmp share.model want.model
	ranks 2 -q -j1 --batch-size 50 --epochs 2 --checkpoint share.ckpt --resume -o share.model train.features.hmr
	hm-fuse-train -q -j1 --batch-size 50 --micro-batch 17 --epochs 2 --checkpoint want.ckpt --resume -o want.model train.features.hmr
	cmp share.model want.model
}

@test "an epoch that is the best so far stays so when another number of ranks goes on" {
	best="$common --lr .05 --batch-size 32 --val dev.features.hmr --select auroc"
	hm-fuse-train $best --epochs 6 --log once.log -o once.model train.features.hmr
	grep -qE '"best_epoch":[1-4],' once.log || fail "a later epoch is the best: choose another rate"
	ranks 3 $best --epochs 4 --checkpoint best.ckpt -o best.model train.features.hmr
	ranks 2 $best --epochs 6 --checkpoint best.ckpt --resume -o best.model train.features.hmr
	cmp once.model best.model
}

long="$common --epochs 4 $init --checkpoint-steps 2 --val dev.hmr --select auroc"

@test "kill -9 of each rank: one line names it, all end, another number of ranks goes on to the same bytes" {
	hm-fuse-train $long --checkpoint long.ckpt --log long.log -o long.model train.hmr
	for victim in 0 1 2; do
		rm -f k.*
		ranks 3 $long --checkpoint k.ckpt --log k.log -o k.model train.hmr >k.err 2>&1 3>&- &
		launcher=$!
		until [ -s k.ckpt ]; do sleep .02; done
		began=$SECONDS
		kill -9 "$(pgrep -P "$(children mpirun $launcher)" | sed -n "$((victim + 1))p")"
		rc=0
		wait $launcher || rc=$?
		[ $rc != 0 ] && [ $((SECONDS - began)) -le 15 ] || fail "exit $rc after $((SECONDS - began)) s"
		[ ! -e k.model ]
		[ "$(grep -c 'hm-fuse-train: error: rank . has ended, so all ranks end; --checkpoint k.ckpt --resume goes on' k.err)" = 1 ] ||
			fail "$(cat k.err)"
		ranks $((victim + 1)) $long --checkpoint k.ckpt --resume --log k.log -o k.model train.hmr
		for x in model log ckpt; do cmp long.$x k.$x; done
	done
}

# The process itself where it is mpirun, else its child: $! may be a shell of bash's.
children() { # NAME PID
	if [ "$(cat /proc/"$2"/comm)" = "$1" ]; then echo "$2"; else pgrep -P "$2" "$1"; fi
}

@test "SIGUSR1 to one rank writes a checkpoint, SIGTERM to one ends all with one" {
	hm-fuse-train $long --epochs 6 --checkpoint-steps 100 --checkpoint s.ckpt --log s.log -o s.model train.hmr
	for signal in USR1 TERM; do
		rm -f k.*
		ranks 2 $long --epochs 6 --checkpoint-steps 100 --checkpoint k.ckpt --log k.log -o k.model train.hmr >k.err 2>&1 3>&- &
		launcher=$!
		until [ -s k.log ]; do sleep .02; done
		kill -$signal "$(pgrep -P "$(children mpirun $launcher)" | sed -n 2p)"
		rc=0
		wait $launcher || rc=$?
		if [ $signal = TERM ]; then
			[ $rc = 143 ] && [ ! -e k.model ] && [ -s k.ckpt ] || fail "exit $rc: $(cat k.err)"
			ranks 3 $long --epochs 6 --checkpoint-steps 100 --checkpoint k.ckpt --resume --log k.log -o k.model train.hmr
		else
			[ $rc = 0 ] || fail "exit $rc: $(cat k.err)"
		fi
		for x in model log ckpt; do cmp s.$x k.$x; done
	done
}

@test "other data, options or checkpoints on one rank are found before the first step" {
	mixed() { # OPTIONS-OF-RANK-0 OPTIONS-OF-RANK-1
		run timeout 30 mpirun --allow-run-as-root --oversubscribe -n 1 hm-fuse-train --parallel mpi -o m.model $common $1 : \
			-n 1 hm-fuse-train --parallel mpi -o m.model $common $2
	}
	mixed "$init train.hmr" "$init fewer.hmr"
	expect 1 'hm-fuse-train: error: rank 1 has other training data than rank 0'
	mixed "--val dev.features.hmr train.features.hmr" "--val train.features.hmr train.features.hmr"
	expect 1 'error: rank 1 has other validation data than rank 0'
	mixed "train.features.hmr" "--lr 2 train.features.hmr"
	expect 1 'error: rank 1 has other options or encoders than rank 0'
	mixed "train.features.hmr" "nowhere.hmr"
	expect 1 'error: rank 1: nowhere.hmr: cannot open'
	hm-fuse-train $common --checkpoint there.ckpt -o m.model train.features.hmr && rm m.model
	mixed "--checkpoint there.ckpt --resume train.features.hmr" "--checkpoint away.ckpt --resume train.features.hmr"
	expect 1 'rank 1 does not go on from a checkpoint and rank 0 does: it must lie where all machines see it'
	cp there.ckpt older.ckpt
	hm-fuse-train $common --epochs 3 --checkpoint there.ckpt --resume -o m.model train.features.hmr && rm m.model
	mixed "--epochs 4 --checkpoint there.ckpt --resume train.features.hmr" "--epochs 4 --checkpoint older.ckpt --resume train.features.hmr"
	expect 1 'rank 1 has another checkpoint than rank 0: it must lie where all machines see it'
	mixed "--checkpoint new.ckpt train.features.hmr" "train.features.hmr"
	expect 1 'rank 1 has other options or encoders than rank 0'
	mixed "--checkpoint new.ckpt --checkpoint-steps 1 train.features.hmr" "--checkpoint new.ckpt --checkpoint-steps 2 train.features.hmr"
	expect 1 'rank 1 has other options or encoders than rank 0'
	[ ! -e m.model ]
}

@test "a failure of all is said once; one of a rank alone names it and ends all" {
	run ranks 3 $common -o m.model nowhere.hmr
	expect 1 'hm-fuse-train: error: nowhere.hmr: cannot open'
	[ "$(grep -c 'nowhere.hmr' <<<"$output")" = 1 ] || fail "$output"
	run ranks 2 $common --lr 1e6 --optimizer sgd -o m.model $init train.hmr # diverges
	expect 1 'error: rank 0: step [0-9]+, learning rate 1e\+06: .*; all ranks end'
	[ "$(grep -c 'all ranks end' <<<"$output")" = 1 ] || fail "$output"
	run ranks 2 $common -o m.model - <train.features.hmr
	expect 2 'error: several ranks read files, not standard input, which mpirun gives to rank 0 alone'
	[ "$(grep -c 'hm-fuse-train' <<<"$output")" = 2 ] || fail "$output" # the error, and where to read on
	run ranks 2 $common -o nowhere/m.model train.features.hmr # rank 0 writes
	expect 1 'error: rank 0: nowhere/m.model: cannot open its folder'
}

@test "rank 0 alone speaks, and writes --stats; -v says what was sent" {
	run ranks 3 -v -j1 --micro-batch 8 --batch-size 50 --epochs 1 --stats stats.json -o m.model train.features.hmr
	expect 0 'hm-fuse-train: 3 ranks over Open MPI'
	[ "$(grep -c 'epoch 1 of 1: training loss' <<<"$output")" = 1 ]
	expect 0 'rank 0 sent [0-9.]+ MB, [0-9.]+ MB of it further partial sums'
	of() { echo hm-fuse-train --parallel mpi $common -o $1.model --last $1.last --log $1.log --checkpoint $1.ckpt --stats $1.json train.features.hmr; }
	mpirun --allow-run-as-root --oversubscribe -n 1 $(of w0) : -n 1 $(of w1)
	[ "$(echo w[01].*)" = "w0.ckpt w0.ckpt.seconds w0.json w0.last w0.log w0.model" ] || fail "$(echo w[01].*)"
	grep -qE '"ranks":3' stats.json && grep -qE '"sent_bytes":[1-9]' stats.json && grep -qE '"extra_bytes":[1-9]' stats.json
}

@test "without the plug-in or with that of other sources: exit 3; alone: one rank; wrong calls: exit 2" {
	HM_MPI_PLUGIN='' run hm-fuse-train --parallel mpi -o m.model train.features.hmr
	expect 3 'hm-fuse-train: error: --parallel mpi is not built in: there is no libhm_mpi.so'
	HM_MPI_PLUGIN=$PWD/dev.hmr run hm-fuse-train --parallel mpi -o m.model train.features.hmr
	expect 3 '--parallel mpi cannot be loaded'
	run hm-fuse-train -q --parallel mpi --epochs 1 -o alone.model train.features.hmr
	expect 0
	hm-fuse-train -q --micro-batch 64 --epochs 1 -o want.model train.features.hmr
	cmp alone.model want.model
	echo '{"lr":0.1}' >lines
	run hm-fuse-train --parallel mpi --sweep lines -o folder train.features.hmr
	expect 2 'parallel is for one training'
}
