# Every tool and kind of output with one fault: the k-th allocation, the k-th system call, k = 1, 2, ... until a run meets none.
# A third of all k a run, by the commit's number, and no more places of a case and kind than there is time for; ALL=1: all k.

load ../support/bats

setup_file() {
	export WORK
	WORK=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo "$BATS_FILE_TMPDIR")/hm-loops-XXXXXX")
	bash "$ROOT/tests/faults/inputs.sh" "$WORK/in"
}
teardown_file() {
	[ -z "$WORK" ] || rm -rf "$WORK"
}

# CAP KINDS: tries them and says how much of it; a wrong run fails the test.
try() {
	local how="-s 3 -c $1 -o $(git -C "$ROOT" rev-list --count HEAD 2>/dev/null || echo 0)" tools=$ROOT/$B/tests/faults
	[ -z "${ALL:-}" ] || how=-v
	mkdir -p "$WORK/$2"
	# shellcheck disable=SC2086
	"$tools/loops" $how -j "$(nproc)" -k "$2" "$ROOT/tests/faults/cases.txt" "$WORK/in" "$WORK/$2" "$tools/shim.so" >"$WORK/said" 2>&1 || {
		cat "$WORK/said"
		return 1
	}
	sed 's/^/# /' "$WORK/said" >&3
}

@test "the k-th allocation fails, once or with all that follow: the right bytes, or exit 1, one line and the old files" {
	try 12 alloc,alloc-ever
}

@test "the k-th system call fails, once or with all that follow: the right bytes, or exit 1, one line and the old files" {
	try 6 io,io-ever,room
}

@test "the k-th system call is interrupted, would have to wait, or moves one byte: the right bytes" {
	try 8 intr,again,cut
}

@test "killed at the k-th system call: every file is old or new, and the run after it gives the right bytes" {
	try 8 kill
}
