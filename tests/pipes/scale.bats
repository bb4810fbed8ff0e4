# pipelines/AT-SCALE.md: its tables are what tests/bench/scale.json gives; the formulas, by numbers that are done by hand.

load ../support/bats

setup() {
	cd "$BATS_TEST_TMPDIR"
	PATH=$ROOT/tests/bench:$PATH
	# Round numbers: 1 MiB of parameters in each half, a copy of 2^30 bytes per second.
	sed -E 's/("copy_bytes_per_s": )[^,]*/\11073741824/
		/"training": "late"/s/.*/{"training": "late", "parameters": 524288, "example_s": 0.25, "fixed_s": 0.5, "update_s": 4, "step_batch": 8, "step_s": 6.5, "peak_bytes": 1000}/
		/"(jsonl2rec|tokenize-bert|imgprep-jpg|encode-resnet18|encode-bert-base)"/s/("core_s": )[^,]*/\10.72/
		/"head-read"/s/("core_s": )[^,]*/\12e-5/
		/"head-late"/s/("core_s": )[^,]*/\11e-6/' "$ROOT/tests/bench/scale.json" >round.json
}
tables() { scale_model.sh json=round.json "$@" >tables.txt; }
row() { awk -v at="[$1]" -v start="| $2 |" '/^\[/ { on = $0 == at } on && index($0, start) == 1' tables.txt; } # BLOCK FIRST-CELL
measured() { # STEP_1 STEP_2 PARAMETERS BYTES
	printf '{\n"step_s_1": %s, "step_s_2": %s,\n"parameters": %s,\n"bytes": %s}\n' "$@" >measured.json
}

@test "the page's tables are what the committed measurement gives, and hold no other measurement" {
	cp "$ROOT/pipelines/AT-SCALE.md" page.md
	scale_model.sh --page page.md
	diff "$ROOT/pipelines/AT-SCALE.md" page.md || fail "tests/bench/scale_model.sh --page makes another page"
	# a figure that someone put between the markers is not there any more
	sed '/^<!-- stages -->/a| made up | 1 ms |' page.md >other.md
	scale_model.sh --page other.md
	cmp page.md other.md
	# the pages of two measurements differ in every block
	scale_model.sh --page page.md json=round.json
	for block in stages sum plan shards heads fits inputs steps-late; do
		refute cmp -s <(sed -n "/^<!-- $block -->/,/^<!-- end/p" page.md) <(sed -n "/^<!-- $block -->/,/^<!-- end/p" other.md)
	done
}

