# The second reader, written from formats/hmr.md alone, on every golden vector; and plain zstd on the good ones.

load ../support/bats

READER=$ROOT/$B/tests/formats/secondreader

@test "the second reader gives the lines beside every good vector" {
	n=0
	for v in "$ROOT"/formats/golden/*.hmr; do
		"$READER" "$v" >"$BATS_TEST_TMPDIR/lines" || fail "$v is refused"
		cmp "$BATS_TEST_TMPDIR/lines" "${v%.hmr}.jsonl"
		n=$((n + 1))
	done
	[ "$n" -ge 8 ]
}

@test "the second reader refuses every bad vector" {
	n=0
	for v in "$ROOT"/formats/golden/failed/*.hmr; do
		run bash -c '"$0" "$1" 2>&1 >/dev/null' "$READER" "$v"
		expect 1 '^refused: '
		n=$((n + 1))
	done
	[ "$n" -ge 40 ]
}

@test "the second reader shares nothing with the first and stays short" {
	! grep -n '#include "' "$ROOT/tests/formats/secondreader.c"
	[ "$(wc -l <"$ROOT/tests/formats/secondreader.c")" -le 320 ]
}

@test "plain zstd accepts every good vector" {
	for v in "$ROOT"/formats/golden/*.hmr; do
		zstd -q -t - <"$v"
		[ "$(zstd -q -dc - <"$v" | wc -c)" = "$(tail -n 1 "${v%.hmr}.jsonl" | sed 's/.*"raw_bytes":\([0-9]*\).*/\1/')" ]
	done
}
