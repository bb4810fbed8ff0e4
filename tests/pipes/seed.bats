# pipelines/seed.mk: the experiments as a graph of files.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 24 --dev 12 --test 4 data
}

setup() {
	cd "$BATS_FILE_TMPDIR"
	MK=(make --no-print-directory -f "$ROOT/pipelines/seed.mk" DATA=data SIZE=32 EPOCHS=1 IMAGE=init:resnet-tiny TEXT=init:bert-tiny DEVICE=cpu)
}

# What runs.json says of the trainings in FOLDERs of OUT, with WHICH ("best." or "") of their models; a file of them is there.
runs_of() { # OUT FOLDER... WHICH
	local folder out=$1 which=${*: -1}
	for folder in "${@:2:$#-2}"; do
		for f in "${which}dev.csv" log.jsonl train.json command.txt "${which}history.json"; do [ -s "$out/$folder/$f" ] || fail "no $folder/$f"; done
		printf '{"seed":%d,"predictions":"%s","log":"%s","stats":"%s","command":"%s","history":"%s"}\n' "${folder##*/}" \
			"$folder/${which}dev.csv" "$folder"/{log.jsonl,train.json,command.txt} "$folder/${which}history.json"
	done
}

ROWS="adam-moderate-lr low-lr-high-reg sgd-momentum fast-learning freeze-image freeze-text high-reg-slow batch-size all-frozen balanced-sgd all-frozen-cached early-fusion"

