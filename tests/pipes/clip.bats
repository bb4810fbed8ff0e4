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
	expect 0 '^align-1 +[0-9.]+  \[[0-9.]+, [0-9.]+\] +81.2 +85.5 +Hate-CLIPper'
	grep -qE '^knn ' <<<"$output" && grep -qE '^mean ' <<<"$output"
	grep -q 'McNemar' out/compare.txt
	for f in late align-1 knn mean; do [ -s out/$f.csv ]; done
	[ "$(hm-score out/runs/late/1.csv | tail -n 1)" != "$(hm-score out/runs/late/2.csv | tail -n 1)" ] # two seeds
	run clip all ROWS='late align-1'
	expect 0
	refute grep -qE '^hm-(fuse|encode|score)' <<<"$output"
	run clip all ROWS='late align-1' late='--fusion late --lr 1e-2'
	expect 0 '^hm-fuse-train --fusion late --lr 1e-2'
	refute grep -q 'hm-fuse-train --fusion align' <<<"$output"
	refute grep -q 'hm-encode' <<<"$output"
}

@test "what is missing is said before anything runs" {
	run make -f "$ROOT/pipelines/clip.mk" all DATA=nowhere OUT=x
	expect 2 'DATA=nowhere holds no train.jsonl'
	run make -f "$ROOT/pipelines/clip.mk" all DATA=toy OUT=x
	expect 2 'there is no clip-vit-large-patch14: say CLIP=FOLDER'
	run clip all ROWS=align
	expect 2 'ROWS=align: align is not one of the rows'
	[ ! -e x ]
	run make -f "$ROOT/pipelines/clip.mk" list
	expect 0 '^cross +--fusion cross --map-dim 32'
}
