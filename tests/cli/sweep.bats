# hm-fuse-train --sweep: many heads in one pass, each as if trained alone.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 80 --dev 40 --test 4 data
	for split in train dev; do
		hm-jsonl2rec data/$split.jsonl | hm-imgprep -q --root data/img --size 32 | hm-tokenize -q --vocab data/vocab.txt |
			hm-encode -q --image init:resnet-tiny --text init:bert-tiny --keep -o $split.hmr
	done
	cat >four.jsonl <<'END'
{"name":"a","optimizer":"adam","lr":1e-2,"epochs":2}
{"name":"b","optimizer":"sgd","lr":1e-2,"momentum":0.9,"batch-size":32,"seed":7,"no-shuffle":true}

{"name":"c c","lr":3e-3,"schedule":"cosine","warmup-steps":2,"weight-decay":0.1,"no-decay":"bias","clip-norm":1,"select":"auroc"}
{"name":"d","class-weight":"1,2.5","patience":1,"select":"accuracy","epochs":6}
END
}

setup() {
	cd "$BATS_FILE_TMPDIR"
}

# The same four, one at a time.
alone() { # OPTION...
	mkdir -p alone
	hm-fuse-train -q "$@" --optimizer adam --lr 1e-2 --epochs 2 -o alone/a.safetensors train.hmr
	hm-fuse-train -q "$@" --optimizer sgd --lr 1e-2 --momentum 0.9 --batch-size 32 --seed 7 --no-shuffle -o alone/b.safetensors train.hmr
	hm-fuse-train -q "$@" --lr 3e-3 --schedule cosine --warmup-steps 2 --weight-decay 0.1 --no-decay bias --clip-norm 1 --select auroc \
		-o "alone/c c.safetensors" train.hmr
	hm-fuse-train -q "$@" --class-weight 1,2.5 --patience 1 --select accuracy --epochs 6 -o alone/d.safetensors train.hmr
}

@test "each model is the same bytes as that of its own run, for any -j" {
	for how in "" --standardize "--features text" "--device ref"; do
		alone --epochs 3 --val dev.hmr $how
		for j in 1 3; do
			rm -rf swept
			hm-fuse-train -q -j $j --sweep four.jsonl --epochs 3 --val dev.hmr $how -o swept train.hmr
			for m in a b "c c" d; do cmp "alone/$m.safetensors" "swept/$m.safetensors"; done
		done
	done
}

# Heads of one seed and batch size train in step on one worker and share each batch; the lines mix those that can with those
# that cannot, in numbers that no division into teams makes even.
@test "heads that train in step: the same bytes as alone, whatever their neighbours are" {
	cat >mixed.jsonl <<'END'
{"name":"m0","lr":1e-2}
{"name":"m1","lr":1e-3,"weight-decay":0.5}
{"name":"m2","seed":7}
{"name":"m3","lr":3e-2,"optimizer":"sgd","momentum":0.9}
{"name":"m4","batch-size":9}
{"name":"m5","clip-norm":0.01,"epochs":1}
{"name":"m6","batch-size":9,"lr":1e-2,"optimizer":"adam"}
{"name":"m7","seed":7,"lr":1e-2}
{"name":"m8","no-shuffle":true}
{"name":"m9","drop-last":true}
{"name":"m10","drop-last":true,"lr":1e-2}
{"name":"m11","fusion":"align","map-dim":8}
{"name":"m12","fusion":"concat","map-dim":8,"lr":1e-2}
{"name":"m13","fusion":"align","map-dim":8,"lr":1e-2,"head-dropout":"0.2,0.1,0.3"}
{"name":"m14","lr":1e-6,"schedule":"cosine","warmup-steps":2}
END
	for how in "--classes 2 --class-weight 1,2.5" "--classes 3 --val dev.hmr" "--no-standardize --class-weight 2,1"; do
		while read -r line; do
			name=$(sed -E 's/.*"name":"([^"]*)".*/\1/' <<<"$line")
			options=$(sed -E 's/[{}]//g; s/"name":"[^"]*"//; s/:true//g; s/,?"([a-z-]+)":/ --\1 /g; s/,"([a-z-]+)"/ --\1/g; s/"//g' <<<"$line")
			hm-fuse-train -q --batch-size 16 --epochs 3 $how $options -o $name.alone train.hmr
		done <mixed.jsonl
		for j in 1 2; do
			rm -rf swept
			hm-fuse-train -q -j $j --batch-size 16 --epochs 3 $how --sweep mixed.jsonl -o swept train.hmr
			for i in {0..14}; do cmp m$i.alone swept/m$i.safetensors; done
		done
	done
}

