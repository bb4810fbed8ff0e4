# Shell completion: --completion bash and zsh, for every tool, made from its table.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	mkdir -p 'a folder' faces
	touch dev.hmr dev.csv 'my file.hmr' 'it'\''s.hmr' model.safetensors faces/1.png
}

setup() {
	cd "$BATS_FILE_TMPDIR"
}

tools() { (cd "$ROOT" && for f in tools/hm-*.c; do basename "$f" .c; done); }

# The long options of --help.
long_options() { "$1" --help | grep -oE -- '^  (-[a-z], )?--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+'; }

# TOOL OPTION: whether it takes a value, as --help has it.
takes() { "$1" --help | grep -qE -- "^  (-[a-z], )?(${2}|$2, --[a-z0-9-]+) [^ ]"; }

# What bash would offer: the words as readline cuts them, the last one is being completed.
offered() { # TOOL WORD...
	bash -c 'set -u
		source <("$1" --completion bash)
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		read -r _ _ function _ < <(complete -p "$1")
		"$function" "$1" "${@: -1}" "${@: -2:1}"
		((${#COMPREPLY[@]} == 0)) || printf "%s\n" "${COMPREPLY[@]}"' hm "$@" | sort
}

# TOOL WORD... offers exactly WANT (words parted by |).
offers() { # WANT TOOL WORD...
	want=$(tr '|' '\n' <<<"$1" | sort) got=$(offered "${@:2}")
	[ "$got" = "$want" ] || fail "${*:2}: offered '$got', expected '$want'"
}

@test "both scripts are printed and nothing else; another shell is a wrong call" {
	for t in $(tools); do
		for s in bash zsh; do
			run bash -c "$t --completion $s 2>&1 >$BATS_TEST_TMPDIR/script.$s"
			expect 0
			[ -z "$output" ] || fail "$t: $output"
			[ "$("$t" --completion $s none.hmr --completion=$s | cksum)" = "$(cksum <"$BATS_TEST_TMPDIR/script.$s")" ]
		done
		bash -n "$BATS_TEST_TMPDIR/script.bash"
		run bash -c "$t --completion bash >/dev/full"
		expect 1
		run "$t" --completion fish
		expect 2 "--completion takes bash\|zsh, not 'fish'"
	done
}

@test "every option of every tool is offered, in both shells" {
	for t in $(tools); do
		got=$(offered "$t" -) zsh=$("$t" --completion zsh)
		for o in $(long_options "$t"); do
			grep -qxe "$o" <<<"$got" || fail "$t: bash is not offered $o"
			takes "$t" "$o" && value='=' || value=''
			grep -qF -- "$o${value}[" < <(grep "^	'" <<<"$zsh") || fail "$t: zsh is not offered $o$value"
		done
		for o in $("$t" --help | grep -oE -- '^  -[a-z],' | tr -d ' ,'); do
			grep -qxe "$o" <<<"$got" || fail "$t: bash is not offered $o"
			takes "$t" "$o" && value='+' || value=''
			grep -qF -- "$o${value}[" < <(grep "^	'" <<<"$zsh") || fail "$t: zsh is not offered $o$value"
		done
		[ "$(grep -c . <<<"$got")" = "$(("$(long_options "$t" | wc -l)" + $("$t" --help | grep -cE -- '^  -[a-z],')))" ] ||
			fail "$t: offers more than it has: $got"
	done
}

@test "the words of every choice are offered, as a word and behind =" {
	for t in $(tools); do
		while read -r option words; do
			offers "$words" "$t" "$option" ''
			offers "$words" "$t" "$option" =
			"$t" --completion zsh | grep -qF -- "$option=[" || fail "$t: $option"
			"$t" --completion zsh | grep -F -- "$option=[" | grep -qF -- "(${words//|/ })'" || fail "$t: zsh has not the words of $option"
		done < <("$t" --help | grep -oE -- '--[a-z-]+ [a-z0-9,]+(\|[a-z0-9,]+)+ ' | sort -u)
	done
	offers 'sgd|adam|adamw' hm-fuse-train --optimizer ''
}

@test "an option, a word, a part of one" {
	offers --model hm-score --mo
	offers --model hm-score --compare --mo # behind an option without a value
	offers '' hm-score --model --mo # this is the value
	offers 'adam|adamw' hm-fuse-train --optimizer ad
	offers image hm-fuse-train --freeze = im
	offers --freeze=image hm-fuse-train --features image --freeze=im # a shell that does not cut at =
	offers '--checkpoint|--checkpoint-steps' hm-fuse-train -o x --check
	offers 'auto|cpu|cuda|ref' hm-encode --device ''
	offers 'image=zero|image=shuffle|text=zero|text=shuffle' hm-score --ablate ''
	offers 'shuffle' hm-score --ablate text = sh
	offers 'fit:' hm-score --threshold ''
	offers 'all|best:' hm-fuse-train --keep ''
	offers '' hm-fuse-train --lr ''
	offers '' hm-fuse-train --nonsense = ''
	offers '' hm-score --model x --mop
}

@test "files where an option or an operand names one, whatever they are called" {
	offers 'dev.csv|dev.hmr' hm-score d
	offers 'dev.csv|dev.hmr' hm-score --json d
	offers 'dev.csv|dev.hmr' hm-score --json = d
	offers 'model.safetensors|my file.hmr' hm-fuse-train --val m
	offers 'my file.hmr' hm-fuse-train --val '"my f'
	offers 'my file.hmr' hm-fuse-train --val = '"my f'
	offers "it's.hmr" hm-cat it
	offers 'faces/1.png' hm-view --sheet faces/
	offers 'a folder|faces' hm-imgprep --root ''
	offers 'a folder' hm-synth a
	offers '' hm-synth d
	offers 'dev.csv|dev.hmr' hm-view --npy pixels = d
	offers '--npy=pixels=dev.csv|--npy=pixels=dev.hmr' hm-view --npy=pixels=d
	offers 'dev.csv|dev.hmr' hm-cat --head 3 -- d
	offers '' hm-cat -- --he
	offers 'dev.csv|dev.hmr' hm-score --threshold fit : d
	offers "$(ls | paste -sd '|')" hm-score --threshold fit :
	offers 'fit:dev.csv|fit:dev.hmr' hm-score --threshold fit:d
	offers 'dev.csv|dev.hmr' hm-cat -o d
}

@test "init presets of the encoder in question, and files" {
	clips='clip-tiny-image|clip-b32-image|clip-b16-image|clip-l14-image'
	offers "init:${clips//|/|init:}|init:resnet18|init:resnet50|init:resnet-tiny" hm-encode --image in
	offers "$clips|resnet18|resnet50|resnet-tiny" hm-encode --image init :
	offers 'resnet18|resnet50|resnet-tiny' hm-encode --image = init : re
	offers 'bert-base|bert-tiny' hm-fuse-train --text init : bert
	offers 'init:bert-base|init:bert-tiny|init:clip-tiny-text|init:clip-b32-text|init:clip-l14-text|a folder|dev.csv|dev.hmr|faces|it'\''s.hmr|model.safetensors|my file.hmr' hm-fuse-train --text ''
	for spec in $(offered hm-encode --image in; offered hm-encode --text in); do # and what is offered is taken
		case $spec in *-[bl][0-9][0-9]-*) continue ;; esac # large ones take long to draw
		case $spec in *resnet* | *-image) side=image column=pixels ;; *) side=text column=token_ids ;; esac
		run bash -c "hm-encode --$side $spec /dev/null 2>&1"
		expect 1 '/dev/null'
	done
}

