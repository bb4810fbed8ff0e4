# hm-lint: each kind of finding, planted into clean data; what is allowed; what it makes for hm-score.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 60 --dev 30 --test 6 data
	for split in train dev test; do prepare data/$split.jsonl $split.hmr; done
}

setup() { cd "$BATS_FILE_TMPDIR"; }

prepare() { hm-jsonl2rec "$1" | hm-imgprep -q --root data/img --size 32 -o "$2"; }
# A split made of lines; $1 is put into it.
with() { { cat data/dev.jsonl; printf '%s\n' "$1"; } >"$BATS_TEST_TMPDIR/with.jsonl" && hm-jsonl2rec --on-error skip "$BATS_TEST_TMPDIR/with.jsonl" 2>/dev/null | hm-imgprep -q --root data/img --size 32 -o "$BATS_TEST_TMPDIR/with.hmr"; }
lint() { run hm-lint --allow caption-shared "$@"; }
id() { sed -n "${2}s/{\"id\":\([0-9]*\).*/\1/p" "data/$1.jsonl"; }
caption() { sed -n "${2}s/.*\"text\":\"\([^\"]*\)\".*/\1/p" "data/$1.jsonl"; }
label() { sed -n "${2}s/.*\"label\":\([01]\).*/\1/p" "data/$1.jsonl"; }

@test "clean data is clean, and its splits are counted" {
	lint train.hmr dev.hmr test.hmr
	expect 0 'clean: nothing found'
	[[ $output =~ train.hmr\ +60\ +0\  ]]
	[[ $output =~ test.hmr\ +6\ +6 ]]
	[[ $output == *'images compared by pixels, captions by text'* ]]
	lint -j 1 train.hmr - <dev.hmr
	expect 0 'standard input'
	hm-lint -q --json - train.hmr | grep -q '"id-shared":{"examples":\[\],"n":0,"records":0,"verdict":"not checked","why":"there is one split alone"}'
}

@test "each kind is found, with whom, and may be allowed" {
	found() { # "KIND ...", then files: these and no others are found
		local kinds=$1
		shift
		lint --json found.json "$@"
		expect 1 "of finding: $kinds \\(--allow"
		[ "$(grep -o '"verdict":"finding"' found.json | wc -l)" = "$(wc -w <<<"$kinds")" ]
		for kind in $kinds; do
			[ "$kind" = label-shift ] || grep -q "\"$kind\":{\"examples\":\[\[{\"id\":\"[0-9]*\",\"split\":" found.json
		done
	}
	with "{\"id\":1,\"img\":\"img/$(id train 3).png\",\"text\":\"all new\",\"label\":1}"
	found image-shared train.hmr "$BATS_TEST_TMPDIR/with.hmr"
	[[ $output == *"$(id train 3) (train.hmr)  1 ("* ]]
	lint --allow image-shared train.hmr "$BATS_TEST_TMPDIR/with.hmr"
	expect 0 'allowed +images in more than one split +1, 2 records'
	with "{\"id\":1,\"img\":\"img/$(id train 3).png\",\"text\":\"$(caption train 3)\",\"label\":$(label train 3)}"
	found "pair-shared image-shared" train.hmr "$BATS_TEST_TMPDIR/with.hmr"
	with "{\"id\":1,\"img\":\"img/$(id dev 3).png\",\"text\":\"$(caption dev 3)\",\"label\":$((1 - $(label dev 3)))}"
	found "pair-twice label-conflict" train.hmr "$BATS_TEST_TMPDIR/with.hmr"
	with "{\"id\":$(id train 5),\"img\":\"img/$(id dev 3).png\",\"text\":\"all new\",\"label\":1}"
	found id-shared train.hmr "$BATS_TEST_TMPDIR/with.hmr"
	sed 's/"label":0/"label":1/' data/dev.jsonl >ones.jsonl
	prepare ones.jsonl ones.hmr
	found label-shift train.hmr ones.hmr
	# pictures that could not be read are zeros, not one picture
	for split in train dev; do
		sed '1s/"img":"[^"]*"/"img":"img\/none.png"/' data/$split.jsonl | hm-jsonl2rec | hm-imgprep -q --on-error keep --root data/img --size 32 -o broken-$split.hmr
	done
	lint broken-train.hmr broken-dev.hmr
	expect 0 'clean: nothing found'
	run hm-lint train.hmr train.hmr
	expect 1 '4 kinds of finding: id-shared pair-shared image-shared caption-shared'
}

@test "confounders go to hm-score" {
	grep '"label":0' data/dev.jsonl | head -n 1 | sed 's/"id":[0-9]*/"id":7/; s/"text":"[^"]*"/"text":"something kind, \\"so\\""/; s/"label":0/"label":1/' >a.jsonl
	cat data/dev.jsonl a.jsonl >confounded.jsonl
	prepare confounded.jsonl confounded.hmr
	run hm-lint --pairs pairs.csv confounded.hmr
	[[ $output =~ 'same image, other caption and label'\ +'1 pair, 2 records' ]]
	of=$(grep '"label":0' data/dev.jsonl | head -n 1 | sed 's/{"id":\([0-9]*\).*/\1/')
	hm-lint --json - confounded.hmr >alone.json || [ $? = 1 ]
	hm-lint confounded.hmr >alone.txt || [ $? = 1 ]
	hm-lint --json both.json --pairs pairs.csv confounded.hmr >both.txt || [ $? = 1 ]
	cmp alone.json both.json
	cmp alone.txt both.txt
	grep -qxE "\"($of\",\"7|7\",\"$of)\",same-image" pairs.csv
	hm-view confounded.hmr | sed 's/.*"id":"\([^"]*\)".*"label":\([01]\).*/\1,0.\21,\2/; 1s/^/id,proba,label\n/' >p.csv
	hm-score --bootstrap 0 --threshold 0.05 --pairs pairs.csv --json scores.json p.csv >/dev/null
	grep -q '"kind":"same-image"' scores.json
}

