# hm-encode --cache: the bytes of a run without it, exactly what changed is computed, whatever happens to the folder.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 40 --dev 0 --test 0 data
	records data/train.jsonl >in.hmr
	encode in.hmr >plain.hmr
}

setup() {
	cd "$BATS_FILE_TMPDIR"
	c=$BATS_TEST_TMPDIR/c s=$BATS_TEST_TMPDIR/stats.json
}

records() { hm-jsonl2rec "$1" | hm-imgprep -q --root data/img --size 48 | hm-tokenize -q --vocab data/vocab.txt; }
# Reference device: a feature there depends on its own input alone, so that all bytes can be compared.
encode() { hm-encode -q --device ref --image init:resnet-tiny --text init:bert-tiny "$@"; }
# ... and how many inputs were found, how many were not
counts() { encode --cache "$c" --stats "$s" "$@" >"$BATS_TEST_TMPDIR/out.hmr"; printf '%s ' $(grep -oE '"cache_(hits|misses)":[0-9]+' "$s" | cut -d: -f2); }

@test "weights of a file: read where something is computed, checked in any case" {
	hm-fuse-train -q --fusion late --freeze both --image init:resnet-tiny --text init:bert-tiny --epochs 1 -o w.safetensors in.hmr
	for j in 1 2; do
		hm-encode -q --device ref --image w.safetensors --text w.safetensors --cache "$c" --no-pg in.hmr >w.hmr
		cmp <(hm-view --full w.hmr) <(hm-view --full plain.hmr)
	done
	# a tensor of another type, same file size: refused though all features are there
	sed 's/"dtype":"F32"/"dtype":"I32"/' w.safetensors >bad.safetensors
	run hm-encode -q --device ref --image bad.safetensors --cache "$c" -o "$BATS_TEST_TMPDIR/x.hmr" in.hmr
	expect 1 'bad.safetensors'
}

@test "cold, warm, with any -j and without: the same bytes" {
	for j in 1 3 2; do
		encode -j $j --cache "$c" in.hmr | cmp - plain.hmr
	done
	[ "$(counts in.hmr)" = "80 0 " ]
	cmp plain.hmr "$BATS_TEST_TMPDIR/out.hmr"
	hm-encode --cache "$c" --device ref --image init:resnet-tiny --text init:bert-tiny in.hmr 2>&1 >/dev/null | grep -q "^hm-encode: notice: $c: 80 of 80 inputs were found, 0 computed"
	hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o cpu.hmr in.hmr
	for j in 1 2; do
		hm-encode -q -j $j --cache "$c" --image init:resnet-tiny --text init:bert-tiny in.hmr | cmp - cpu.hmr
	done
	# how many are computed at once shows in the last bits, and the cache does not change it
	hm-cat --head 39 in.hmr >some.hmr
	hm-encode -q --cache "$c-some" --image init:resnet-tiny --text init:bert-tiny some.hmr >/dev/null
	hm-encode -q --cache "$c-some" --image init:resnet-tiny --text init:bert-tiny in.hmr | cmp - cpu.hmr
}