@test "from a first model, standardised: the same bytes too" {
	hm-fuse-train -q --standardize --epochs 1 -o first.safetensors train.hmr
	alone --epochs 3 --val dev.hmr --init first.safetensors --standardize
	rm -rf swept
	hm-fuse-train -q --sweep four.jsonl --epochs 3 --val dev.hmr --init first.safetensors --standardize -o swept train.hmr
	for m in a b "c c" d; do cmp "alone/$m.safetensors" "swept/$m.safetensors"; done
}

@test "the leaderboard: best first, figures of hm-score" {
	rm -rf swept
	run hm-fuse-train --sweep four.jsonl --select accuracy --epochs 3 --val dev.hmr -o swept train.hmr
	expect 0 'best of 4'
	[ "$(head -n 1 swept/leaderboard.csv)" = name,optimizer,lr,epochs,momentum,batch-size,seed,no-shuffle,schedule,warmup-steps,weight-decay,no-decay,clip-norm,select,class-weight,patience,train_loss,val_loss,accuracy,accuracy_lo,accuracy_hi,auroc,n,epoch,error ]
	[ "$(wc -l <swept/leaderboard.csv)" = 5 ]
	for m in a b "c c" d; do # loss, accuracy, its interval, AUROC, n
		row=$(grep "^\"$m\"," swept/leaderboard.csv | sed 's/"1,2.5"//' | cut -d, -f18-23 | tr , '\n' | xargs printf '%.6f\n')
		score=$(hm-score --model "swept/$m.safetensors" --json - dev.hmr |
			sed -E 's/.*"accuracy":([^,]*),"accuracy_ci95":\[([^,]*),([^]]*)\].*"auroc":([^,]*),.*"log_loss":([^,]*),.*"n":([^,]*),.*/\5 \1 \2 \3 \4 \6/' |
			tr ' ' '\n' | xargs printf '%.6f\n')
		diff <(echo "$score") <(echo "$row")
	done
	[ "$(tail -n +2 swept/leaderboard.csv | sed 's/"1,2.5"//' | cut -d, -f19)" = "$(tail -n +2 swept/leaderboard.csv | sed 's/"1,2.5"//' | cut -d, -f19 | sort -gr)" ]
}

@test "where no AUROC is defined none is given" {
	rm -rf swept
	sed 's/"label": *[01]/"label":1/' data/dev.jsonl | hm-jsonl2rec -q | hm-imgprep -q --root data/img --size 32 | hm-encode -q --image init:resnet-tiny -o $BATS_TEST_TMPDIR/i.hmr
	echo '{"name":"a"}' >$BATS_TEST_TMPDIR/one.jsonl
	run hm-fuse-train --sweep $BATS_TEST_TMPDIR/one.jsonl --features image --epochs 1 --val $BATS_TEST_TMPDIR/i.hmr -o swept train.hmr
	expect 0 'its validation accuracy [0-9.]+: the best of 1'
	rm -r swept
	run hm-fuse-train --sweep $BATS_TEST_TMPDIR/one.jsonl --features image --select auroc --val $BATS_TEST_TMPDIR/i.hmr -o swept train.hmr
	expect 1 'error: --select auroc needs two classes in the validation set'
	[ ! -e swept ]
}

@test "options of maps are refused where no line has maps" {
	rm -rf swept
	echo '{"name":"a"}' >$BATS_TEST_TMPDIR/late.jsonl
	run hm-fuse-train --sweep $BATS_TEST_TMPDIR/late.jsonl --map-dim 8 -o swept train.hmr
	expect 2 "error: --map-dim is of fusions with maps, and no line of .*late.jsonl has one$"
	[ ! -e swept ]
	echo '{"name":"b","fusion":"align"}' >>$BATS_TEST_TMPDIR/late.jsonl
	hm-fuse-train -q --sweep $BATS_TEST_TMPDIR/late.jsonl --map-dim 8 --epochs 1 -o swept train.hmr
}

