# What the command tests share. Loaded by each .bats file: load ../support/bats

ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
PATH=$ROOT/build/bin:$PATH
B=${B:-build/$(cat "$ROOT/build/.setting" 2>/dev/null)} # of the last make; tests/run sets it

fail() { # SENTENCE: ends the test with it
	printf '%s\n' "$*" >&2
	return 1
}

# The run before ended with STATUS and said PATTERN (extended regular expression) in one line.
expect() { # STATUS [PATTERN]
	[ "$status" = "$1" ] || fail "exit status $status, expected $1: $output"
	[ $# = 1 ] || grep -qE -- "$2" <<<"$output" || fail "expected '$2' in: $output"
}

# COMMAND...: must fail. (`! command` fails no test unless it stands last.)
refute() {
	if "$@"; then fail "succeeded, and should not have: $*"; fi
}

# Whether this build computes in bf16 on this processor.
has_bf16() {
	grep -q avx512_bf16 /proc/cpuinfo && hm-fuse-train --version | grep -q oneDNN
}
