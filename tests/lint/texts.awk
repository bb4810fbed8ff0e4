# Takes C sources apart. Adds to three files in the folder OUT (-v out=OUT), for each line of a source that has some of it:
#   comments  FILE:LINE: what comments say
#   texts     FILE:LINE: what comments and strings say
#   code      FILE: the rest: a comment is a space, a literal is empty, lines that a backslash or a comment joins are one

# How much of `line` belongs to a literal in these quotes: up to the closing one, or to a backslash at the end; 0: neither.
function literal(quotes) {
	if (quotes == "\"" ? match(line, /^([^"\\]|\\.)*("|\\$)/) : match(line, /^([^'\\]|\\.)*('|\\$)/))
		return RLENGTH
	return 0
}
function end_code() {
	gsub(/[ \t\v\f\r]+/, " ", code)
	if (code != "")
		print file ": " code >>(out "/code")
	code = ""
}
FNR == 1 {
	end_code()
	inside = ""
}
END { end_code() }
{
	file = FILENAME
	line = $0
	joined = line ~ /\\$/
	comments = texts = ""
	while (line != "") {
		if (inside == "/*" || inside == "//") {
			end = inside == "/*" ? index(line, "*/") : 0
			text = end ? substr(line, 1, end - 1) : line
			line = end ? substr(line, end + 2) : ""
			comments = comments text " "
			texts = texts text " "
			if (end)
				inside = ""
		} else if (inside != "") {
			end = literal(inside)
			if (end && inside == "\"")
				texts = texts substr(line, 1, end - 1) " "
			if (substr(line, end, 1) != "\\")
				inside = ""
			line = substr(line, end + 1)
		} else if (match(line, /["']|\/[*\/]/)) {
			inside = substr(line, RSTART, RLENGTH)
			code = code substr(line, 1, RSTART - 1)
			line = substr(line, RSTART + RLENGTH)
			if (inside ~ /\//)
				code = code " "
			else if (!literal(inside) || (inside == "'" && code ~ /(^|[^A-Za-z0-9_])[0-9][0-9A-Za-z_]*$/)) {
				code = code inside # opens nothing: in #error, in a number
				inside = ""
			} else
				code = code inside inside
		} else {
			code = code substr(line, 1, length(line) - joined)
			line = ""
		}
	}
	if (!joined && inside != "/*") {
		inside = ""
		end_code()
	}
	if (comments != "")
		print FILENAME ":" FNR ": " comments >>(out "/comments")
	if (texts != "")
		print FILENAME ":" FNR ": " texts >>(out "/texts")
}
