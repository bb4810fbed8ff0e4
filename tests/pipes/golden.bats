# Every kind of computation on the device `ref`, byte for byte as committed: features, models, checkpoints, logs, predictions,
# reports. Restructuring changes none of these lines. A change that means to change numbers makes them anew, and says so:
#   bash tests/support/golden.sh ref FOLDER >tests/data/golden/ref.txt
# When a line of a feature column changes, VERSION in lib/model/encodecache.c has to be raised too: a cache would mix old and new.

load ../support/bats

@test "the device ref gives the bytes that are committed" {
	bash "$ROOT/tests/support/golden.sh" ref "$BATS_TEST_TMPDIR/work" >"$BATS_TEST_TMPDIR/now.txt"
	diff "$ROOT/tests/data/golden/ref.txt" "$BATS_TEST_TMPDIR/now.txt" || fail "results differ from tests/data/golden/ref.txt"
}