@test "the leaderboard has the options as they were given, to the last digit" {
	rm -rf swept
	printf '%s\n' '{"name":"x","seed":9007199254740991,"lr":0.0012345678901234567}' '{"name":"y","seed":1836754731,"lr":1e-10}' >long.jsonl
	hm-fuse-train -q --sweep long.jsonl --epochs 1 -o swept train.hmr
	grep -q '^"x",9007199254740991,0.0012345678901234567,' swept/leaderboard.csv
	grep -q '^"y",1836754731,1e-10,' swept/leaderboard.csv
}

@test "--keep best:K" {
	rm -rf swept
	hm-fuse-train -q --sweep four.jsonl --epochs 3 --select auroc --keep best:2 --val dev.hmr -o swept train.hmr
	[ "$(ls swept | wc -l)" = 3 ]
	for m in $(sed -n '2,3s/^"\([^"]*\)".*/\1/p' swept/leaderboard.csv); do [ -e "swept/$m"* ]; done
}

@test "one that diverges has its reason and no model, the others are there, exit 1" {
	printf '%s\n' '{"name":"bad","optimizer":"sgd","lr":1e6,"weight-decay":1e6,"batch-size":8}' '{"name":"good"}' >some.jsonl
	rm -rf swept
	run hm-fuse-train --sweep some.jsonl --epochs 1 -o swept train.hmr
	expect 1 '1 of 2 configurations failed and have no model, the first is bad: step'
	[ -e swept/good.safetensors ]
	[ ! -e swept/bad.safetensors ]
	tail -n 1 swept/leaderboard.csv | grep -q '^"bad",.*not finite' # behind all that have a model
}

@test "a folder used again: no model of an earlier sweep under a name that has none now, no old table" {
	rm -rf swept
	printf '%s\n' '{"name":"good"}' '{"name":"bad"}' '{"name":"third","seed":3}' >some.jsonl
	hm-fuse-train -q --sweep some.jsonl --epochs 1 --val dev.hmr -o swept train.hmr
	echo mine >swept/mine.safetensors
	[ "$(ls swept | wc -l)" = 5 ]
	printf '%s\n' '{"name":"good"}' '{"name":"bad","optimizer":"sgd","lr":1e6,"momentum":1,"weight-decay":1e6,"epochs":30}' '{"name":"third","lr":0,"seed":3}' >again.jsonl
	run hm-fuse-train -q --sweep again.jsonl --epochs 1 --val dev.hmr -o swept train.hmr
	expect 1 '1 of 3 configurations failed'
	[ "$(ls swept | paste -sd ' ')" = 'good.safetensors leaderboard.csv mine.safetensors third.safetensors' ]
	run hm-fuse-train -q --sweep again.jsonl --epochs 1 --keep best:1 --val dev.hmr -o swept train.hmr
	expect 1 '1 of 3 configurations failed'
	kept=$(sed -n '2s/^"\([^"]*\)".*/\1/p' swept/leaderboard.csv)
	[ "$(ls swept | sort | tr '\n' ' ')" = "$(printf '%s\n' leaderboard.csv mine.safetensors "$kept.safetensors" | sort | tr '\n' ' ')" ]
	# a model cannot be written: the table of the sweep before is gone, not wrong
	mkdir swept/second.safetensors swept/second.safetensors/x
	echo '{"name":"second"}' >some.jsonl
	run hm-fuse-train -q --sweep some.jsonl --epochs 1 -o swept train.hmr
	expect 1 'second.safetensors'
	[ ! -e swept/leaderboard.csv ]
}

