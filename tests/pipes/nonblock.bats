# Standard streams that a parent process left in non-blocking mode: every tool waits for them, and gives the same bytes.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 60 --dev 8 --test 8 data
	hm-jsonl2rec -q -o rec.hmr data/train.jsonl
	hm-imgprep -q --root data/img --size 48 rec.hmr | hm-tokenize -q --vocab data/vocab.txt -o all.hmr
	hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o features.hmr all.hmr
	hm-fuse-train -q --fusion late --epochs 1 -o head.safetensors features.hmr
	hm-score -q --model head.safetensors -o scored.hmr --csv scored.csv features.hmr >/dev/null
	hm-fuse-train -q --fusion late --image init:resnet-tiny --text init:bert-tiny --vocab-size 400 --epochs 1 -o raw.safetensors all.hmr
	hm-bundle -q --vocab data/vocab.txt -o whole.safetensors raw.safetensors
}

# INPUT|CALL: every tool that reads standard input or writes standard output.
calls() {
	cat <<-'END'
		data/train.jsonl|hm-jsonl2rec -
		rec.hmr|hm-imgprep --root data/img --size 48
		all.hmr|hm-tokenize --vocab data/vocab.txt --replace
		all.hmr|hm-cat
		all.hmr|hm-view
		all.hmr|hm-view --full
		all.hmr|hm-view --schema
		all.hmr|hm-encode --image init:resnet-tiny
		features.hmr|hm-fuse-train --fusion late --epochs 1 -o out.safetensors
		features.hmr|hm-score --model head.safetensors -o -
		scored.csv|hm-score -
		scored.hmr|hm-score --json - -
		all.hmr|hm-lint -
		scored.csv|hm-csv2rec --no-img --no-text -
		features.hmr|hm-nearest --columns image_feature --train features.hmr
		data/dev.jsonl|hm-classify whole.safetensors --root data/img
		rec.hmr|hm-cat --help
		rec.hmr|hm-fuse-train --completion bash
		rec.hmr|hm-cat --no-such-option
	END
}

without_seconds() { sed -E 's/[0-9.]+ s$//' "$1"; }

@test "standard streams in non-blocking mode" {
	cd "$BATS_FILE_TMPDIR"
	nonblock=$ROOT/$B/tests/pipes/nonblock
	while IFS='|' read -r input call; do
		want=0 got=0
		$call <"$input" >want 2>want.err || want=$?
		"$nonblock" $call <"$input" >got 2>got.err || got=$?
		[ "$want" = 0 ] || [[ $call = *no-such-option ]] || fail "$call: exit status $want: $(cat want.err)"
		[ "$got" = "$want" ] || fail "$call: exit status $got, not $want: $(cat got.err)"
		cmp want got || fail "$call: other bytes"
		diff <(without_seconds want.err) <(without_seconds got.err) || fail "$call: $(cat got.err)"
	done < <(calls)
}
