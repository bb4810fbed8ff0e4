# Lines that are too wide, in characters: code 110 with tabs of 8; pages 132, tables and indented code excepted.
function columns(line,   at, n) {
	gsub(/[\200-\277]/, "", line) # a character is a byte
	for (n = 0; (at = index(line, "\t")) > 0; line = substr(line, at + 1)) {
		n += at - 1
		n += 8 - n % 8
	}
	return n + length(line)
}
FNR == 1 {
	page = FILENAME ~ /[.]md$/
	code = 0
	width = page ? 132 : 110
}
page && /^```/ { code = !code }
page && (code || /^([|]|    | ? ? ?\t)/) { next }
length($0) > width / 8 && columns($0) > width { print FILENAME ":" FNR ": " columns($0) " columns, " width " is the width" }
