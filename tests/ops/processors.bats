# Older processors: oneDNN told to do without newer instructions takes other ways, which ask for other memory.

load ../support/bats

@test "every operation without AVX-512" {
	for t in devices images imagetrain infer; do
		CMOCKA_MESSAGE_OUTPUT=STDOUT DNNL_MAX_CPU_ISA=AVX2 ONEDNN_MAX_CPU_ISA=AVX2 "$B/tests/ops/test_ops_$t"
	done
}

@test "without AVX-512, too, a caption's features do not depend on which others are computed with it" {
	cd "$BATS_TEST_TMPDIR"
	hm-synth -q --train 160 --dev 1 --test 1 data
	hm-jsonl2rec -q data/train.jsonl | hm-tokenize -q --vocab data/vocab.txt -o all.hmr
	encode() { DNNL_MAX_CPU_ISA=AVX2 ONEDNN_MAX_CPU_ISA=AVX2 hm-encode -q -j1 --device cpu --text init:bert-tiny "$@"; }
	encode -o right.hmr all.hmr
	for part in "--head 60" "--shard 1/3"; do # shellcheck disable=SC2086
		hm-cat $part all.hmr | encode --cache c -o part.hmr
		encode --cache c all.hmr | cmp - right.hmr
		rm -r c
	done
}

@test "every operation without AVX" {
	CMOCKA_MESSAGE_OUTPUT=STDOUT DNNL_MAX_CPU_ISA=SSE41 ONEDNN_MAX_CPU_ISA=SSE41 "$B/tests/ops/test_ops_devices"
}
