# seed-runs.awk: what seed.mk's table for hm-report has of its own: titles, notes, and the blog post's four observations as
# pairs of rows. See runs.sh.
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
	about("adam-moderate-lr", "Adam, moderate learning rate", "")
	about("low-lr-high-reg", "Low learning rate, high regularisation", "The same configuration as high-reg-slow: what they differ by is the noise of the random seed.")
	about("sgd-momentum", "SGD with momentum", "The blog post's loss is that of the progress bar, not an epoch's mean.")
	about("fast-learning", "Fast learning, quick iteration", "")
	about("freeze-image", "Image encoder frozen", "Frozen as in the blog post: no gradient, but batch statistics and moving running statistics. The blog post's loss is that of the progress bar.")
	about("freeze-text", "Text encoder frozen", "Frozen as in the blog post: no gradient, but dropout.")
	about("high-reg-slow", "High regularisation, slow learning", "The same configuration as low-lr-high-reg, with seeds that it does not have.")
	about("batch-size", "Batch size", "The blog post names a weight decay of 1e-4 that its code never passes to SGD: 0 here.")
	about("all-frozen", "Both encoders frozen", "Frozen as in the blog post: no gradient, but batch statistics and dropout.")
	about("balanced-sgd", "Balanced SGD", "The blog post names a weight decay of 1e-4 that its code never passes to SGD: 0 here.")
	about("all-frozen-cached", "Both frozen, from cached features", "Not in the blog post: the encoders run once, as for inference, and only the head is trained.")
	about("early-fusion", "Early fusion, the last epoch", "The blog post's text names a learning rate of 1e-6, its code 5e-6. The blog post's loss is the mean of all epochs; its accuracy is that of its best epoch, the row below.")
	about("early-fusion-best", "Early fusion, the best epoch", "Chosen by its accuracy on dev among all epochs, as the blog post's 57.4 % is the best of 30: too good as an estimate.")
	head("Eleven runs on image and caption pairs", \
		"Ten late fusions (ResNet18 and BERT, concatenated, one linear layer) and one early fusion (one transformer over the grid of the image and the words), with the options of the blog post they come from, beside its numbers.\n" \
		"The blog post compares its rows by accuracy on 500 examples, where a 95 % interval is about 4.4 points to either side: its best and worst late fusion, .558 and .496, differ at p = .049 before any correction for being the extremes of ten. AUROC is the metric that the data set was published with.")
}
function seed_row(name, folder, options, seeds, results, which, part,   r, published) {
	if (split(results, r, ", *") == 3)
		published = sprintf("{\"accuracy\":%s,\"loss\":%s,\"seconds\":%s}", number(r[1]), number(r[2]), number(r[3]))
	row(name, options, part, published, which == "" ? "last" : "best of dev", trainings("runs/" folder, seeds, which))
	have[name] = 1
	given[name] = options
	seeds_of[name] = seeds
}
{
	split($4, post, ", *")
	late = $1 != "early-fusion"
	seed_row($1, $1, $2, $3, late ? $4 : "-," post[2] "," post[3], "", late ? 1 : 2)
	split($3, seed, " ")
	row_name[++all] = $1
	first[all] = "runs/" $1 "/" seed[1] "/"
	if (!late)
		seed_row("early-fusion-best", $1, $2, $3, post[1] ",-,-", "best.", 2)
}
END {
	printf "],\"claims_about\":%s,\"claims\":[", quote("The blog post that this table reproduces claims the following about its own runs of these rows, on 500 examples.")
	claim("Adam performed better at the lower learning rates", "better", \
		"low-lr-high-reg,adam-moderate-lr;high-reg-slow,adam-moderate-lr")
	claim("SGD performed better at the higher learning rates", "better", \
		"sgd-momentum,balanced-sgd;fast-learning,balanced-sgd")
	claim("Freezing encoders is not a bad idea", "not-worse", \
		"all-frozen,adam-moderate-lr;freeze-text,sgd-momentum;freeze-image,adam-moderate-lr")
	claim("Batch size has not much influence", "same", "batch-size,fast-learning")
	printf "],\"baseline\":{\"text\":\"the random guesser of the blog post\",\"accuracy\":0.496},"
	all_stages(all, row_name, first)
	printf ",\"sheet\":\"errors.png\",\"sheet_of\":\"%s\"}\n", "early-fusion" in have ? "early-fusion" : row_name[1]
}
