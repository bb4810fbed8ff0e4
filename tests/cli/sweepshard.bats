# hm-fuse-train --sweep --shard and --merge: the shards of a sweep end in the bytes of the whole one.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 60 --dev 30 --test 4 data
	for split in train dev; do
		hm-jsonl2rec data/$split.jsonl | hm-imgprep -q --root data/img --size 32 | hm-tokenize -q --vocab data/vocab.txt |
			hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o $split.hmr
	done
	# e, c and b are equal but for their names
	cat >six.jsonl <<'END'
{"name":"e","lr":3e-3}
{"name":"a","optimizer":"adam","lr":1e-2,"fusion":"concat","map-dim":8,"epochs":2}
{"name":"c","lr":3e-3}

{"name":"b","lr":3e-3}
{"name":"d","class-weight":"1,2.5","patience":1,"select":"accuracy","epochs":4}
{"name":"f \"x\"","optimizer":"sgd","lr":1e-2,"momentum":0.9,"batch-size":32,"seed":7,"no-shuffle":true}
END
	train -o whole train.hmr
	for i in 0 1 2; do train --shard $i/3 -o shards train.hmr; done
	printf '%s\n' '{"name":"good"}' '{"name":"bad","optimizer":"sgd","lr":1e6,"weight-decay":1e6,"batch-size":8}' '{"name":"fine","lr":0}' >some.jsonl
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	ln -s "$BATS_FILE_TMPDIR"/{six.jsonl,some.jsonl,train.hmr,dev.hmr,data,whole} .
	cp -r "$BATS_FILE_TMPDIR/shards" shards
}

train() { # OPTION... OPERAND: a sweep of the six
	hm-fuse-train -q --sweep six.jsonl --epochs 2 --val dev.hmr "$@"
}

merge() { # FOLDER [SWEEP]
	hm-fuse-train -q --sweep "${2:-six.jsonl}" --merge -o "$1"
}

# Merging the folder fails with PATTERN and changes nothing in it.
refused() { # FOLDER PATTERN [SWEEP]
	local before
	before=$(cd "$1" && find . -type f -exec sha256sum {} + | sort)
	run hm-fuse-train --sweep "${3:-six.jsonl}" --merge -o "$1"
	expect 1 "^hm-fuse-train: error: $2"
	[ "${#lines[@]}" = 1 ]
	diff <(echo "$before") <(cd "$1" && find . -type f -exec sha256sum {} + | sort)
}

@test "any number of shards in any order, any -j: the bytes of the whole sweep" {
	for how in "--val dev.hmr --select accuracy --keep best:2" "--val dev.hmr --select auroc --keep best:4" "--val dev.hmr" ""; do
		rm -rf one
		file=six.jsonl
		[ "$how" ] || { file=five.jsonl && grep -v patience six.jsonl >$file; }
		# shellcheck disable=SC2086
		hm-fuse-train -q --sweep $file --epochs 2 $how -o one train.hmr
		for n in 1 2 3 7; do
			rm -rf many
			for ((i = n; i--; )); do
				# shellcheck disable=SC2086
				hm-fuse-train -q -j $((1 + i % 3)) --sweep $file --epochs 2 $how --shard $i/$n -o many train.hmr
				[ -e many/leaderboard.${i}of$n.jsonl ]
			done
			[ ! -e many/leaderboard.csv ]
			merge many $file
			diff -r one many
		done
	done
	# the equal ones: in the order of the file, and of them best:2 keeps the first
	hm-fuse-train -q --sweep five.jsonl --epochs 2 -o all train.hmr
	[ "$(grep -o '^"[ecb]",' all/leaderboard.csv | paste -sd '')" = '"e","c","b",' ]
	printf '{"name":"%s"}\n' z y x w >equal.jsonl
	for i in 0 1 2; do hm-fuse-train -q --sweep equal.jsonl --keep best:2 --epochs 1 --val dev.hmr --shard $i/3 -o equal train.hmr; done
	hm-fuse-train -q --sweep equal.jsonl --merge -o equal
	[ "$(ls equal | paste -sd ' ')" = 'leaderboard.csv y.safetensors z.safetensors' ]
}

