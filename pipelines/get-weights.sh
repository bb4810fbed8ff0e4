#!/usr/bin/env bash
# get-weights.sh [--check] [FOLDER]: fetches the published encoders of the experiments into FOLDER (weights/), about
# 490 MB: torchvision's ResNet18 and the BERT named bert-base-uncased. It resumes an interrupted download. A file gets its
# name only when its sha256 is right and hm-encode has read it. A file that is complete is not fetched again. --check
# fetches nothing and lists what is missing or wrong.
#
# The right sha256: torchvision's file names contain its first 8 digits, and this script knows the one of
# bert-base-uncased's vocabulary. For the other files it writes the digest of the first download into FOLDER/SHA256SUMS,
# and every later run compares with that.
#
#   --resnet FILE    another of torchvision's files, such as resnet50-0676ba61.pth
#   --bert NAME      another BERT of the hub, such as google-bert/bert-large-uncased
#   --base-resnet URL, --base-bert URL    where the files are (a mirror, a server of yours, file:///...); the
#                    variables HM_BASE_RESNET, HM_BASE_BERT do the same
#
# Exit 0: all there and right, 1: missing, wrong or not to be had, 2: wrong call.
set -euo pipefail

usage="usage: get-weights.sh [--check] [--resnet FILE] [--bert NAME] [--base-resnet URL] [--base-bert URL] [FOLDER]"
vocab_sha256=07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3 # of bert-base-uncased

wrong_call() {
	echo "get-weights.sh: error: $1" >&2
	echo "$usage" >&2
	exit 2
}
die() {
	echo "get-weights.sh: error: $1" >&2
	exit 1
}

check='' folder='' resnet=resnet18-f37072fd.pth bert=google-bert/bert-base-uncased
base_resnet=${HM_BASE_RESNET:-https://download.pytorch.org/models} base_bert=${HM_BASE_BERT:-}
while [ $# != 0 ]; do
	case $1 in
	--help)
		sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
		echo "$usage"
		exit 0
		;;
	--check) check=1 ;;
	--resnet | --bert | --base-resnet | --base-bert)
		[ $# -ge 2 ] || wrong_call "$1 needs a value"
		name=${1#--}
		printf -v "${name//-/_}" %s "$2"
		shift
		;;
	-*) wrong_call "unknown option $1" ;;
	*)
		[ -z "$folder" ] || wrong_call "too many operands: '$1'"
		folder=$1
		;;
	esac
	shift
done
folder=${folder:-weights}
base_bert=${base_bert:-https://huggingface.co/$bert/resolve/main}
[[ $resnet =~ ^[a-z0-9_]+-[0-9a-f]{8}\.pth$ ]] || wrong_call "--resnet takes a name such as resnet18-f37072fd.pth, not '$resnet'"
[[ $bert =~ ^[A-Za-z0-9._/-]*[A-Za-z0-9_-]$ ]] || wrong_call "--bert takes a name such as google-bert/bert-base-uncased, not '$bert'"
bert_files=("${bert##*/}/config.json" "${bert##*/}/vocab.txt" "${bert##*/}/model.safetensors")
files=("$resnet" "${bert_files[@]}")
PATH=$(cd "$(dirname "$0")" && pwd)/../build/bin:$PATH
sums=$folder/SHA256SUMS

# ---- what a digest should be

published() { # FILE: the digest, or its beginning, that was published
	case $1 in
	"$resnet") sed -E 's/.*-([0-9a-f]{8})\.pth/\1/' <<<"$1" ;;
	bert-base-uncased/vocab.txt) echo $vocab_sha256 ;;
	esac
}
recorded() { # FILE: the digest of its first download
	[ ! -f "$sums" ] || awk -v want="$1" '{ d = $1; sub(/^[^ ]+  /, "") } $0 == want { print d }' "$sums"
}
declare -A digest # of each file as it is
right() { # FILE PATH: whether the digest of PATH is FILE's; says so
	local d want
	d=$(sha256sum <"$2")
	d=${d%% *}
	for want in $(published "$1") $(recorded "$1"); do
		[[ $d == "$want"* ]] && continue
		echo "$2: the sha256 is wrong" >&2
		echo "  expected $want" >&2
		echo "  found    $d" >&2
		return 1
	done
	digest[$1]=$d
}

# ---- --check

