# A small file system of its own for a test: a tmpfs in a mount namespace, which ends with the commands that run in it. It needs root
# or user namespaces; where neither is, the test fails and says so. Loaded by the tests that fill it or make it read-only.

# room OPTIONS FUNCTION ARGUMENT...: calls the function in $fs, an empty tmpfs mounted with OPTIONS ("size=1m,nr_inodes=9").
room() {
	local how=-m options=$1
	shift
	[ "$(id -u)" = 0 ] || how=-rm
	mkdir -p "$BATS_FILE_TMPDIR/fs"
	: >"$BATS_TEST_TMPDIR/mounted"
	declare -f >"$BATS_TEST_TMPDIR/functions"
	if ! fs=$BATS_FILE_TMPDIR/fs t=$BATS_TEST_TMPDIR unshare $how bash -c '
		mount -t tmpfs -o "$1" tmpfs "$fs" && rm "$t/mounted" || exit 1
		shift
		. "$t/functions"
		set -euo pipefail
		cd "$fs"
		"$@"' room "$options" "$@" 2>"$BATS_TEST_TMPDIR/why"; then
		[ ! -e "$BATS_TEST_TMPDIR/mounted" ] || fail "no tmpfs can be mounted here, which takes root or user namespaces: $(cat "$BATS_TEST_TMPDIR/why")"
		fail "$options: $*: $(cat "$BATS_TEST_TMPDIR/why")"
	fi
}
