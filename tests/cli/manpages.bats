# Man pages and programs say the same: SYNOPSIS is the usage line, every option is described, every example runs.

load ../support/bats

tools() { for f in tools/hm-*.c; do basename "$f" .c; done; }

# The text of one section of a page, white space folded.
section() { # PAGE NAME
	mandoc -Tascii -O width=500 "man/$1.1" | sed 's/.\x08//g' | awk -v want="$2" '/^[A-Z]/ { on = ($0 == want); next } on' | tr -s ' \t\n' ' ' |
		sed 's/^ //; s/ $//'
}

@test "SYNOPSIS is the usage line of --help" {
	for t in $(tools); do
		usage=$("$t" --help | awk '/^usage: / { on = 1; sub(/^usage: /, "") } !/^ / && NR > 1 { exit } on' | tr -s ' \n' ' ' | sed 's/ $//')
		page=$(section "$t" SYNOPSIS)
		[ "$usage" = "$page" ] || fail "$t: --help says: $usage
page says: $page"
	done
}

@test "every option of --help is described in the page" {
	mandoc -Tascii man/hm.7 | sed 's/.\x08//g' | grep -q -- '--completion bash | zsh' || fail "hm.7 does not describe --completion"
	for t in $(tools); do
		page="$(section "$t" DESCRIPTION) --completion" # the same for all, in hm.7
		for o in $("$t" --help | grep -oE '^ +--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+' | sort -u); do
			case $page in *"$o"*) ;; *) fail "$t: the page does not describe $o" ;; esac
		done
	done
}

@test "every page has its sections" {
	for t in $(tools); do
		for s in NAME SYNOPSIS DESCRIPTION "EXIT STATUS" EXAMPLES "SEE ALSO"; do
			grep -q "^\.Sh $s" "man/$t.1" || fail "man/$t.1 has no $s"
		done
	done
}

# The literal blocks of EXAMPLES, as a shell script.
examples() { # PAGE
	awk '/^\.Sh/ { on = /EXAMPLES/ } on && /^\.Bd/ { b = 1; next } /^\.Ed/ { b = 0 } on && b { sub(/^\$ /, ""); print }' "$1" |
		sed 's/\\e/\\/g; s/\\-/-/g; s/\\(aq/'"'"'/g; s/\\(dq/"/g; s/\\&//g; s/\\ti/~/g; s/\\(ti/~/g; s/\\(ha/^/g'
}

@test "every example runs" {
	cd "$BATS_TEST_TMPDIR"
	mkdir all && cd all
	hm-synth -q --train 48 --dev 24 --test 8 data
	for page in "$ROOT"/man/*.[157]; do
		examples "$page" >script
		[ -s script ] || { case $page in *.1) fail "$page: no examples" ;; esac; continue; }
		rm -rf run && mkdir run && cp -r data run/data
		(cd run && bash -euo pipefail ../script) >log 2>&1 || fail "$page: $(cat script)
$(tail -n 20 log)"
	done
}
