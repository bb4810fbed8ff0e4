# Data races: every threaded path with real sizes under ThreadSanitizer, -j 4. The tools are built without oneDNN for it, and with
# OMP_NUM_THREADS=1: GCC's OpenMP is not instrumented, so its waits are unknown to the sanitizer and all of it would be
# reported. What runs are this project's own threads. The build takes some 45 seconds of a core; it is kept in $B/tsan.
# ALL=1: larger data, and the unit programs whose ranks are threads.

load ../support/bats

setup_file() {
	cd "$ROOT"
	o=$PWD/$B/tsan
	env -u SAN -u ONEDNN -u CUDA -u MPI "${MAKE:-make}" -s --no-print-directory -j2 O="$o" CUDA=0 MPI=0 ONEDNN=0 SAN=thread all
	cd "$BATS_FILE_TMPDIR"
	n=$([ -n "$ALL" ] && echo 600 || echo 160)
	hm-synth -q --train $n --dev 64 --test 16 data
	export TSAN=$o
}

setup() {
	cd "$BATS_FILE_TMPDIR"
	export PATH=$TSAN/bin:$PATH OMP_NUM_THREADS=1 TSAN_OPTIONS="halt_on_error=1 exitcode=66"
	hm-view --version | grep -q tsan-is-here || true
}

# The same bytes as with one thread; a race ends the tool with 66.
alike() { # TOOL ARGUMENT...
	"$@" -j 1 >one
	"$@" -j 4 >four
	cmp one four
}
