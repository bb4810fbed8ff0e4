#!/usr/bin/env bash
# get-weights.sh [--check] [NAME...] [FOLDER]: fetches published encoders into FOLDER (weights/). It resumes an interrupted
# download. A file gets its name only when its sha256 is right and hm-encode has read it. A file that is complete is not
# fetched again. --check fetches nothing and lists what is missing or wrong. The names:
#
#   resnet bert                      torchvision's ResNet18 and the BERT named bert-base-uncased, 490 MB; also without a name
#   clip-vit-base-patch32 clip-vit-base-patch16 clip-vit-large-patch14 clip-vit-large-patch14-336
#                                    CLIP of Hugging Face, a folder each, 600 MB to 1.7 GB
#   ViT-B-32 ViT-B-16 ViT-L-14 ViT-L-14-336px
#                                    the same of OpenAI, NAME.pt, and the vocabulary bpe_simple_vocab_16e6.txt.gz
#
# The right sha256: OpenAI's addresses contain it, and this script knows those of resnet18-f37072fd.pth, of the files of
# google-bert/bert-base-uncased, of the weights of Hugging Face's CLIP but clip-vit-base-patch16's, and of OpenAI's
# vocabulary. Of torchvision's other files it knows the first 8 digits, which their names contain. Of all other files none
# is known here: the first download is trusted, its digest is written into FOLDER/SHA256SUMS, and every later run compares
# with that. Whoever has digests of them from elsewhere can write them there beforehand, in the form of sha256sum.
#
#   --resnet FILE    another of torchvision's files, such as resnet50-0676ba61.pth
#   --bert NAME      another BERT of the hub, such as google-bert/bert-large-uncased
#   --base-resnet URL, --base-bert URL, --base-hub URL, --base-openai URL, --base-words URL    where the files are (a
#                    mirror, a server of yours, file:///...): torchvision's, one BERT's, all of Hugging Face, OpenAI's
#                    models, OpenAI's vocabulary; the variables HM_BASE_RESNET and so on do the same
#
# An address that begins with https is never left for one that does not. Needs curl.
# Exit 0: all there and right, 1: missing, wrong or not to be had, 2: wrong call.
set -euo pipefail

usage="usage: get-weights.sh [--check] [--resnet FILE] [--bert NAME] [--base-resnet|bert|hub|openai|words URL] [NAME...] [FOLDER]"

# ---- what there is

