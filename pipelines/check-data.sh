#!/usr/bin/env bash
# check-data.sh DATA: says what is missing from a folder of the Hateful Memes data set, split by split, file by file:
# train.jsonl, dev.jsonl (or dev_seen.jsonl), test.jsonl (or test_seen.jsonl), the later dev_unseen.jsonl and
# test_unseen.jsonl when they are there, and the picture of every line, which must be a PNG by its first bytes. A
# folder made by hm-synth is checked alike, whatever its size. Exit 0: complete, 1: something is missing, 2: wrong call.
set -euo pipefail

where_from="The data set's licence lets nobody pass it on, so no script can fetch it for you: go to the Hateful Memes
challenge page of its publisher (ai.meta.com/tools/hatefulmemes), accept the licence there, unpack what you get,
and keep train.jsonl, dev.jsonl, test.jsonl and img/ in one folder."

usage="usage: check-data.sh DATA"
[ "${1-}" != --help ] || { sed -n '2,/^set /s/^# //p' "$0"; printf '%s\n\n%s\n' "$usage" "$where_from"; exit 0; }
if [ $# != 1 ] || [[ $1 == -* ]]; then echo "$usage" >&2; exit 2; fi

data=${1%/}
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../build/bin:$PATH
command -v hm-jsonl2rec >/dev/null || { echo "check-data.sh: hm-jsonl2rec is not in PATH: build hm with make, or install it" >&2; exit 2; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
missing=0

found() { # SENTENCE: something is missing
	echo "  MISSING: $*"
	missing=$((missing + 1))
}

# The img column of hm-view's lines, as it is written there, in which no character acts on a terminal.
pictures() {
	sed -nE 's/^\{"id":"([^"\\]|\\.)*","img":"(([^"\\]|\\.)*)".*/\2/p'
}

# Of these names on standard input, those of no picture that hm-imgprep could read.
unreadable() {
	local f path
	while IFS= read -r f; do
		LC_ALL=C.UTF-8 printf -v path %b "${f//\\\"/\"}"
		if [ ! -s "$data/img/$path" ]; then
			printf '%s\n' "$f"
		elif LC_ALL=C IFS= read -r -n 4 -d '' start <"$data/img/$path"; [ "$start" != $'\x89PNG' ]; then
			printf '%s (no PNG)\n' "$f"
		fi
	done
}

# SPLIT LINES NEED FILE...: the first FILE that is there.
split() {
	local name=$1 official=$2 need=$3 file='' f n said=''
	shift 3
	for f in "$@"; do [ -n "$file" ] || [ ! -e "$data/$f" ] || file=$f; done
	if [ -z "$file" ]; then
		[ "$need" = optional ] || { echo "$name"; found "$*: not in $data ($official lines)"; }
		return 0
	fi
	echo "$name: $file"
	if ! hm-jsonl2rec -q --allow-empty -o "$tmp/$name.hmr" "$data/$file" 2>"$tmp/error"; then
		found "a readable $file: $(sed 's/^hm-jsonl2rec: error: //' "$tmp/error")"
		return 0
	fi
	hm-view "$tmp/$name.hmr" >"$tmp/$name.lines"
	n=$(wc -l <"$tmp/$name.lines")
	if [ "$n" = "$official" ]; then
		echo "  $n lines, as published"
	elif grep -qs '"image_concept"' "$data/train.jsonl"; then
		echo "  $n lines, made by hm-synth (the published split has $official)"
	elif [ "$n" -gt "$official" ]; then
		echo "  $n lines, $((n - official)) more than were published"
	else
		found "$((official - n)) lines of $file: it has $n, $official were published"
	fi
	if [ "$need" = labels ]; then
		n=$(grep -c '"label":-1}' "$tmp/$name.lines" || true)
		[ "$n" = 0 ] || found "the label on $n of the lines of $file"
	fi
	pictures <"$tmp/$name.lines" | unreadable >"$tmp/absent"
	n=$(wc -l <"$tmp/absent")
	if [ "$n" = 0 ]; then
		echo "  its pictures are all in img/"
	else
		[ "$n" -le 10 ] || said=" and $((n - 10)) more"
		found "$n of the pictures of $file: $(head -n 10 "$tmp/absent" | sed 's|^|img/|' | paste -sd, | sed 's/,img/, img/g')$said"
	fi
}

if [ ! -d "$data" ]; then
	echo "$data is no folder"
	missing=1
else
	[ -d "$data/img" ] || found "the folder img/ of pictures: not in $data"
	split train 8500 labels train.jsonl
	split dev 500 labels dev.jsonl dev_seen.jsonl
	split test 1000 any test.jsonl test_seen.jsonl
	split dev_unseen 540 optional dev_unseen.jsonl
	split test_unseen 2000 optional test_unseen.jsonl
fi
if [ $missing = 0 ]; then
	echo "$data is complete"
else
	printf '\n%s\n' "$where_from"
	exit 1
fi
