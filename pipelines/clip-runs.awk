# clip-runs.awk: what clip.mk's table for hm-report has of its own: titles, notes, the literature's results from
# clip-published.csv, and the pairs of them that are compared. See runs.sh.
# The AUROCs were published of two sets of Hateful Memes: dev_seen, 247 hateful of 500, and test_seen, 490 of 1,000.
function dev_seen(auroc) { return sprintf("\"auroc\":%s,\"examples\":500,\"positives\":247", auroc / 100) }
function test_seen(auroc) { return sprintf("\"auroc\":%s,\"examples\":1000,\"positives\":490", auroc / 100) }

# dev[row]: the published AUROC on dev_seen; results: the list of all
function read_published(   l, f) {
	while ((getline l < (here "/clip-published.csv")) > 0) {
		split(l, f, ",")
		if (f[1] == "row")
			continue
		dev[f[1]] = f[3]
		if (f[3] != "-")
			result(f[2], "dev_seen", dev_seen(f[3]), f[5])
		if (f[4] != "-")
			result(f[2], "test_seen", test_seen(f[4]), f[5])
	}
}
function result(name, set, numbers, where) {
	results = results sprintf("%s{\"name\":%s,\"set\":\"%s\",%s,\"where\":%s}", results == "" ? "" : ",", quote(name), set, numbers, quote(where))
}
function pair(a, b, what) { printf "%s{\"a\":%s,\"b\":%s,\"note\":%s}", pairs++ ? "," : "", quote(a), quote(b), quote(what) }

BEGIN {
	about("late", "One linear layer", "Features as they are, neither mapped nor normalised. The published number is of a linear probe at 336 pixels.")
	about("concat-1", "Concatenated maps, one layer", "")
	about("concat-3", "Concatenated maps, three layers", "")
	about("align-1", "Product of the maps, one layer", "")
	about("align-3", "Product of the maps, three layers", "")
	about("cross", "Outer product of the maps, one layer", "Maps 32 wide; the published number is of maps 1024 wide, a billion parameters.")
	about("issues-like", "As ISSUES, in part", "Left out: the caption's pseudo-word, the Combiner, maps that were trained before. What ISSUES reports is of test_seen, below.")
	about("memeclip-like", "As MemeCLIP, in part", "Left out: the adapters and the cosine classifier.")
	about("rgcl-like", "As RGCL, in part", "Left out: the triplet half of the loss. RGCL takes pictures of 336 pixels, which is a run of its own. What it reports is of test_seen, below.")
	about("knn", "The vote of the 20 most similar memes", "Nothing is trained.")
	about("mean", "The mean of the rows", "The mean of the probabilities of all trained rows and seeds.")
	read_published()
	head("Heads on frozen CLIP features", \
		"Small heads on the features of a frozen CLIP, as publications on Hateful Memes train them, beside what these report. Published AUROCs in the table of rows are of dev_seen.\n" \
		"Epochs are chosen by AUROC on dev, here and in most publications, and the scores are of dev too: they are too good as estimates. Most publications log the mean of the batches' AUROCs; here it is the AUROC of the whole set. The file table.txt has each row's AUROC of the mean of its seeds.")
}
{
	row($1, $2, 0, $1 in dev && dev[$1] != "-" ? "{" dev_seen(dev[$1]) "}" : "", "best of dev", trainings("runs/" $1, $3, ""))
	split($3, seed, " ")
	row_name[++all] = $1
	first[all] = "runs/" $1 "/" seed[1] "/"
}
END {
	row("knn", "", 0, "", "last", "{\"seed\":0,\"predictions\":\"runs/knn/0/dev.csv\",\"history\":\"runs/knn/0/history.json\"}")
	row("mean", "", 0, "", "best of dev", "{\"seed\":0,\"predictions\":\"mean.csv\"}")
	printf "],\"literature\":{\"results\":[%s],\"pairs\":[", results
	pair("CLIP L/14@336", "VisualBERT COCO", "frozen CLIP features instead of a pretrained multimodal transformer")
	pair("Hate-CLIPper align 1", "VisualBERT COCO", "frozen CLIP features instead of a pretrained multimodal transformer")
	pair("Hate-CLIPper concat 1", "CLIP L/14@336", "maps and a layer instead of a linear probe of a larger picture")
	pair("Hate-CLIPper align 1", "Hate-CLIPper concat 1", "product instead of concatenation")
	pair("Hate-CLIPper align 3", "Hate-CLIPper concat 3", "product instead of concatenation")
	pair("Hate-CLIPper align 3", "Hate-CLIPper align 1", "three layers instead of one")
	pair("Hate-CLIPper cross 1", "Hate-CLIPper align 1", "outer product instead of product")
	pair("ISSUES", "Hate-CLIPper align 1", "pseudo-words and a Combiner")
	pair("RGCL", "Hate-CLIPper align 3", "retrieval-guided loss, 336 pixels instead of 224")
	pair("RGCL", "ISSUES", "")
	printf "]},"
	all_stages(all, row_name, first)
	printf "}\n"
}
