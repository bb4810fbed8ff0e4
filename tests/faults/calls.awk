# Calls of a tool that nobody would make: reads its --help, prints `calls` lines of shell words. Options are the tool's
# own, at times misspelt, with values of their kind, of another, or hostile; operands are files that are there or are
# not. -v seed=N decides: the same awk makes the same calls of it.
function below(n) { return int(rand() * n) }
function quote(s) { gsub(/'/, "'\\''", s); return "'" s "'" }
function value(arg,   n, word) {
	if (arg ~ /\|/ && rand() < 0.7) { n = split(arg, word, "|"); return word[1 + below(n)] }
	if (arg ~ /^(N|S|K|X|P|SIZE)$/ && rand() < 0.5) return numbers[1 + below(nn)]
	return any[1 + below(na)]
}
BEGIN {
	srand(seed)
	nn = split("0 1 2 3 7 16 .5 1e-3 64K", numbers, " ")
	na = split("-|0|1|-1|3|99999999999999999999|nan|inf|1e400|0x10|1K|a|in.hmr|all.hmr|in.jsonl|model|pred.csv|runs.json|" \
		"vocab.txt|pixel.png|missing|empty|dir|dir/x|init:resnet-tiny|init:bert-tiny|init:bert-tiny:x|1/2|2/1|0/0|a=b|" \
		"image=zero|image=pooled|id=out.npy|x,y|,|best:0|*|--|none|auto|ref|cpu|id|label|prob|\303\244|\200\377|\033[31m|" \
		"a b|'|\"|\\", any, "|")
	any[++na] = ""
	long = "x"
	while (length(long) < 5000) long = long long
	any[++na] = long
	files = split("all.hmr all.hmr all.hmr in.hmr in.jsonl model pred.csv runs.json vocab.txt pixel.png missing empty dir -", file, " ")
}
/^  .*--[a-z]/ {
	match($0, /--[a-z0-9-]+/)
	options++
	name[options] = substr($0, RSTART, RLENGTH)
	rest = substr($0, RSTART + RLENGTH)
	arg[options] = match(rest, /^ [^ ]+/) ? substr(rest, 2, RLENGTH - 1) : ""
}
END {
	for (c = 0; c < calls; c++) {
		line = ""
		for (k = below(5); k; k--) {
			i = 1 + below(options)
			word = name[i]
			if (rand() < 0.03) word = substr(word, 1, length(word) - 1)
			if (arg[i] == "" && rand() < 0.95) line = line " " quote(word)
			else if (rand() < 0.5) line = line " " quote(word "=" value(arg[i]))
			else line = line " " quote(word) " " quote(value(arg[i]))
		}
		for (k = below(4); k; k--) line = line " " quote(rand() < 0.85 ? file[1 + below(files)] : any[1 + below(na)])
		print line
	}
}
