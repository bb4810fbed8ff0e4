# hm-synth: the layout, the labels' rules, sameness, and what it refuses.

load ../support/bats

setup() { cd "$BATS_TEST_TMPDIR"; }

@test "the layout of the real data set" {
	hm-synth --train 7 --dev 5 --test 3 d
	[ "$(wc -l <d/train.jsonl) $(wc -l <d/dev.jsonl) $(wc -l <d/test.jsonl) $(ls d/img | wc -l)" = "7 5 3 15" ]
	head -n 1 d/train.jsonl | grep -qE '^\{"id":[0-9]{5},"img":"img\\/[0-9]{5}\.png","label":[01],"text":"[^"]+","image_concept":[0-3],"text_concept":[0-3]\}$'
	refute grep -q '"label"' d/test.jsonl
	for f in $(grep -oh 'img\\/[0-9]*\.png' d/*.jsonl | tr -d '\\'); do [ -s "d/$f" ]; done
	[ "$(cat d/*.jsonl | grep -o '"id":[0-9]*' | sort -u | wc -l)" = 15 ]
}

@test "labels follow the rule" {
	for rule in xor image text; do
		hm-synth --rule $rule --train 40 --dev 0 --test 0 $rule
		awk -F'[:,}]' -v rule=$rule '{ for (i = 1; i <= NF; i++) { if ($i ~ /"label"/) y = $(i+1); if ($i ~ /image_concept/) a = $(i+1); if ($i ~ /text_concept/) b = $(i+1) }
			want = rule == "xor" ? (a != b) : rule == "image" ? a : b; n[y]++; if (y != want) exit 1 } END { exit !(n[0] > 5 && n[1] > 5) }' $rule/train.jsonl
	done
	hm-synth --train 80 --dev 0 --test 0 add
	awk -F'[:,}]' '{ for (i = 1; i <= NF; i++) { if ($i ~ /"label"/) y = $(i+1); if ($i ~ /image_concept/) a = $(i+1); if ($i ~ /text_concept/) b = $(i+1) }
		if (a + b != 3 && y != (a + b > 3)) exit 1; if (a + b == 3) coin[y]++ } END { exit !(coin[0] && coin[1]) }' add/train.jsonl
}

@test "the same bytes for any -j, others for another seed" {
	hm-synth -j1 --train 20 --dev 4 --test 4 a
	hm-synth -j4 --train 20 --dev 4 --test 4 b
	diff -r a b
	hm-synth --seed 2 --train 20 --dev 4 --test 4 c
	refute cmp -s a/train.jsonl c/train.jsonl
}

@test "every caption is spelled by its own vocabulary" {
	hm-synth --train 200 --dev 0 --test 0 d
	hm-jsonl2rec d/train.jsonl | hm-tokenize --vocab d/vocab.txt | hm-view --full >tokens
	unknown=$(($(grep -nx '\[UNK\]' d/vocab.txt | cut -d: -f1) - 1))
	[ "$(wc -l <tokens)" = 200 ]
	! grep -qE "[[,]$unknown[],]" <(grep -o '"token_ids":.*' tokens)
}

@test "no image, no split: zero examples are legal" {
	hm-synth --train 0 --dev 0 --test 0 d
	[ -e d/train.jsonl ] && [ ! -s d/train.jsonl ]
}

@test "a folder with something in it is refused, unless --force" {
	mkdir d && touch d/mine
	run hm-synth d
	expect 1 'd: the folder is not empty; name another one, or --force'
	[ "$(ls d)" = mine ]
	hm-synth --force --train 1 --dev 0 --test 0 d
	[ -s d/train.jsonl ]
}

@test "wrong calls" {
	run hm-synth
	expect 2 '^see hm-synth --help$'
	run hm-synth --rule both d
	expect 2 "add\|xor\|image\|text"
	run hm-synth --train -1 d
	expect 2 'train'
	run hm-synth nowhere/deep
	expect 1 'nowhere/deep: cannot make the folder: No such file or directory'
}
