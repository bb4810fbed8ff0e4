# Steps of a check that are programs with TAP output: their lines are counted and added up. Sourced by the `run` of
# tests/cudasim, tests/cluster and tests/faults, which set `logs`, a folder, and `kind`, the first word of every line.
passed=0 failed=0 skipped=0

# step NAME COMMAND...: counts its TAP lines; a command that fails without a `not ok`, says nothing or stops before its plan is
# done counts as one failure.
step() {
	local name=$1 log=$logs/$1.log start=$SECONDS rc ok bad skip plan
	shift
	"$@" >"$log" 2>&1 </dev/null
	rc=$?
	skip=$(grep -ciE '^ok .*# skip' "$log")
	ok=$(($(grep -c '^ok ' "$log") - skip))
	bad=$(grep -c '^not ok ' "$log")
	plan=$(awk -F'\\.\\.' '/^1\.\.[0-9]+$/ { n += $2 } END { print n + 0 }' "$log")
	[ $((ok + bad + skip)) -ge "$plan" ] || bad=$((plan - ok - skip))
	[ $rc = 0 ] || [ "$bad" != 0 ] || bad=1
	[ $((ok + bad + skip)) != 0 ] || bad=1
	passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
	printf '%-5s %-24s %4d passed %3d failed %3d skipped %4d s\n' "$kind" "$name" "$ok" "$bad" "$skip" $((SECONDS - start))
	[ "$bad" = 0 ] || { echo "---- $log (exit $rc)"; grep -v '^ok ' "$log" | tail -n 100; echo ----; }
}
# The last line of a check. Fails unless everything passed.
sum_steps() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ] && [ "$passed" != 0 ]
}