if [ -n "$check" ]; then
	bad=0
	for f in "${files[@]}"; do
		if [ ! -f "$folder/$f" ]; then
			echo "$folder/$f: missing"
			bad=1
		elif ! right "$f" "$folder/$f"; then
			bad=1
		elif [ -z "$(published "$f")$(recorded "$f")" ]; then
			echo "$folder/$f: sha256 ${digest[$f]}, with nothing to compare it with: a call without --check records it"
			bad=1
		else
			echo "$folder/$f: right"
		fi
	done
	exit $bad
fi

# ---- fetching

if command -v curl >/dev/null; then
	fetch() { # URL FILE
		local meter=(-sS)
		[ ! -t 2 ] || meter=()
		local answer rc=0
		answer=$(curl -fL "${meter[@]}" --retry 3 -C - -w '%{http_code}' -o "$2" "$1") || rc=$?
		if [ "$rc $answer" = "22 416" ]; then
			echo "there is nothing behind what came before: the file is whole"
			rc=0
		elif [ $rc = 33 ]; then
			echo "this server cannot go on in the middle of a file: from the beginning"
			rc=0
			curl -fL "${meter[@]}" --retry 3 -o "$2" "$1" || rc=$?
		fi
		return $rc
	}
elif command -v wget >/dev/null; then
	fetch() {
		local meter=(-nv)
		[ ! -t 2 ] || meter=()
		wget "${meter[@]}" -t 3 -c -O "$2" "$1"
	}
else
	die "neither curl nor wget is there: install one of them"
fi

mkdir -p "$folder/${bert##*/}"
exec 9>"$folder/.lock"
flock -n 9 || die "$folder: another get-weights.sh is at work there"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/${bert##*/}"
new=0
for f in "${files[@]}"; do
	at=$folder/$f
	if [ ! -f "$at" ]; then
		base=$base_bert
		[ "$f" != "$resnet" ] || base=$base_resnet
		at=$at.part
		# A part that is already whole is not asked for again: servers refuse an empty rest.
		if [ -z "$(published "$f")$(recorded "$f")" ] || [ ! -f "$at" ] || ! right "$f" "$at" 2>/dev/null; then
			echo "$base/${f##*/}"
			fetch "$base/${f##*/}" "$at" || die "$base/${f##*/}: not fetched; what came is in $at, the next call goes on from there"
		fi
		[ -s "$at" ] || die "$base/${f##*/}: is empty"
	fi
	right "$f" "$at" || die "$at is left as it is: remove it to fetch it anew"
	[ -n "$(recorded "$f")" ] && [ "$at" = "$folder/$f" ] || new=1
	ln -s "$(cd "$(dirname "$at")" && pwd)/${at##*/}" "$tmp/$f"
done
if [ $new = 0 ]; then
	echo "$folder: all there, all right"
	exit 0
fi

# ---- each encoder reads one made record; then the files get their names and their digests a line in SHA256SUMS

if command -v hm-encode >/dev/null; then
	hm-synth -q --train 1 --dev 0 --test 0 "$tmp/data"
	hm-jsonl2rec "$tmp/data/train.jsonl" | hm-imgprep --root "$tmp/data/img" | hm-encode -q --image "$tmp/$resnet" -o /dev/null ||
		die "$folder/$resnet: its sha256 is ${digest[$resnet]}, but it is no encoder"
	hm-jsonl2rec "$tmp/data/train.jsonl" | hm-tokenize --vocab "$tmp/${bert_files[1]}" | hm-encode -q --text "$tmp/${bert##*/}" -o /dev/null ||
		die "$folder/${bert##*/}: the files there are no encoder"
else
	echo "hm-encode is not built: the files were not tried"
fi
[ ! -f "$sums" ] || cat "$sums" >"$tmp/sums"
for f in "${files[@]}"; do
	[ -f "$folder/$f" ] || mv "$folder/$f.part" "$folder/$f"
	[ -n "$(recorded "$f")" ] || printf '%s  %s\n' "${digest[$f]}" "$f" >>"$tmp/sums"
	if [ -n "$(published "$f")" ]; then
		echo "$folder/$f: sha256 ${digest[$f]}, as published$([ "$f" != "$resnet" ] || echo " in its name")"
	else
		echo "$folder/$f: sha256 ${digest[$f]}, recorded in $sums: no published digest is known here"
	fi
done
cp "$tmp/sums" "$sums.new"
mv "$sums.new" "$sums"
