# hm-classify under load: many lines, one in a hundred of them bad, readers and writers that are slow, stop, go away or die.
# Each line has one answer, in order, which is that of the line alone, and memory does not follow the number of lines.
# ALL=1: a million lines, else 3,000. Figures go to the output as comments.

load ../support/bats

PAIRS=96 # different memes that the good lines repeat

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	${CC:-cc} -O1 -D_GNU_SOURCE -o trickle "$ROOT/tests/faults/trickle.c"
	hm-synth -q --train $PAIRS --dev 0 --test 0 data
	hm-jsonl2rec -q data/train.jsonl | hm-imgprep -q --root data/img --size 16 | hm-tokenize -q --vocab data/vocab.txt |
		hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o train.hmr
	hm-fuse-train -q --epochs 2 -o head.st train.hmr
	hm-bundle -q --image init:resnet-tiny --text init:bert-tiny --vocab data/vocab.txt head.st -o model.st
	sed 's/.*"img":"\([^"]*\)".*"text":\("[^"]*"\).*/\1\t\2/' data/train.jsonl >pairs # a picture and its caption in quotes
	head -c 3000 "data/img/$(head -n 1 pairs | sed 's/\t.*//; s/.*\///')" >data/img/cut.png
	# the answers, of a run that sees no bad line
	awk -F'\t' '{ printf "{\"id\":%d,\"img\":\"%s\",\"text\":%s}\n", NR - 1, $1, $2 }' pairs >good.jsonl
	hm-classify -q model.st --root data/img good.jsonl >right
	[ "$(cut -d'"' -f 4 right | sort | uniq -c | wc -l)" = 1 ] # every one an answer
	[ "$(sed 's/.*prob//' right | sort -u | wc -l)" -gt 50 ]     # and told apart
}

setup() {
	cd "$BATS_FILE_TMPDIR"
	t=$BATS_TEST_TMPDIR
}

# lines N [LONG] >LINES: N lines, one in a hundred of them bad, a kind after the other; LONG lines of 10 MB, answered and
# refused. What answers they must get stands in $t/want: "answer ID PAIR", "error ID WORDS" or "refusal LINE WORDS".
lines() {
	awk -F'\t' -v n="$1" -v long="${2:-0}" -v want="$t/want" '
		function bad(kind, line, say) { text[kinds] = line; said[kinds++] = kind "\t" say }
		function stretch(s) { while (length(s) < 10000000) s = s s; return s }
		{ img[NR - 1] = $1; caption[NR - 1] = $2 }
		END {
			pairs = NR; kinds = 0
			bad("error", "{\"id\":ID,\"img\":\"img/none.png\",\"text\":\"a\"}", "none.png: cannot open: No such file")
			bad("refusal", "{\"id\":ID,\"img\":\"x.png\",\"text\":\"a\"", "invalid JSON: no comma or closing bracket")
			bad("error", "{\"id\":ID,\"img\":\"cut.png\",\"text\":\"a\"}", "cut.png: the PNG file is cut off")
			bad("error", "{\"id\":ID,\"img\":\"" img[0] "\"}", "the field \\\"text\\\" is missing")
			bad("refusal", "{\"id\":ID,\"img\":\"x.png\",\"text\":\"\xff\xfe\"}", "invalid JSON: bytes that are not UTF-8")
			bad("refusal", "{\"id\":ID,\"img\":\"x.png\",\"text\":\"a\",\"text\":\"b\"}", "invalid JSON: the key \\\"text\\\" stands twice")
			bad("refusal", "{\"id\":ID,\"img\":\"x.png\",\"text\":NaN}", "invalid JSON: NaN is no JSON value")
			bad("error", "{\"id\":ID,\"img\":\"../../etc/passwd\",\"text\":\"a\"}", "the path leads upward")
			bad("refusal", "words", "invalid JSON: no JSON value")
			bad("refusal", "{\"img\":\"x.png\",\"text\":\"a\"}", "the field \\\"id\\\" is missing")
			bad("blank", "  ", "")
			for (i = 0; i < n; i++) {
				k = i * 7 % pairs
				if (long && i % int(n / long) == 50) { # 10 MB of caption: as the word alone, for it is cut; 20 MB are refused
					printf "{\"id\":%d,\"img\":\"%s\",\"text\":\"%s\"}\n", i, img[0], longword = longword ? longword : stretch("word ")
					print "long\t" i >want
				} else if (long && i % int(n / long) == 51) {
					printf "{\"id\":%d,\"more\":\"%s%s\"}\n", i, longword, longword
					print "refusal\t" i + 1 "\tthe line is longer than" >want
				} else if (i % 100 == 37) {
					b = int(i / 100) % kinds
					line = text[b]
					sub("ID", i, line)
					print line
					split(said[b], s, "\t")
					if (s[1] != "blank")
						print s[1] "\t" (s[1] == "refusal" ? i + 1 : i) "\t" s[2] >want
				} else {
					printf "{\"id\":%d,\"img\":\"%s\",\"text\":%s}\n", i, img[k], caption[k]
					print "answer\t" i "\t" k >want
				}
			}
		}' pairs
}