@test "what changed is computed, and nothing else" {
	[ "$(counts in.hmr)" = "0 80 " ]
	# a caption, an image, a record more: the others are found
	{ sed '3s/"text":"[^"]*"/"text":"the moon is full of zebras"/' data/train.jsonl; head -n 1 data/train.jsonl | sed 's/"id":[0-9]*/"id":987654/'; } >a.jsonl
	records a.jsonl >a.hmr
	[ "$(counts a.hmr)" = "81 1 " ]
	encode a.hmr | cmp - "$BATS_TEST_TMPDIR/out.hmr"
	cp -r data changed
	hm-synth -q --seed 99 --train 1 --dev 0 --test 0 other
	cp other/img/*.png "changed/img/$(sed -n '2s/{"id":\([0-9]*\).*/\1/p' data/train.jsonl).png"
	hm-jsonl2rec data/train.jsonl | hm-imgprep -q --root changed/img --size 48 | hm-tokenize -q --vocab data/vocab.txt >b.hmr
	[ "$(counts b.hmr)" = "79 1 " ]
	encode b.hmr | cmp - "$BATS_TEST_TMPDIR/out.hmr"
	# weights, an output, a size, a precision, a device
	hm-encode -q --device ref --image init:resnet-tiny:2 --text init:bert-tiny --cache "$c" --stats "$s" in.hmr >/dev/null
	grep -q '"cache_hits":40,"cache_misses":40' "$s"
	hm-encode -q --device ref --image init:resnet-tiny --text init:bert-tiny:2 --cache "$c" --stats "$s" in.hmr >/dev/null
	grep -q '"cache_hits":40,"cache_misses":40' "$s"
	[ "$(counts --image-output both in.hmr)" = "40 40 " ]
	[ "$(counts --image-output grid in.hmr)" = "80 0 " ]
	[ "$(counts --store f16 in.hmr)" = "80 0 " ] # narrowed after the cache
	hm-jsonl2rec data/train.jsonl | hm-imgprep -q --root data/img --size 32 | hm-tokenize -q --vocab data/vocab.txt >small.hmr
	[ "$(counts small.hmr)" = "40 40 " ]
	others=("--device cpu" "--device cpu --batch-size 3")
	! has_bf16 || others+=("--device cpu --precision bf16")
	for other in "${others[@]}"; do
		# shellcheck disable=SC2086
		hm-encode -q $other --image init:resnet-tiny --cache "$c" --stats "$s" in.hmr >/dev/null
		grep -q '"cache_hits":0,"cache_misses":40' "$s"
	done
	# a lesser processor, on which oneDNN's last bits are others
	if hm-encode --version | grep -q oneDNN; then
		DNNL_MAX_CPU_ISA=SSE41 ONEDNN_MAX_CPU_ISA=SSE41 hm-encode -q --device cpu --image init:resnet-tiny --cache "$c" --stats "$s" in.hmr >/dev/null
		grep -q '"cache_hits":0,"cache_misses":40' "$s"
	fi
	[ "$(counts in.hmr)" = "80 0 " ]
}

