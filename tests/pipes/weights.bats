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
	"$ROOT/${B:-build/onednn}/tests/pipes/httpd" server "$@" >httpd.log 3>&- &
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
	expect 1 '^  expected f37072fd$'
	run "$ROOT/pipelines/get-weights.sh" --resnet "resnet-$(sha256sum <"server/$RESNET" | cut -c 1-8).pth" --base-resnet "file://$PWD/none" two
	expect 1 'none/resnet-[0-9a-f]{8}.pth: not fetched'
	mv "server/$RESNET" "server/resnet-$(sha256sum <"server/$RESNET" | cut -c 1-8).pth"
	run "$ROOT/pipelines/get-weights.sh" --resnet "$(cd server && ls resnet-*)" three
	expect 1 '^three/bert-base-uncased/vocab.txt.part: the sha256 is wrong$'
	expect 1 '^  expected 07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3$'
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

@test "two at a time, wrong calls, --help" {
	mkdir weights
	exec 8>weights/.lock
	flock 8
	get
	expect 1 'another get-weights.sh is at work there'
	exec 8>&-
	for call in '--nonsense' 'a b' '--resnet' '--resnet ../x.pth' '--resnet resnet18.pth' '--resnet ../x-01234567.pth' '--resnet x-01234567.pth.part' '--bert ..' '--bert a/../'; do
		run "$ROOT/pipelines/get-weights.sh" $call
		expect 2 '^usage: get-weights.sh'
	done
	run "$ROOT/pipelines/get-weights.sh" --help
	expect 0 '^usage: get-weights.sh'
	expect 0 'SHA256SUMS'
}