# Whether standard input has the answers that are wanted, in order and nothing else; probabilities up to rounding.
check() {
	awk -F'\t' -v want="$t/want" -v right=right '
		function prob(line) { sub(/.*"prob":\[/, "", line); return line + 0 }
		function stop(why) { print "answer " NR ": " why ": " $0 " (wanted: " w ")"; failed = 1; exit 1 }
		BEGIN { k = 0; while ((getline line < right) > 0) { p[k] = prob(line); label[k] = line; sub(/.*"label":/, "", label[k]); label[k] = label[k] + 0; k++ } }
		{
			if ((getline w < want) <= 0) stop("one too many")
			split(w, s, "\t")
			if (s[1] == "refusal" && index($0, "{\"id\":null,\"line\":" s[2] ",\"error\":\"" s[3]) != 1) stop("another refusal")
			if (s[1] == "error" && (index($0, "{\"id\":" s[2] ",\"error\":\"") != 1 || !index($0, s[3]))) stop("another error")
			if (s[1] == "long" && index($0, "{\"id\":" s[2] ",\"label\":") != 1) stop("no answer")
			if (s[1] == "answer") {
				d = prob($0) - p[s[3]]
				if (index($0, "{\"id\":" s[2] ",\"label\":" label[s[3]] ",\"prob\":[") != 1 || d > 1e-5 || d < -1e-5) stop("another answer")
			}
		}
		END { if (!failed && (getline w < want) > 0) { print "no answer behind line " NR " (wanted: " w ")"; failed = 1 } exit failed }'
}

# Waits until FILE has N lines: at most a minute, with ALL an hour.
await_lines() { # FILE N
	local i
	for ((i = 0; i < (${#ALL} ? 72000 : 1200); i++)); do
		[ "$(wc -l <"$1")" -lt "$2" ] || return 0
		sleep .05
	done
	fail "$1 has $(wc -l <"$1") lines, not $2"
}
peak() { awk '/^VmHWM:/ { print int($2 / 1024) }' "/proc/$1/status"; } # PID: its largest resident memory so far, MiB

# Starts hm-classify on $t/in, with its answers through COMMAND into $t/out; leaves its number in $pid.
serve() { # COMMAND...
	mkfifo "$t/in" "$t/through"
	: >"$t/out"
	"$@" <"$t/through" >"$t/out" &
	reader=$!
	hm-classify -j2 model.st --root data/img <"$t/in" >"$t/through" 2>"$t/said" &
	pid=$!
	exec 8>"$t/in"
}
served() { # STATUS [WORDS]: the input ends, and so does the tool
	local rc=0
	exec 8>&-
	wait $pid || rc=$?
	[ $rc = "$1" ] || fail "exit $rc, expected $1: $(cat "$t/said")"
	[ "$(cat "$t/said")" = "${2-}" ] || fail "said: $(cat "$t/said")"
	wait $reader || true
}

@test "a reader that is slow: every line has its answer, in order, and memory stays what it was" {
	n=$([ -n "$ALL" ] && echo 1000000 || echo 3000)
	lines $n >"$t/lines"
	serve "$BATS_FILE_TMPDIR/trickle" 60000 $([ -n "$ALL" ] && echo 100 || echo 3000)
	first=$((n / 10))
	head -n $first "$t/lines" >&8
	await_lines "$t/out" $((first - n / 1000)) # blank lines have no answer
	before=$(peak $pid)
	tail -n +$((first + 1)) "$t/lines" >&8
	await_lines "$t/out" "$(wc -l <"$t/want")"
	after=$(peak $pid)
	bad=$(grep -c '^error\|^refusal' "$t/want")
	served 1 "hm-classify: error: $bad of $(wc -l <"$t/want") lines have an error for an answer"
	check <"$t/out"
	echo "# $n lines, $bad of them bad: peak of $before MiB after the first tenth, $after MiB in the end" >&3
	[ "$after" -le $((before + 8)) ] && [ "$after" -lt 100 ] || fail "memory grew from $before to $after MiB"
}

@test "lines of 10 and 20 MB among the others" {
	long=$([ -n "$ALL" ] && echo 40 || echo 3)
	lines $([ -n "$ALL" ] && echo 20000 || echo 600) $long >"$t/lines"
	serve cat
	cat "$t/lines" >&8
	await_lines "$t/out" "$(wc -l <"$t/want")"
	after=$(peak $pid)
	bad=$(grep -c '^error\|^refusal' "$t/want")
	served 1 "hm-classify: error: $bad of $(wc -l <"$t/want") lines have an error for an answer"
	[ "$(grep -c ^long "$t/want")" -ge "$long" ]
	check <"$t/out"
	# the same caption and picture: one answer up to rounding, whichever lines it was computed with
	grep -f <(sed -n 's/^long\t\(.*\)/"id":\1,/p' "$t/want") "$t/out" | awk '
		{ match($0, /"label":[0-9]+/); l = substr($0, RSTART, RLENGTH); sub(/.*"prob":\[/, ""); p = $0 + 0 }
		NR == 1 { label = l; least = most = p }
		l != label { exit bad = 1 }
		{ least = p < least ? p : least; most = p > most ? p : most }
		END { exit bad || !NR || most - least > 1e-5 }'
	echo "# $long lines of 10 MB answered, as many of 20 MB refused: peak of $after MiB" >&3
	[ "$after" -lt 300 ] || fail "$after MiB"
}

@test "a reader that stops and goes on" {
	lines $([ -n "$ALL" ] && echo 100000 || echo 3000) >"$t/lines"
	serve "$BATS_FILE_TMPDIR/trickle" 5000 0
	kill -STOP $reader
	cat "$t/lines" >&8 & # waits, too: answers and lines are held up in the pipes, not in memory
	writer=$!
	sleep 1
	kill -CONT $reader
	for ((i = 0; i < 5; i++)); do
		sleep .05
		kill -STOP $reader
		sleep .05
		kill -CONT $reader
	done
	wait $writer
	await_lines "$t/out" "$(wc -l <"$t/want")"
	after=$(peak $pid)
	served 1 "hm-classify: error: $(grep -c '^error\|^refusal' "$t/want") of $(wc -l <"$t/want") lines have an error for an answer"
	check <"$t/out"
	[ "$after" -lt 100 ] || fail "$after MiB"
}

@test "a reader that goes away ends the tool, and that its writer; what came is right" {
	lines 3000 >"$t/lines"
	set +o pipefail
	for n in 0 1 100000; do
		{
			{ rc=0; cat "$t/lines" "$t/lines" || rc=$?; echo $rc >"$t/writer"; } |
				{ rc=0; hm-classify model.st --root data/img 2>"$t/said" || rc=$?; echo $rc >"$t/status"; } |
				./trickle 3000 0 $n >"$t/out"
		} 2>/dev/null
		[ "$(cat "$t/status")" = 141 ] || fail "exit $(cat "$t/status") after $n bytes"
		[ ! -s "$t/said" ]
		[ "$(cat "$t/writer")" != 0 ]
		[ "$(wc -c <"$t/out")" = $n ]
		head -n "$(wc -l <"$t/out")" "$t/want" >"$t/some"
		mv "$t/some" "$t/want"
		head -n "$(wc -l <"$t/want")" "$t/out" | check
		lines 3000 >"$t/lines"
	done
}

@test "a writer that dies in the middle of a line" {
	lines 500 >"$t/lines"
	size=$(stat -c %s "$t/lines")
	for cut in 1 2 17 40; do # bytes before the end of the last line
		run bash -c "head -c $((size - cut)) '$t/lines' | hm-classify model.st --root data/img >'$t/out'"
		bad=$(($(grep -c '^error\|^refusal' "$t/want")))
		if [ $cut = 1 ]; then # only the end of the line is missing
			expect 1 "error: $bad of $(wc -l <"$t/want") lines"
			check <"$t/out"
		else
			expect 1 "error: $((bad + 1)) of $(wc -l <"$t/want") lines"
			head -n -1 "$t/out" | cmp - <(head -n $(($(wc -l <"$t/want") - 1)) "$t/out")
			tail -n 1 "$t/out" | grep -q '^{"id":null,"line":500,"error":"invalid JSON: '
			{ head -n -1 "$t/out"; hm-classify model.st --root data/img <(tail -n 1 "$t/lines"); } | check
		fi
	done
}

@test "a writer that sends a byte at a time" {
	lines $([ -n "$ALL" ] && echo 3000 || echo 200) >"$t/lines"
	run bash -c "./trickle 1 0 <'$t/lines' | hm-classify model.st --root data/img >'$t/out'"
	expect 1 'lines have an error for an answer$'
	check <"$t/out"
}

@test "a long line that comes in small pieces is looked at once (ALL: 15 MB, else 2)" {
	awk -v n="$([ -n "$ALL" ] && echo 750000 || echo 100000)" 'BEGIN { printf "{\"id\":1,\"img\":\"nowhere\",\"text\":\""; while (n--) printf "ten words and no end "; print "\"}" }' >"$t/lines"
	# with all of it looked at for each piece these were half a minute of processor time
	run bash -c "./trickle 512 10 <'$t/lines' | (ulimit -t 10; exec hm-classify -j1 model.st --root data/img)"
	expect 1 '^{"id":1,"error":"nowhere: cannot open'
}
