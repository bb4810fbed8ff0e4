# Outputs of every tool that cannot be written are found before the work, and before any input is opened.

load ../support/bats

setup() { cd "$BATS_TEST_TMPDIR"; }

# Each option that names an output, a call a line: OUT is the output, all inputs are missing.
calls() {
	cat <<-'END'
		hm-cat -o OUT none.hmr
		hm-cat --stats OUT -o other.hmr none.hmr
		hm-jsonl2rec -o OUT none.jsonl
		hm-csv2rec -o OUT none.csv
		hm-npy2rec --ids none.txt -o OUT
		hm-imgprep --root none -o OUT none.hmr
		hm-tokenize --vocab none.txt -o OUT none.hmr
		hm-encode --image none.safetensors -o OUT none.hmr
		hm-view -o OUT none.hmr
		hm-view --sheet OUT none.hmr
		hm-view --npy label=OUT none.hmr
		hm-fuse-train -o OUT none.hmr
		hm-fuse-train --sweep none.jsonl -o OUT none.hmr
		hm-fuse-train -o other.safetensors --last OUT none.hmr
		hm-fuse-train -o other.safetensors --log OUT none.hmr
		hm-fuse-train -o other.safetensors --checkpoint OUT none.hmr
		hm-bundle -o OUT none.safetensors
		hm-score -o OUT none.hmr
		hm-score --csv OUT none.hmr
		hm-score --json OUT none.hmr
		hm-nearest --train none1.hmr -o OUT none.hmr
		hm-nearest --train none1.hmr --sheet OUT none.hmr
		hm-score --sheet OUT --errors 3 none.hmr
		hm-lint --json OUT none.hmr
		hm-lint --pairs OUT none.hmr
		hm-report -o OUT none.json
	END
}

# STATUS PATTERN OUTPUT...: every call with each of these outputs ends so, and leaves nothing.
every_call() {
	local status_wanted=$1 pattern=$2 call out
	shift 2
	while read -r call; do
		for out; do
			run bash -c "${call//OUT/$out}" </dev/null
			expect "$status_wanted" "$pattern"
			[[ $output != *none* ]] || fail "$call: read an input first: $output"
			[ -z "$(ls -A | grep -vx 'folder\|plain')" ] || fail "$call: left $(ls -A)"
		done
	done < <(calls)
}

@test "an output in a folder that is missing, or may not be written, or is a file" {
	touch plain
	every_call 1 ': error: (no/such|/proc/self|plain)/x\.png: cannot ' no/such/x.png /proc/self/x.png plain/x.png
}

@test "a name that is too long for its folder" {
	local name
	printf -v name '%0300d' 1
	every_call 1 ": error: (--cache: )?$name: [a-z ]*: File name too long$" "$name"
}

@test "an empty name of an output is a wrong call" {
	every_call 2 ": error: -.* takes the name of a (file|folder), not ''" "''"
	run hm-encode --cache '' --image init:resnet-tiny </dev/null
	expect 2 "error: --cache takes the name of a folder, not ''"
}

@test "the name of a folder that is not there yet may end with slashes" {
	hm-synth -q --train 12 --dev 2 --test 2 data//
	hm-jsonl2rec -q data/train.jsonl | hm-imgprep -q --root data/img --size 32 | hm-encode -q --image init:resnet-tiny --cache cache/ -o f.hmr
	echo '{"name":"a","lr":0.1}' >sweep.jsonl
	hm-fuse-train -q --features image --epochs 1 --sweep sweep.jsonl -o heads/ f.hmr
	[ -s heads/a.safetensors ]
	hm-score -q --model heads/a.safetensors --csv a.csv f.hmr >/dev/null
	hm-report -q -o page// a.csv
	[ -s page/report.html ]
}

@test "a folder, where a file is to be" {
	mkdir folder
	while read -r call; do
		[[ $call == *--sweep* || $call == *--checkpoint* || $call == hm-report* ]] && continue
		run bash -c "${call//OUT/folder}" </dev/null
		expect 1 ': error: folder: is a folder'
	done < <(calls)
	for call in 'hm-report -o plain none.json' 'hm-fuse-train --sweep none.jsonl -o plain none.hmr'; do
		echo kept >plain
		run $call </dev/null
		expect 1 ': error: plain: not a folder'
		[ "$(cat plain)" = kept ]
	done
}