@test "an empty caption has nothing in common with another one" {
	sed 's/"text":"[^"]*"/"text":""/' data/dev.jsonl >mute.jsonl
	prepare mute.jsonl mute.hmr
	run hm-lint --pairs pairs.csv mute.hmr
	expect 0 'same caption, other image and label +none'
	[ "$(wc -l <pairs.csv)" = 1 ]
	sed 's/"text":"[^"]*"/"text":""/; s/"id":/&9/' data/train.jsonl >mute2.jsonl
	prepare mute2.jsonl mute2.hmr
	run hm-lint mute.hmr mute2.hmr
	expect 0 'captions in more than one split +none'
	# but the same picture without a caption is the same meme
	{ head -n 1 mute.jsonl; head -n 1 mute.jsonl | sed 's/"id":/&7/; s/"label":0/"label":X/; s/"label":1/"label":0/; s/"label":X/"label":1/'; } >twice.jsonl
	prepare twice.jsonl twice.hmr
	run hm-lint twice.hmr
	expect 1 'pair-twice label-conflict'
}

@test "other columns tell images and captions too; what cannot be compared is said" {
	hm-jsonl2rec data/train.jsonl -o lines.hmr
	run hm-lint lines.hmr dev.hmr
	[[ $output == *'images compared by img, captions by text'* ]]
	for split in train dev; do
		hm-tokenize -q --vocab data/vocab.txt $split.hmr | hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o $split.f.hmr
	done
	run hm-lint --allow caption-shared train.f.hmr dev.f.hmr
	expect 0 'images compared by image_feature, captions by text'
	hm-imgprep -q --root data/img --size 48 -o other.hmr lines.hmr
	run hm-lint --allow caption-shared other.hmr dev.hmr
	expect 0 'images compared by img'
	hm-imgprep -q --root data/img --size 32 --fit crop -o other.hmr lines.hmr # as large, but cut otherwise
	run hm-lint --allow caption-shared other.hmr dev.hmr
	expect 0 'images compared by img'
}

@test "what is refused" {
	run hm-lint
	expect 2 'operand'
	run hm-lint --allow nonsense train.hmr
	expect 2 "'nonsense' is not a kind of finding; id-twice"
	run hm-lint - - <train.hmr
	expect 2 'standard input is named twice'
	run hm-lint train.hmr data/dev.jsonl
	expect 1 'data/dev.jsonl: '
	run hm-lint "$ROOT/formats/golden/shapes.hmr"
	expect 1 'shapes.hmr: there is no column "id"'
	head -c 2000 train.hmr >cut.hmr
	run hm-lint --json cut.json cut.hmr
	expect 1 'cut.hmr: '
	[ ! -e cut.json ]
	[[ $output != *split* ]]
}

@test "--near finds what is nearly the same in two splits, by features" {
	for split in train dev; do
		hm-jsonl2rec data/$split.jsonl | hm-imgprep -q --root data/img --size 64 | hm-tokenize -q --vocab data/vocab.txt |
			hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o near-$split.hmr
	done
	lint --near .99999 near-train.hmr near-dev.hmr
	expect 0 'nearly the same, in more than one split +none'
	# a training record again under another id; all pictures at another size
	{ cat data/dev.jsonl; sed -n '4s/{"id":[0-9]*/{"id":"again"/p' data/train.jsonl; } | hm-jsonl2rec | hm-imgprep -q --root data/img --size 63 |
		hm-tokenize -q --vocab data/vocab.txt | hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o shrunk.hmr
	hm-jsonl2rec data/train.jsonl | hm-imgprep -q --root data/img --size 63 | hm-tokenize -q --vocab data/vocab.txt |
		hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o shrunk-train.hmr
	lint --near .99999 --json near.json --allow pair-shared --allow image-shared shrunk-train.hmr shrunk.hmr
	expect 1 'FINDING +nearly the same, in more than one split +1 pair, 2 records'
	[[ $output == *"$(id train 4) (shrunk-train.hmr)  again (shrunk.hmr)"* ]]
	grep -q "\"near-shared\":{\"examples\":\[\[{\"id\":\"$(id train 4)\"" near.json
	lint --near .99999 --allow near-shared --allow pair-shared --allow image-shared shrunk-train.hmr shrunk.hmr
	expect 0 'allowed +nearly the same'
	lint shrunk-train.hmr shrunk.hmr
	[[ $output == *'nearly the same, in more than one split'*'--near T looks for them, by features'* ]]
	lint --near .9 train.hmr dev.hmr
	expect 1 'error: --near compares image_feature and text_feature, and not all files have one'
	lint --near 2 near-train.hmr near-dev.hmr
	expect 2 '--near'
}
