# scale_model.awk: the tables of pipelines/AT-SCALE.md out of what scale_measure.py wrote. scale_model.sh calls it.
#
# A step of one training on P ranks, simulated round by round:
#
#   T(P) = (fixed + ceil(B / P) example + update / P) / c  +  add  +  send
#   add  = 1.5 * 4 N (P - 1) / P / copy                    adding up what the others sent: 12 bytes move per number, 8 in a copy
#   send = 2 * sum over the rounds of (P - 1) (latency + chunk / rate)
#
# B examples per step, N trained parameters, c cores per rank. fixed, example and update are core-seconds as measured with one
# thread; copy is bytes per second of one thread. A rank's slice is 4 N / P bytes; it goes to each of the P - 1 others (and theirs
# come, at the same time) in chunks of at most 1 MiB, a round being one chunk to each of them: once to add gradients up, once to hand
# parameters out. So each rank sends 2 (P - 1) / P * 4 N bytes per step. Computing and sending do not overlap. rate: the link's
# payload; in shared memory copy / copies.
#
# mode: tables | check. Inputs with their defaults are set in scale_model.sh.

function fail(what) { print "scale_model: error: " what >"/dev/stderr"; failed = 1; exit 1 }
function field(line, key,   s) { # the number, or the text, of a key; it must be there
	if (!match(line, "\"" key "\": *(\"[^\"]*\"|-?[0-9][-+.0-9eE]*)"))
		fail(FILENAME ": no \"" key "\"" (line ~ /"(stage|training)"/ ? " in " substr(line, 1, 40) : ""))
	s = substr(line, RSTART, RLENGTH)
	sub(/^"[^"]*": */, "", s)
	return gsub(/"/, "", s) ? s : s + 0
}
function positive(line, key,   v) {
	v = field(line, key) + 0
	if (v <= 0)
		fail(FILENAME ": \"" key "\" is not above 0")
	return v
}
function need(name) { if (!(name in core)) fail(source ": no stage \"" name "\""); return core[name] }
function significant(v, digits,   e, s) { # so many digits, with commas from 1,000
	if (v == 0)
		return "0"
	s = sprintf("%.*e", digits - 1, v)
	e = substr(s, index(s, "e") + 1) + 0
	return e + 1 >= digits ? commas(sprintf("%.0f", s + 0)) : sprintf("%.*f", digits - 1 - e, v)
}
function commas(s,   i, out, n) {
	n = length(s)
	for (i = 1; i <= n; i++)
		out = out (i > 1 && (n - i + 1) % 3 == 0 ? "," : "") substr(s, i, 1)
	return out
}
function show(v) { return significant(v, 3) }
function rounded(v) { return sprintf("%.2e", v) + 0 }
function bytes(v,   r) {
	r = rounded(v)
	return r >= 1e12 ? show(v / 1e12) " TB" : r >= 1e9 ? show(v / 1e9) " GB" : r >= 1e6 ? show(v / 1e6) " MB" : r >= 1e3 ? show(v / 1e3) " KB" : v < 0.5 ? "-" : sprintf("%.0f B", v)
}
function duration(v,   r) {
	r = rounded(v)
	return r < 1e-3 ? show(v * 1e6) " µs" : r < 1 ? show(v * 1e3) " ms" : r < 300 ? show(v) " s" : r < 7200 ? show(v / 60) " min" : r < 172800 ? show(v / 3600) " h" : show(v / 86400) " days"
}
function hours(core_s) { return show(core_s / 3600) }
function ceiling(v) { return v == int(v) ? v : int(v) + 1 }
function block(name) { print "@" name }

# Seconds that a rank sends in a step, and in messages how many it sends.
function send(n, p, rate, latency,   left, chunk, s) {
	messages = 0
	for (left = 4 * n / p; p > 1 && left > 0; left -= chunk) {
		chunk = left > 1048576 ? 1048576 : left
		s += 2 * (p - 1) * (latency + chunk / rate)
		messages += 2 * (p - 1)
	}
	return s + 0
}
function add(n, p) { return 1.5 * 4 * n * (p - 1) / p / copy }
function step(t, b, p, l) { return compute(t, b, p) + add(params[t], p) + send(params[t], p, rate[l], latency[l]) }
function compute(t, b, p) { return (fixed[t] + ceiling(b / p) * example[t] + update[t] / p) / cores }

mode == "tables" && /"date"/ {
	source = FILENAME
	about = $0
	copy = positive($0, "copy_bytes_per_s")
}
mode == "tables" && /"stage"/ {
	s = field($0, "stage")
	order[++stages] = s
	core[s] = positive($0, "core_s"); start[s] = field($0, "start_s")
	from[s] = field($0, "bytes_in"); to[s] = field($0, "bytes_out"); peak[s] = positive($0, "peak_bytes"); records[s] = positive($0, "records")
}
mode == "tables" && /"training"/ {
	t = field($0, "training")
	params[t] = positive($0, "parameters"); example[t] = positive($0, "example_s")
	fixed[t] = field($0, "fixed_s"); update[t] = field($0, "update_s"); step_batch[t] = field($0, "step_batch"); step_s[t] = field($0, "step_s")
	held[t] = positive($0, "peak_bytes")
}

function name_stages() {
	says["jsonl2rec"] = "hm-jsonl2rec: lines to records"
	says["csv2rec"] = "hm-csv2rec: rows to records"
	says["tokenize-bert"] = "hm-tokenize, WordPiece, " field(about, "tokens_bert") " tokens per caption"
	says["tokenize-clip"] = "hm-tokenize, CLIP's byte pairs, " field(about, "tokens_clip") " tokens"
	says["tokenize-pixels"] = "hm-tokenize behind hm-imgprep: it unpacks and packs the pixels"
	says["imgprep-jpg"] = "hm-imgprep, JPEG of " field(about, "pictures")
	says["imgprep-png"] = "hm-imgprep, PNG of " field(about, "pictures")
	says["encode-resnet18"] = "hm-encode, ResNet18"
	says["encode-bert-base"] = "hm-encode, BERT-base"
	says["encode-clip-b32-image"] = "hm-encode, CLIP B/32's image encoder"
	says["encode-clip-b32-text"] = "hm-encode, CLIP B/32's text encoder"
	says["pipe"] = "lines to features in one pipe, JPEG, ResNet18 and BERT-base"
	says["classify"] = "hm-classify, the same encoders, JPEG"
	says["cat"] = "hm-cat of features, 512 + 768 numbers"
	says["head-read"] = "hm-fuse-train reads features and trains a linear head for one epoch"
	says["head-late"] = "each further epoch of it"
	says["head-late-file"] = "the same beyond `--memory`, features in a temporary file"
	says["head-late-index"] = "the same beyond `--memory`, features read again by index"
	says["head-align"] = "an epoch of `--fusion align`, CLIP's 512 + 512 numbers, maps of 1,024"
	says["score"] = "hm-score of a linear head, `--bootstrap 0`"
	says["score-bootstrap"] = "hm-score of it with its 2,000 resamples"
}
function table_stages(   i, s) {
	block("machine")
	printf "Measured on %s with hm %s on %d cores of an %s (%s; %s).\n", field(about, "date"), field(about, "hm"), field(about, "cores"), field(about, "processor"), field(about, "vector"), field(about, "devices")
	block("stages")
	print "| stage | core-seconds per record | core-seconds to start | bytes in | bytes out | peak memory |\n|---|---|---|---|---|---|"
	for (i = 1; i <= stages; i++) {
		s = order[i]
		if (!(s in says))
			fail(source ": stage \"" s "\" is unknown")
		printf "| %s | %s | %s | %s | %s | %s |\n", says[s], duration(core[s]), start[s] < 0.05 || s ~ /^head-(late|align)/ ? "-" : duration(start[s]), bytes(from[s]), bytes(to[s]), bytes(peak[s])
	}
}

# The sums of a pair of encoders: core-seconds per record from lines to features, and to start; numbers of a feature.
function sum_pair(key, title, words, image, text, width) {
	pair[++pairs] = key; pair_title[key] = title; pair_width[key] = width
	pair_core[key] = need("jsonl2rec") + need(words) + need("imgprep-jpg") + need(image) + need(text)
	pair_start[key] = start["jsonl2rec"] + start[words] + start["imgprep-jpg"] + start[image] + start[text]
}
function table_plan(   i, k, n, p, s) {
	sum_pair("bert", "ResNet18, BERT-base", "tokenize-bert", "encode-resnet18", "encode-bert-base", 1280)
	sum_pair("clip", "CLIP B/32", "tokenize-clip", "encode-clip-b32-image", "encode-clip-b32-text", 1024)
	block("sum")
	printf "The stages of ResNet18 and BERT-base sum up to %s per record, and the pipe of all of them took %s.\n", duration(pair_core["bert"]), duration(need("pipe"))
	block("plan")
	print "| memes | encoders | core-hours | on 64 cores | on 1,024 cores | JPEG read | features written | pixels, not stored |\n|---|---|---|---|---|---|---|---|"
	for (i = 1; i <= counts; i++)
		for (k = 1; k <= pairs; k++) {
			n = count[i]; p = pair[k]; s = n * pair_core[p]
			printf "| %s | %s | %s | %s | %s | %s | %s | %s |\n", count_name[i], pair_title[p], hours(s), duration(s / 64), duration(s / 1024), bytes(n * (from["imgprep-jpg"] - to["jsonl2rec"])), bytes(n * 4 * pair_width[p]), bytes(n * to["imgprep-jpg"])
		}
	block("shards")
	for (k = 1; k <= pairs; k++) {
		p = pair[k]
		printf "- %s: a shard takes %s core-seconds to start; from %s memes per shard on this is below 1 %%.\n", pair_title[p], show(pair_start[p]), significant(100 * pair_start[p] / pair_core[p], 2)
	}
}
function table_heads(   i, n, k) {
	need("head-read"); need("head-late"); need("head-late-file"); need("head-late-index"); need("head-align"); need("score")
	k = epochs
	block("heads")
	printf "| features | linear head on 1,280 numbers, %d epochs | f32 in memory | the same from a temporary file | read again by index | `align` on 1,024 numbers, %d epochs | f32 in memory | scoring |\n|---|---|---|---|---|---|---|---|\n", k, k
	for (i = 1; i <= counts; i++) {
		n = count[i]
		printf "| %s | %s core-h | %s | %s core-h | %s core-h | %s core-h | %s | %s core-h |\n", count_name[i], hours(n * (core["head-read"] + (k - 1) * core["head-late"])), bytes(n * 5120), hours(n * (core["head-read"] + (k - 1) * core["head-late-file"])), hours(n * (core["head-read"] + (k - 1) * core["head-late-index"])), hours(n * (core["head-read"] + k * core["head-align"])), bytes(n * 4096), hours(n * core["score"])
	}
	n = 1e8
	block("fits")
	printf "At 10^8 memes: reading and the first epoch take %s x 10^8 = %s of one core, each further epoch %s x 10^8 = %s;\nthe features take 1,280 numbers x 4 bytes x 10^8 = %s.\n", duration(core["head-read"]), duration(core["head-read"] * n), duration(core["head-late"]), duration(core["head-late"] * n), bytes(5120 * n)
}
function table_steps(   i, k, l, p, t, b, one, s) {
	links = split("shared memory,1 Gbit/s,10 Gbit/s,100 Gbit/s", link_name, ",")
	rate[1] = copy / copies; rate[2] = efficiency * 1e9 / 8; rate[3] = efficiency * 1e10 / 8; rate[4] = efficiency * 1e11 / 8
	latency[1] = latency_shared; latency[2] = latency_1; latency[3] = latency_10; latency[4] = latency_100
	ranks = split("1 2 4 8 16 64", p, " ")
	title["late"] = "late fusion, ResNet18 and BERT-base trained"; title["align"] = "the head `align` on cached features"
	batch["late"] = batch_late; batch["align"] = batch_align
	for (i = split("late align", t, " "); i > 0; i--)
		if (!(t[i] in params))
			fail(source ": no training \"" t[i] "\"")
	block("inputs")
	print "| training | parameters | core-seconds per example | fixed, per step | update, per step | peak memory of one process, its batch |\n|---|---|---|---|---|---|"
	for (i = 1; i <= 2; i++)
		printf "| %s | %s | %s | %s | %s | %s, %d |\n", title[t[i]], commas(params[t[i]]), duration(example[t[i]]), duration(fixed[t[i]]), duration(update[t[i]]), bytes(held[t[i]]), step_batch[t[i]]
	printf "\nOne thread copies %s per second.\n", bytes(copy)
	for (i = 1; i <= 2; i++) {
		block("steps-" t[i])
		b = batch[t[i]]
		printf "%s, %d examples per step, %d cores per rank:\n\n| ranks | sent per rank and step | messages | computing |", toupper(substr(title[t[i]], 1, 1)) substr(title[t[i]], 2), b, cores
		for (l = 1; l <= links; l++)
			printf " %s |", link_name[l]
		printf "\n|---|---|---|---|"
		for (l = 1; l <= links; l++)
			printf "---|"
		printf "\n"
		one = compute(t[i], b, 1)
		for (k = 1; k <= ranks; k++) {
			s = compute(t[i], b, p[k]) + add(params[t[i]], p[k])
			send(params[t[i]], p[k], 1, 0)
			printf "| %d | %s | %s | %s |", p[k], bytes(8 * params[t[i]] * (p[k] - 1) / p[k]), (p[k] > 1 ? commas(messages "") : "-"), duration(s)
			for (l = 1; l <= links; l++)
				printf " %s |", p[k] == 1 ? duration(one) : sprintf("%s, %.1fx", duration(step(t[i], b, p[k], l)), one / step(t[i], b, p[k], l))
			printf "\n"
		}
		printf "\nAn epoch of a million memes is %s steps: %s with one rank,\n%s with 8 ranks and 10 Gbit/s, %s with 16 and 100 Gbit/s.\n", commas(ceiling(1e6 / b) ""), duration(ceiling(1e6 / b) * one), duration(ceiling(1e6 / b) * step(t[i], b, 8, 3)), duration(ceiling(1e6 / b) * step(t[i], b, 16, 4))
	}
}

mode == "check" && FNR == 1 && NR != 1 { checking = 1 }
mode == "check" && !checking && /"date"/ { source = FILENAME; copy = positive($0, "copy_bytes_per_s") }
mode == "check" && !checking && /"training": *"late"/ { per_fixed = field($0, "fixed_s") / positive($0, "parameters"); per_update = field($0, "update_s") / positive($0, "parameters") }
mode == "check" && checking { measured = measured $0 }

# Two ranks on one machine, from the measured step of one: fixed and update are so much per parameter as in the late fusion's.
function print_check(   n, one, two, sent, f, u, t) {
	if (!checking)
		fail(ARGV[ARGC - 1] " is empty")
	FILENAME = ARGV[ARGC - 1]
	n = positive(measured, "parameters"); one = positive(measured, "step_s_1"); two = positive(measured, "step_s_2"); sent = positive(measured, "bytes")
	f = per_fixed * n / cores; u = per_update * n / cores
	if (f + u > one) {
		f *= one / (f + u)
		u = one - f
	}
	t = f + (one - f) / 2 + add(n, 2) + send(n, 2, copy / copies, latency_shared)
	printf "step of 1 rank    measured %.4g s\n", one
	printf "step of 2 ranks   predicted %.4g s  measured %.4g s  relative error %+.1f %%\n", t, two, 100 * (t / two - 1)
	printf "bytes per rank    predicted %.0f  measured %.0f  relative error %+.1f %%\n", 4 * n, sent, 100 * (4 * n / sent - 1)
}

END {
	if (failed)
		exit 1
	if (!copy)
		fail("no \"copy_bytes_per_s\"")
	if (mode == "check") {
		print_check()
		exit
	}
	counts = split("1e6 1e8 1e9", count, " ")
	split("a million,100 million,a billion", count_name, ",")
	name_stages()
	table_stages()
	table_plan()
	table_heads()
	table_steps()
}