@test "from a first model, hidden layers, without standardising: the same bytes too" {
	hm-fuse-train -q --epochs 1 -o first.safetensors train.hmr
	grep -v concat six.jsonl >late.jsonl
	for how in "--no-standardize" "--standardize --names yes,no" "--micro-batch 16" "--sweep late.jsonl --init first.safetensors"; do
		rm -rf one two
		# shellcheck disable=SC2086
		train $how -o one train.hmr
		# shellcheck disable=SC2086
		for i in 0 1; do train $how --shard $i/2 -o two train.hmr; done
		if [[ $how = *late.jsonl* ]]; then merge two late.jsonl; else merge two; fi
		diff -r one two
	done
}

@test "at the same time in one folder; one is killed and run again, one is run twice" {
	local pids=()
	for i in 0 1 2 3; do
		hm-fuse-train -q --sweep six.jsonl --epochs 2 --val dev.hmr --shard $i/4 -o at train.hmr &
		pids[i]=$!
	done
	kill -9 "${pids[2]}" 2>/dev/null || true
	for i in 0 1 3; do wait "${pids[i]}"; done
	wait "${pids[2]}" || true
	for i in 2 1; do train --shard $i/4 -o at train.hmr; done
	merge at
	diff -r whole at
}

@test "what is said: the shard, the whole at the end, nothing of an empty shard's best" {
	run hm-fuse-train --sweep six.jsonl --epochs 1 --val dev.hmr --shard 1/3 -o said train.hmr
	expect 0 'notice: said: shard 1/3, 2 of 6 configurations, the best is [ad], training loss'
	run hm-fuse-train --sweep six.jsonl --epochs 1 --val dev.hmr --shard 6/7 -o said train.hmr
	expect 0 'notice: said: shard 6/7, 0 of 6 configurations$'
	[ "$(wc -l <said/leaderboard.6of7.jsonl)" = 2 ]
	[ "$(ls said/*.safetensors | wc -l)" = 2 ]
	run hm-fuse-train --sweep six.jsonl --epochs 2 --val dev.hmr -o said train.hmr
	local whole=$output
	run hm-fuse-train --sweep six.jsonl --merge -o shards
	expect 0 'too good as an estimate'
	diff <(echo "$whole" | sed 's/ said:/ shards:/') <(echo "$output")
}

@test "--keep best:K: a shard keeps its K best, the merge the K best of all" {
	rm -rf shards
	for i in 0 1 2; do train --keep best:1 --shard $i/3 -o shards train.hmr; done
	[ "$(ls shards/*.safetensors | wc -l)" = 3 ]
	merge shards
	train --keep best:1 -o one train.hmr
	[ "$(ls one/*.safetensors | wc -l)" = 1 ]
	diff -r one shards
}

@test "a configuration that fails: its shard and the merge exit 1, the bytes are those of the whole sweep" {
	run hm-fuse-train --sweep some.jsonl --epochs 1 --val dev.hmr --keep best:1 -o one train.hmr
	expect 1
	local whole=$output
	mkdir two
	echo old >two/bad.safetensors
	run hm-fuse-train --sweep some.jsonl --epochs 1 --val dev.hmr --keep best:1 --shard 1/2 -o two train.hmr
	expect 1 '1 of 1 configurations failed and have no model, the first is bad: step'
	[ ! -e two/bad.safetensors ]
	run hm-fuse-train --sweep some.jsonl --epochs 1 --val dev.hmr --keep best:1 --shard 0/2 -o two train.hmr
	expect 0
	run hm-fuse-train --sweep some.jsonl --merge -o two
	expect 1 '1 of 3 configurations failed and have no model, the first is bad: step'
	diff <(echo "$whole" | sed 's/ one:/ two:/') <(echo "$output")
	diff -r one two
	run hm-fuse-train --sweep some.jsonl --merge -o two
	expect 1 '1 of 3 configurations failed and have no model, the first is bad: leaderboard.csv says why'
	diff -r one two
}

@test "merging twice is harmless; a shard that is run again takes the table away" {
	merge shards
	run hm-fuse-train --sweep six.jsonl --merge -o shards
	expect 0 '^hm-fuse-train: notice: shards: it is merged already$'
	diff -r whole shards
	refused shards 'shards: it has no part of a sweep .* and no table of this one' some.jsonl
	train --shard 1/3 -o shards train.hmr
	[ ! -e shards/leaderboard.csv ]
	refused shards 'shards/leaderboard.0of3.jsonl: it is missing: --shard 0/3 writes it'
}

