# The sandbox of the tools that read foreign files: which have one, that calls of all kinds work in it, and that it is
# in force. What an intruder can do in it is tests/unit/test_sandbox.c's.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 24 --dev 8 --test 8 data
	hm-jsonl2rec -q -o rec.hmr data/train.jsonl
	hm-imgprep -q --root data/img --size 48 rec.hmr | hm-tokenize -q --vocab data/vocab.txt -o all.hmr
	hm-encode -q --image init:resnet-tiny --text init:bert-tiny --keep -o features.hmr all.hmr
	hm-fuse-train -q --fusion late --epochs 1 -o head.safetensors features.hmr
	hm-bundle --image init:resnet-tiny --text init:bert-tiny --vocab data/vocab.txt -o whole.safetensors head.safetensors
	hm-score -q --model head.safetensors -o scored.hmr --csv scored.csv features.hmr >/dev/null
	hm-view --npy image_feature=f.npy features.hmr
	printf 'id,img,text,label\n1,a.png,"one, two",0\n' >rows.csv
}

setup() {
	cd "$BATS_FILE_TMPDIR"
	unset HM_SANDBOX LD_PRELOAD
	oldkernel=$ROOT/$B/tests/cli/oldkernel
	kernel=$(hm-cat --version | sed -n 's/^sandbox: //p') # what this one has
}

open_tools='hm-fuse-train hm-report hm-synth' # those without a sandbox: they start programs or read nothing foreign
tools() { (cd "$ROOT" && for f in tools/hm-*.c; do basename "$f" .c; done); }

# A call of each tool that has a sandbox, its output on standard output.
calls() {
	cat <<-'END'
		hm-jsonl2rec data/train.jsonl
		hm-csv2rec rows.csv
		hm-npy2rec --ids rec.hmr --column image_feature=f.npy,encoder=x
		hm-imgprep --root data/img --size 32 rec.hmr
		hm-tokenize --vocab data/vocab.txt rec.hmr
		hm-cat rec.hmr
		hm-cat --recover rec.hmr
		hm-view --full all.hmr
		hm-view whole.safetensors
		hm-lint --near 0.5 --allow pair-shared --allow image-shared --allow caption-shared --allow near-shared --allow label-conflict --allow id-twice --allow id-shared --allow pair-twice --allow label-shift features.hmr features.hmr
		hm-encode --image init:resnet-tiny --text init:bert-tiny all.hmr
		hm-nearest --train features.hmr features.hmr
		hm-score --model head.safetensors features.hmr
		hm-score --compare one=scored.csv two=scored.hmr
		hm-classify --root data/img whole.safetensors data/dev.jsonl
		hm-bundle --image init:resnet-tiny --text init:bert-tiny --vocab data/vocab.txt -o /dev/stdout head.safetensors
	END
}

# A build with sanitizers has none.
need_sandbox() {
	[[ $kernel != off* ]] || skip "this build has no sandbox: $kernel"
}

@test "--version says what is in force" {
	for t in $(tools); do
		want=$kernel
		[[ " $open_tools " != *" $t "* ]] || want='none (not for this tool)'
		[ "$("$t" --version | sed -n 's/^sandbox: //p')" = "$want" ] || fail "$t: $("$t" --version)"
	done
	[[ $kernel =~ ^(seccomp|landlock|seccomp\+landlock|none\ \(kernel\)|off\ \(a\ build.*\))$ ]] || fail "$kernel"
}

@test "every tool works in it as without it, on new kernels and old ones" {
	while read -r call; do
		HM_SANDBOX=0 $call >want 2>want.err || fail "$call: $(cat want.err)"
		for lost in 1000 landlock seccomp landlock,seccomp; do
			"$oldkernel" "$lost" $call </dev/null >got 2>got.err || fail "$call without $lost: $(cat got.err)"
			cmp want got || fail "$call without $lost: other bytes"
			diff want.err got.err || fail "$call without $lost"
		done
	done < <(calls)
}

@test "-v, HM_SANDBOX=0, a preloaded library and old kernels: it says what is in force" {
	need_sandbox
	run hm-cat -v -o x.hmr rec.hmr
	expect 0 "^hm-cat: sandbox: ${kernel//+/\\+}"
	HM_SANDBOX=0 run hm-cat -v -o x.hmr rec.hmr
	expect 0 '^hm-cat: sandbox: off \(HM_SANDBOX=0\)'
	HM_SANDBOX=1 run hm-cat --version
	expect 0 "^sandbox: ${kernel//+/\\+}$"
	LD_PRELOAD=libm.so.6 run hm-cat --version
	expect 0 '^sandbox: off \(LD_PRELOAD\)$'
	HM_CUDA_PLUGIN=/dev/null run hm-encode --version # as where the plug-in is installed
	expect 0 '^sandbox: off \(device cuda; --device cpu has one\)$'
	HM_CUDA_PLUGIN=/dev/null run hm-encode --device cpu --version
	expect 0 "^sandbox: ${kernel//+/\\+}$"
	HM_CUDA_PLUGIN=/dev/null run hm-cat --version
	expect 0 "^sandbox: ${kernel//+/\\+}$"
	run hm-synth -v --train 1 --dev 0 --test 0 few
	expect 0 '^hm-synth: sandbox: none \(not for this tool\)$'
	[ "$kernel" = seccomp+landlock ] || skip "the kernel has a part of it: $kernel"
	run "$oldkernel" landlock hm-cat -v -o x.hmr rec.hmr
	expect 0 '^hm-cat: sandbox: seccomp$'
	run "$oldkernel" seccomp hm-cat --version
	expect 0 '^sandbox: landlock$'
	run "$oldkernel" seccomp,landlock hm-encode --version
	expect 0 '^sandbox: none \(kernel\)$'
}

