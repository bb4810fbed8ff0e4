#!/usr/bin/env bash
# plot-curve.sh LOG.jsonl OUT.png: draws the log of hm-fuse-train --log: training loss at every logged step and
# validation loss above, accuracy and AUROC of the validation set below, over epochs. Needs gnuplot. (The ROC curve
# is hm-score --roc.)
set -euo pipefail
[ $# = 2 ] || { echo "usage: plot-curve.sh LOG.jsonl OUT.png" >&2; exit 2; }
log=$1 out=$2
[ -r "$log" ] || { echo "plot-curve.sh: $log: cannot read" >&2; exit 1; }
command -v gnuplot >/dev/null || { echo "plot-curve.sh: gnuplot is not installed (package gnuplot-nox)" >&2; exit 1; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# One table per kind of line. A step's place on the axis is step / steps per epoch, which follow from the last lines.
awk -v dir="$tmp" '
	function get(key) {
		return match($0, "\"" key "\":[^,}]*") ? substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 3) : "null"
	}
	function num(v) { return v == "null" || v ~ /"/ ? "NaN" : v }
	/"event":"step"/ { step[++n] = get("step"); loss[n] = get("loss"); at[n] = get("epoch") }
	/"event":"epoch"/ { last = get("epoch") }
	/"event":"eval"/ { e[++m] = get("epoch"); eloss[m] = get("loss"); acc[m] = get("accuracy"); roc[m] = get("auroc") }
	/"event":"end"/ { steps = get("steps") }
	END {
		if (!n && !m) exit 1
		if (steps > 0 && last > 0) per = steps / last
		else for (i = 1; i <= n; i++) if (step[i] / at[i] > per) per = step[i] / at[i]
		if (!per) per = 1
		printf "" >dir "/step"
		printf "" >dir "/eval"
		for (i = 1; i <= n; i++) print step[i] / per, num(loss[i]) >dir "/step"
		for (i = 1; i <= m; i++) print e[i], num(eloss[i]), num(acc[i]), num(roc[i]) >dir "/eval"
	}' "$log" || { echo "plot-curve.sh: $log: no step and no eval lines, is it a log of hm-fuse-train?" >&2; exit 1; }

losses=() panels=1
[ -s "$tmp/step" ] && losses+=("'$tmp/step' with lines lw 1.5 lc rgb '#4878a8' title 'training loss'")
if [ -s "$tmp/eval" ]; then
	losses+=("'$tmp/eval' using 1:2 with linespoints lw 2 pt 7 ps 0.7 lc rgb '#c04030' title 'validation loss'")
	panels=2
fi
plot=$(IFS=,; echo "${losses[*]}")
{
	cat <<-TXT
	set terminal pngcairo size 900,$((panels * 360)) font ',11' noenhanced
	set output '$tmp/out.png'
	set multiplot layout $panels,1
	set grid lc rgb '#dddddd'
	set lmargin 10
	set rmargin 4
	set xrange [0:*]
	set format y '%.3g'
	set key tmargin right horizontal
	set ylabel 'loss'
	TXT
	[ $panels = 2 ] || echo "set xlabel 'epoch'"
	echo "plot $plot"
	[ $panels = 1 ] || cat <<-TXT
	set key tmargin right horizontal
	set xlabel 'epoch'
	set ylabel 'validation'
	set yrange [*<0.5:1<*]
	plot '$tmp/eval' using 1:3 with linespoints lw 2 pt 7 ps 0.7 lc rgb '#308050' title 'accuracy', \\
	     '$tmp/eval' using 1:4 with linespoints lw 2 pt 5 ps 0.7 lc rgb '#9060a0' title 'AUROC'
	TXT
	echo "unset multiplot"
} >"$tmp/script"
gnuplot "$tmp/script"
mv -f "$tmp/out.png" "$out"
