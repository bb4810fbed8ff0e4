# Every tool and kind of output with one fault: the k-th allocation, the k-th system call, k = 1, 2, ... until a run meets none.
# A third of all k per run, by the commit's number, and no more places of a case and kind than there is time for; ALL=1: all k.

load ../support/bats

setup_file() {
	export WORK
	WORK=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo "$BATS_FILE_TMPDIR")/hm-loops-XXXXXX")
	bash "$ROOT/tests/faults/inputs.sh" "$WORK/in"
}
teardown_file() {
	[ -z "$WORK" ] || rm -rf "$WORK"
}

# OPTION...: the loops, with what they say in the log; a wrong run fails the test.
loops() {
	local work tools=$ROOT/$B/tests/faults
	work=$(mktemp -d "$WORK/XXXXXX")
	"$tools/loops" -j "$(nproc)" "$@" "$ROOT/tests/faults/cases.txt" "$WORK/in" "$work" "$tools/shim.so" >"$WORK/said" 2>&1 || {
		cat "$WORK/said"
		return 1
	}
	sed 's/^/# /' "$WORK/said" >&3
	rm -rf "$work"
}

# CAP OPTION...: a third of all places, at most CAP of a case and kind; 0: no cap.
part() {
	local cap=$1
	shift
	if [ -n "${ALL:-}" ]; then
		loops -v "$@"
	else
		loops -s 3 -c "$cap" -o "$(git -C "$ROOT" rev-list --count HEAD 2>/dev/null || echo 0)" "$@"
	fi
}

@test "the k-th allocation fails, once or with all that follow: the right bytes, or exit 1, one line and the old files" {
	part 50 -k alloc,alloc-ever
}

@test "the first allocations of every tool: one line says that memory is out" {
	loops -k alloc,alloc-ever -f 6
}

@test "--on-error skip and keep leave out nothing because memory, a disk or a descriptor failed" {
	loops -n jsonl2rec-skip,csv2rec-skip,imgprep-skip,imgprep-keep -k io,room
	part 60 -n jsonl2rec-skip,csv2rec-skip,imgprep-skip,imgprep-keep,classify-stdin -k alloc
}

@test "--help, --version, --completion and a wrong call say all or fail" {
	loops -n help,version,completion,usage
}

@test "the k-th system call fails, once or with all that follow: the right bytes, or exit 1, one line and the old files" {
	part 32 -k io,io-ever,room
}

@test "the k-th system call is interrupted, would have to wait, or moves one byte: the right bytes" {
	part 32 -k intr,again,cut
}

@test "killed at the k-th system call: every file is old or new, and the run after it gives the right bytes" {
	part 32 -k kill
}
