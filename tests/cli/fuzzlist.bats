# Every reader in lib/ stands in tests/fuzz/README.md, and every harness has its row and its corpus.

load ../support/bats

readers() { # names of functions that open, read or parse, in the headers
	grep -hoE '^(int|bool|double|cJSON \*|struct [a-z_]+ \*) ?\*?hm_[a-z0-9_]+_(open|read|parse|unpack|recognise|peek|decode|from)(_[a-z]+)*\(' \
		"$ROOT"/lib/*/*.h | sed -E 's/.*(hm_[a-z0-9_]+)\($/\1/' | sort -u
}

@test "every reader in lib/ has a harness or a reason" {
	[ "$(readers | wc -l)" -gt 80 ]
	for name in $(readers); do
		grep -q "\`$name\`" "$ROOT/tests/fuzz/README.md" || fail "$name has no harness: tests/fuzz/README.md says nothing of it"
	done
}

@test "what the page names is there, and every harness has a row and a corpus" {
	for name in $(grep -oE '`hm_[a-z0-9_]+`' "$ROOT/tests/fuzz/README.md" | tr -d '`' | sort -u); do
		grep -qhE "\b$name\(" "$ROOT"/lib/*/*.h || fail "$name is no function of lib/"
	done
	for f in "$ROOT"/tests/fuzz/fuzz_*.c; do
		name=$(basename "$f" .c) name=${name#fuzz_}
		grep -qE "^\|.*\`$name\`" "$ROOT/tests/fuzz/README.md" || fail "$name has no row"
		[ -n "$(ls "$ROOT/tests/fuzz/corpus/$name")" ] || fail "$name has no corpus"
	done
}
