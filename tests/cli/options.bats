# What all tools share: --help, --version, wrong calls, -o, messages. Each tool's own options are in its own file.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 8 --dev 8 --test 8 data
	hm-jsonl2rec -o rec.hmr data/dev.jsonl
	hm-imgprep -q --root data/img --size 32 rec.hmr | hm-encode -q --image init:resnet-tiny -o feature.hmr
	hm-view --npy image_feature=image.npy feature.hmr
}

setup() {
	cd "$BATS_FILE_TMPDIR"
}

tools() { (cd "$ROOT" && for f in tools/hm-*.c; do basename "$f" .c; done); }

# A call of the tool that is right as far as its options go.
call() { # TOOL
	case $1 in
	hm-imgprep) echo "$1 --root data/img" ;;
	hm-tokenize) echo "$1 --vocab data/vocab.txt" ;;
	hm-encode) echo "$1 --image init:resnet-tiny" ;;
	hm-nearest) echo "$1 --columns image_feature --train feature.hmr" ;;
	hm-fuse-train) echo "$1 --fusion late -o model.safetensors" ;;
	hm-bundle) echo "$1 -o model.safetensors" ;;
	hm-npy2rec) echo "$1 --column image_feature=image.npy --ids" ;;
	*) echo "$1" ;;
	esac
}

# Exit 2, nothing on stdout, two lines on stderr: what is wrong (PATTERN) and where to read on.
wrong_call() { # CALL PATTERN
	run bash -c "$1 2>&1 >stdout"
	expect 2
	[ ! -s stdout ] || fail "$1: wrote to standard output"
	[ "${#lines[@]}" = 2 ] || fail "$1: not two lines: $output"
	grep -qE -- "^hm-[a-z0-9-]*: error: .*$2" <<<"${lines[0]}" || fail "$1: '$2' is not in: ${lines[0]}"
	[ "${lines[1]}" = "see ${1%% *} --help" ] || fail "$1: ${lines[1]}"
}

@test "--help goes to standard output and ends with 0" {
	for t in $(tools); do
		run bash -c "$t --help 2>stderr"
		expect 0 "^usage: $t"
		[ ! -s stderr ]
		[ "$("$t" -h)" = "$output" ] || fail "$t: -h is not --help"
		[ "$(grep -c '^[A-Z][A-Za-z ]*:$' <<<"$output")" -ge 3 ] || fail "$t: --help has no headings"
		refute grep -qE 'default [0-9]{6,}' <<<"$output" # sizes are 10G, not bytes
		[ "$(wc -L <<<"$output")" -le 140 ] || fail "$t: a line of --help is too long"
		run bash -c "$t --nonsense --help" # the first fault counts
		expect 2
		run bash -c "$t --help 2>&1 >/dev/full"
		expect 1 "^$t: error: standard output: cannot write: No space left on device"
	done
}

@test "--version names tool and version" {
	for t in $(tools); do
		run "$t" --version
		expect 0
		grep -qE "^$t [0-9]+\.[0-9]+\.[0-9]+$" <<<"${lines[0]}" || fail "$t: ${lines[0]}"
	done
	for t in $(tools); do # and where it may compute, what is built in
		"$t" --help | grep -q -- --device || continue
		"$t" --version | grep -q '^devices: .*ref' || fail "$t does not name its devices"
	done
}