hub_clips="clip-vit-base-patch32 clip-vit-base-patch16 clip-vit-large-patch14 clip-vit-large-patch14-336"
words=bpe_simple_vocab_16e6.txt.gz
openai_clips() { # NAME, side of the pictures, sha256
	cat <<'TABLE'
ViT-B-32 224 40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af
ViT-B-16 224 5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f
ViT-L-14 224 b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836
ViT-L-14-336px 336 3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02
TABLE
}
# The sha256 of a file of the hub, by its repository and name; - where it is not known here.
sum_of() {
	case $1 in
	google-bert/bert-base-uncased/config.json) echo 7160e1553ad2ca51d8c1cb066be533db31826e12d173824c1bb0cb1a4f187d20 ;;
	google-bert/bert-base-uncased/vocab.txt) echo 07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3 ;;
	google-bert/bert-base-uncased/model.safetensors) echo 68d45e234eb4a928074dfd868cead0219ab85354cc53d20e772753c6bb9169d3 ;;
	openai/clip-vit-base-patch32/pytorch_model.bin) echo a63082132ba4f97a80bea76823f544493bffa8082296d62d71581a4feff1576f ;;
	openai/clip-vit-large-patch14/model.safetensors) echo a2bf730a0c7debf160f7a6b50b3aaf3703e7e88ac73de7a314903141db026dcb ;;
	openai/clip-vit-large-patch14/pytorch_model.bin) echo f1a17cdbe0f36fec524f5cafb1c261ea3bbbc13e346e0f74fc9eb0460dedd0d3 ;;
	openai/clip-vit-large-patch14-336/pytorch_model.bin) echo c6032c2e0caae3dc2d4fba35535fa6307dbb49df59c7e182b1bc4b3329b81801 ;;
	*) echo - ;;
	esac
}
# A line per file: NAME, file, address, sha256 or its beginning (- where none was published), and a file that does as well
# where the first is not to be had.
files_of_names() {
	local name side sum f d=${bert##*/}
	sum=${resnet: -12:8}
	[ "$resnet" != resnet18-f37072fd.pth ] || sum=f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec
	echo "resnet $resnet $base_resnet/$resnet $sum"
	for f in config.json vocab.txt model.safetensors; do echo "bert $d/$f $base_bert/$f $(sum_of "$bert/$f")"; done
	for name in $hub_clips; do
		for f in config.json preprocessor_config.json vocab.json merges.txt tokenizer_config.json; do
			echo "$name $name/$f $base_hub/openai/$name/resolve/main/$f $(sum_of "openai/$name/$f")"
		done
		f=model.safetensors
		echo "$name $name/$f $base_hub/openai/$name/resolve/main/$f $(sum_of "openai/$name/$f") $name/pytorch_model.bin"
	done
	openai_clips | while read -r name side sum; do
		echo "$name $name.pt $base_openai/$sum/$name.pt $sum"
		echo "$name $words $base_words/$words 924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a"
	done
}
# A line per name: what of FOLDER is tried as encoder of images, of captions (- for none), the vocabulary, and how
# hm-imgprep makes the picture.
encoders_of_names() {
	local name side sum d=${bert##*/}
	echo "resnet $resnet - - --size 224"
	echo "bert - $d $d/vocab.txt"
	for name in $hub_clips; do echo "$name $name $name $name --like $tmp/$name --fit squash"; done
	openai_clips | while read -r name side sum; do echo "$name $name.pt $name.pt $words --size $side --filter bicubic"; done
}

wrong_call() {
	echo "get-weights.sh: error: $1" >&2
	echo "$usage" >&2
	exit 2
}
die() {
	echo "get-weights.sh: error: $1" >&2
	exit 1
}

check='' folder='' names='' resnet=resnet18-f37072fd.pth bert=google-bert/bert-base-uncased
base_resnet=${HM_BASE_RESNET:-https://download.pytorch.org/models} base_bert=${HM_BASE_BERT:-}
base_hub=${HM_BASE_HUB:-https://huggingface.co} base_openai=${HM_BASE_OPENAI:-https://openaipublic.azureedge.net/clip/models}
base_words=${HM_BASE_WORDS:-https://raw.githubusercontent.com/openai/CLIP/main/clip}
while [ $# != 0 ]; do
	case $1 in
	--help)
		sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
		echo "$usage"
		exit 0
		;;
	--check) check=1 ;;
	--resnet | --bert | --base-resnet | --base-bert | --base-hub | --base-openai | --base-words)
		[ $# -ge 2 ] || wrong_call "$1 needs a value"
		name=${1#--}
		printf -v "${name//-/_}" %s "$2"
		shift
		;;
	-*) wrong_call "unknown option $1" ;;
	*)
		if [[ " resnet bert $hub_clips $(openai_clips | cut -d ' ' -f 1 | paste -sd ' ') " == *" $1 "* ]]; then
			names="$names $1"
		elif [[ ${1,,} =~ ^(clip|vit|resnet|bert|distilbert|roberta|dinov2)[^/]*$ ]]; then
			wrong_call "$1 is not one of the encoders: --help lists them (a folder of that name is ./$1)"
		else
			[ -z "$folder" ] || wrong_call "too many operands: '$1'"
			folder=$1
		fi
		;;
	esac
	shift
done
names=${names:-resnet bert}
folder=${folder:-weights}
base_bert=${base_bert:-$base_hub/$bert/resolve/main}
[[ $resnet =~ ^[a-z0-9_]+-[0-9a-f]{8}\.pth$ ]] || wrong_call "--resnet takes a name such as resnet18-f37072fd.pth, not '$resnet'"
[[ $bert =~ ^[A-Za-z0-9._/-]*[A-Za-z0-9_-]$ ]] || wrong_call "--bert takes a name such as google-bert/bert-base-uncased, not '$bert'"
PATH=$(cd "$(dirname "$0")" && pwd)/../build/bin:$PATH
sums=$folder/SHA256SUMS
declare -A url published instead # of each file
files=()
there() { [ -f "$folder/$1" ] || [ -f "$folder/$1.part" ]; }
while read -r name file address sum other; do
	[[ " $names " == *" $name "* && -z ${url[$file]:-} ]] || continue
	if [ -n "$other" ] && ! there "$file" && there "$other"; then
		address=${address%/*}/${other##*/} file=$other other='' sum=$(sum_of "openai/$file")
	fi
	url[$file]=$address published[$file]=${sum#-} instead[$file]=$other
	files+=("$file")
done < <(files_of_names)

# ---- what a digest should be

recorded() { # FILE: the digest of its first download
	[ ! -f "$sums" ] || awk -v want="$1" '{ d = $1; sub(/^[^ ]+  /, "") } $0 == want { print d }' "$sums"
}
declare -A digest # of each file as it is
right() { # FILE PATH: whether the digest of PATH is FILE's; says so
	local d want
	d=$(sha256sum <"$2")
	d=${d%% *}
	for want in ${published[$1]} $(recorded "$1"); do
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
		elif [ -z "${published[$f]}$(recorded "$f")" ]; then
			echo "$folder/$f: sha256 ${digest[$f]}, with nothing to compare it with: a call without --check records it"
			bad=1
		else
			echo "$folder/$f: right"
		fi
	done
	exit $bad
fi

# ---- fetching

command -v curl >/dev/null || die "curl, which fetches the files, is not installed (package curl)"
fetch() { # URL FILE
	local meter=(-sS)
	[ ! -t 2 ] || meter=()
	local answer rc=0 only=(--proto "=${1%%:*}" --proto-redir "=https")
	[[ $1 != http:* ]] || only=(--proto "=http" --proto-redir "=http,https") # a server of yours
	answer=$(curl -fL "${only[@]}" "${meter[@]}" --retry 3 -C - -w '%{http_code}' -o "$2" "$1") || rc=$?
	if [ "$rc $answer" = "22 416" ]; then
		echo "there is nothing behind what came before: the file is whole"
		rc=0
	elif [ $rc = 33 ]; then
		echo "this server cannot go on in the middle of a file: from the beginning"
		rc=0
		curl -fL "${only[@]}" "${meter[@]}" --retry 3 -o "$2" "$1" || rc=$?
	fi
	return $rc
}

mkdir -p "$folder"
exec 9>"$folder/.lock"
flock -n 9 || die "$folder: another get-weights.sh is at work there"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
new=0
get_part() { # FILE: into FOLDER/FILE.part
	local at=$folder/$1.part
	# A part that is already whole is not asked for again: servers refuse an empty rest.
	if [ -n "${published[$1]}$(recorded "$1")" ] && [ -f "$at" ] && right "$1" "$at" 2>/dev/null; then return; fi
	echo "${url[$1]}"
	fetch "${url[$1]}" "$at"
}
for i in "${!files[@]}"; do
	f=${files[i]}
	mkdir -p "$(dirname "$folder/$f")" "$(dirname "$tmp/$f")"
	at=$folder/$f
	if [ ! -f "$at" ]; then
		at=$at.part
		if ! get_part "$f"; then
			other=${instead[$f]}
			[ -n "$other" ] && [ ! -s "$at" ] || die "${url[$f]}: not fetched; what came is in $at, the next call goes on from there"
			rm -f "$at"
			url[$other]=${url[$f]%/*}/${other##*/} sum=$(sum_of "openai/$other")
			published[$other]=${sum#-}
			get_part "$other" || die "${url[$f]}: not fetched, nor is ${other##*/} beside it"
			f=$other files[i]=$other at=$folder/$other.part
		fi
		[ -s "$at" ] || die "${url[$f]}: is empty"
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
	while read -r name image text vocab pixels; do
		[[ " $names " == *" $name "* ]] || continue
		# shellcheck disable=SC2086
		[ "$image" = - ] || hm-jsonl2rec "$tmp/data/train.jsonl" | hm-imgprep -q --root "$tmp/data/img" $pixels | hm-encode -q --image "$tmp/$image" -o /dev/null ||
			die "$folder/$image: $([ -d "$tmp/$image" ] && echo "the files there are no encoder" || echo "its sha256 is ${digest[$image]}, but it is no encoder")"
		[ "$text" = - ] || hm-jsonl2rec "$tmp/data/train.jsonl" | hm-tokenize -q --vocab "$tmp/$vocab" | hm-encode -q --text "$tmp/$text" -o /dev/null ||
			die "$folder/$text: $([ -d "$tmp/$text" ] && echo "the files there are no encoder" || echo "its sha256 is ${digest[$text]}, but it is no encoder")"
	done < <(encoders_of_names)
else
	echo "hm-encode is not in PATH: the files were not tried"
fi
[ ! -f "$sums" ] || cat "$sums" >"$tmp/sums"
for f in "${files[@]}"; do
	[ -f "$folder/$f" ] || mv "$folder/$f.part" "$folder/$f"
	[ -n "$(recorded "$f")" ] || printf '%s  %s\n' "${digest[$f]}" "$f" >>"$tmp/sums"
	if [ -n "${published[$f]}" ]; then
		echo "$folder/$f: sha256 ${digest[$f]}, as published$([ ${#published[$f]} = 64 ] || echo " in its name")"
	else
		echo "$folder/$f: sha256 ${digest[$f]}, recorded in $sums: no published digest is known here"
	fi
done
cp "$tmp/sums" "$sums.new"
mv "$sums.new" "$sums"
