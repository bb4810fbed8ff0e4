# Standard descriptors that are a terminal, or closed.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 12 --dev 8 --test 8 data
	hm-jsonl2rec -o ids.hmr data/train.jsonl
	hm-imgprep -q --root data/img --size 32 ids.hmr | hm-tokenize -q --vocab data/vocab.txt | hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o all.hmr
	hm-fuse-train -q --epochs 1 -o model.safetensors all.hmr
	hm-score -q --model model.safetensors --csv pred.csv all.hmr >report
	sed '2s/.*/not JSON/' data/train.jsonl >bad.jsonl
}

setup() {
	cd "$BATS_FILE_TMPDIR"
	terminal=$ROOT/$B/tests/pipes/terminal
}

# Calls of every tool that reads standard input where no file is named; output goes elsewhere.
readers() {
	cat <<-'END'
		hm-cat -o out
		hm-jsonl2rec -o out
		hm-imgprep --root data/img -o out
		hm-tokenize --vocab data/vocab.txt -o out
		hm-encode --image init:resnet-tiny -o out
		hm-view
		hm-view --verify
		hm-fuse-train -o out
		hm-fuse-train --val - -o out all.hmr
		hm-score
		hm-score --model model.safetensors --csv out
	END
}

@test "input from a terminal: usage and exit 2, also where - is named" {
	while read -r call; do
		for dash in '' ' -'; do
			case $call in *' - '*) dash='' ;; esac
			run "$terminal" bash -c "$call$dash"
			[ "$status" = 2 ] || fail "$call$dash: exit status $status: $output"
			grep -q "^${call%% *}: error: the input would be read from a terminal" <<<"${lines[0]}" || fail "$call: $output"
			grep -q "^usage: ${call%% *} " <<<"${lines[1]}" || fail "$call: no usage: $output"
			[ "${lines[-1]%$'\r'}" = "see ${call%% *} --help" ] || fail "$call: $output"
			[ ! -e out ]
		done
	done < <(readers)
	run "$terminal" bash -c 'hm-lint -'
	expect 2 'would be read from a terminal'
}

@test "a terminal is no hindrance where the input is another" {
	run "$terminal" bash -c 'hm-view ids.hmr && hm-cat ids.hmr | hm-view && hm-view <ids.hmr'
	expect 0
	[ "$(grep -c '"id"' <<<"$output")" = 36 ]
	run "$terminal" hm-view --help
	expect 0
	run "$terminal" hm-cat ids.hmr # records to a terminal
	expect 2 'not written to a terminal'
}

@test "closed standard input is an error where it is read, and nothing elsewhere" {
	while read -r call; do
		run bash -c "$call <&-"
		expect 1 'standard input: cannot read'
		[ ! -e out ]
	done < <(readers)
	hm-cat -o x.hmr ids.hmr <&-
	hm-view --verify x.hmr <&-
}

@test "closed standard output and error take nothing that is meant for a file" {
	hm-cat -o want.hmr ids.hmr
	for closed in '>&-' '2>&-' '<&-' '>&- 2>&-' '<&- >&-' '<&- >&- 2>&-'; do
		rm -f x.hmr x.csv x.st
		bash -c "hm-cat -v --progress -o x.hmr ids.hmr $closed"
		cmp x.hmr want.hmr
		bash -c "hm-jsonl2rec -v -j1 --on-error skip -o x.hmr bad.jsonl $closed"
		[ "$(hm-view x.hmr | wc -l)" = 11 ]
		bash -c "hm-fuse-train -v --epochs 1 --val all.hmr -o x.st all.hmr $closed"
		hm-score --model x.st all.hmr >/dev/null
		bash -c "hm-score -q --model model.safetensors --csv x.csv all.hmr $closed" || case $closed in *'>&-'*) ;; *) false ;; esac
		[ ! -e x.csv ] || cmp x.csv pred.csv
	done
	# what was to be said on standard output is missed
	for call in 'hm-cat ids.hmr' 'hm-view ids.hmr' 'hm-score -q pred.csv' 'hm-cat --help' 'hm-cat --version' 'hm-cat --completion bash' 'hm-lint ids.hmr'; do
		run bash -c "$call >&-"
		expect 1 'standard output: cannot write: Bad file descriptor'
	done
}
