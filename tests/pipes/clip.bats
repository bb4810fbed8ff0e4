# pipelines/clip.mk on made data with random CLIPs: the graph runs, and again does nothing; a changed row alone runs.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 40 --dev 24 --test 1 toy
}
setup() { cd "$BATS_FILE_TMPDIR"; }
clip() { # TARGET [VARIABLE=VALUE...]
	make -f "$ROOT/pipelines/clip.mk" "$@" DATA=toy OUT=out IMAGE=init:clip-tiny-image TEXT=init:clip-tiny-text \
		VOCAB="$ROOT/tests/data/text/clip" ENCODE='--vocab-size 797' EPOCHS=1 SEEDS='1 2'
}

@test "the graph runs, again does nothing, and a changed row alone runs again" {
	run clip all ROWS='late align-1'
	expect 0 '^align-1 +[0-9.]+  \[[0-9.]+, [0-9.]+\] +81.2 +85.5 +Hate-CLIPper align 1, Hate-CLIPper.s Table 1$'
	grep -qE '^knn ' <<<"$output" && grep -qE '^mean ' <<<"$output"
	grep -q 'McNemar' out/compare.txt
	for f in late align-1 knn mean; do [ -s out/$f.csv ]; done
	# the vote is of train's memes about dev's, and its labels are dev's
	hm-nearest -q --train out/data/train.hmr out/data/dev.hmr | hm-score -q --csv want.csv - >/dev/null
	cmp want.csv out/knn.csv
	cmp <(cut -d, -f1,3 out/knn.csv) <(cut -d, -f1,3 out/late.csv)
	[ "$(hm-score out/runs/late/1/dev.csv | tail -n 1)" != "$(hm-score out/runs/late/2/dev.csv | tail -n 1)" ] # two seeds
	for how in -n ''; do # shellcheck disable=SC2086
		run clip $how all ROWS='late align-1'
		expect 0
		refute grep -qE '^ *hm-' <<<"$output"
	done
	for how in -n ''; do # shellcheck disable=SC2086
		run clip $how all ROWS='late align-1' late='--fusion late --lr 1e-2'
		expect 0 '^hm-fuse-train --fusion late --lr 1e-2 --epochs 1 '
		refute grep -q '^hm-fuse-train --fusion align' <<<"$output"
		refute grep -q 'hm-encode' <<<"$output"
		[ "$(grep -c '^hm-report ' <<<"$output")" = 1 ]
	done
	touch toy/img/"$(ls toy/img | head -n 1)" # a picture is another: all is made again
	run clip -n all ROWS='late align-1' late='--fusion late --lr 1e-2'
	expect 0 '^hm-fuse-train --fusion align'
	[ "$(grep -c '  *hm-encode ' <<<"$output")" = 2 ]
}

@test "the report: every row with its seeds, the published AUROC and its interval, the literature, the stages" {
	grep -q '"made":true' out/runs.json
	grep -q 'Data <b>toy</b>, which is made: 40 to train on, 24 to score on' out/report.html
	grep -q '^| late (epoch chosen on these examples) | 0.773 \[0.732, 0.814\] | 0' out/report.md
	grep -q '^| align-1 (epoch chosen on these examples) | 0.812 \[0.774, 0.850\] | 0.* | 2: sd 0' out/report.md
	grep -qE '^\| knn \| – \| 0\.' out/report.md
	grep -qE '^\| mean \(epoch chosen on these examples\) \| – \| 0\.' out/report.md
	grep -q '^| ISSUES | test_seen | 0.855 \[0.831, 0.879\] | its page |' out/report.md
	grep -qE '^\| Hate-CLIPper align 1 - Hate-CLIPper concat 1 \| test_seen \| \+0.056 \| \[\+0.020, \+0.092\] \|' out/report.md
	grep -qE '^\| RGCL - Hate-CLIPper align 3 \| test_seen \| \+0.012 \| \[-0.02' out/report.md
	[ "$(grep -c '<title>[A-Za-z]* of each row with its interval' out/report.html)" = 2 ]
	grep -q '^    hm-fuse-train --fusion align .* -o out/runs/align-1/2/model.safetensors out/data/train.hmr$' out/report.md
	grep -q '^    hm-nearest 0.* k=20' out/report.md
	[ "$(grep -cE '^\| (jsonl2rec|imgprep|tokenize|encode), (train|dev) \|' out/report.md)" = 8 ]
	[ "$(grep -cE '^\| (training (late|align-1), steps|scoring (late|align-1)) \|' out/report.md)" = 4 ]
	# every published number of the file is in the table, as it is there
	awk -F, 'NR > 1 { for (k = 3; k < 5; k++) if ($k != "-") printf "%s %s %.3f\n", $2, k == 3 ? "dev_seen" : "test_seen", $k / 100 }' \
		"$ROOT/pipelines/clip-published.csv" >want.txt
	sed -n '/^| result/,/^$/s/^| \([^|]*\) | \([a-z_]*\) | \(0.[0-9]*\) .*/\1 \2 \3/p' out/report.md | diff want.txt -
	[ "$(wc -l <want.txt)" = 25 ]
}

@test "what is missing is said before anything runs" {
	run make -f "$ROOT/pipelines/clip.mk" all DATA=nowhere OUT=x
	expect 2 'DATA=nowhere holds no train.jsonl'
	run make -f "$ROOT/pipelines/clip.mk" all DATA=toy OUT=x
	expect 2 'there is no weights/clip-vit-large-patch14: .*get-weights.sh clip-vit-large-patch14. fetches it'
	run make -f "$ROOT/pipelines/clip.mk" all DATA=toy OUT=x CLIP=w/ViT-B-32.pt VOCAB=
	expect 2 'there is no w/ViT-B-32.pt: '
	: >x.pt
	run make -f "$ROOT/pipelines/clip.mk" all DATA=toy OUT=x CLIP=x.pt
	expect 2 'there is no ./bpe_simple_vocab_16e6.txt.gz: '
	run clip all ROWS=align
	expect 2 'ROWS=align: align is not one of the rows'
	run make -f "$ROOT/pipelines/clip.mk" all DATA=toy "OUT=my out"
	expect 2 'OUT=my out: a space'
	[ ! -e x ]
}

@test "list: every row with what was published of it, and the recipes say what rows leave out" {
	run make -f "$ROOT/pipelines/clip.mk" list
	expect 0 '^cross +82.6, 85.1 +--fusion cross --map-dim 32'
	expect 0 '^issues-like +-, 85.5 +--fusion align --pre-layers 1 --no-normalize .* --epochs 60$'
	expect 0 '^align-3 .* --epochs 20$'
	known=$(sed -n 's/^KNOWN := //p' "$ROOT/pipelines/clip.mk")
	for row in $known knn; do # each has its place in the recipes
		sed '1,/^The recipes/d' <<<"$output" | grep -qE "(^|[ ,])$row([:, ]|$)" || fail "no recipe of $row"
	done
	run make -f "$ROOT/pipelines/clip.mk" list EPOCHS=7
	[ "$(grep -c -- '--epochs 7$' <<<"$output")" = "$(wc -w <<<"$known")" ]
}
