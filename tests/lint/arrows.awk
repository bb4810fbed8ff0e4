# Who includes what it may not: reads the table of arrows, then FILE:#include lines of C sources.
BEGIN {
	libc = "assert|cpuid|ctype|dirent|dlfcn|emmintrin|errno|fcntl|float|immintrin|inttypes|limits|linux/.*|math|omp|poll|" \
		"pthread|sched|setjmp|signal|spawn|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings|sys/.*|" \
		"termios|time|unistd"
	libc = "^(" libc ")[.]h$"
}
function own(folder) {
	sub(/^lib\//, "", folder)
	return folder
}
function refuse(what) { print file ": " folder " may not include " what " (tests/lint/arrows)" }

NR == FNR {
	if (NF && !/^#/) {
		inner[$1] = "," $2 "," own($1) ","
		outer[$1] = "," $3 ","
	}
	next
}
{
	at = index($0, ":")
	file = folder = substr($0, 1, at - 1)
	sub(/\/[^\/]*$/, "", folder)
	line = substr($0, at + 1)
	sub(/^ *# *include */, "", line)
}
!(folder in inner) { next }
match(line, /^"[^"]*"/) {
	inc = substr(line, 2, RLENGTH - 2)
	from = inc
	if (!sub(/\/[^\/]*$/, "", from))
		from = own(folder)
	if (inc ~ /[.]c$/)
		print file ": includes the source file " inc
	if (!index(inner[folder], "," from ","))
		refuse("\"" inc "\"")
}
match(line, /^<[^>]*>/) {
	inc = substr(line, 2, RLENGTH - 2)
	if (inc !~ libc && !index(outer[folder], "," inc ","))
		refuse("<" inc ">")
}