@test "a merge that was interrupted is completed by the next one" {
	cp -r shards parts
	merge shards
	# behind the table: the parts are there still, all or some
	cp parts/*.jsonl shards
	merge shards
	diff -r whole shards
	cp parts/leaderboard.2of3.jsonl shards
	merge shards
	diff -r whole shards
	# a part of other results is no leftover of this table
	sed -i 's/^"d",/&1/' shards/leaderboard.csv
	cp parts/leaderboard.1of3.jsonl shards
	refused shards 'shards/leaderboard.0of3.jsonl: it is missing'
	# in front of the table: models that are not kept are gone
	rm -rf best
	for i in 0 1 2; do train --keep best:2 --shard $i/3 -o best train.hmr; done
	train --keep best:2 -o two train.hmr
	for m in best/*.safetensors; do [ -e "two/${m##*/}" ] || rm "$m"; done
	merge best
	diff -r two best
}

@test "a missing or doubled shard, one under another name, of another division" {
	rm shards/leaderboard.1of3.jsonl
	refused shards 'shards/leaderboard.1of3.jsonl: it is missing: --shard 1/3 writes it'
	cp shards/leaderboard.0of3.jsonl shards/leaderboard.1of3.jsonl
	refused shards 'shards/leaderboard.1of3.jsonl: by its contents it is part 0 of 3, under another name'
	train --shard 1/3 -o shards train.hmr
	cp shards/leaderboard.0of3.jsonl shards/leaderboard.3of3.jsonl
	refused shards 'shards/leaderboard.3of3.jsonl: there is no such part'
	mv shards/leaderboard.3of3.jsonl shards/leaderboard.00of3.jsonl # no name of a part
	train --shard 0/2 -o shards train.hmr
	refused shards 'shards: leaderboard.0of2.jsonl and leaderboard.2of3.jsonl are parts of different divisions'
	rm shards/leaderboard.00of3.jsonl shards/leaderboard.0of2.jsonl
	merge shards
	diff -r whole shards
	refused . '.: it has no part of a sweep'
	run hm-fuse-train --sweep six.jsonl --merge -o nowhere
	expect 1 'nowhere: No such file'
}

@test "a damaged shard: cut anywhere, a byte changed, a line more" {
	local part=shards/leaderboard.1of3.jsonl
	cp $part good
	size=$(wc -c <good)
	for n in 0 1 45 46 47 300 $((size - 47)) $((size - 46)) $((size - 1)); do
		head -c $n good >$part
		refused shards "$part: it is damaged or cut"
	done
	for n in 1 10 500 $((size - 20)) $((size - 2)); do
		{ head -c $((n - 1)) good && head -c $n good | tail -c 1 | tr '\000-\377' '\001-\377\000' && tail -c +$((n + 1)) good; } >$part
		[ "$(wc -c <$part)" = "$size" ]
		refused shards "$part: it is damaged or cut"
	done
	{ cat good && echo '{}'; } >$part
	refused shards "$part: it is damaged or cut"
	rm $part && mkdir $part
	refused shards "$part: "
}

@test "a shard of another sweep, other data or other options is named, with what differs" {
	other() { # PATTERN OPTION... OPERAND
		cp -r shards odd
		local pattern=$1
		shift
		hm-fuse-train -q --shard 1/3 -o odd "$@" || [ $? = 1 ]
		refused odd "odd/leaderboard.1of3.jsonl: $pattern"
		rm -r odd
	}
	sed 's/"name":"d"/"name":"D"/' six.jsonl >file.jsonl
	other 'it is of another file of configurations, with digest [0-9a-f]{32} and 6 configurations; --sweep has' --sweep file.jsonl --epochs 2 --val dev.hmr train.hmr
	hm-cat --shard 0/2 train.hmr -o half.hmr
	other 'it is of another call than leaderboard.0of3.jsonl: (training data|history of the training data) is' --sweep six.jsonl --epochs 2 --val dev.hmr half.hmr
	hm-cat --shard 0/2 dev.hmr -o less.hmr
	other '.*: validation data is [0-9a-f]{32} in it and [0-9a-f]{32} there' --sweep six.jsonl --epochs 2 --val less.hmr train.hmr
	hm-cat train.hmr -o told.hmr # the same records with one step more in their history
	other '.*: history of the training data is' --sweep six.jsonl --epochs 2 --val dev.hmr told.hmr
	other '.*: epochs is 3 in it and 2 there' --sweep six.jsonl --epochs 3 --val dev.hmr train.hmr
	other '.*: models to keep is 2 in it and 0 there' --sweep six.jsonl --epochs 2 --keep best:2 --val dev.hmr train.hmr
	other '.*: names is [0-9a-f]{32} in it and nothing there' --sweep six.jsonl --epochs 2 --names yes,no --val dev.hmr train.hmr
	other '.*: standardize is no in it and yes there' --sweep six.jsonl --epochs 2 --no-standardize --val dev.hmr train.hmr
	other '.*: device is ref in it and cpu there' --sweep six.jsonl --epochs 2 --device ref --val dev.hmr train.hmr
	# an option that matters in the lines alone
	printf '{"name":"%s","fusion":"concat"}\n' x y z >concat.jsonl
	for i in 0 1 2; do hm-fuse-train -q --sweep concat.jsonl --epochs 1 --map-dim $((6 + i / 2)) --shard $i/3 -o wide train.hmr; done
	refused wide 'wide/leaderboard.2of3.jsonl: it is of another call than leaderboard.0of3.jsonl: what the lines leave to the call differs' concat.jsonl
	# another first model, under the same name
	grep -v concat six.jsonl >late.jsonl
	for seed in 1 2; do
		hm-fuse-train -q --epochs 1 --seed $seed -o first.safetensors train.hmr
		for i in 0 1 2; do [ $seed = 2 ] && [ $i != 1 ] || train --sweep late.jsonl --init first.safetensors --shard $i/3 -o started train.hmr; done
	done
	refused started 'started/leaderboard.1of3.jsonl: it is of another call than leaderboard.0of3.jsonl: digest of --init is' late.jsonl
}

