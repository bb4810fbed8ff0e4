#!/usr/bin/env bash
# runs.sh --data FOLDER --image SPEC --text SPEC EXPERIMENT OUT: prints the table that hm-report reads (man hm-report), from
# OUT/rows.tsv (name, options, random seeds, published results) and the files of the runs of EXPERIMENT.mk, which calls
# this. What the experiment adds (titles, notes for the reader, comparisons) is in EXPERIMENT-runs.awk.
set -euo pipefail
usage="usage: runs.sh --data FOLDER --image SPEC --text SPEC EXPERIMENT OUT"
here=$(cd "$(dirname "$0")" && pwd)
while [ $# -gt 2 ]; do
	case $1 in
	--data) data=$2 ;;
	--image) image=$2 ;;
	--text) text=$2 ;;
	*) echo "$usage" >&2 && exit 2 ;;
	esac
	shift 2
done
[ $# = 2 ] && [ -n "${data:-}${image:-}${text:-}" ] && [ -f "$here/$1-runs.awk" ] || { echo "$usage" >&2; exit 2; }
awk -F '\t' -v data="$data" -v image="$image" -v text="$text" -v out="$2" -v here="$here" \
	-f "$here/runs.awk" -f "$here/$1-runs.awk" "$2/rows.tsv"