@test "words come from the table alone: zsh's quoting" {
	hm-encode --completion zsh | grep -qF "init\\:NAME\\[\\:SEED\\]]:SPEC:{compadd -- init\\:clip-tiny-image init\\:clip-b32-image init\\:clip-b16-image init\\:clip-l14-image init\\:resnet18 init\\:resnet50 init\\:resnet-tiny; _files}'"
	hm-imgprep --completion zsh | grep -qF ':DIR:_files -/'
	hm-view --completion zsh | grep -qF ':COLUMN=FILE:{compset -P "*[=\:]" && _files}'
	hm-score --completion zsh | grep -qF ':P|fit\:FILE:{compadd -S "" -- fit\:; compset -P "*[=\:]" && _files}'
	hm-fuse-train --completion zsh | grep -qF ':all|best\:K:{compadd -S "" -- all best\:}'
	hm-fuse-train --completion zsh | grep -qF ':X: '
	for t in $(tools); do
		[ "$("$t" --completion zsh | head -n 1)" = "#compdef $t" ]
		"$t" --completion zsh | awk 'NR > 3 { gsub(/\x27\\\x27\x27/, ""); if (!/^\t\x27[^\x27]*\x27( \\)?$/) exit 1 }' || fail "$t: a specification is not one quoted word"
	done
}
