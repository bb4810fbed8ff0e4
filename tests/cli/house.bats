# The house itself: no state in the library, no mark of a machine.

load ../support/bats

@test "the library holds no mutable globals, but for signal handlers in lib/cli" {
	lib=$ROOT/$B/libhm.a
	# .data and .bss of our own objects; sanitizers add theirs, under other names
	found=$(objdump -t "$lib" | awk '/:     file format/ { o = $1 } $(NF-2) ~ /^\.(data|bss)(\.[A-Za-z_]|$)/ && $(NF-2) !~ /^\.data\.rel\.ro/ && $2 != "d" { print o, $0 }' |
		grep ' O ' | grep -v '^endings\.o:\? ' | grep -vE '__(asan|odr_asan|ubsan|tsan|llvm|gcov)|\.Lubsan|\.LASAN|Lubsan_' || true)
	[ -z "$found" ] || fail "$found"
}

@test "the tree has no mark of the machine it was written on" {
	cd "$ROOT"
	refute git grep -nIE '(^|[ "=:(])/(home|root|Users)/[a-z]' -- . ':!tests/cli/house.bats'
}

@test "every test that formats/faults.md names is there" {
	cd "$ROOT"
	sed -n 's/^| [0-9]* |.*| \(.*\) |$/\1/p' formats/faults.md | sed 's/<br>/\n/g' >"$BATS_TEST_TMPDIR/named"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/named")" -gt 40 ]
	while read -r line; do
		case $line in '`'*) file=${line#'`'} file=${file%%'`'*} line=${line#*'`: '} ;; esac
		case $file in
		*.bats) grep -qxF "@test \"$line\" {" "$file" || grep -qxF "@test '$line' {" "$file" || fail "$file has no test '$line'" ;;
		*.c) grep -q "^static void $line(" "$file" || fail "$file has no test '$line'" ;;
		esac
	done <"$BATS_TEST_TMPDIR/named"
}