@test "wrong calls: exit 2, the fault and where to read on" {
	for t in $(tools); do
		wrong_call "$t --nonsense" 'unknown option --nonsense'
		wrong_call "$t --nonsense=1" 'unknown option --nonsense'
		wrong_call "$t -Z" 'unknown option -Z'
		wrong_call "$t --quiet=1" '--quiet takes no value'
		wrong_call "$t --stats" '--stats needs a value: FILE'
		wrong_call "$t -vqj" '-j needs a value: N|unknown option -j'
		if "$t" --help | grep -q -- --jobs; then
			for n in 0 257 -1 x 1x '' 99999999999999999999; do wrong_call "$t -j '$n'" '-j takes an integer from 1 to 256'; done
		fi
		if "$t" --help | grep -q -- --block-size; then
			for n in 0 33M 1T 1KB -5; do wrong_call "$t --block-size '$n'" '--block-size takes a size'; done
			wrong_call "$t --level 23" '--level takes an integer from 1 to 22'
		fi
		if "$t" --help | grep -q -- --device; then
			operand=
			[ "$t" != hm-classify ] || operand=model.safetensors
			for d in gpu cuda: cuda:x CPU; do wrong_call "$(call "$t") --device '$d' $operand" '--device takes'; done
		fi
	done
}

@test "a wrong call names the nearest option and the nearest word" {
	while IFS='|' read -r call said; do
		wrong_call "$call" "$said\$"
	done <<-'END'
		hm-cat --haed 3|unknown option --haed, did you mean --head\?
		hm-cat --head3|unknown option --head3, did you mean --head\?
		hm-fuse-train --batch_size=3|unknown option --batch_size, did you mean --batch-size\?
		hm-fuse-train --batchsize 3|unknown option --batchsize, did you mean --batch-size\?
		hm-fuse-train --opt adam|unknown option --opt, did you mean --optimizer\?
		hm-fuse-train -epochs=3|unknown option -epochs, did you mean --epochs\?
		hm-score --mdoel x|unknown option --mdoel, did you mean --model\?
		hm-score --modle=x|unknown option --modle, did you mean --model\?
		hm-score --qz|unknown option --qz
		hm-score --mxdxl|unknown option --mxdxl, did you mean --model\?
		hm-score --mxdxx|unknown option --mxdxx
		hm-score -Zx|unknown option -Z
		hm-fuse-train --optimizer adma|--optimizer takes .*, not 'adma', did you mean adam\?
		hm-fuse-train --optimizer AdamW|--optimizer takes .*, not 'AdamW', did you mean adamw\?
		hm-fuse-train --optimizer rmsprop|--optimizer takes .*, not 'rmsprop'
		hm-cat --level 3 --level 0|--level takes an integer from 1 to 22, not '0'
		hm-cat --block-size 64M|--block-size takes a size \(such as 64K or 2M\) from 1 to 32M, not '64M'
	END
	run hm-score "--$(head -c 300 /dev/zero | tr '\0' m)"
	expect 2 'unknown option --mmm'
	run hm-score "-$(head -c 300 /dev/zero | tr '\0' m)"
	expect 2 'unknown option -m'
}

@test "a device that is not built in: exit 3" {
	if hm-encode --version | grep -q cuda; then skip "cuda is built in"; fi
	run bash -c 'hm-tokenize -q --vocab data/vocab.txt rec.hmr | hm-encode --text init:bert-tiny --device cuda -o out.hmr 2>&1'
	expect 3 '^hm-encode: error: .*cuda'
	[ ! -e out.hmr ]
}

@test "records are not written to a terminal" {
	for t in $(tools); do
		"$t" --help | grep -q -- --block-size || continue
		case $t in hm-score | hm-fuse-train) continue ;; esac # their records need -o
		in=rec.hmr
		[ $t != hm-jsonl2rec ] || in=data/dev.jsonl
		[ $t != hm-nearest ] || in=feature.hmr
		run script -qec "$(call "$t") $in" /dev/null
		expect 2 'not written to a terminal'
	done
}

@test "an input that is not there, or a folder: exit 1, one line naming it" {
	for t in $(tools); do
		case $t in hm-synth) continue ;; esac
		for in in none.hmr data; do
			run bash -c "$(call "$t") $in 2>&1 >stdout"
			expect 1
			[ "${#lines[@]}" = 1 ] || fail "$t: $output"
			grep -qE "^$t: error: $in: (cannot|a folder without model.safetensors)" <<<"$output" || fail "$t: $output"
		done
	done
}