@test "what is wrong with a line is said with file, line and key, and nothing is made" {
	bad() { # LINE PATTERN
		rm -rf none
		printf '%s\n' '{"name":"ok"}' "$1" >bad.jsonl
		run hm-fuse-train --sweep bad.jsonl --val dev.hmr -o none train.hmr
		expect 1 "bad.jsonl: line 2: $2"
		[ ! -e none ]
	}
	bad '{"name":"x","precision":"bf16"}' '"precision" is not an option that can differ'
	bad '{"name":"x","rl":1}' '"rl" is not an option'
	bad '{"name":"x","lr":"fast"}' '--lr takes a number'
	bad '{"name":"x","lr":[1]}' '"lr" must be a number'
	bad '{"name":"x","epochs":1.5}' '--epochs takes an integer'
	bad '{"name":"x","optimizer":"lion"}' '--optimizer takes sgd'
	bad '{"name":"x","momentum":0.9}' "--momentum is sgd's alone"
	bad '{"name":"x","class-weight":"1"}' '--class-weight takes 2'
	bad '{"name":"x","no-shuffle":1}' '.*true or false'
	bad '{"name":"x","map-dim":4}' '"map-dim" is not an option of late fusion'
	bad '{"name":"x","fusion":"late","normalize":true}' '"normalize" is not an option of late fusion'
	bad '{"lr":1}' '"name" is missing'
	bad '{"name":"a/b"}' '"name" must be'
	bad '{"name":".x"}' '"name" must be'
	bad '{"name":"ok"}' 'the name "ok" is used twice'
	bad '{"name":"x"' '.*column'
	bad '[1]' 'it is not an object'
	: >bad.jsonl
	run hm-fuse-train --sweep bad.jsonl -o none train.hmr
	expect 1 'no configuration'
}

@test "a folder that is none is found before anything is trained" {
	echo x >file
	run timeout 20 hm-fuse-train --sweep four.jsonl --epochs 1000000 --val dev.hmr -o file train.hmr
	expect 1 'file: not a folder'
	run hm-fuse-train --sweep four.jsonl --val dev.hmr -o no/where train.hmr
	expect 1 'no/where: cannot open its folder: No such file or directory'
}

@test "wrong calls" {
	run hm-fuse-train --sweep four.jsonl train.hmr
	expect 2 '-o'
	for other in '--image init:resnet-tiny' '--text init:bert-tiny' '--fusion early' '--checkpoint c' '--log l' '--last l'; do
		# shellcheck disable=SC2086
		run hm-fuse-train --sweep four.jsonl $other -o x train.hmr
		expect 2 'trains heads on cached features, without'
	done
	run hm-fuse-train --keep best:2 -o x train.hmr
	expect 2 'not given'
	for k in best best:0 best:-1 best:x some; do
		run hm-fuse-train --sweep four.jsonl --val dev.hmr --keep $k -o x train.hmr
		expect 2 'all or best:K'
	done
	run hm-fuse-train --sweep four.jsonl --keep best:2 -o x train.hmr
	expect 2 'needs --val'
}

# A team of small heads fits into the cache; what each keeps for the examples of a large set does not.
@test "many small heads need little more memory than one" {
	[ -z "$SAN" ] || skip "sanitizers keep what is freed"
	zeros() { # NPY TYPE SHAPE BYTES
		printf '\x93NUMPY\1\0\x76\0%-117s\n' "{'descr': '$2', 'fortran_order': False, 'shape': ($3), }" >"$1"
		head -c "$4" /dev/zero >>"$1"
	}
	zeros x.npy '<f4' '10000, 4' 160000
	zeros l.npy '<i4' '10000,' 40000
	seq 10000 >large.ids
	hm-npy2rec -q --ids large.ids --column text_feature=x.npy,encoder=none --column label=l.npy -o large.hmr
	for i in {1..100}; do echo "{\"name\":\"m$i\",\"lr\":${i}e-3}"; done >many.jsonl
	head -n 1 many.jsonl >one.jsonl
	for s in one many; do
		hm-fuse-train -q -j 1 --features text --classes 32 --epochs 1 --batch-size 4096 --sweep $s.jsonl --val large.hmr \
			--stats $s.stats -o memory.$s large.hmr
		grep -oE '"peak_memory_bytes":[0-9]+' $s.stats | cut -d: -f2 >$s.peak
	done
	[ $(($(<many.peak) - $(<one.peak))) -lt $((72 << 20)) ] || fail "$(cat one.stats many.stats)"
	cmp memory.one/m1.safetensors memory.many/m1.safetensors
}