# Each tool that reads records or lines waits for its input: its threads are looked at.
@test "all threads of a tool are under it before the first byte is read" {
	need_sandbox
	[[ $kernel = *seccomp* ]] || skip "this kernel has no seccomp"
	while read -r call; do
		rm -f wait && mkfifo wait
		$call -j 3 wait >/dev/null 2>&1 &
		exec 7>wait # returns when the tool opens its input
		for task in /proc/$!/task/*; do
			grep -qx 'Seccomp:.2' "$task/status" || fail "$call: $(grep Seccomp: "$task/status")"
			grep -qx 'NoNewPrivs:.1' "$task/status" || fail "$call"
		done
		[ "$(ls /proc/$!/task | wc -l)" -ge 4 ] || fail "$call: $(ls /proc/$!/task)"
		kill $!
		exec 7>&-
		wait $! || true
	done <<-'END'
		hm-jsonl2rec
		hm-csv2rec
		hm-imgprep --root data/img
		hm-tokenize --vocab data/vocab.txt
		hm-cat
		hm-view
		hm-lint
		hm-encode --image init:resnet-tiny
		hm-nearest --train features.hmr
		hm-score
		hm-classify --root data/img whole.safetensors
	END
}

@test "only the files of the call are opened: one that takes the place of an input is not" {
	need_sandbox
	[[ $kernel = *landlock* ]] || skip "this kernel has no Landlock"
	for want in 1 0; do # in the sandbox, without it
		rm -f wait && mkfifo wait && cp rec.hmr second.hmr && hm-cat --head 1 -o other.hmr all.hmr
		HM_SANDBOX=$want hm-cat wait second.hmr >/dev/null 2>said &
		exec 7>wait
		mv other.hmr second.hmr
		hm-cat --head 2 rec.hmr >&7
		exec 7>&-
		refute wait $!
		[ "$want" = 0 ] || grep -q 'second.hmr: cannot open: Permission denied' said || fail "$(cat said)"
		[ "$want" = 1 ] || grep -q 'second.hmr.*schema\|columns' said || fail "$(cat said)"
	done
}

# A stranger's caption may be the name of a folder, or be made to cost memory and time where names of files are looked for.
@test "hm-classify: a caption is words, whatever stands in it" {
	picture=$(ls data/img | head -n 1)
	for word in a= a, a,=; do
		caption=$(printf "$word%.0s" {1..40000})
		HM_SANDBOX=0 hm-classify whole.safetensors "data/img/$picture" "$caption" >want
		(ulimit -t 20 && hm-classify whole.safetensors "data/img/$picture" "$caption") | cmp - want
	done
	need_sandbox
	[[ $kernel = *landlock* ]] || skip "this kernel has no Landlock"
	rm -rf strange wait empty && mkdir strange empty && cp "data/img/$picture" strange/p.png && mkfifo wait
	for want in 1 0; do
		HM_SANDBOX=$want hm-classify --root empty --image init:resnet-tiny --text init:bert-tiny --vocab wait head.safetensors \
			strange/p.png "$PWD/strange" >/dev/null 2>said &
		exec 7>wait
		cp strange/p.png strange/other && mv strange/other strange/p.png # another file of this name
		cat data/vocab.txt >&7
		exec 7>&-
		if [ "$want" = 0 ]; then
			wait $! || fail "$(cat said)"
		else
			refute wait $!
			grep -q 'p.png: cannot open: Permission denied' said || fail "$(cat said)"
		fi
	done
}

# Pictures are opened by the threads of -j.
@test "threads, too, open only what is below the root" {
	need_sandbox
	[[ $kernel = *landlock* ]] || skip "this kernel has no Landlock"
	for want in 1 0; do
		rm -rf root gone wait && mkdir root && cp -r data/img root/img && mkfifo wait
		HM_SANDBOX=$want hm-imgprep -j 3 --root root/img --like wait -o x.hmr rec.hmr 2>said &
		exec 7>wait
		mv root/img gone && cp -r gone root/img
		echo '{"do_resize": true, "size": {"height": 16, "width": 16}, "resample": 2, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}' >&7
		exec 7>&-
		if [ "$want" = 0 ]; then
			wait $! || fail "$(cat said)"
		else
			refute wait $!
			grep -q 'cannot open: Permission denied' said || fail "$(cat said)"
		fi
	done
}

@test "outputs and inputs of every kind" {
	mkdir -p deep/er
	hm-cat -o deep/er/x.hmr rec.hmr && hm-cat -o deep/er/x.hmr rec.hmr # new, and replaced
	cmp <(hm-cat --no-pg rec.hmr) <(hm-cat --no-pg deep/er/x.hmr)
	ln -sf deep/er/x.hmr link.hmr
	hm-cat -o link.hmr rec.hmr && [ -L link.hmr ]
	hm-cat -o "$PWD/deep/er/y.hmr" - <rec.hmr
	hm-cat -o /dev/null rec.hmr
	hm-cat -o /dev/stdout rec.hmr | cmp - deep/er/y.hmr
	hm-cat -o /dev/fd/5 rec.hmr 5>&1 | cmp - deep/er/y.hmr
	hm-cat /dev/stdin <rec.hmr | cmp - deep/er/y.hmr
	hm-cat <(cat rec.hmr) | cmp - deep/er/y.hmr
	hm-cat -o >(cmp - deep/er/y.hmr && touch same) rec.hmr
	for _ in {1..50}; do [ -e same ] || sleep .1; done
	[ -e same ]
	run hm-cat -o /dev/full rec.hmr
	expect 1 'No space left on device'
	run hm-cat missing.hmr
	expect 1 'missing.hmr: cannot open: No such file or directory'
	run hm-cat -o no/folder.hmr rec.hmr
	expect 1 'No such file or directory'
	hm-cat -q --stats deep/stats.json -o x.hmr rec.hmr && grep -q records deep/stats.json
	hm-view --npy image_feature=deep/f.npy --npy token_ids=deep/t.npy features.hmr && [ -s deep/t.npy.offsets.npy ]
	hm-view --sheet deep/s.png all.hmr
	hm-encode -q --image init:resnet-tiny --cache new-cache -o e.hmr all.hmr
	run hm-encode --image init:resnet-tiny --cache new-cache -o e.hmr all.hmr
	expect 0 '24 of 24 inputs were found'
	hm-score -q --csv deep/a.csv --json deep/a.json --latex deep/a.tex scored.hmr >/dev/null && [ -s deep/a.tex ]
	(cd data && hm-classify ../whole.safetensors img/"$(ls img | head -n 1)" caption >/dev/null)
	hm-classify "$PWD/whole.safetensors" "data/img/$(ls data/img | head -n 1)" caption >/dev/null
}

@test "another program is run without it, and the call says so" {
	need_sandbox
	run hm-score -v --roc roc.svg --calibration c.svg scored.hmr
	expect 0 '^hm-score: sandbox: off \(it runs another program\)'
	[ -s roc.svg ] && [ -s c.svg ]
}

# As the Hugging Face hub's cache keeps them: files of a folder are links into another.
@test "folders of links, and files next to a named one" {
	rm -rf hub && mkdir -p hub/blobs hub/snapshots/1
	cp "$ROOT"/tests/data/towers/vit/* hub/blobs/
	cp data/vocab.txt hub/blobs/
	echo '{"do_lower_case": false}' >hub/blobs/tokenizer_config.json
	for f in hub/blobs/*; do ln -s "../../blobs/${f##*/}" hub/snapshots/1/; done
	hm-imgprep -q --root data/img --size 16 -o small.hmr rec.hmr
	hm-encode -q --image hub/snapshots/1 -o by-folder.hmr small.hmr
	hm-encode -q --image hub/snapshots/1/model.safetensors -o by-file.hmr small.hmr # config.json lies next to it
	cmp <(hm-view --full by-folder.hmr) <(hm-view --full by-file.hmr)
	hm-tokenize -q --vocab hub/snapshots/1 -o by-folder.hmr rec.hmr
	hm-tokenize -q --vocab hub/snapshots/1/vocab.txt -o by-file.hmr rec.hmr
	cmp <(hm-view by-folder.hmr) <(hm-view by-file.hmr)
	hm-view --schema by-file.hmr | grep -q '"cased": *true' # what tokenizer_config.json says
}

@test "pictures below the root, and with --follow-symlinks anywhere" {
	rm -rf tree && mkdir -p tree/img away
	cp "data/img/$(ls data/img | head -n 1)" away/p.png
	cp away/p.png tree/img/own.png
	ln -s ../../away/p.png tree/img/out.png
	echo '{"id":1,"img":"img/own.png","text":"","label":0}' | hm-jsonl2rec -q --img-prefix '' -o own.hmr
	echo '{"id":1,"img":"img/out.png","text":"","label":0}' | hm-jsonl2rec -q --img-prefix '' -o out.hmr
	hm-imgprep --root tree --size 16 -o x.hmr own.hmr
	run hm-imgprep --root tree --size 16 -o y.hmr out.hmr
	expect 1 'a symbolic link leads out of the root folder'
	hm-imgprep --root tree --size 16 --follow-symlinks -o y.hmr out.hmr
}
