# pipelines/get-weights.sh against a folder, and a web server, that stand for both sites: fetched, gone on with, refused.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	weights=$(cd "$BATS_TEST_DIRNAME/../data/weights" && pwd)
	mkdir server
	cp -r "$weights/bert" server/bert
	printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' a the >server/bert/vocab.txt
	sum=$(sha256sum <"$weights/resnet.pth")
	export RESNET=resnet_tiny-${sum:0:8}.pth
	cp "$weights/resnet.pth" "server/$RESNET"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	cp -r "$BATS_FILE_TMPDIR/server" .
	export HM_BASE_RESNET=file://$PWD/server HM_BASE_BERT=file://$PWD/server/bert
}

get() { run "$ROOT/pipelines/get-weights.sh" --resnet "$RESNET" --bert some/bert "$@"; }

@test "fetched, tried, recorded; then left alone" {
	get
	expect 0 "^weights/$RESNET: sha256 [0-9a-f]{64}, as published in its name$"
	expect 0 '^weights/bert/model.safetensors: sha256 [0-9a-f]{64}, recorded in weights/SHA256SUMS: no published digest is known here$'
	for f in "$RESNET" bert/config.json bert/vocab.txt bert/model.safetensors; do cmp "server/$f" "weights/$f"; done
	(cd weights && sha256sum --quiet -c SHA256SUMS)
	[ "$(wc -l <weights/SHA256SUMS)" = 4 ]
	[ -z "$(find weights -name '*.part')" ]
	stat -c '%n %i %y' weights/* weights/bert/* >before
	rm -r server # nobody is asked again
	get weights
	expect 0 '^weights: all there, all right$'
	stat -c '%n %i %y' weights/* weights/bert/* | diff before -
	get --check
	expect 0
	[ "$(grep -c ': right$' <<<"$output")" = 4 ]
}

@test "a second encoder adds its lines" {
	get w
	cp -r server/bert server/other
	echo >>server/other/config.json
	run "$ROOT/pipelines/get-weights.sh" --resnet "$RESNET" --bert some/other --base-bert "file://$PWD/server/other" w
	expect 0
	cmp server/other/config.json w/other/config.json # the option counts, not the variable
	[ "$(wc -l <w/SHA256SUMS)" = 7 ]
	(cd w && sha256sum --quiet -c SHA256SUMS)
}

@test "an interrupted download goes on where it was" {
	mkdir -p bin w/bert
	real=$(command -v curl)
	cat >bin/curl <<-END # dies in the middle of the model
		#!/bin/sh
		case "\$*" in *model.safetensors) head -c 3000 server/bert/model.safetensors >w/bert/model.safetensors.part; exit 18 ;; esac
		exec $real "\$@"
	END
	chmod +x bin/curl
	PATH=$PWD/bin:$PATH get w
	expect 1 '^get-weights.sh: error: .*/model.safetensors: not fetched; what came is in w/bert/model.safetensors.part'
	[ ! -e w/bert/model.safetensors ] && [ ! -e w/SHA256SUMS ] && [ ! -e "w/$RESNET" ] # no name before all is well
	[ "$(stat -c %s w/bert/model.safetensors.part)" = 3000 ]
	mv "server/$RESNET" gone # whole and right already: not asked for again
	get w
	expect 0 '^w/bert/model.safetensors: sha256'
	cmp server/bert/model.safetensors w/bert/model.safetensors
	mv gone "server/$RESNET"

	mkdir -p whole/bert # web servers refuse to send an empty rest
	cp server/bert/vocab.txt whole/bert/vocab.txt.part
	cat >bin/curl <<-END
		#!/bin/sh
		case "\$*" in *vocab.txt) printf 416; exit 22 ;; esac
		exec $real "\$@"
	END
	PATH=$PWD/bin:$PATH get whole
	expect 0 'the file is whole'
	cmp server/bert/vocab.txt whole/bert/vocab.txt

	mkdir -p v # the first half is really kept: a wrong one makes the whole wrong
	head -c 100 /dev/zero >"v/$RESNET.part"
	get v
	expect 1 "^v/$RESNET.part: the sha256 is wrong$"
	cmp <(tail -c +101 "server/$RESNET") <(tail -c +101 "v/$RESNET.part")
}

