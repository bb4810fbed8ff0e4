# What people read in C sources: comments, and with -v strings=1 string literals too, a line of input each, after FILE:LINE: .
function literal(rest,   c, text) { # the literal that rest begins with, its quote taken away; what follows it stands in `after`
	text = ""
	while (rest != "" && (c = substr(rest, 1, 1)) != "\"") {
		text = text substr(rest, 1, c == "\\" ? 2 : 1)
		rest = substr(rest, c == "\\" ? 3 : 2)
	}
	after = substr(rest, 2)
	return text
}
FNR == 1 { inside = 0 }
{
	line = $0
	out = ""
	while (line != "") {
		if (inside) {
			end = index(line, "*/")
			out = out (end ? substr(line, 1, end - 1) : line) " "
			line = end ? substr(line, end + 2) : ""
			inside = !end
			continue
		}
		star = index(line, "/*")
		quote = index(line, "\"")
		if (quote && (!star || quote < star)) {
			text = literal(substr(line, quote + 1))
			line = after
			if (strings)
				out = out text " "
		} else {
			line = star ? substr(line, star + 2) : ""
			inside = star > 0
		}
	}
	if (out != "")
		print FILENAME ":" FNR ": " out
}