@test "list: every row with its options, without data" {
	run make -f "$ROOT/pipelines/seed.mk" list
	[ "$status" = 0 ]
	[ "$(wc -l <<<"$output")" = 12 ]
	for r in $ROWS; do [[ $output == *"$r"* ]]; done
	[ "$(grep -c -- '--fusion late' <<<"$output")" = 11 ]
	[[ $output == *'early-fusion'*'--fusion early '*'--schedule cosine --warmup-steps 200 --clip-norm 1 --batch-size 128 --epochs 30 --freeze image --frozen-mode train --select accuracy --seed 42'* ]]
	[[ $output == *'high-reg-slow'*'--select last --seed 43'* ]]
	local table=$output
	# its seeds are behind the largest and not behind the last
	run make -f "$ROOT/pipelines/seed.mk" list SEEDS="10 9"
	grep -q '^high-reg-slow .* --seed 12 11$' <<<"$output"
	grep -q '^batch-size .* --seed 10 9$' <<<"$output"
	run make -f "$ROOT/pipelines/seed.mk" list EPOCHS=7 "batch-size=--lr 1"
	[ "$(grep -c -- "--epochs 7 " <<<"$output")" = 12 ] # also of a row that names none
	output=$table
	# the blog post's results, as it has them: seconds are the sums of its progress bars
	[ "$(sed -E 's/ +--.*//; s/ +/ /g' <<<"$output")" = "adam-moderate-lr .496, .7518, 146
low-lr-high-reg .554, .0348, 363
sgd-momentum .556, .455, 455
fast-learning .522, .7087, 157
freeze-image .500, .773, 434
freeze-text .516, .3206, 426
high-reg-slow .558, .0362, 363
batch-size .520, .5334, 144
all-frozen .538, .7202, 141
balanced-sgd .504, .6578, 365
all-frozen-cached not in the blog post
early-fusion .574, .3906, 3303" ]
}

@test "no data is said, with what to do" {
	run make -f "$ROOT/pipelines/seed.mk" all
	[ "$status" = 2 ]
	[[ $output == *'holds no train.jsonl'*'check-data.sh'* ]]
}

@test "no weights is said, with what to do; check and help need neither" {
	run make -f "$ROOT/pipelines/seed.mk" DATA=data all
	[ "$status" = 2 ]
	[[ $output == *'there is no weights/resnet18-f37072fd.pth: '*'get-weights.sh'* ]]
	run make -f "$ROOT/pipelines/seed.mk" DATA=data check
	expect 0
	[[ $output == *'data is complete'* ]]
	run make -f "$ROOT/pipelines/seed.mk" help
	expect 0
	[[ $output == *'part2       early fusion'* ]]
}

@test "wrong calls are said before anything runs" {
	bad() { # PATTERN ARGUMENT...
		run "${MK[@]}" OUT=bad "${@:2}" all
		expect 2 "$1"
		[[ $output != *hm-* ]]
		[ ! -e bad ]
	}
	bad 'OUT=my out: a space' 'OUT=my out'
	bad 'OUT=: say which' OUT=
	bad 'EPOCHS=0: ' EPOCHS=0
	bad 'EPOCHS=x: ' EPOCHS=x
	bad 'EPOCHS=1.5: ' EPOCHS=1.5
	bad 'SEEDS=: ' SEEDS=
	bad 'SEEDS=1 2x: ' SEEDS='1 2x'
	bad 'SEEDS=1 x: ' SEEDS='1 x'
	bad 'SEEDS=1 1: names one twice' SEEDS='1 1'
	bad 'ROWS=all-frozen nonsense: nonsense is not one of the rows' ROWS='all-frozen nonsense'
	bad "ROWS=: '' is not one of the rows" ROWS=
	bad 'there is no none.txt: ' VOCAB=none.txt
	mkdir -p half
	cp data/train.jsonl half
	run "${MK[@]}" OUT=bad DATA=half all
	expect 2 'DATA=half holds no dev.jsonl: '
	cp data/dev.jsonl half
	run "${MK[@]}" OUT=bad DATA=half all
	expect 2 'there is no half/vocab.txt: .*VOCAB=FILE'
}

@test "all: eleven rows and the cached one, and a report" {
	"${MK[@]}" -j 2 all >log.txt 2>&1 || { cat log.txt; false; }
	for r in $ROWS; do
		grep -q "\"name\":\"$r\"" experiment/runs.json
		grep -q "$r" experiment/report.csv
	done
	grep -q '"name":"high-reg-slow".*"published":{"accuracy":0.558,"loss":0.0362,"seconds":363}' experiment/runs.json
	grep -q '"name":"early-fusion".*"published":{"accuracy":null,"loss":0.3906,"seconds":3303}.*"published":{"accuracy":0.574,"loss":null,"seconds":null}' experiment/runs.json
	[ "$(grep -o "\"published\":" experiment/runs.json | wc -l)" = 12 ]
	# a training of two models: whose files are whose
	grep -q '^hm-score --model experiment/runs/early-fusion/42/best.safetensors .* -o experiment/runs/early-fusion/42/best.dev.hmr ' log.txt
	runs_of experiment runs/early-fusion/42 "" | diff - <(grep -o '{"seed":[^}]*early-fusion/42/dev[^}]*}' experiment/runs.json)
	runs_of experiment runs/early-fusion/42 best. | diff - <(grep -o '{"seed":[^}]*early-fusion/42/best[^}]*}' experiment/runs.json)
	grep -q '"name":"early-fusion".*"selected":"last".*"name":"early-fusion-best".*"selected":"best of dev"' experiment/runs.json
	[ "$(grep -c '^hm-fuse-train --' log.txt)" = 12 ]
	# where the numbers come from, and what each step took
	grep -q '^    hm-imgprep 0.* size=32$' experiment/report.md
	[ "$(grep -c '^    hm-score 0.* model=[0-9a-f]\{32\}' experiment/report.md)" = 13 ]
	[ "$(grep -c '^| training .*, steps | 1 |\|^| scoring .* | 12 |' experiment/report.md)" = 24 ]
	grep -q '^    hm-fuse-train .* -o experiment/runs/early-fusion/42/best.safetensors .* experiment/data/train.tokens.hmr$' experiment/report.md
	# made data and random encoders: what the blog post claims is said once whose it is, and not judged
	grep -q '^The blog post that this table reproduces claims the following' experiment/report.md
	[ "$(sed -n '/^## Claims/,/^## Stages/p' experiment/report.md | grep -c 'blog post')" = 1 ]
	grep -q '^The data of these rows is made and their encoders have random weights, ' experiment/report.md
	grep -qx '\*\*Adam performed better at the lower learning rates\*\*' experiment/report.md
	refute grep -qE 'supported|undecidable' experiment/report.md
	sed 's/,"made":true//; s/"init:/"/g' experiment/runs.json >experiment/real.json
	mkdir -p real && hm-report -o real experiment/real.json
	[ "$(grep -cE '^\*\*.*\*\*: (supported|not supported|undecidable at this n)' real/report.md)" = 4 ]
	[ "$(find experiment/runs -name checkpoint | wc -l)" = 0 ]
	hm-score --compare experiment/runs/*/4[23]/dev.csv >compare.txt
	# what the pairs of a claim differ in is what their options say; epochs are alike here
	grep -q '"a":"high-reg-slow","b":"adam-moderate-lr","note":"lr 1e-4 for 1e-2, weight-decay 1e-4 for 0, batch-size 128 for 64, another seed"' experiment/runs.json
	grep -q '"a":"all-frozen","b":"adam-moderate-lr","note":"freeze both for none, frozen-mode train"' experiment/runs.json
	run "${MK[@]}" lint
	expect 0 '^(not checked|ok ) .*images in more than one split'
	mkdir twin # what is found is shown, and stops nothing
	for split in train dev; do cp data/train.jsonl twin/$split.jsonl; done
	cp -r data/img data/vocab.txt twin
	run "${MK[@]}" DATA=twin OUT=twins lint
	expect 0 '^FINDING .*images in more than one split'
}

@test "features come from the cache when only other records changed" {
	sed '2s/"text":"/&never /' data/train.jsonl >other.jsonl
	cp -r data more && cp other.jsonl more/train.jsonl
	"${MK[@]}" OUT=other CACHE=experiment/cache DATA=more other/data/train.features.hmr >/dev/null 2>&1
	grep -q '"cache_hits":47,"cache_misses":1,' other/stats/encode-train.json
}

@test "a second call does nothing" {
	for how in -n ''; do # shellcheck disable=SC2086
		run "${MK[@]}" $how all
		[ "$status" = 0 ]
		refute grep -q '^hm-' <<<"$output" # -n shows what the stamps are made of, too
	done
}

@test "a training that was killed between its models is not taken for done" {
	rm experiment/runs/early-fusion/42/train.json # written last; the models are there, and newer than all else
	touch experiment/runs/*/*/*.safetensors
	run "${MK[@]}" -n all
	expect 0
	[ "$(grep -c '^hm-fuse-train --' <<<"$output")" = 1 ]
	[ "$(grep -c '^hm-score --model .*/early-fusion/' <<<"$output")" = 2 ]
	"${MK[@]}" all >/dev/null 2>&1
}

@test "a changed option trains one row again, and makes the report" {
	for how in -n ''; do # shellcheck disable=SC2086
		run "${MK[@]}" $how all 'sgd-momentum=--optimizer sgd --lr 2e-2 --momentum 0.9 --weight-decay 0 --batch-size 128 --freeze none --clip-norm 1'
		[ "$status" = 0 ]
		[ "$(grep -c '^hm-fuse-train --' <<<"$output")" = 1 ]
		[ "$(grep -c '^hm-report ' <<<"$output")" = 1 ]
	done
	grep -q 'lr 2e-2' experiment/runs/sgd-momentum/42/command.txt
	grep -q '"a":"freeze-text","b":"sgd-momentum","note":"lr 1e-2 for 2e-2, freeze text for none, frozen-mode train, no clip-norm"' experiment/runs.json
}

@test "touched words change what depends on words: no picture is read again" {
	touch data/vocab.txt
	run "${MK[@]}" -n all
	[ "$status" = 0 ]
	[[ $output != *hm-imgprep* ]]
	[ "$(grep -c '^hm-tokenize --' <<<"$output")" = 2 ]
	[ "$(grep -c '^hm-fuse-train --' <<<"$output")" = 12 ]
	"${MK[@]}" -t all >/dev/null
	echo '{"do_lower_case":true}' >data/tokenizer_config.json # hm-tokenize reads what stands beside
	touch -d '2 seconds' data/tokenizer_config.json # by the file system's clock it may be as old as what make has just touched
	run "${MK[@]}" -n all
	rm data/tokenizer_config.json
	[ "$(grep -c '^hm-tokenize --' <<<"$output")" = 2 ]
}

@test "weights and words of a folder are what features depend on, also where the other encoder is random" {
	mkdir folder
	touch folder/{model.safetensors,config.json,merges.txt,vocab.txt}
	run make -p -n -f "$ROOT/pipelines/seed.mk" DATA=data OUT=elsewhere IMAGE=init:resnet-tiny TEXT=folder elsewhere/data/dev.features.hmr
	for f in model.safetensors config.json; do grep -qE "^elsewhere/data/dev.features.hmr:.* folder/$f" <<<"$output" || fail "$f"; done
	run make -p -n -f "$ROOT/pipelines/clip.mk" DATA=data OUT=elsewhere IMAGE=init:clip-tiny-image TEXT=init:clip-tiny-text VOCAB=folder elsewhere/data/dev.hmr
	for f in merges.txt vocab.txt; do grep -qE "^elsewhere/data/dev.hmr:.* folder/$f" <<<"$output" || fail "$f"; done
}

@test "another data set or other words in the same OUT, older than what was made of them, are noticed" {
	hm-synth -q --seed 7 --train 20 --dev 10 --test 4 old
	find old -exec touch -d 2020-01-01 {} +
	"${MK[@]}" OUT=swap swap/data/dev.tokens.hmr >/dev/null
	run "${MK[@]}" OUT=swap DATA=./data/ swap/data/dev.tokens.hmr
	expect 0
	[[ $output != *hm-* ]]
	run "${MK[@]}" OUT=swap VOCAB=old/vocab.txt swap/data/dev.tokens.hmr
	expect 0
	[ "$(grep -o '^hm-[a-z0-9]*' <<<"$output" | paste -sd ' ')" = hm-tokenize ]
	"${MK[@]}" OUT=swap DATA=old swap/data/dev.tokens.hmr >/dev/null
	hm-view --schema swap/data/dev.tokens.hmr | grep -q '"records":10,'
}

@test "a training that is killed leaves no model; the next call goes on from its checkpoint" {
	local row='fast-learning=--optimizer sgd --lr 1e-3 --momentum 0.9 --batch-size 4 --epochs 8' pid
	"${MK[@]}" OUT=whole EPOCHS= "$row" fast-learning >/dev/null
	"${MK[@]}" OUT=killed EPOCHS= "$row" fast-learning >killed.txt 2>&1 &
	pid=$!
	until [ -e killed/runs/fast-learning/42/checkpoint ] || ! kill -0 $pid; do sleep 0.02; done
	pkill -KILL -f -- '-o killed/runs/fast-learning/42/model.safetensors'
	refute wait $pid
	[ ! -e killed/runs/fast-learning/42/model.safetensors ]
	cp killed/runs/fast-learning/42/checkpoint kept
	: >killed/runs/fast-learning/42/checkpoint # whether it is looked at
	run "${MK[@]}" OUT=killed EPOCHS= "$row" fast-learning
	expect 2 '^hm-fuse-train: error: killed/runs/fast-learning/42/checkpoint: '
	cp kept killed/runs/fast-learning/42/checkpoint
	run "${MK[@]}" OUT=killed EPOCHS= "$row" fast-learning
	expect 0
	for f in model.safetensors log.jsonl dev.csv; do cmp {whole,killed}/runs/fast-learning/42/$f; done
	touch -d 2001-01-01 killed/runs/fast-learning/42/checkpoint # it is of older options
	"${MK[@]}" OUT=killed EPOCHS=1 "$row" fast-learning
}

@test "several seeds" {
	"${MK[@]}" OUT=seeds SEEDS="1 2" ROWS="all-frozen-cached high-reg-slow" report >/dev/null 2>&1
	[ "$(ls seeds/runs/all-frozen-cached | paste -sd " ")" = "1 2" ]
	# one configuration in two rows: no seed is in both
	[ "$(ls seeds/runs/high-reg-slow | paste -sd " ")" = "3 4" ]
	runs_of seeds runs/all-frozen-cached/{1,2} runs/high-reg-slow/{3,4} "" | diff - <(grep -o '{"seed":[^}]*}' seeds/runs.json)
	for d in seeds/runs/*/*; do grep -q -- " --seed ${d##*/} " "$d/command.txt"; done
	refute cmp -s seeds/runs/all-frozen-cached/{1,2}/model.safetensors
}

@test "one row has a report, too; the sheet is of the first row where early fusion is not shown" {
	"${MK[@]}" OUT=single ROWS=all-frozen-cached report >/dev/null 2>&1
	[ -s single/report.html ]
	"${MK[@]}" OUT=single ROWS="all-frozen-cached all-frozen" report >/dev/null 2>&1
	grep -q '"sheet_of":"all-frozen-cached"' single/runs.json
	refute grep -q 'nothing to compare' single/compare.txt
	[ "$(ls single/runs | paste -sd " ")" = "all-frozen all-frozen-cached" ]
	cmp <(hm-score --errors 12 single/runs/all-frozen-cached/42/dev.hmr) single/errors.txt
	# the rows are others, and nothing that they were made of is newer
	for row in all-frozen all-frozen-cached; do
		"${MK[@]}" OUT=single ROWS=$row report >/dev/null 2>&1
		grep -q "\"sheet_of\":\"$row\"" single/runs.json
		grep -q 'nothing to compare' single/compare.txt
		cmp <(hm-score --errors 12 single/runs/$row/42/dev.hmr) single/errors.txt
	done
}