# [CUT|norange]: the folder as a web server; what it answered stands in httpd.log behind its port
serve() {
	"$ROOT/$B/tests/pipes/httpd" server "$@" >httpd.log 3>&- &
	server=$!
	until [ -s httpd.log ]; do
		kill -0 "$server" || return 1
		sleep 0.02
	done
	export HM_BASE_RESNET=http://127.0.0.1:$(head -n 1 httpd.log) HM_BASE_BERT=http://127.0.0.1:$(head -n 1 httpd.log)/bert
}

teardown() {
	[ -z "${server-}" ] || kill "$server" 2>/dev/null || true
}

@test "from a web server: a line that breaks is gone on with, a whole part is known by the server's refusal" {
	serve 3000
	get w
	expect 1 'not fetched; what came is in w/.*, the next call goes on from there$'
	part=$(find w -name '*.part' -size -3001c -size +2999c)
	[ -n "$part" ]
	cut=${part#w/} cut=${cut%.part}
	get w
	expect 0 "^w/$cut: sha256"
	grep -q "^206 /$cut 3000\$" httpd.log
	for f in "$RESNET" bert/config.json bert/vocab.txt bert/model.safetensors; do cmp "server/$f" "w/$f"; done
	mkdir -p whole/bert
	cp server/bert/vocab.txt whole/bert/vocab.txt.part
	get whole
	expect 0 # some curls take the refusal for the end of the file, some for an error
	grep -q '^416 /bert/vocab.txt ' httpd.log
	cmp server/bert/vocab.txt whole/bert/vocab.txt
	rm server/bert/config.json
	get none
	expect 1 '/bert/config.json: not fetched'
}

@test "from a web server that knows no ranges: from the beginning" {
	serve norange
	mkdir -p w/bert
	head -c 3000 server/bert/model.safetensors >w/bert/model.safetensors.part
	get w
	expect 0 '^this server cannot go on in the middle of a file: from the beginning$'
	cmp server/bert/model.safetensors w/bert/model.safetensors
}

@test "a wrong sha256: expected and found are said, nothing is deleted" {
	printf x >>"server/$RESNET"
	get
	expect 1 "^weights/$RESNET.part: the sha256 is wrong$"
	expect 1 "^  expected ${RESNET:12:8}$"
	expect 1 "^  found    $(sha256sum <"server/$RESNET" | cut -c 1-64)$"
	expect 1 'is left as it is: remove it to fetch it anew'
	cmp "server/$RESNET" "weights/$RESNET.part"
	[ ! -e "weights/$RESNET" ]
	# The published names, with other bytes under them.
	cp "server/$RESNET" server/resnet18-f37072fd.pth
	run "$ROOT/pipelines/get-weights.sh" one
	expect 1 '^  expected f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec$'
	run "$ROOT/pipelines/get-weights.sh" --resnet "resnet-$(sha256sum <"server/$RESNET" | cut -c 1-8).pth" --base-resnet "file://$PWD/none" two
	expect 1 'none/resnet-[0-9a-f]{8}.pth: not fetched'
	mv "server/$RESNET" "server/resnet-$(sha256sum <"server/$RESNET" | cut -c 1-8).pth"
	run "$ROOT/pipelines/get-weights.sh" --resnet "$(cd server && ls resnet-*)" three
	expect 1 '^three/bert-base-uncased/config.json.part: the sha256 is wrong$'
	expect 1 '^  expected 7160e1553ad2ca51d8c1cb066be533db31826e12d173824c1bb0cb1a4f187d20$'
	for f in config.json:7160e155 vocab.txt:07eced37 model.safetensors:68d45e23; do # each of them, and no other repository's
		mkdir -p four/bert-base-uncased
		echo other >"four/bert-base-uncased/${f%:*}"
		run "$ROOT/pipelines/get-weights.sh" --check bert four
		expect 1 "^  expected ${f#*:}[0-9a-f]{56}$"
		rm -r four
	done
	run "$ROOT/pipelines/get-weights.sh" --bert other/bert-base-uncased bert five
	expect 0 '^five/bert-base-uncased/config.json: sha256 [0-9a-f]{64}, recorded in'
}

@test "what was recorded is held to it" {
	get
	cp weights/bert/config.json kept
	printf ' ' >>weights/bert/config.json
	for call in '' --check; do
		get $call
		expect 1 '^weights/bert/config.json: the sha256 is wrong$'
		expect 1 "^  expected $(sha256sum <kept | cut -c 1-64)$"
	done
	cmp <(printf '%s ' "$(cat kept)") weights/bert/config.json # left as it was
	rm weights/bert/config.json
	echo '{}' >server/bert/config.json # another one on the server
	get
	expect 1 '^weights/bert/config.json.part: the sha256 is wrong$'
	get --check
	expect 1 '^weights/bert/config.json: missing$'
}

@test "files that are no encoders get no names" {
	head -c 6000 server/bert/model.safetensors >cut && cp cut server/bert/model.safetensors
	get
	expect 1 '^get-weights.sh: error: weights/bert: the files there are no encoder$'
	[ ! -e weights/SHA256SUMS ] && [ ! -e weights/bert/model.safetensors ]
	: >server/bert/vocab.txt
	get other
	expect 1 'vocab.txt: is empty'
	head -c 6000 "server/$RESNET" >cut
	local name
	name=resnet_tiny-$(sha256sum ./cut | cut -c 1-8).pth
	mv cut "server/$name"
	cp "$BATS_FILE_TMPDIR"/server/bert/* server/bert
	get --resnet "$name" third
	expect 1 "^get-weights.sh: error: third/$name: its sha256 is [0-9a-f]{64}, but it is no encoder$"
	[ ! -e "third/$name" ] && [ ! -e third/SHA256SUMS ]
}

@test "files that were there before are tried and recorded" {
	mkdir -p weights
	cp -r server/bert weights
	get --check
	expect 1 "^weights/$RESNET: missing$"
	expect 1 '^weights/bert/vocab.txt: sha256 [0-9a-f]{64}, with nothing to compare it with'
	cp "server/$RESNET" weights
	get --check # what nothing was compared with is not right yet
	expect 1 "^weights/$RESNET: right$"
	refute grep missing <<<"$output"
	rm -r server
	get
	expect 0
	[ "$(wc -l <weights/SHA256SUMS)" = 4 ]
	(cd weights && sha256sum --quiet -c SHA256SUMS)
}

# A tiny CLIP as a folder of Hugging Face, and as one file of OpenAI's with a word list of its size: server/openai/NAME/...
tiny_clip() {
	local text=$ROOT/tests/data/text/clip d=server/openai/clip-vit-base-patch16/resolve/main
	mkdir -p $d
	cp "$text"/* $d
	echo '{"hidden_act":"quick_gelu"}' >$d/config.json
	echo '{"crop_size":224,"do_center_crop":true,"resample":3,"size":224}' >$d/preprocessor_config.json
	echo '{"model_max_length":77}' >$d/tokenizer_config.json
	hm-synth -q --train 4 --dev 0 --test 0 made
	hm-jsonl2rec made/train.jsonl | hm-imgprep -q --root made/img | hm-tokenize -q --vocab "$text" |
		hm-fuse-train -q --vocab-size 797 --fusion late --image init:clip-tiny-image --text init:clip-tiny-text --epochs 1 -o $d/model.safetensors -
}
clip() { run "$ROOT/pipelines/get-weights.sh" --base-hub "file://$PWD/server" "$@"; }

@test "a CLIP of Hugging Face: its folder alone is fetched, tried as both encoders, recorded" {
	tiny_clip
	clip clip-vit-base-patch16 w
	expect 0 '^w/clip-vit-base-patch16/merges.txt: sha256 [0-9a-f]{64}, recorded in w/SHA256SUMS'
	[ "$(ls w)" = "$(printf 'SHA256SUMS\nclip-vit-base-patch16')" ] # no ResNet, no BERT
	diff -r server/openai/clip-vit-base-patch16/resolve/main w/clip-vit-base-patch16
	[ "$(wc -l <w/SHA256SUMS)" = 6 ]
	(cd w && sha256sum --quiet -c SHA256SUMS)
	rm -r server/openai
	clip w clip-vit-base-patch16 # in any order; nobody is asked again
	expect 0 '^w: all there, all right$'
	clip --check clip-vit-base-patch16 w
	expect 0
	[ "$(grep -c ': right$' <<<"$output")" = 6 ]
	clip --check clip-vit-base-patch16 clip-vit-base-patch32 w
	expect 1 '^w/clip-vit-base-patch32/model.safetensors: missing$'
	[ "$(wc -l <<<"$output")" = 12 ]
	printf x >>w/clip-vit-base-patch16/merges.txt
	clip --check clip-vit-base-patch16 w
	expect 1 '^w/clip-vit-base-patch16/merges.txt: the sha256 is wrong$'
}

@test "a CLIP of Hugging Face without model.safetensors: its pytorch_model.bin; with neither it is said" {
	tiny_clip
	local d=server/openai/clip-vit-base-patch16/resolve/main
	mv $d/model.safetensors $d/pytorch_model.bin
	clip clip-vit-base-patch16 w
	expect 0 '^w/clip-vit-base-patch16/pytorch_model.bin: sha256'
	[ ! -e w/clip-vit-base-patch16/model.safetensors ]
	[ -z "$(find w -name '*.part')" ]
	clip clip-vit-base-patch16 w
	expect 0 '^w: all there, all right$'
	clip --check clip-vit-base-patch16 w
	expect 0 '^w/clip-vit-base-patch16/pytorch_model.bin: right$'
	rm $d/pytorch_model.bin
	clip clip-vit-base-patch16 none
	expect 1 '/main/model.safetensors: not fetched, nor is pytorch_model.bin beside it$'
	for name in base-patch32:a6308213 large-patch14:f1a17cdb large-patch14-336:c6032c2e; do # known ones are held to their digests
		mkdir -p known/clip-vit-${name%:*}
		echo other >known/clip-vit-${name%:*}/pytorch_model.bin
		clip --check clip-vit-${name%:*} known
		expect 1 "^  expected ${name#*:}[0-9a-f]{56}$"
	done
	mkdir -p server/openai/clip-vit-large-patch14/resolve
	cp -r $d server/openai/clip-vit-large-patch14/resolve/main
	echo other >server/openai/clip-vit-large-patch14/resolve/main/pytorch_model.bin
	clip clip-vit-large-patch14 known2
	expect 1 '^  expected f1a17cdbe0f36fec524f5cafb1c261ea3bbbc13e346e0f74fc9eb0460dedd0d3$'
	[ ! -e known2/clip-vit-large-patch14/pytorch_model.bin ]
	head -c 9000 w/clip-vit-base-patch16/pytorch_model.bin >$d/model.safetensors
	clip clip-vit-base-patch16 cut
	expect 1 '^get-weights.sh: error: cut/clip-vit-base-patch16: the files there are no encoder$'
	[ -z "$(find cut -name '*.safetensors')" ]
}

@test "a CLIP of OpenAI: one file and the vocabulary, both of the sha256 that is known" {
	local sum=40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af
	local list=924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a
	mkdir -p server/$sum server/words bin
	echo no encoder >server/$sum/ViT-B-32.pt
	openai() { clip --base-openai "file://$PWD/server" --base-words "file://$PWD/server/words" "$@"; }
	openai ViT-B-32 w
	expect 1 '^w/ViT-B-32.pt.part: the sha256 is wrong$'
	expect 1 "^  expected $sum$"
	# Stand-ins, and a sha256sum that takes them for what they stand for.
	LC_ALL=C awk 'BEGIN { print "\"bpe_simple_vocab_16e6.txt#version: 0.2"
		for (c = 33; c < 127; c++) s[n++] = sprintf("%c", c)
		for (c = 192; c < 324; c++) s[n++] = sprintf("%c%c", 192 + int(c / 64), 128 + c % 64)
		for (i = 0; i < n; i++) for (k = 0; k < n; k++) print s[i], s[k] }' | gzip -c >server/words/bpe_simple_vocab_16e6.txt.gz
	hm-synth -q --train 4 --dev 0 --test 0 made
	hm-jsonl2rec made/train.jsonl | hm-imgprep -q --root made/img | hm-tokenize -q --vocab server/words/bpe_simple_vocab_16e6.txt.gz |
		hm-fuse-train -q --vocab-size 49408 --fusion late --image init:clip-tiny-image --text init:clip-tiny-text --epochs 1 -o made/m.safetensors -
	cp made/m.safetensors server/$sum/ViT-B-32.pt
	cat >bin/sha256sum <<-END
		#!/bin/sh
		$(command -v sha256sum) "\$@" | sed -e 's/^$(sha256sum <made/m.safetensors | cut -c 1-64)/$sum/' \
			-e 's/^$(sha256sum <server/words/bpe_simple_vocab_16e6.txt.gz | cut -c 1-64)/$list/'
	END
	chmod +x bin/sha256sum
	rm -r w
	PATH=$PWD/bin:$PATH openai ViT-B-32 w
	expect 0 "^w/ViT-B-32.pt: sha256 $sum, as published$"
	expect 0 "^w/bpe_simple_vocab_16e6.txt.gz: sha256 $list, as published$"
	cmp made/m.safetensors w/ViT-B-32.pt
	[ "$(find w -type f -not -name '.*' | wc -l)" = 3 ]
	PATH=$PWD/bin:$PATH openai --check ViT-B-32 w
	expect 0 '^w/ViT-B-32.pt: right$'
	for name in ViT-B-16 ViT-L-14 ViT-L-14-336px; do
		openai --check $name w
		expect 1 "^w/$name.pt: missing$"
	done
}

@test "an address of https is not left for another, one's own server may be of any kind" {
	mkdir bin
	printf '#!/bin/sh\nprintf "%%s\\n" "$*" >>calls; exit 7\n' >bin/curl
	chmod +x bin/curl
	PATH=$PWD/bin:$PATH run "$ROOT/pipelines/get-weights.sh" ViT-B-32 w
	expect 1 '/40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af/ViT-B-32.pt: not fetched'
	grep -q -- '--proto =https --proto-redir =https .* https://[^ ]*/ViT-B-32.pt$' calls
	PATH=$PWD/bin:$PATH run "$ROOT/pipelines/get-weights.sh" clip-vit-large-patch14-336 w
	expect 1 'not fetched'
	grep -q -- '--proto =https --proto-redir =https .* https://huggingface.co/openai/clip-vit-large-patch14-336/resolve/main/config.json$' calls
	PATH=$PWD/bin:$PATH get w
	grep -q -- '--proto =file --proto-redir =https .* file:' calls
	refute grep -qv -- '--proto ' calls
}

@test "without curl nothing is fetched" {
	mkdir bin
	for t in bash sed awk cut paste cat dirname mkdir; do ln -s "$(command -v $t)" bin/$t; done
	PATH=$PWD/bin run "$ROOT/pipelines/get-weights.sh" --resnet "$RESNET" --bert some/bert w
	expect 1 '^get-weights.sh: error: curl, which fetches the files, is not installed \(package curl\)$'
}

@test "two at a time, wrong calls, --help" {
	mkdir weights
	exec 8>weights/.lock
	flock 8
	get
	expect 1 'another get-weights.sh is at work there'
	exec 8>&-
	for call in '--nonsense' 'a b' '--resnet' '--resnet ../x.pth' '--resnet resnet18.pth' '--resnet ../x-01234567.pth' '--resnet x-01234567.pth.part' '--bert ..' '--bert a/../' 'ViT-L-15' 'clip-vit-huge' 'CLIP' 'resnet50' 'bert-base-uncased' '--base-hub'; do
		run "$ROOT/pipelines/get-weights.sh" $call
		expect 2 '^usage: get-weights.sh'
	done
	run "$ROOT/pipelines/get-weights.sh" --help
	expect 0 '^usage: get-weights.sh'
	expect 0 'SHA256SUMS'
}
