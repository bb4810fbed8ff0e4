#!/usr/bin/env bash
# clip-table.sh OUT NAME...: prints the table of clip.mk: of each row the AUROC on dev with its 95 % interval, and the AUROC
# that the literature reports, in per cent. Called by clip.mk, from OUT/NAME.json.
set -euo pipefail
[ $# -gt 1 ] || { echo "usage: clip-table.sh OUT NAME..." >&2; exit 2; }
out=$1 here=$(cd "$(dirname "$0")" && pwd)
shift
printf '%-14s %7s  %-16s %-9s %-9s %s\n' row AUROC '95 % interval' dev_seen test_seen 'published of'
for name; do
	auroc=$(grep -o '"auroc":[0-9.]*' "$out/$name.json" | head -n 1 | cut -d: -f2)
	interval=$(grep -o '"auroc_ci95":\[[0-9.,]*\]' "$out/$name.json" | head -n 1 | tr -d '[]' | cut -d: -f2)
	awk -F, -v name="$name" -v auroc="$auroc" -v interval="$interval" '
		$1 == name { dev = $3; test = $4; where = " " $2 ", " $5 }
		END {
			split(interval, i, ",")
			printf "%-14s %7.2f  %-16s %-9s %s%s\n", name, 100 * auroc, sprintf("[%.2f, %.2f]", 100 * i[1], 100 * i[2]),
				dev == "" ? "-" : dev, where == "" ? "-" : sprintf("%-9s", test), where
		}' "$here/clip-published.csv"
done
