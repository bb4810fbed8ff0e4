#!/usr/bin/env bash
# plot-scores.sh OUT.png NAME=SCORES.json...: accuracy and AUROC of several systems with their 95 % intervals side by
# side, from what hm-score --json wrote. Needs gnuplot.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: plot-scores.sh OUT.png NAME=SCORES.json..." >&2; exit 2; }
command -v gnuplot >/dev/null || { echo "plot-scores.sh: gnuplot is not installed (package gnuplot-nox)" >&2; exit 1; }
out=$1
shift
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

i=0
for system; do
	name=${system%=*} file=${system##*=}
	[ -r "$file" ] || { echo "plot-scores.sh: $file: cannot read" >&2; exit 1; }
	i=$((i + 1))
	name=$name awk -v at=$i '
		BEGIN { name = ENVIRON["name"]; gsub(/["\\[:cntrl:]]/, "?", name) } # it is a column of what gnuplot reads
		function number(key) {
			return match($0, "\"" key "\":[0-9.e+-]+") ? substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 3) : "NaN"
		}
		function pair(key, a) {
			if (!match($0, "\"" key "\":\\[[0-9.e+,-]+\\]")) return "NaN NaN"
			split(substr($0, RSTART + length(key) + 4, RLENGTH - length(key) - 5), a, ",")
			return a[1] " " a[2]
		}
		{ print at, "\"" name "\"", number("accuracy"), pair("accuracy_ci95"), number("auroc"), pair("auroc_ci95"), number("majority") }
	' "$file" >>"$tmp/scores"
done
{
	cat <<-TXT
	set terminal pngcairo size 900,420 font ',11' noenhanced
	set output '$tmp/out.png'
	set grid y lc rgb '#dddddd'
	set yrange [0:1.05]
	set xrange [0.5:$i.5]
	set ylabel '95 % intervals'
	set key outside top right horizontal
	set ytics format '%.1f'
	plot '$tmp/scores' using (\$1-.08):3:4:5:xtic(2) with yerrorbars lw 2 pt 7 ps 1.2 lc rgb '#308050' title 'accuracy', \\
	     '$tmp/scores' using (\$1+.08):6:7:8 with yerrorbars lw 2 pt 5 ps 1.2 lc rgb '#9060a0' title 'AUROC', \\
	     '$tmp/scores' using 1:9 with lines dt 2 lc rgb '#808080' title 'majority class'
	TXT
} >"$tmp/script"
gnuplot "$tmp/script"
mv -f "$tmp/out.png" "$out"
