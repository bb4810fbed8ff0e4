# The house itself: no state in the library, install and uninstall, the lint's own arrows.

load ../support/bats

@test "the library holds no mutable globals" {
	lib=$ROOT/$B/libhm.a
	# .data and .bss of our own objects; sanitizers add theirs, under other names
	found=$(objdump -t "$lib" | awk '/:     file format/ { o = $1 } $(NF-2) ~ /^\.(data|bss)(\.[A-Za-z_]|$)/ && $(NF-2) !~ /^\.data\.rel\.ro/ && $2 != "d" { print o, $0 }' |
		grep ' O ' | grep -vE '__(asan|odr_asan|ubsan|tsan|llvm|gcov)|\.Lubsan|\.LASAN|Lubsan_' || true)
	[ -z "$found" ] || fail "$found"
}

@test "install and uninstall with prefix and DESTDIR" {
	d=$BATS_TEST_TMPDIR/stage
	make -s -C "$ROOT" install DESTDIR="$d" prefix=/opt/hm SAN="$SAN" ONEDNN="${ONEDNN:-1}" >/dev/null
	for f in tools/hm-*.c; do
		t=$(basename "$f" .c)
		[ -x "$d/opt/hm/bin/$t" ] || fail "$t is not installed"
		[ -f "$d/opt/hm/share/man/man1/$t.1" ] || fail "$t.1 is not installed"
		"$d/opt/hm/bin/$t" --version >/dev/null
		"$d/opt/hm/bin/$t" --completion bash | cmp - "$d/opt/hm/share/bash-completion/completions/$t"
		"$d/opt/hm/bin/$t" --completion zsh | cmp - "$d/opt/hm/share/zsh/site-functions/_$t"
	done
	[ -f "$d/opt/hm/share/man/man7/hm.7" ] && [ -f "$d/opt/hm/share/man/man5/hm-stream.5" ]
	cmp "$d/opt/hm/share/hm/python/hmr.py" formats/python/hmr.py
	make -s -C "$ROOT" uninstall DESTDIR="$d" prefix=/opt/hm >/dev/null
	left=$(find "$d" -type f)
	[ -z "$left" ] || fail "left behind: $left"
}

@test "the tree has no mark of the machine it was written on" {
	cd "$ROOT"
	refute git grep -nIE '(^|[ "=:(])/(home|root|Users)/[a-z]' -- . ':!tests/cli/house.bats'
}
