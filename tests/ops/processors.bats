# Older processors: oneDNN told to do without newer instructions takes other ways, which ask for other memory.

load ../support/bats

@test "every operation without AVX-512" {
	for t in devices images imagetrain infer; do
		CMOCKA_MESSAGE_OUTPUT=STDOUT DNNL_MAX_CPU_ISA=AVX2 ONEDNN_MAX_CPU_ISA=AVX2 "$B/tests/ops/test_ops_$t"
	done
}

@test "every operation without AVX" {
	CMOCKA_MESSAGE_OUTPUT=STDOUT DNNL_MAX_CPU_ISA=SSE41 ONEDNN_MAX_CPU_ISA=SSE41 "$B/tests/ops/test_ops_devices"
}