@test "two at once, one killed, a torn file, a foreign one: the same bytes all the same" {
	encode --cache "$c" in.hmr >"$BATS_TEST_TMPDIR/1" &
	first=$!
	encode --cache "$c" in.hmr >"$BATS_TEST_TMPDIR/2"
	wait $first
	cmp "$BATS_TEST_TMPDIR/1" plain.hmr
	cmp "$BATS_TEST_TMPDIR/2" plain.hmr
	[ "$(counts in.hmr)" = "80 0 " ]
	rm -r "$c"
	mkfifo fifo
	exec 8<>fifo
	hm-encode -q --image init:resnet-tiny --cache "$c" fifo >/dev/null &
	victim=$!
	cat in.hmr >&8
	for _ in $(seq 100); do [ ! -d "$c" ] || break; sleep .05; done
	kill -9 $victim
	wait $victim || true
	exec 8>&-
	encode --cache "$c" in.hmr | cmp - plain.hmr
	for f in "$c"/hm-cache/*.feat; do truncate -s -50 "$f"; done
	mkfifo "$c/hm-cache/5f-1a-2.feat"
	mkdir "$c/hm-cache/5f-1a-3.feat"
	echo "not one of ours" >"$c/hm-cache/5f-1a-4.feat"
	: >"$c/hm-cache/5f-1a-5.feat"
	encode --cache "$c" in.hmr | cmp - plain.hmr
	[ "$(counts in.hmr)" = "80 0 " ]
	cmp "$BATS_TEST_TMPDIR/out.hmr" plain.hmr
	[ "$(cat "$c/hm-cache/5f-1a-4.feat")" = "not one of ours" ]
}

@test "a file that was read before need not be unpacked: the same bytes" {
	# a record without its image, one left out by its maker, one whose caption is too long
	sed '5s/"img":"[^"]*"/"img":"img\/none.png"/; 9s/"img":"[^"]*"/"img":7/; 13s/"text":"[^"]*"/"text":"'"$(printf 'a %.0s' $(seq 400))"'"/' data/train.jsonl >odd.jsonl
	hm-jsonl2rec -q --on-error skip odd.jsonl | hm-imgprep -q --root data/img --size 48 --on-error keep | hm-tokenize -q --max-length 512 --vocab data/vocab.txt >odd.hmr
	for how in "--on-error keep" "--on-error skip" "--on-error keep --store f16 --no-pg" "--on-error keep --image-output both"; do
		# shellcheck disable=SC2086
		encode $how odd.hmr >"$BATS_TEST_TMPDIR/want"
		for _ in 1 2; do
			# shellcheck disable=SC2086
			encode $how --cache "$c" odd.hmr 2>/dev/null | cmp - "$BATS_TEST_TMPDIR/want"
		done
	done
	skims=("$c"/hm-cache/*.skim)
	[ ${#skims[@]} = 1 ]
	# it is used (the time says so), and what was damaged or taken away is made anew
	touch -d 2001-01-01 "${skims[0]}"
	cp "${skims[0]}" "$BATS_TEST_TMPDIR/was"
	encode --on-error keep --cache "$c" odd.hmr >/dev/null
	[ "$(find "$c/hm-cache" -name '*.skim' -newermt 2002-01-01)" = "${skims[0]}" ]
	encode --on-error keep odd.hmr >"$BATS_TEST_TMPDIR/want"
	for damage in "truncate -s -30" "rm" "cp in.hmr"; do
		$damage "${skims[0]}"
		for _ in 1 2; do encode --on-error keep --cache "$c" odd.hmr | cmp - "$BATS_TEST_TMPDIR/want"; done
		cmp "${skims[0]}" "$BATS_TEST_TMPDIR/was"
	done
	# the features are gone, what was kept of the file is not
	rm "$c"/hm-cache/*.feat
	encode --on-error keep --cache "$c" odd.hmr | cmp - "$BATS_TEST_TMPDIR/want"
	# another caption's encoder: the images' features are found without their pixels
	hm-encode -q --device ref --image init:resnet-tiny --text init:bert-tiny:2 --on-error keep --cache "$c" --stats "$s" odd.hmr >/dev/null
	grep -q '"cache_hits":38,"cache_misses":38' "$s"
	# records without an image are not missing: half of them here
	sed '1~2s/"img":"[^"]*"/"img":"img\/none.png"/' data/train.jsonl | hm-jsonl2rec -q | hm-imgprep -q --root data/img --size 48 --on-error keep >half.hmr
	for said in '20 of 20 inputs were found, 0 computed$' '20 of 20 .*; the files are known, so no other pixels were unpacked$'; do
		run hm-encode --device ref --image init:resnet-tiny --on-error keep --cache "$c" -o "$BATS_TEST_TMPDIR/half" half.hmr
		expect 0 "$said"
	done
	# branches joined again, in either order, an entry damaged: the one image (of 38) that is missing is fetched
	hm-jsonl2rec -q data/train.jsonl >lines.hmr
	hm-imgprep -q --root data/img --size 48 lines.hmr >pixels.hmr
	tac data/train.jsonl | hm-jsonl2rec -q | hm-tokenize -q --vocab data/vocab.txt >tokens.hmr
	for order in "pixels.hmr tokens.hmr" "tokens.hmr pixels.hmr"; do
		for n in 1 2 3; do
			# shellcheck disable=SC2086
			encode $order >"$BATS_TEST_TMPDIR/want"
			# shellcheck disable=SC2086
			encode --cache "$BATS_TEST_TMPDIR/joined" --stats "$s" $order | cmp - "$BATS_TEST_TMPDIR/want"
		done
		grep -q '"cache_hits":80,"cache_misses":0' "$s"
		feats=("$BATS_TEST_TMPDIR"/joined/hm-cache/*.feat)
		printf x | dd of="${feats[0]}" bs=1 seek=$(($(stat -c %s "${feats[0]}") - 300)) conv=notrunc status=none
		# shellcheck disable=SC2086
		encode --cache "$BATS_TEST_TMPDIR/joined" --stats "$s" $order | cmp - "$BATS_TEST_TMPDIR/want"
		refute grep -q '"cache_misses":0' "$s"
		rm "$BATS_TEST_TMPDIR"/joined/hm-cache/*.feat
	done
	# the first is the same, the second is not
	for more in one two; do
		sed "s/\"text\":/\"more\":\"$more\",&/" data/train.jsonl | hm-jsonl2rec -q --keep-field more | hm-tokenize -q --vocab data/vocab.txt >$more.hmr
		encode pixels.hmr $more.hmr >"$BATS_TEST_TMPDIR/want"
		encode --cache "$BATS_TEST_TMPDIR/joined" pixels.hmr $more.hmr | cmp - "$BATS_TEST_TMPDIR/want"
	done
	# columns that stay come from the file itself, pipes have no digest
	encode --keep --on-error keep odd.hmr >"$BATS_TEST_TMPDIR/want"
	encode --keep --on-error keep --cache "$c" odd.hmr | cmp - "$BATS_TEST_TMPDIR/want"
	encode --keep --on-error keep --cache "$c" - <odd.hmr | cmp - "$BATS_TEST_TMPDIR/want"
}

@test "it is bounded, and the bound is not overrun by a grid" {
	hm-synth -q --train 300 --dev 0 --test 0 many
	hm-jsonl2rec many/train.jsonl | hm-imgprep -q --root many/img --size 128 >many.hmr
	hm-encode -q --image init:resnet-tiny --image-output grid --cache "$c" --cache-size 1M many.hmr >/dev/null
	[ "$(cat "$c"/hm-cache/* | wc -c)" -le 1048576 ]
	[ "$(cat "$c"/hm-cache/*.feat | wc -c)" -ge 500000 ]
	# a bound that is lower than it was, where nothing is put
	hm-encode -q --image init:resnet-tiny --image-output grid --cache "$c" many.hmr >/dev/null
	[ "$(cat "$c"/hm-cache/* | wc -c)" -gt 1048576 ]
	hm-cat --head 1 many.hmr | hm-encode -q --image init:resnet-tiny --image-output grid --cache "$c" --cache-size 1M --stats "$s" >/dev/null
	grep -q '"cache_hits":1,"cache_misses":0' "$s"
	[ "$(cat "$c"/hm-cache/* | wc -c)" -le 1048576 ]
}

@test "a folder with the files of others: used, and none of them is touched" {
	mkdir -p "$c/hm-cache"
	for d in "$c" "$c/hm-cache"; do
		for f in thesis1.tmp thesis2.tmp oscar.feat holiday.skim .x.skim.1.tmp; do head -c 700000 /dev/zero >"$d/$f"; done
		touch -d 2019-01-01 "$d"/* "$d"/.x*
	done
	before=$(find "$c" -type f -exec cksum {} + | sort)
	hm-synth -q --train 300 --dev 0 --test 0 lots
	hm-jsonl2rec lots/train.jsonl | hm-imgprep -q --root lots/img --size 128 >lots.hmr
	for seed in 1 2 3; do
		hm-encode -q --image init:resnet-tiny:$seed --image-output grid --cache "$c" --cache-size 1M lots.hmr >/dev/null
		[ "$(find "$c" -name '*-*.feat' -exec cat {} + | wc -c)" -le 1048576 ]
	done
	[ "$(find "$c" -name '*-*.feat' -exec cat {} + | wc -c)" -ge 500000 ]
	[ "$before" = "$(find "$c" -type f ! -name '*-*.feat' ! -name CACHEDIR.TAG ! -name '????????????????????????????????.skim' -exec cksum {} + | sort)" ] || fail "$(ls -la "$c" "$c/hm-cache")"
	head -n 1 "$c/hm-cache/CACHEDIR.TAG" | grep -qx 'Signature: 8a477f597d28d172789f06886806bc55'
}

@test "the files of an older version, in the folder itself, are found" {
	encode --cache "$c" in.hmr >/dev/null
	mv "$c"/hm-cache/*.feat "$c"/hm-cache/*.skim "$c"
	[ "$(counts in.hmr)" = "80 0 " ]
	cmp plain.hmr "$BATS_TEST_TMPDIR/out.hmr"
	[ "$(counts in.hmr)" = "80 0 " ]
}

@test "a cache that cannot be written is used, and a notice says so" {
	cp "$(command -v hm-encode)" in.hmr plain.hmr "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR"
	user=''
	[ "$(id -u)" != 0 ] || user='setpriv --reuid 65534 --regid 65534 --clear-groups'
	chmod a+rx . hm-encode && chmod a+r in.hmr
	encode --cache shared in.hmr >/dev/null
	hm-cat --head 30 in.hmr >part.hmr
	encode --cache partly part.hmr >/dev/null
	mkdir none
	chmod -R a+rX,a-w shared partly none
	before=$(find shared partly none | sort)
	for dir in 'shared|80|0' 'partly|60|20' 'none|0|80'; do
		IFS='|' read -r dir hits misses <<<"$dir"
		for _ in 1 2; do
			$user ./hm-encode --device ref --image init:resnet-tiny --text init:bert-tiny --cache "$dir" in.hmr >out.hmr 2>said
			cmp out.hmr plain.hmr
			grep -q "^hm-encode: notice: --cache: $dir cannot be written: its features are used, nothing is added$" said || fail "$(cat said)"
			grep -q "$hits of 80 inputs were found, $misses computed" said || fail "$(cat said)"
			refute grep -q warning said
		done
	done
	[ "$before" = "$(find shared partly none | sort)" ]
	chmod -R u+w shared partly none
	# what cannot even be read
	mkdir secret && chmod 0 secret
	run $user ./hm-encode --image init:resnet-tiny --cache secret -o /dev/null in.hmr
	[ -z "$user" ] || expect 1 '--cache: secret.*Permission denied'
}

@test "what is refused, and what is only said" {
	run hm-encode --cache "$c/deep/er" --image init:resnet-tiny -o "$BATS_TEST_TMPDIR/x.hmr" in.hmr
	expect 1 "--cache: $c/deep/er: cannot make the folder: No such file or directory"
	[ ! -e "$BATS_TEST_TMPDIR/x.hmr" ]
	run hm-encode --cache in.hmr --image init:resnet-tiny -o "$BATS_TEST_TMPDIR/x.hmr" in.hmr
	expect 1 '--cache: in.hmr: cannot make a folder in it: Not a directory'
	run hm-encode --cache-size 1G --image init:resnet-tiny -o "$BATS_TEST_TMPDIR/x.hmr" in.hmr
	expect 2 '--cache-size needs --cache'
	run hm-encode --cache "$c" --cache-size 4K --image init:resnet-tiny -o "$BATS_TEST_TMPDIR/x.hmr" in.hmr
	expect 2 '--cache-size takes a size'
	# a disk that is full: the features are written, the cache is not
	(ulimit -f 10 && trap '' XFSZ && encode --cache "$c" in.hmr 2>"$BATS_TEST_TMPDIR/err" | cmp - plain.hmr)
	grep -q 'warning: --cache: .*File too large; the next run computes the missing features again' "$BATS_TEST_TMPDIR/err"
	encode --cache "$c" in.hmr | cmp - plain.hmr
	[ "$(counts in.hmr)" = "80 0 " ]
}