@test "control characters of a name are masked in messages" {
	run bash -c $'hm-cat "a\nb\e[31m" 2>&1'
	expect 1
	[ "$output" = 'hm-cat: error: a?b?[31m: cannot open: No such file or directory' ] || fail "$output"
}

@test "standard input cannot be two inputs" {
	for t in hm-tokenize hm-imgprep hm-cat; do wrong_call "$(call $t) - - <rec.hmr" 'standard input is named twice'; done
}

@test "-, -- and repeated options" {
	hm-cat - <rec.hmr | cmp - rec.cat 2>/dev/null || hm-cat rec.hmr >rec.cat
	hm-cat - <rec.hmr | cmp - rec.cat
	hm-cat <rec.hmr | cmp - rec.cat
	hm-cat -- rec.hmr | cmp - rec.cat
	cp rec.hmr ./--head
	hm-cat -- --head | cmp - rec.cat
	hm-cat rec.hmr -o last.hmr # options may stand behind operands
	cmp last.hmr rec.cat
	hm-cat --head 1 --head=3 rec.hmr | hm-view - | wc -l | grep -qx 3 # the last one wins
	hm-cat -j2 -qv -orec.out rec.hmr
	cmp rec.out rec.cat
	hm-cat -o - rec.hmr | cmp - rec.cat
}

@test "-o: mode of a new file, mode of an old one, symlink, device, FIFO" {
	rm -f new old target link fifo
	(umask 027 && hm-cat -o new rec.hmr)
	[ "$(stat -c %a new)" = 640 ]
	cp new want
	echo old >old && chmod 604 old
	hm-cat -o old rec.hmr
	[ "$(stat -c %a old)" = 604 ] && cmp old want
	ln -s target link
	hm-cat -o link rec.hmr
	[ -L link ] && cmp target want
	hm-cat -o /dev/null rec.hmr
	[ -c /dev/null ]
	mkfifo fifo
	cat fifo >through &
	hm-cat -o fifo rec.hmr
	wait
	[ -p fifo ] && cmp through want
	hm-cat -o >(cat >sub) rec.hmr && sleep 0.2 && cmp sub want
	run hm-cat -o . rec.hmr
	expect 1 'is a folder'
	run hm-cat -o none/x.hmr rec.hmr
	expect 1 'none/x.hmr: cannot open its folder: No such file'
	run hm-cat -o '' rec.hmr
	[ "$status" != 0 ]
}

@test "a failing run leaves what -o names as it was" {
	echo precious >kept
	head -c 200 rec.hmr >cut.hmr
	run hm-cat -o kept cut.hmr
	expect 1
	[ "$(cat kept)" = precious ]
}

@test "-j is the number of processors that the run was given" {
	local first
	first=$(taskset -cp $$ | sed 's/.*: //; s/[,-].*//')
	taskset -c "$first" hm-cat --help | grep -q -- '-j, --jobs N .*(default 1)$'
	taskset -c "$first" hm-cat --stats one.json -o out.hmr rec.hmr
	grep -q '"jobs":1,' one.json || fail "$(cat one.json)"
	taskset -c "$first" hm-cat -j3 --stats three.json -o out.hmr rec.hmr
	grep -q '"jobs":3,' three.json || fail "$(cat three.json)"
}

@test "--stats and --progress" {
	hm-cat --stats stats.json -o out.hmr rec.hmr
	for k in '"tool":"hm-cat"' '"wall_s":' '"peak_memory_bytes":' '"records":8'; do grep -q "$k" stats.json || fail "$(cat stats.json)"; done
	run bash -c 'hm-cat -o out.hmr rec.hmr 2>&1' # silent when stderr is no terminal
	expect 0
	[ -z "$output" ]
	run hm-cat --stats none/stats.json -o out.hmr rec.hmr
	expect 1 'none/stats.json'
}
