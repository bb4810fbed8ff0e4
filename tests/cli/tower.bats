# A tower that the library does not have goes through hm-encode, hm-fuse-train and hm-score with one new file
# (tests/tower/meantower.c) and one row: the Makefile builds the three tools in $B/tests/tower with that row in the list.

load ../support/bats

setup_file() {
	[ -x "$ROOT/$B/tests/tower/hm-score" ] ||
		fail "$B/tests/tower has no tools with one more tower: make tower-tools builds them, and make test does"
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 60 --dev 30 --test 0 --rule image data
	for s in train dev; do
		hm-jsonl2rec -q data/$s.jsonl | hm-imgprep -q --root data/img --size 24 -o $s.hmr
	done
}
setup() {
	cd "$BATS_FILE_TMPDIR"
	PATH=$ROOT/$B/tests/tower:$PATH
}

@test "its features are a linear map of mean colours" {
	[ "$(command -v hm-encode)" = "$ROOT/$B/tests/tower/hm-encode" ]
	hm-encode --image init:mean:4 --keep -o $BATS_TEST_TMPDIR/f.hmr dev.hmr
	hm-view --schema $BATS_TEST_TMPDIR/f.hmr | tr '}' '\n' | grep '"name":"image_feature"' | grep -q '"shape":\[8\]'
	# two records of the same mean would have the same feature; these differ
	[ "$(hm-view --full $BATS_TEST_TMPDIR/f.hmr | grep -o '"image_feature":[^]]*' | sort -u | wc -l)" -gt 20 ]
	hm-encode --device ref --image init:mean:4 dev.hmr | hm-view --full | grep -o '"image_feature":[^]]*' >$BATS_TEST_TMPDIR/ref
	run hm-encode --image init:mean --image-output grid -o $BATS_TEST_TMPDIR/g.hmr dev.hmr
	expect 1 'a mean has no grid'
	[ ! -e $BATS_TEST_TMPDIR/g.hmr ]
}

@test "trained on features, trained itself, saved, taken up again and scored" {
	hm-encode --image init:mean:4 -o $BATS_TEST_TMPDIR/t.hmr train.hmr
	hm-encode --image init:mean:4 -o $BATS_TEST_TMPDIR/d.hmr dev.hmr
	hm-fuse-train -q --epochs 3 -o $BATS_TEST_TMPDIR/head.st $BATS_TEST_TMPDIR/t.hmr
	hm-score --model $BATS_TEST_TMPDIR/head.st --bootstrap 0 $BATS_TEST_TMPDIR/d.hmr | tail -n 1 | grep -q 'n 30$'
	hm-fuse-train -q --image init:mean:4 --epochs 40 --lr .05 -o $BATS_TEST_TMPDIR/all.st --val dev.hmr train.hmr
	grep -aq '"image_encoder.colour.weight"' $BATS_TEST_TMPDIR/all.st
	hm-score --model $BATS_TEST_TMPDIR/all.st --bootstrap 0 --json $BATS_TEST_TMPDIR/s.json dev.hmr
	# training moved the tower: another digest, and features of the new one differ
	hm-encode --image $BATS_TEST_TMPDIR/all.st -o $BATS_TEST_TMPDIR/new.hmr dev.hmr
	refute cmp -s $BATS_TEST_TMPDIR/new.hmr $BATS_TEST_TMPDIR/d.hmr
	run hm-score --model $BATS_TEST_TMPDIR/head.st $BATS_TEST_TMPDIR/new.hmr
	expect 1 'was made by encoder'
	run hm-fuse-train --fusion early --image init:mean --text init:bert-tiny --frozen-mode train -o $BATS_TEST_TMPDIR/x.st train.hmr
	expect 2 'takes a grid from the image, and a mean has none'
	hm-fuse-train -q --init $BATS_TEST_TMPDIR/all.st --epochs 1 -o $BATS_TEST_TMPDIR/on.st train.hmr
}

@test "the tools of the library do not know it" {
	run "$ROOT/build/bin/hm-encode" --image init:mean -o $BATS_TEST_TMPDIR/x.hmr dev.hmr
	expect 2 'no image encoder is called "mean": clip-tiny-image, .*resnet18'
}
