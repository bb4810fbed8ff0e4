# Calls that nobody would make (calls.awk), to every tool: each ends in time with 0 to 3, says why in its own lines of
# printable text, prints nothing after a wrong call, and leaves no hidden file.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 6 --dev 4 --test 4 data
	mkdir kept
	cp data/dev.jsonl kept/in.jsonl
	cp data/vocab.txt kept/vocab.txt
	cp -r data/img kept/img
	cp "$(find data/img -type f | sort | head -n 1)" kept/pixel.png
	: >kept/empty
	mkdir kept/dir
	cd kept
	hm-jsonl2rec -o in.hmr in.jsonl
	hm-imgprep -q --root img --size 32 in.hmr | hm-tokenize -q --vocab vocab.txt |
		hm-encode -q --image init:resnet-tiny --text init:bert-tiny --keep -o all.hmr
	hm-fuse-train -q --epochs 1 -o model all.hmr
	hm-score -q --model model --csv pred.csv all.hmr >/dev/null
	echo '{"rows":[{"name":"A","predictions":"pred.csv"}]}' >runs.json
}

judge() { # TOOL STATUS CALL: what it said is in ../out and ../err
	local errors
	[ "$2" -le 3 ] || fail "$1$3: exit status $2: $(head -c 1000 ../err)"
	if LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]' ../err; then fail "$1$3: it says control characters: $(cat -v ../err)"; fi
	errors=$(grep -cE "^$1: error: ." ../err) || true
	if [ "$2" = 0 ]; then
		[ "$errors" = 0 ] || fail "$1$3: exit 0 with an error: $(head -c 1000 ../err)"
	elif [ "$errors" != 1 ] && [ "$1" != hm-lint ]; then # which says 1 of what it finds
		fail "$1$3: exit $2, $errors lines that say why: $(head -c 1000 ../err)"
	fi
	if [ "$2" = 2 ]; then
		[ ! -s ../out ] || fail "$1$3: a wrong call prints: $(head -c 300 ../out)"
		[ "$(tail -n 1 ../err)" = "see $1 --help" ] || fail "$1$3: a wrong call does not say where to read on: $(head -c 1000 ../err)"
	fi
	[ -z "$(find . -name '.*' ! -name . -print -quit)" ] || fail "$1$3: leaves $(find . -name '.*' ! -name .)"
}

try_tool() { # TOOL SEED CALLS
	local call status
	cd "$BATS_TEST_TMPDIR"
	"$1" --help | awk -v seed="$2" -v calls="$3" -f "$BATS_TEST_DIRNAME/calls.awk" >calls
	[ "$(wc -l <calls)" = "$3" ]
	while IFS= read -r call; do
		rm -rf d
		cp -r "$BATS_FILE_TMPDIR/kept" d
		cd d
		status=0
		( # seconds of processor, blocks of 1 KiB written, KiB of memory
			ulimit -t 20 -f 200000 -v 8000000
			eval "timeout -s KILL 60 $1 $call" >../out 2>../err </dev/null
		) || status=$?
		judge "$1" "$status" "$call"
		cd ..
	done <calls
}

@test "no call to any tool ends otherwise than its man page says" {
	seed=$(git -C "$ROOT" rev-list --count HEAD 2>/dev/null || echo 1)
	calls=12
	[ -z "${ALL:-}" ] || calls=600
	for tool in "$ROOT"/tools/hm-*.c; do
		tool=$(basename "$tool" .c)
		try_tool "$tool" "$seed" "$calls"
	done
}
