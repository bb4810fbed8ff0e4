# What training says of the validation set is what hm-score says of the model that it wrote, to the last digit: heads on
# features (standardised, as they are unless told otherwise, and not), and whole networks with frozen encoders.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 80 --dev 37 --test 0 data
	for s in train dev; do
		hm-jsonl2rec -q data/$s.jsonl | hm-imgprep -q --root data/img --size 40 | hm-tokenize -q --vocab data/vocab.txt -o $s.raw.hmr
		hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o $s.hmr $s.raw.hmr
	done
}
setup() { cd "$BATS_FILE_TMPDIR"; }

number() { grep -oE "\"$1\":[-+.0-9e]+" | tail -n 1 | cut -d: -f2; }

# Training with these options, then scoring the model: loss, accuracy and AUROC are the same digits.
alike() { # TRAIN DEV OPTION...
	local train=$1 dev=$2 of
	shift 2
	hm-fuse-train -q --epochs 3 "$@" --val $dev --log $BATS_TEST_TMPDIR/log.jsonl -o $BATS_TEST_TMPDIR/m.st $train 2>/dev/null
	hm-score ${device:+--device $device} --model $BATS_TEST_TMPDIR/m.st --bootstrap 0 --json $BATS_TEST_TMPDIR/s.json $dev >/dev/null
	for of in loss:log_loss accuracy:accuracy auroc:auroc; do
		said=$(grep '"event":"eval"' $BATS_TEST_TMPDIR/log.jsonl | number ${of%:*})
		scored=$(number ${of#*:} <$BATS_TEST_TMPDIR/s.json)
		[ -n "$said" ] && [ "$said" = "$scored" ] || fail "${of%:*}: training says $said, hm-score $scored ($*)"
	done
}

@test "heads on features: standardised and not, one side and both, on both devices" {
	for device in cpu ref; do
		alike train.hmr dev.hmr --device $device --lr 1e-2
		alike train.hmr dev.hmr --device $device --lr 1e-2 --no-standardize
		alike train.hmr dev.hmr --device $device --features text --lr 1e-2 --batch-size 7
		alike train.hmr dev.hmr --device $device --features image --lr 1e-2 --select auroc --epochs 1
	done
}

@test "heads on encoders that are frozen" {
	alike train.raw.hmr dev.raw.hmr --image init:resnet-tiny --text init:bert-tiny --freeze both
}

@test "the models of a sweep" {
	printf '%s\n' '{"name":"a","lr":0.01}' '{"name":"b","lr":0.1,"epochs":2}' >sweep.jsonl
	hm-fuse-train -q --sweep sweep.jsonl --epochs 3 --val dev.hmr -o heads train.hmr
	for m in a b; do
		hm-fuse-train -q --epochs $([ $m = a ] && echo 3 || echo 2) --lr $([ $m = a ] && echo .01 || echo .1) --val dev.hmr -o $m.st train.hmr 2>/dev/null
		cmp $m.st heads/$m.safetensors
		hm-score --model heads/$m.safetensors --bootstrap 0 --json s.json dev.hmr >/dev/null
		auroc=$(awk -F, -v m="\"$m\"" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "auroc") k = i } $1 == m { print $k }' heads/leaderboard.csv)
		[ "$auroc" = "$(printf '%.9g' "$(number auroc <s.json)")" ]
	done
}
