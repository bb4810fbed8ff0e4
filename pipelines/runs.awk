# runs.awk: what the experiments' tables for hm-report have in common. runs.sh reads it in front of EXPERIMENT-runs.awk, with
# data, image, text, out and here (this folder) set.
function quote(s) { gsub(/\\/, "\\\\", s); gsub(/"/, "\\\"", s); return "\"" s "\"" }
function number(s) { return s == "-" ? "null" : s + 0 }
function lines(path,   n, l) { while ((getline l < path) > 0) n += l ~ /[^ \t\r]/; close(path); return n + 0 }
function base(s) { sub(/\/+$/, "", s); sub(/.*\//, "", s); return s }
function dev_lines(   n) { return (n = lines(data "/dev.jsonl")) ? n : lines(data "/dev_seen.jsonl") }

# Whether hm-synth made the data: its lines say which concepts an example shows.
function made(   l) { getline l < (data "/train.jsonl"); close(data "/train.jsonl"); return l ~ /"image_concept":/ }

# title[] and note[]: of a row, for the reader
function about(name, t, n) { title[name] = t; note[name] = n }

# The beginning of the table; paragraphs are separated by newlines.
function head(name, paragraphs,   i, k, p) {
	printf "{\"title\":%s,\"about\":[", quote(name)
	k = split(paragraphs, p, "\n")
	for (i = 1; i <= k; i++)
		printf "%s%s", (i > 1 ? "," : ""), quote(p[i])
	printf "],\"data\":{\"name\":%s,\"train\":%d,\"dev\":%d%s},", quote(base(data)), lines(data "/train.jsonl"), dev_lines(), made() ? ",\"made\":true" : ""
	printf "\"encoders\":{\"image\":%s,\"text\":%s},\"rows\":[", quote(base(image)), quote(base(text))
}

# A row: published is JSON or "", selected "last" or how else the epochs were chosen, trials its list of runs.
function row(name, options, part, published, selected, trials) {
	printf "%s{\"name\":%s,\"title\":%s,\"part\":%d,\"options\":%s,", rows++ ? "," : "", quote(name), quote(title[name]), part, quote(options)
	printf "%s\"note\":%s,\"selected\":%s,\"runs\":[%s]}", published == "" ? "" : "\"published\":" published ",", quote(note[name]), quote(selected), trials
}

# The list of a training's runs in FOLDER/SEED; which: "" for the last model, "best." for the selected one.
function trainings(folder, seeds, which,   i, k, s, dir, all) {
	k = split(seeds, s, " ")
	for (i = 1; i <= k; i++) {
		dir = folder "/" s[i] "/"
		all = all sprintf("%s{\"seed\":%d,\"predictions\":\"%s%sdev.csv\",\"log\":\"%slog.jsonl\",\"stats\":\"%strain.json\",\"command\":\"%scommand.txt\",\"history\":\"%s%shistory.json\"}", \
			(i > 1 ? "," : ""), s[i], dir, which, dir, dir, dir, dir, which)
	}
	return all
}

# A stage, of a file that was written with --stats.
function stage(name, path) {
	if (lines(out "/" path))
		printf "%s{\"name\":%s,\"stats\":\"%s\"}", stages++ ? "," : "", quote(name), path
}

# The stages: preparation, then training and scoring of n rows, name[i], of the first seed in first[i].
function all_stages(n, name, first,   i, k, count, stage_of) {
	printf "\"stages\":["
	count = split("jsonl2rec imgprep tokenize encode", stage_of, " ")
	for (i = 1; i <= count; i++)
		for (k = 0; k < 2; k++)
			stage(stage_of[i] ", " (k ? "dev" : "train"), "stats/" stage_of[i] "-" (k ? "dev" : "train") ".json")
	for (i = 1; i <= n; i++) {
		stage("training " name[i] ", steps", first[i] "train.json")
		stage("scoring " name[i], first[i] "score.json")
	}
	printf "]"
}
