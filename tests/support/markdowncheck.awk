# A strict check of a report.md: outside of blocks of code nothing that came from elsewhere is markup: no tag, no link, no picture,
# no code, no formula, no end of a cell. Prints the first line that is wrong, exit 1.
function wrong(what) {
	print "wrong: line " NR ": " what ": " substr($0, 1, 200)
	bad = 1
	exit 1
}

/^    / { # code, but only behind an empty line or another line of it
	if (before !~ /^(    .*)?$/) wrong("not set off")
	before = $0
	next
}
{
	before = $0
	if (/\t/) wrong("a tab")
	gsub(/\\[\\`\[\]|*~$_:.#>+=()-]/, "") # what is escaped
	gsub(/\[(95 %|[-+0-9., ]*)\]/, "") # intervals
	gsub(/< (0?\.05|0\.0001)/, "")
	gsub(/&(amp|lt);/, "")
	if (/^\|/) {
		cells = gsub(/\|/, "|")
		if (!columns) columns = cells
		if (cells != columns) wrong("another number of cells")
	} else {
		columns = 0
		if (/\|/) wrong("a bar")
	}
	gsub(/\*\*/, "")
	if (/[<&`\[\]*~$]/) wrong("markup")
	if (/:\/\// || tolower($0) ~ /www\./) wrong("a link")
	if (/(^|[^[:alnum:]])_|_([^[:alnum:]]|$)/) wrong("emphasis")
}
END { exit bad }
