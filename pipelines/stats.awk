# stats.awk: joins what a tool's --stats wrote for each of a split's shards: counts and seconds are added up, the peak of memory is
# the largest. Prints nothing unless all shards are there. awk -v shards=N -f stats.awk; called by common.mk.
{
	gsub(/[{}"]/, "")
	for (k = split($0, pair, ","); k; k--) {
		split(pair[k], p, ":")
		if (p[1] == "tool")
			tool = p[2]
		else if (p[1] != "peak_memory_bytes")
			sum[p[1]] += p[2]
		else if (p[2] > peak)
			peak = p[2] + 0
	}
}
END {
	if (NR != shards)
		exit
	sum["rate"] = sum["wall_s"] > 0 ? sum["records"] / sum["wall_s"] : 0
	printf "{\"peak_memory_bytes\":%.0f", peak
	for (key in sum)
		printf ",\"%s\":%.9g", key, sum[key]
	printf ",\"tool\":\"%s\"}\n", tool
}
