#!/usr/bin/env bash
# scale_model.sh: the tables of pipelines/AT-SCALE.md out of scale.json, which scale_measure.py writes. Needs awk alone.
#   scale_model.sh [NAME=VALUE...]            prints them; names: json, and the inputs below
#   scale_model.sh --page [FILE]              puts them between the markers of the page
#   scale_model.sh --check MEASURED.json [NAME=VALUE...]   two ranks on one machine, predicted from one, beside what was measured:
#                                             keys step_s_1, step_s_2, parameters, bytes (sent per rank and step)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
json=$here/scale.json

# cores per rank; examples per step; seconds per message; what a link carries of its rate; copies per message in shared memory;
# epochs of a head
inputs="cores=8 batch_late=256 batch_align=1024 latency_shared=1e-6 latency_1=5e-5 latency_10=2e-5 latency_100=5e-6 efficiency=0.9 copies=2 epochs=10"
usage() {
	echo "usage: scale_model.sh [--page [FILE] | --check MEASURED.json] [NAME=VALUE...]; names: json $(tr ' ' '\n' <<<"$inputs" | sed 's/=.*//' | tr '\n' ' ')" >&2
	exit 2
}

mode=tables file=
case ${1-} in
--page)
	mode=page file=$here/../../pipelines/AT-SCALE.md
	shift
	case ${1-=} in *=*) ;; *) file=$1 && shift ;; esac
	;;
--check)
	[ $# -ge 2 ] || usage
	mode=check file=$2
	shift 2
	;;
esac
[ "$mode" != check ] || inputs=${inputs/cores=8/cores=1}
set_by_user=()
for a in "$@"; do
	case " $inputs" in
	*" ${a%%=*}="*) [[ ${a#*=} =~ ^[0-9.]+(e-?[0-9]+)?$ ]] || usage && set_by_user+=(-v "$a") ;;
	*) [[ $a == json=?* ]] || usage && json=${a#json=} ;;
	esac
done
settings=()
for a in $inputs; do settings+=(-v "$a"); done

model() { LC_ALL=C awk "${settings[@]}" ${set_by_user[@]+"${set_by_user[@]}"} -v mode="$1" -f "$here/scale_model.awk" "${@:2}"; }
case $mode in
tables) model tables "$json" | sed 's/^@\(.*\)/\n[\1]\n/' ;;
check) model check "$json" "$file" ;;
page)
	tables=$(mktemp)
	trap 'rm -f "$tables" "$file.new"' EXIT
	model tables "$json" >"$tables"
	# <!-- NAME --> to <!-- end --> holds block NAME; a block without a place, or a place without a block, is an error
	awk -v page="$file" '
		function fail(what) { print "scale_model: error: " page ": " what >"/dev/stderr"; failed = 1; exit 1 }
		NR == FNR && /^@/ { name = substr($0, 2); there[name]; next }
		NR == FNR { text[name] = text[name] $0 "\n"; next }
		/^<!-- end -->$/ { if (!inside) fail("line " FNR " ends no block"); inside = 0 }
		!inside
		/^<!-- [a-z-]+ -->$/ && $2 != "end" {
			if (inside || !($2 in there)) fail("line " FNR ": no block " $2)
			printf "%s", text[$2]; inside = 1; delete there[$2]
		}
		END {
			if (!failed && inside) fail("the last block has no end")
			if (!failed) for (name in there) fail("no place for block " name)
			exit failed
		}' "$tables" "$file" >"$file.new"
	mv "$file.new" "$file"
	;;
esac