@test "a name that cannot be replaced: another user's file, as cp refuses it" {
	[ "$(id -u)" = 0 ] && as='setpriv --reuid 65534 --clear-groups --' || as=
	mkdir folder
	cp "$(command -v hm-cat)" .
	echo kept >folder/out && chmod 444 folder/out && chmod 777 folder .
	run $as ./hm-cat -o folder/out none.hmr </dev/null
	expect 1 'error: folder/out: is read-only, and so not replaced'
	[ "$(cat folder/out)" = kept ]
}

@test "a folder that may be written and not listed takes outputs" {
	[ "$(id -u)" = 0 ] && as='setpriv --reuid 65534 --clear-groups --' || as=
	printf 'id,img,text,label\n1,a.png,one,0\n' | hm-csv2rec -q -o in.hmr -
	cp "$(command -v hm-cat)" .
	mkdir folder && chmod 733 folder && chmod 777 .
	[ -n "$as" ] || chmod 300 folder
	for _ in new replaced; do
		run $as ./hm-cat -o folder/out.hmr - <in.hmr
		expect 0
	done
	chmod 755 folder
	[ "$(ls -A folder)" = out.hmr ]
}

@test "modes: a new file and folder get what the umask leaves, a file that is replaced keeps its mode" {
	hm-synth -q --train 12 --dev 2 --test 2 data
	hm-jsonl2rec -q data/train.jsonl | hm-imgprep -q --root data/img --size 32 -o raw.hmr
	hm-encode -q --image init:resnet-tiny --replace -o train.hmr raw.hmr
	echo '{"name":"a","lr":0.1}' >sweep.jsonl
	for mask in 077 022 002; do
		rm -rf modes && mkdir modes && chmod 777 modes # of nobody in particular, as a shared folder is
		(
			umask $mask
			hm-encode -q --image init:resnet-tiny --cache modes/cache --stats modes/stats -o modes/f.hmr raw.hmr
			hm-fuse-train -q --features image --epochs 1 --checkpoint modes/run --log modes/log --last modes/last -o modes/model train.hmr
			hm-fuse-train -q --features image --epochs 1 --sweep sweep.jsonl -o modes/swept train.hmr
			hm-score -q --model modes/model --csv modes/csv --json modes/json train.hmr
			hm-synth -q --train 1 --dev 1 --test 1 modes/data
		)
		files=$(printf %o $((0666 & ~mask))) folders=$(printf %o $((0777 & ~mask)))
		[ "$(find modes -type f -printf '%m\n' | sort -u)" = "$files" ] || fail "$mask: $(find modes -type f -printf '%m %p\n')"
		[ "$(find modes -mindepth 1 -type d -printf '%m\n' | sort -u)" = "$folders" ] || fail "$mask: $(find modes -type d -printf '%m %p\n')"
		for kind in .feat .skim CACHEDIR.TAG run.seconds leaderboard.csv; do find modes | grep -qF "$kind" || fail "no $kind in $(find modes)"; done
	done
	chmod 604 modes/model modes/csv
	hm-fuse-train -q --features image --epochs 1 -o modes/model train.hmr
	hm-score -q --model modes/model --csv modes/csv train.hmr
	[ "$(find modes/model modes/csv -printf '%m ')" = '604 604 ' ]
	chmod 4755 modes/csv # rights that a program has are not for what is written
	hm-score -q --model modes/model --csv modes/csv train.hmr
	[ "$(find modes/csv -printf %m)" = 755 ]
}

@test "a feature of a shared cache counts no more than its checksum, whoever wrote it" {
	hm-synth -q --train 6 --dev 2 --test 2 data
	hm-jsonl2rec -q data/train.jsonl | hm-imgprep -q --root data/img --size 32 -o raw.hmr
	hm-encode -q --image init:resnet-tiny --cache cache -o right.hmr raw.hmr
	segment=$(echo cache/hm-cache/*.feat)
	printf '\x7f' | dd of="$segment" bs=1 seek=80 conv=notrunc status=none # in the values of the first entry
	[ "$(id -u)" != 0 ] || chown 65534 "$segment"
	chmod 666 "$segment"
	hm-encode -q --image init:resnet-tiny --cache cache -o again.hmr raw.hmr
	cmp again.hmr right.hmr
}
