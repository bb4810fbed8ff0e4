# A strict check of a page of hm-report: every tag and attribute is one that the page itself uses, every quote, tag and entity is
# closed, no text holds a raw < > or &, and nothing is run or loaded. Prints the first thing that is wrong, exit 1.
BEGIN {
	RS = "\001" # all of it
	n = split("html head meta title style body main h1 h2 h3 p b br small section div span sup table caption thead tbody tr th td" \
		" dl dt dd ul ol li a img svg path circle text details summary pre code desc", list, " ")
	for (i = 1; i <= n; i++) tags[list[i]] = 1
	n = split("lang charset name content class scope colspan rowspan id href src alt tabindex viewBox width height role x y d r" \
		" cx cy rx transform text-anchor aria-hidden", list, " ")
	for (i = 1; i <= n; i++) attributes[list[i]] = 1
}

function wrong(what) {
	print "wrong: " substr(what, 1, 200)
	bad = 1
	exit 1
}

function check_text(s, kept) {
	kept = s
	gsub(/&(amp|lt|gt|quot|#[0-9]+);/, "", s)
	if (s ~ /[<>&]/) wrong("raw text: " kept)
}

function check_attributes(s, name, value) {
	while (s != "") {
		if (!match(s, /^ [A-Za-z-]+="[^"]*"/)) wrong("attribute:" s)
		name = substr(s, 2, RLENGTH - 1)
		s = substr(s, RLENGTH + 1)
		value = name
		sub(/=.*/, "", name)
		sub(/^[^"]*"/, "", value)
		sub(/"$/, "", value)
		if (!(name in attributes)) wrong("attribute " name)
		check_text(value)
		if (name == "href" && value !~ /^#note[0-9]+$/) wrong("a link to " value)
		if (name == "src" && value !~ /^data:image\/png;base64,[A-Za-z0-9+\/=]*$/) wrong("a picture from " value)
	}
}

{
	if (!sub(/^<!DOCTYPE html>\n/, "")) wrong("no doctype")
	if (!match($0, /<style>[^<]*<\/style>/)) wrong("no style sheet")
	$0 = substr($0, 1, RSTART - 1) substr($0, RSTART + RLENGTH)
	n = split($0, part, "<")
	check_text(part[1])
	for (i = 2; i <= n; i++) {
		end = index(part[i], ">")
		if (!end) wrong("a tag without an end: <" part[i])
		tag = substr(part[i], 1, end - 1)
		check_text(substr(part[i], end + 1))
		closes = sub(/^\//, "", tag)
		empty = sub(/\/$/, "", tag)
		name = tag
		sub(/[^A-Za-z0-9].*/, "", name)
		if (!(name in tags) || name == "style") wrong("tag <" tag)
		check_attributes(substr(tag, length(name) + 1))
		if (closes) {
			if (!depth || stack[depth--] != name) wrong("closed and not open: " name)
		} else if (!empty && name !~ /^(br|img|meta)$/) {
			stack[++depth] = name
		}
	}
	if (depth) wrong("not closed: " stack[depth])
}
END { exit bad }
