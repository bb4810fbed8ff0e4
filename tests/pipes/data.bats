# pipelines/check-data.sh: what it calls complete is, and what is missing it names, file by file.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 16 --dev 8 --test 4 made
	# The published layout and numbers, with one picture for all lines: --train 8500 would take a while.
	mkdir -p real/img
	cp made/img/10001.png real/img/1.png
	lines 8500 ',"label":0' >real/train.jsonl
	lines 500 ',"label":1' >real/dev.jsonl
	lines 1000 '' >real/test.jsonl
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	cp -r "$BATS_FILE_TMPDIR/made" "$BATS_FILE_TMPDIR/real" .
}

lines() { # N FIELDS
	awk -v n="$1" -v more="$2" 'BEGIN { for (i = 1; i <= n; i++) printf "{\"id\":\"%05d\",\"img\":\"img\\/1.png\"%s,\"text\":\"a\"}\n", i, more }'
}

check() { run "$ROOT/pipelines/check-data.sh" "$@"; }

@test "a whole folder is complete: the published one and hm-synth's" {
	check real
	expect 0 '^real is complete$'
	[ "$(grep -c 'lines, as published' <<<"$output")" = 3 ]
	check made/
	expect 0 '^made is complete$'
	expect 0 '^  16 lines, made by hm-synth \(the published split has 8500\)$'
	hm-synth -q --train 4 --dev 4 --test 0 none
	check none
	expect 0 '^none is complete$'
	refute grep -q licence <<<"$output"
	cp real/dev.jsonl dev.jsonl && mv dev.jsonl real/dev_seen.jsonl && rm real/dev.jsonl # the newer release
	mv real/test.jsonl real/test_seen.jsonl
	lines 540 ',"label":0' >real/dev_unseen.jsonl
	check real
	expect 0 '^dev_unseen: dev_unseen.jsonl$'
	expect 0 '^dev: dev_seen.jsonl$'
	cp real/dev_seen.jsonl real/dev.jsonl # both: as seed.mk takes it
	check real
	expect 0 '^dev: dev.jsonl$'
}

@test "files that are not there, one by one" {
	for f in train dev test; do
		mv real/$f.jsonl kept
		check real
		expect 1 "MISSING: $f.jsonl.*: not in real"
		[ "$(grep -c MISSING <<<"$output")" = 1 ] || fail "$output"
		expect 1 'ai.meta.com/tools/hatefulmemes'
		expect 1 'licence'
		mv kept real/$f.jsonl
	done
	rm -r real/img
	check real
	expect 1 'MISSING: the folder img/ of pictures: not in real'
	expect 1 'MISSING: 8500 of the pictures of train.jsonl: img/1.png, .* and 8490 more$'
	check nowhere
	expect 1 '^nowhere is no folder$'
	mkdir empty
	check empty
	expect 1
	[ "$(grep -c MISSING <<<"$output")" = 4 ] || fail "$output"
}

@test "pictures: absent and empty ones, odd names, ten of them named" {
	rm made/img/10001.png
	: >made/img/17920.png
	check made
	expect 1 'MISSING: 2 of the pictures of train.jsonl: img/10001.png, img/17920.png$'
	[ "$(grep -c MISSING <<<"$output")" = 1 ]
	printf '\xff\xd8\xff\xe0\0\0JFIF' >made/img/10001.png # another kind under a PNG's name, and a cut one
	printf '\x89P' >made/img/17920.png
	check made
	expect 1 'MISSING: 2 of the pictures of train.jsonl: img/10001.png \(no PNG\), img/17920.png \(no PNG\)$'
	rm made/img/*
	check made
	[ "$(grep -o 'img/[0-9]*.png' <<<"$output" | wc -l)" = 22 ] # ten of train, eight of dev, four of test
	expect 1 'img/[0-9]+.png and 6 more$'
	mkdir -p odd/img
	cp real/dev.jsonl real/test.jsonl odd
	cp real/img/1.png odd/img
	printf '%s\n' '{"id":"a\"b","img":"img\/ it'\''s \"my\" picture.png","label":0,"text":"x","image_concept":0}' >odd/train.jsonl
	cp real/img/1.png 'odd/img/ it'\''s "my" picture.png'
	check odd
	expect 0 complete
	name=$(printf 'o\u009b31m\u202e\x1b\n%%s\u00fc.png')
	cp real/img/1.png "odd/img/$name"
	echo '{"id":"a","img":"img/o\u009b31m\u202e\u001b\n%s\u00fc.png","label":0,"text":"x","image_concept":0}' >odd/train.jsonl
	LC_ALL=C check odd
	expect 0 complete
	rm "odd/img/$name"
	check odd
	expect 1 'MISSING: 1 of the pictures of train.jsonl: img/o\\u009b31m\\u202e\\u001b\\n%sü.png$'
}

@test "lines: too few, too many, broken, without labels" {
	head -n 8000 real/train.jsonl >few && cp few real/train.jsonl
	tail -n +501 real/dev.jsonl >more
	lines 501 ',"label":1' >real/dev.jsonl
	check real
	expect 1 'MISSING: 500 lines of train.jsonl: it has 8000, 8500 were published'
	expect 1 '501 lines, 1 more than were published'
	[ "$(grep -c MISSING <<<"$output")" = 1 ]
	echo '{"id":1,' >>made/dev.jsonl
	check made
	expect 1 'MISSING: a readable dev.jsonl: made/dev.jsonl: line 9: .*column'
	expect 1 '^test: test.jsonl$' # the others are looked at
	expect 1 'licence'
	[ "$(grep -c MISSING <<<"$output")" = 1 ]
	sed -i '3,4s/"label":[01],//' made/train.jsonl
	check made
	expect 1 'MISSING: the label on 2 of the lines of train.jsonl'
}

@test "wrong calls and --help" {
	check
	expect 2 '^usage: check-data.sh DATA'
	check a b
	expect 2
	check --nonsense
	expect 2
	check --help
	expect 0 'licence'
	expect 0 '^usage: check-data.sh DATA'
}

@test "seed.mk check" {
	run make -s -f "$ROOT/pipelines/seed.mk" check DATA=made
	expect 0 '^made is complete$'
	rm made/dev.jsonl
	run make -s -f "$ROOT/pipelines/seed.mk" check DATA=made
	expect 2 'MISSING: dev.jsonl'
}