@test "a page that lacks a block, or has one too many, is left alone" {
	grep -v '^<!-- plan -->' "$ROOT/pipelines/AT-SCALE.md" >page.md
	cp page.md old.md
	run scale_model.sh --page page.md
	expect 1 '^scale_model: error: page.md: line [0-9]+ ends no block$'
	cmp page.md old.md
	sed '/^<!-- plan -->/,/^<!-- end/d' "$ROOT/pipelines/AT-SCALE.md" >page.md
	run scale_model.sh --page page.md
	expect 1 '^scale_model: error: page.md: no place for block plan$'
	{ cat "$ROOT/pipelines/AT-SCALE.md"; printf '<!-- guess -->\n<!-- end -->\n'; } >page.md
	run scale_model.sh --page page.md
	expect 1 '^scale_model: error: page.md: line [0-9]+: no block guess$'
	[ "$(ls)" = "old.md
page.md
round.json" ]
}

@test "memes: core-hours, hours on so many cores, bytes" {
	tables epochs=3
	# five stages of 0.72 s are 3.6 s, so a million memes are 1,000 core-hours: 15.6 hours of 64 cores; 1,280 x 4 bytes of features
	[[ $(row plan 'a million') == '| a million | ResNet18, BERT-base | 1,000 | 15.6 h | 58.6 min | '*' | 5.12 GB | '* ]] || fail "$(row plan 'a million')"
	[[ $(row plan 'a billion') == '| a billion | ResNet18, BERT-base | 1,000,000 | 651 days | 40.7 days | '*' | 5.12 TB | '* ]] || fail "$(row plan 'a billion')"
	# 2e-5 s to read and for the first of three epochs, 1e-6 s for each other: 2,200 s for 10^8
	[[ $(row heads '100 million') == '| 100 million | 0.611 core-h | 512 GB | '*' | 410 GB | '* ]] || fail "$(row heads '100 million')"
}

@test "a step of P ranks, done by hand" {
	tables cores=1 batch_late=10 efficiency=1 latency_1=0.25 copies=1 latency_shared=0.125
	# one rank: 0.5 + 10 x 0.25 + 4, nothing sent
	[ "$(row steps-late 1)" = '| 1 | - | - | 7.00 s | 7.00 s | 7.00 s | 7.00 s | 7.00 s |' ] || fail "$(row steps-late 1)"
	# two: 0.5 + 5 x 0.25 + 2, and adding up 1.5 MiB at 1 GiB/s; a slice of 1 MiB is one message, there and back;
	# by 1 Gbit/s each takes 1/4 + 8.4 ms, in shared memory 1/8 + 1 ms
	[ "$(row steps-late 2 | cut -d'|' -f1-7)" = '| 2 | 2.10 MB | 2 | 3.75 s | 4.00 s, 1.7x | 4.27 s, 1.6x ' ] || fail "$(row steps-late 2)"
	# four: ceil(10 / 4) = 3 examples; to each of three others half a MiB, there and back
	[[ $(row steps-late 4) == '| 4 | 3.15 MB | 6 | 2.25 s | 3.01 s, 2.3x | 3.78 s, '* ]] || fail "$(row steps-late 4)"
	# 16 ranks have an example each at most
	[[ $(row steps-late 16) == '| 16 | 3.93 MB | 30 | 1.00 s | '* ]] || fail "$(row steps-late 16)"
	# slices of more than 1 MiB go in several rounds: 4.5 MiB are 5
	sed -i 's/"parameters": 524288/"parameters": 2359296/' round.json
	tables cores=1 batch_late=10
	[[ $(row steps-late 2) == '| 2 | 9.44 MB | 10 | '* ]] || fail "$(row steps-late 2)"
	# so many cores compute so many times as fast, and send as fast as one
	tables cores=4 batch_late=10
	[[ $(row steps-late 1) == '| 1 | - | - | 1.75 s | '* ]] || fail "$(row steps-late 1)"
}

@test "--check: two ranks predicted from one, beside what was measured" {
	# per parameter as in the late fusion: 0.5 s fixed, 4 s of update; 7 s are 0.5 + 6.5 / 2, and 4.4 ms to add up and to send
	measured 7 3 524288 2097152
	run scale_model.sh --check measured.json json=round.json copies=1 latency_shared=0
	expect 0 '^step of 2 ranks +predicted 3.753 s +measured 3 s +relative error \+25.1 %$'
	expect 0 '^bytes per rank +predicted 2097152 +measured 2097152 +relative error \+0.0 %$'
	measured 7 5 524288 4194304
	run scale_model.sh --check measured.json json=round.json copies=1 latency_shared=0
	expect 0 'relative error -24.9 %$'
	expect 0 '^bytes per rank .* relative error -50.0 %$'
	# a rank of two cores: half of that is fixed
	measured 7 5 524288 4194304
	run scale_model.sh --check measured.json json=round.json copies=1 latency_shared=0 cores=2
	expect 0 'predicted 3.628 s'
	for key in step_s_1 step_s_2 parameters bytes; do
		measured 7 5 524288 4194304
		sed -i "s/\"$key\"/\"other\"/" measured.json
		run scale_model.sh --check measured.json
		expect 1 "^scale_model: error: measured.json: no \"$key\"$"
	done
	measured 7 0 524288 4194304
	run scale_model.sh --check measured.json
	expect 1 '"step_s_2" is not above 0$'
	: >measured.json
	run scale_model.sh --check measured.json
	expect 1 '^scale_model: error: measured.json is empty$'
}

@test "a measurement that lacks something is named, and a wrong call is one" {
	grep -v '"encode-bert-base"' "$ROOT/tests/bench/scale.json" >lacking.json
	run scale_model.sh json=lacking.json
	expect 1 '^scale_model: error: lacking.json: no stage "encode-bert-base"$'
	sed '/"imgprep-png"/s/"core_s"/"cores"/' "$ROOT/tests/bench/scale.json" >lacking.json
	run scale_model.sh json=lacking.json
	expect 1 '^scale_model: error: lacking.json: no "core_s" in .*imgprep-png'
	sed '/"align"/d' "$ROOT/tests/bench/scale.json" >lacking.json
	run scale_model.sh json=lacking.json
	expect 1 'no training "align"$'
	for wrong in 'ranks=2' 'cores=two' 'json=' '--check' '--pages'; do
		run scale_model.sh "$wrong"
		expect 2 '^usage: scale_model.sh '
	done
	grep -qE '/(home|tmp|work|root)/' "$ROOT/tests/bench/scale.json" && fail "a machine's path"
	[ "$(grep -c '"stage"' "$ROOT/tests/bench/scale.json")" -ge 20 ]
}

@test "the page's commands: shards of tokens before pixels, a head by a pipe, answers per file" {
	hm-synth -q --train 30 --dev 1 --test 1 data
	I=0 N=2 V=data/vocab.txt
	for I in 0 1; do
		# as on the page, but for encoders, root and lines
		hm-jsonl2rec --shard "$I/$N" data/train.jsonl | hm-tokenize --vocab "$V" | hm-imgprep --root data/img --size 32 --on-error keep |
			hm-encode -q --image init:resnet-tiny --text init:bert-tiny --store f16 -o "features.$I.hmr"
	done
	hm-cat features.*.hmr | hm-fuse-train -q --memory 1K --epochs 2 -o head.safetensors
	hm-cat features.*.hmr | hm-fuse-train -q --epochs 2 -o held.safetensors
	cmp head.safetensors held.safetensors
	for I in 0 1; do hm-score --model head.safetensors --bootstrap 0 -o "answers.$I.hmr" "features.$I.hmr" >/dev/null; done
	run bash -c 'hm-cat answers.*.hmr | hm-score --bootstrap 0 -'
	expect 0 ' n 30$'
	for command in 'hm-jsonl2rec --shard "$I/$N" train.jsonl | hm-tokenize --vocab "$V" | hm-imgprep --root img --on-error keep |' \
		'hm-cat features.*.hmr | hm-fuse-train' 'hm-score --model MODEL --bootstrap 0 -o answers.$I.hmr' 'hm-cat answers.*.hmr | hm-score --bootstrap 0 -'; do
		grep -qF "$command" "$ROOT/pipelines/AT-SCALE.md" || fail "not on the page: $command"
	done
}

@test "the page shows what --check says of the measured ranks" {
	cd "$ROOT"
	tests/bench/scale_model.sh --check tests/bench/ranks.json >"$BATS_TEST_TMPDIR/said"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/said")" = 3 ]
	while IFS= read -r line; do grep -qxF -- "$line" pipelines/AT-SCALE.md || fail "not on the page: $line"; done <"$BATS_TEST_TMPDIR/said"
}
