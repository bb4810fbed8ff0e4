#!/usr/bin/env bash
# seed-runs.sh --data FOLDER --image SPEC --text SPEC OUT: prints the table that hm-report reads (man hm-report), from
# OUT/rows.tsv (name, options, random seeds, the blog post's results) and the files of seed.mk's runs. It adds each row's
# title, a note for the reader, and the blog post's four observations as pairs of rows. Called by seed.mk.
set -euo pipefail
usage="usage: seed-runs.sh --data FOLDER --image SPEC --text SPEC OUT"
while [ $# -gt 1 ]; do
	case $1 in
	--data) data=$2 ;;
	--image) image=$2 ;;
	--text) text=$2 ;;
	*) echo "$usage" >&2 && exit 2 ;;
	esac
	shift 2
done
[ $# = 1 ] && [ -n "${data:-}${image:-}${text:-}" ] || { echo "$usage" >&2; exit 2; }
out=$1

# name | title | what a reader must know
about() {
	cat <<'TABLE'
adam-moderate-lr|Adam, moderate learning rate|
low-lr-high-reg|Low learning rate, high regularisation|The same configuration as high-reg-slow: what they differ by is the noise of the random seed.
sgd-momentum|SGD with momentum|The blog post's loss is that of the progress bar, not an epoch's mean.
fast-learning|Fast learning, quick iteration|
freeze-image|Image encoder frozen|Frozen as in the blog post: no gradient, but batch statistics and moving running statistics. The blog post's loss is that of the progress bar.
freeze-text|Text encoder frozen|Frozen as in the blog post: no gradient, but dropout.
high-reg-slow|High regularisation, slow learning|The same configuration as low-lr-high-reg, with seeds that it does not have.
batch-size|Batch size|The blog post names a weight decay of 1e-4 that its code never passes to SGD: 0 here.
all-frozen|Both encoders frozen|Frozen as in the blog post: no gradient, but batch statistics and dropout.
balanced-sgd|Balanced SGD|The blog post names a weight decay of 1e-4 that its code never passes to SGD: 0 here.
all-frozen-cached|Both frozen, from cached features|Not in the blog post: the encoders run once, as for inference, and only the head is trained.
early-fusion|Early fusion, the last epoch|The blog post's text names a learning rate of 1e-6, its code 5e-6. The blog post's loss is the mean of all epochs; its accuracy is that of its best epoch, the row below.
early-fusion-best|Early fusion, the best epoch|Chosen by its accuracy on dev among all epochs, as the blog post's 57.4 % is the best of 30: too good as an estimate.
TABLE
}

awk -F '\t' -v data="$data" -v image="$image" -v text="$text" -v out="$out" -v table="$(about)" '
function quote(s) { gsub(/\\/, "\\\\", s); gsub(/"/, "\\\"", s); return "\"" s "\"" }
function number(s) { return s == "-" ? "null" : s + 0 }
function lines(path,   n, l) { while ((getline l < path) > 0) n += l ~ /[^ \t\r]/; close(path); return n + 0 }
function base(s) { sub(/\/+$/, "", s); sub(/.*\//, "", s); return s }
function stage(name, path) { # of a file that was written with --stats
	if (lines(out "/" path))
		printf "%s{\"name\":%s,\"stats\":\"%s\"}", stages++ ? "," : "", quote(name), path
}
# a row; which is "" for the last epoch and "best." for the selected one
function row(name, options, seeds, results, which, part,   dir, i, k, s, r) {
	printf "%s{\"name\":%s,\"title\":%s,\"part\":%d,\"options\":%s,", rows++ ? "," : "", quote(name), quote(title[name]), part, quote(options)
	if (split(results, r, ", *") == 3)
		printf "\"published\":{\"accuracy\":%s,\"loss\":%s,\"seconds\":%s},", number(r[1]), number(r[2]), number(r[3])
	printf "\"note\":%s,\"selected\":%s,\"runs\":[", quote(note[name]), which == "" ? "\"last\"" : "\"best of dev\""
	k = split(seeds, s, " ")
	for (i = 1; i <= k; i++) {
		dir = "runs/" (which == "" ? name : "early-fusion") "/" s[i] "/"
		printf "%s{\"seed\":%d,\"predictions\":\"%s%sdev.csv\",\"log\":\"%slog.jsonl\",\"stats\":\"%strain.json\",\"command\":\"%scommand.txt\",\"history\":\"%s%shistory.json\"}", \
			(i > 1 ? "," : ""), s[i], dir, which, dir, dir, dir, dir, which
	}
	printf "]}"
	have[name] = 1
	given[name] = options
	seeds_of[name] = seeds
}
# value[] := the options by name, name[] := their names in order; returns how many there are
function parse(options, value, name,   i, n, k, w) {
	split("", value)
	n = split(options, w, " ")
	for (i = 1; i <= n; i++) {
		name[++k] = substr(w[i], 3)
		value[name[k]] = i < n && w[i + 1] !~ /^--/ ? w[++i] : "yes"
	}
	return k + 0
}
# What two rows differ in, as their commands have it: "lr 1e-4 for 1e-2, epochs 5 for 2"
function differences(a, b,   i, n, m, s, va, vb, na, nb) {
	n = parse(given[a], va, na)
	m = parse(given[b], vb, nb)
	for (i = 1; i <= n; i++)
		if (va[na[i]] != vb[na[i]])
			s = s (s == "" ? "" : ", ") na[i] " " va[na[i]] (na[i] in vb && vb[na[i]] != "" ? " for " vb[na[i]] : "")
	for (i = 1; i <= m; i++)
		if (!(nb[i] in va) || va[nb[i]] == "")
			s = s (s == "" ? "" : ", ") "no " nb[i]
	if (seeds_of[a] != seeds_of[b])
		s = s (s == "" ? "" : ", ") "another seed"
	return s == "" ? "nothing" : s
}
function claim(what, kind, pairs,   i, k, p, f, some) {
	k = split(pairs, p, ";")
	for (i = 1; i <= k; i++) {
		split(p[i], f, ",")
		if (!(f[1] in have) || !(f[2] in have))
			continue
		printf "%s{\"a\":\"%s\",\"b\":\"%s\",\"note\":%s}", some++ ? "," : (claims++ ? "," : "") "{\"text\":" quote(what) ",\"kind\":\"" kind "\",\"margin\":0.02,\"pairs\":[", f[1], f[2], quote(differences(f[1], f[2]))
	}
	if (some)
		printf "]}"
}
BEGIN {
	count = split(table, l, "\n")
	for (i = 1; i <= count; i++) {
		split(l[i], f, "|")
		title[f[1]] = f[2]; note[f[1]] = f[3]
	}
	dev = data "/dev.jsonl"
	if (!lines(dev))
		dev = data "/dev_seen.jsonl"
	printf "{\"title\":\"Eleven runs on image and caption pairs\",\"about\":["
	printf "%s,", quote("Ten late fusions (ResNet18 and BERT, concatenated, one linear layer) and one early fusion (one transformer over the grid of the image and the words), with the options of the blog post they come from, beside its numbers.")
	printf "%s],", quote("The blog post compares its rows by accuracy on 500 examples, where a 95 % interval is about 4.4 points to either side: its best and worst late fusion, .558 and .496, differ at p = .049 before any correction for being the extremes of ten. AUROC is the metric that the data set was published with.")
	printf "\"data\":{\"name\":%s,\"train\":%d,\"dev\":%d},", quote(base(data)), lines(data "/train.jsonl"), lines(dev)
	printf "\"encoders\":{\"image\":%s,\"text\":%s},\"rows\":[", quote(base(image)), quote(base(text))
}
{
	split($4, post, ", *")
	late = $1 != "early-fusion"
	row($1, $2, $3, late ? $4 : "-," post[2] "," post[3], "", late ? 1 : 2)
	split($3, seed, " ")
	row_name[++all] = $1
	first[all] = "runs/" $1 "/" seed[1] "/"
	if (!late)
		row("early-fusion-best", $2, $3, post[1] ",-,-", "best.", 2)
}
END {
	printf "],\"claims\":["
	claim("Adam performed better at the lower learning rates", "better", \
		"low-lr-high-reg,adam-moderate-lr;high-reg-slow,adam-moderate-lr")
	claim("SGD performed better at the higher learning rates", "better", \
		"sgd-momentum,balanced-sgd;fast-learning,balanced-sgd")
	claim("Freezing encoders is not a bad idea", "not-worse", \
		"all-frozen,adam-moderate-lr;freeze-text,sgd-momentum;freeze-image,adam-moderate-lr")
	claim("Batch size has not much influence", "same", "batch-size,fast-learning")
	printf "],\"baseline\":{\"text\":\"the random guesser of the blog post\",\"accuracy\":0.496},\"stages\":["
	count = split("jsonl2rec imgprep tokenize encode", stage_of, " ")
	for (i = 1; i <= count; i++)
		for (k = 0; k < 2; k++)
			stage(stage_of[i] ", " (k ? "dev" : "train"), "stats/" stage_of[i] "-" (k ? "dev" : "train") ".json")
	for (i = 1; i <= all; i++) { # of the first seed
		stage("training " row_name[i] ", steps", first[i] "train.json")
		stage("scoring " row_name[i], first[i] "score.json")
	}
	printf "],\"sheet\":\"errors.png\",\"sheet_of\":\"%s\"}\n", "early-fusion" in have ? "early-fusion" : row_name[1]
}' "$out/rows.tsv"
