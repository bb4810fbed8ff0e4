# Nothing is trained, validated or scored on inputs that were prepared otherwise: another size, fit, filter, vocabulary or casing
# is refused by every tool that has a model, on raw columns and on features, and --allow-mismatch goes on with a warning.

load ../support/bats

prepare() { # NAME IMGPREP-OPTIONS TOKENIZE-OPTIONS
	hm-jsonl2rec -q data/train.jsonl | hm-imgprep -q --root data/img $2 | hm-tokenize -q $3 -o $1.raw.hmr
	hm-encode -q --image init:resnet-tiny --text init:bert-tiny --vocab-size 400 -o $1.hmr $1.raw.hmr
}

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 30 --dev 0 --test 0 data
	{ cat data/vocab.txt; echo zebra; } >other.txt
	prepare base '--size 40' '--vocab data/vocab.txt'
	prepare size '--size 48' '--vocab data/vocab.txt'
	prepare fit '--size 40 --fit crop' '--vocab data/vocab.txt'
	prepare filter '--size 40 --filter bicubic' '--vocab data/vocab.txt'
	prepare vocab '--size 40' '--vocab other.txt'
	prepare cased '--size 40' '--vocab data/vocab.txt --cased'
	hm-fuse-train -q --epochs 1 -o head.st base.hmr
	hm-fuse-train -q --epochs 1 --image init:resnet-tiny --text init:bert-tiny --vocab-size 400 -o whole.st base.raw.hmr
}
setup() { cd "$BATS_FILE_TMPDIR"; }

says() { # what the sentence says of each kind
	case $1 in
	size) echo 'size is 48x48 here, the model was trained on 40x40 \(hm-imgprep --size 40; --allow-mismatch goes on\)' ;;
	fit) echo 'fit is crop here, the model was trained on squash \(hm-imgprep --fit squash;' ;;
	filter) echo 'filter is bicubic here, the model was trained on bilinear \(hm-imgprep --filter bilinear;' ;;
	vocab) echo 'vocab is [0-9a-f]{8}… here, the model was trained on [0-9a-f]{8}…' ;;
	cased) echo 'cased is true here, the model was trained on false' ;;
	esac
}

@test "a head, on features" {
	hm-score --model head.st --bootstrap 0 base.hmr
	for k in size fit filter vocab cased; do
		run hm-score --model head.st --bootstrap 0 --csv $BATS_TEST_TMPDIR/x.csv $k.hmr
		expect 1 "$(says $k)"
		[ ! -e $BATS_TEST_TMPDIR/x.csv ]
		run hm-score --model head.st --bootstrap 0 --allow-mismatch $k.hmr
		expect 0 "warning: column"
	done
}

@test "a whole model, on raw columns" {
	hm-score --model whole.st --bootstrap 0 base.raw.hmr
	for k in size fit filter vocab cased; do
		run hm-score --model whole.st --bootstrap 0 $k.raw.hmr
		expect 1 "$(says $k)"
	done
	run hm-score --model whole.st --bootstrap 0 --allow-mismatch fit.raw.hmr
	expect 0 'warning: column "pixels": fit is crop here'
}

@test "the validation set, and what training goes on from" {
	for k in size fit filter vocab cased; do
		run hm-fuse-train -q --epochs 1 --val $k.hmr -o $BATS_TEST_TMPDIR/x.st base.hmr
		expect 1 "error: --val: .*$(says $k)"
		run hm-fuse-train -q --epochs 1 --init head.st -o $BATS_TEST_TMPDIR/x.st $k.hmr
		expect 1 "head.st: .*$(says $k)"
		run hm-fuse-train -q --epochs 1 --init whole.st -o $BATS_TEST_TMPDIR/x.st $k.raw.hmr
		expect 1 "whole.st: .*$(says $k)"
		[ ! -e $BATS_TEST_TMPDIR/x.st ]
	done
	run hm-fuse-train --epochs 1 --allow-mismatch --val fit.hmr -o $BATS_TEST_TMPDIR/x.st base.hmr
	expect 0 'warning: --val: column "image_feature": fit is crop here'
}

@test "crops: the short side and the offset count" {
	prepare short '--size 40 --fit crop --short 44' '--vocab data/vocab.txt'
	prepare floor '--size 40 --fit crop --crop-offset floor' '--vocab data/vocab.txt'
	hm-fuse-train -q --epochs 1 -o crop.st fit.hmr
	run hm-score --model crop.st --bootstrap 0 short.hmr
	expect 1 'short is 44 here, the model was trained on 45 \(hm-imgprep --short 45; --allow-mismatch goes on\)'
	run hm-score --model crop.st --bootstrap 0 floor.hmr
	expect 1 'offset is floor here, the model was trained on even \(hm-imgprep --crop-offset even;'
}

@test "a model says how its inputs were prepared" {
	grep -aq '\\"image\\":{\\"fit\\":\\"squash\\",\\"size\\":\\"40x40\\"}' head.st
	grep -aq '\\"text\\":{\\"cased\\":false,\\"eps\\":1e-12,\\"heads\\":2,\\"max_length\\":512,\\"vocab\\":\\"[0-9a-f]*\\"}' head.st
	hm-view --schema base.hmr | grep -q '"fit":"squash"'
}