@test "a model that is missing, cut or of another shard; one that is not kept does not matter" {
	mv shards/d.safetensors d
	refused shards 'shards/d.safetensors: cannot'
	head -c 100 d >shards/d.safetensors
	refused shards 'shards/d.safetensors: not the model that its part was written for'
	cp shards/a.safetensors shards/d.safetensors
	refused shards 'shards/d.safetensors: not the model'
	mv d shards/d.safetensors
	mkdir -p shards/leaderboard.csv/x
	refused shards 'shards/leaderboard.csv: '
	rm -r shards/leaderboard.csv
	merge shards
	diff -r whole shards
	train --keep best:1 -o one train.hmr
	for i in 0 1 2; do train --keep best:1 --shard $i/3 -o best train.hmr; done
	cp -r best worse
	for m in best/*.safetensors; do
		if [ -e "one/${m##*/}" ]; then : >"worse/${m##*/}"; else : >"$m"; fi
	done
	refused worse 'worse/.*.safetensors: not the model that its part was written for'
	merge best
	diff -r one best
}

@test "models of an older sweep under names that are not kept now, other files stay" {
	mkdir at
	echo old | tee at/e.safetensors at/c.safetensors at/a.safetensors at/mine.safetensors >at/leaderboard.csv
	for i in 0 1; do train --keep best:1 --shard $i/2 -o at train.hmr; done
	[ ! -e at/leaderboard.csv ]
	[ ! -e at/c.safetensors ] # of its shard's e, c and d: e is as good and comes first
	merge at
	train --keep best:1 -o one train.hmr
	cp at/mine.safetensors one
	diff -r one at
}

@test "wrong calls" {
	for other in '--shard 0/2' --merge; do
		# shellcheck disable=SC2086
		run hm-fuse-train $other -o x
		expect 2 'is of --sweep, which is not given'
	done
	run hm-fuse-train --sweep six.jsonl --merge -o shards train.hmr
	expect 2 "merge takes no operand: 'train.hmr'"
	for other in '--shard 0/2' '--val dev.hmr' '--epochs 2' '--keep all' '--init first' --no-shuffle; do
		# shellcheck disable=SC2086
		run hm-fuse-train --sweep six.jsonl --merge $other -o shards
		expect 2 'merge takes --sweep and -o alone: the shards say what --'
	done
	for other in 2/2 -1/2 0/0 x; do
		run hm-fuse-train --sweep six.jsonl --shard $other -o x train.hmr
		expect 2 '--shard'
	done
	cp six.jsonl shards/leaderboard.0of3.jsonl
	run hm-fuse-train --sweep shards/leaderboard.0of3.jsonl --val dev.hmr --shard 0/3 -o shards train.hmr
	expect 2 'is an input of the same call'
	cmp six.jsonl shards/leaderboard.0of3.jsonl
}

@test "--merge reads no standard input, not even a terminal's" {
	run script -qec "hm-fuse-train --sweep six.jsonl --merge -o shards" /dev/null
	expect 0 'the best is'
	diff -r whole shards
}
