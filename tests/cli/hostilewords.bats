# Words from elsewhere in every tool: none reaches a terminal, a page or a picture as anything but text.
#
# | where it is shown                                    | what of                                       | by                            |
# |------------------------------------------------------|-----------------------------------------------|-------------------------------|
# | messages, warnings, -v, the progress line            | everything that is known of a file or record  | hm_cli_message: hm_utf8_mask  |
# | tables of hm-score, hm-lint; --errors                | ids, captions, classes, values, files, names  | hm_cell_write, hm_cell_text   |
# | JSON: hm-view, hm-classify, --json, --duplicates,    | the same, metadata and tensors of model files | hm_json_tame: \uXXXX, the     |
# |   results of a sweep, --stats                        |                                               |   same value                  |
# | report.html, its SVG                                 | texts of RUNS.json and of the files it names  | hm_markup_text                |
# | report.md                                            | the same                                      | hm_markdown_text              |
# | LaTeX                                                | names, classes                                | hm_cell_text, then escaped    |
# | scripts for gnuplot                                  | names, classes                                | hm_gnuplot_text, in quotes    |
# | pictures: --sheet                                    | ids, captions, classes                        | the font: a box               |
# | CSV: --csv, --submission, --pairs, report.csv        | ids, classes, names                           | quoted, else as they are;     |
# |                                                      |                                               |   --spreadsheet: hm_buf_cell  |
# | --log, --completion                                  | nothing from elsewhere                        |                               |

load ../support/bats

# A JSON string a line.
words() {
	cat <<-'END'
		"\u001b[31mred"
		"\u009b31mc1"
		"\u009d0;title\u0007"
		"\u202eabc\u2066"
		"a\u2028b"
		"<script>alert(1)</script>"
		"`$(touch pwned)`"
		"'\"; system \"touch pwned\" #"
		"\\"
		"]]>"
		"=1+1"
		"|x|"
		"[x](javascript:alert(1))"
		"![](http://x/y) www.x.y"
		"%s%n%s%n%d"
		"a\nb"
		"\rover \u0085"
		"../../etc/passwd"
		"@SUM(1)"
		"\u007f_a_ ~b~ $c$"
		"&lt;b&gt; &#60; &x"
		"\tt"
	END
	printf '"%02000d"\n' 0
}
no=$(printf "=no\\u202e\\x1b'\\\"")
yes=$(printf '<script>x</script>\u009b|\\`$(touch pwned)`')
file=$(printf 'f\x1b[31m\u009b31m\u202e<b>`x`\n=$(touch pwned)"'"'"'\\|') # and of a file, which may be worse:
latin=$(printf 'l\xff\xfe\xc2')

# Lines of hm-jsonl2rec: words as ids (with a number, so that none comes twice), captions and a column.
make_lines() { # SPLIT MARK
	words | awk -v mark="$2" '
		NR == FNR { word[n++] = $0; next }
		{
			id = word[(FNR - 1) % n]
			sub(/"$/, " " mark FNR "\"", id)
			match($0, /"img":"[^"]*"/)
			img = substr($0, RSTART, RLENGTH)
			no = "=no\\u202e\\u001b\047\\\""
			yes = "<script>x</script>\\u009b|\\\\`$(touch pwned)`"
			printf "{\"id\":%s,%s,\"text\":%s,\"label\":\"%s\",\"group\":%s}\n", id, img, word[(FNR + 6) % n], /"label":1/ ? yes : no, word[(FNR - 1) % n]
		}' - "data/$1.jsonl"
}

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 48 --dev 24 --test 0 data
	make_lines train t >train.jsonl
	make_lines dev d >dev.jsonl
	for s in train dev; do
		hm-jsonl2rec -q --labels "$no,$yes" --keep-field group $s.jsonl -o $s.rec.hmr
		hm-imgprep -q --root data/img --size 32 $s.rec.hmr | hm-tokenize -q --vocab data/vocab.txt -o $s.px.hmr
		hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o $s.hmr $s.px.hmr
	done
	hm-fuse-train -q --fusion late --epochs 2 --val dev.hmr --log log.jsonl -o model.st train.hmr
	hm-score -q --bootstrap 0 --model model.st --csv p.csv -o p.hmr dev.hmr >/dev/null
	awk -F, -v OFS=, 'NR > 1 && NR % 3 { sub(/,0\./, ",0.4") } { print }' p.csv >q.csv
	for f in "$file" "$latin"; do cp dev.hmr "$f.hmr" && cp p.csv "$f.csv" && cp model.st "$f.st"; done
}

setup() {
	cd "$BATS_FILE_TMPDIR"
}

teardown() {
	[ -z "$(find "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR" -name 'pwned*')" ] || fail "something was run"
}

# FILE...: is UTF-8 without a character that acts on a terminal, other than the end of a line, and in pages the tab.
tame() {
	local f tab
	for f; do
		tab='\x09'
		[[ ! $f =~ \.(html|md|svg)$ ]] || tab=''
		if [ ! -e "$f" ] || ! iconv -f utf-8 -t utf-8 "$f" >/dev/null 2>&1; then
			fail "$f is not there, or not UTF-8"
			return 1
		fi
		if LC_ALL=C grep -naP "[\\x00-\\x08$tab\\x0b-\\x1f\\x7f]|\\xc2[\\x80-\\x9f]|\\xd8\\x9c|\\xe2\\x80[\\x8e\\x8f\\xa8-\\xae]|\\xe2\\x81[\\xa6-\\xa9]" "$f" >"$BATS_TEST_TMPDIR/wild"; then
			fail "$f: $(head -n 1 "$BATS_TEST_TMPDIR/wild" | cat -v)"
			return 1
		fi
	done
}
# COMMAND...: what it says on both outputs is tame; its exit status is in $status, both in out and err.
says() {
	status=0
	"$@" >out 2>err </dev/null || status=$?
	tame out err
}

@test "the checks here find what they are for" {
	cd "$BATS_TEST_TMPDIR"
	for b in '\x1b[m' '\u009b' '\u202e' '\u2066' '\u2028' '\u200f' '\u061c' '\x7f' '\t' '\r' 'a\0b' '\xff' '\xed\xa0\x80'; do
		printf "ok\n$b\n" >some
		run tame some
		expect 1 'some'
	done
	printf 'grün 漢字\n' >some
	tame some
	{ echo '<!DOCTYPE html>'; echo '<html lang="en"><head><style>p{}</style></head><body><p class="a">x &amp; &#8212;<br></p></body></html>'; } >good.html
	awk -f "$ROOT/tests/support/htmlcheck.awk" good.html
	for s in '<script>' '<p onclick="x">' '<p class=a>' '&' 'a > b' '<b>' '</b>' '<a href="http://x">x</a>' '<img src="x.png">' '<p title="x">' '<p class="<">' '<b'; do
		sed "s#x &amp;#x ${s//&/\\&}#" good.html >bad.html
		run awk -f "$ROOT/tests/support/htmlcheck.awk" bad.html
		expect 1 '^wrong: '
	done
	printf '# t\n\na \\[b\\](c) &lt;d> a_b [0.1, 0.2] p < .05\n\n| x | y |\n|---|---|\n| \\| | \\` |\n\n    <code> `\n    b\n' >good.md
	awk -f "$ROOT/tests/support/markdowncheck.awk" good.md
	for s in '<b>' '[x](y)' '![x](y)' '`x`' '| a | b |' 'http://x' 'www.x' '_x_' '*x*' '$x$' '&copy;' '~~x~~'; do
		sed "s#a_b#${s//&/\\&}#" good.md >bad.md
		run awk -f "$ROOT/tests/support/markdowncheck.awk" bad.md
		expect 1 '^wrong: '
	done
	sed 's/| .| |/| | | x |/' good.md >bad.md
	refute awk -f "$ROOT/tests/support/markdowncheck.awk" bad.md
	printf 'a\n    <b>\n' >bad.md
	refute awk -f "$ROOT/tests/support/markdowncheck.awk" bad.md
}

@test "hm-view: every line is tame, and says what the record says" {
	for s in train dev; do
		says hm-view $s.rec.hmr
		[ "$status" = 0 ]
		sed "s/\"label\":0/\"label\":\"=no\\\\u202e\\\\u001b'\\\\\"\"/; s/\"label\":1/\"label\":\"<script>x<\\\\\/script>\\\\u009b|\\\\\\\\\`\$(touch pwned)\`\"/" out |
			hm-jsonl2rec -q --labels "$no,$yes" --keep-field group | cmp - $s.rec.hmr
	done
	grep -qF '{"id":"\u009b31mc1 d2",' out
	grep -qF '"text":"\u202eabc\u2066"' out
	for call in '--full dev.hmr' '--schema dev.hmr' '--history dev.hmr' '--head 3 p.hmr' model.st '--history model.st' "$ROOT/formats/golden/controls.hmr"; do
		says hm-view $call
		[ "$status" = 0 ]
		[ -s out ]
	done
	says hm-view --schema dev.hmr
	grep -qF '"names":["=no\u202e\u001b'"'"'\"","<script>x</script>\u009b|\\`$(touch pwned)`"]' out
	says hm-view --npy $'\u009b'=x.npy dev.hmr
	[ "$status" = 1 ]
	grep -qF "there is no column '?'" err
	says hm-view -o lines dev.rec.hmr
	tame lines
}

@test "metadata and tensors of a model file that others made" {
	head=$(printf '{"__metadata__":{"k\u009b31m":"v\u202e<script>"},"t\u009d0;x\u2028":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}')
	size=$(printf %s "$head" | wc -c)
	{ printf "\\x$(printf %02x "$size")\\0\\0\\0\\0\\0\\0\\0%s\\0\\0\\0\\0" "$head"; } >"$BATS_TEST_TMPDIR/foreign.safetensors"
	says hm-view "$BATS_TEST_TMPDIR/foreign.safetensors"
	[ "$status" = 0 ]
	grep -qF '"metadata":{"k\u009b31m":"v\u202e<script>"}' out
	grep -qF '"name":"t\u009d0;x\u2028"' out
	for call in "hm-encode --image $BATS_TEST_TMPDIR/foreign.safetensors dev.px.hmr -o x.hmr" "hm-score --model $BATS_TEST_TMPDIR/foreign.safetensors dev.hmr" \
		"hm-classify $BATS_TEST_TMPDIR/foreign.safetensors" "hm-bundle --image $BATS_TEST_TMPDIR/foreign.safetensors -o x.st model.st"; do
		says $call
		[ "$status" != 0 ]
		[ -s err ]
	done
}

@test "hm-score: the report, wrong answers, groups, pairs, JSON" {
	says hm-score --errors 24 --by group --bootstrap 20 --json scores.json dev.hmr --model model.st --threshold "fit:$file.csv"
	[ "$status" = 0 ]
	tame scores.json
	for shown in '  <script>x</script>?|\`$(touch pwned)`' '?31mc1 d2' '   ?abc?' '"=no??'"'"'""' "fitted on f?[31m?31m?<b>\`x\`?="; do grep -qF -- "$shown" out || fail "$shown"; done
	says hm-score --bootstrap 0 --average mean "$file.csv" q.csv
	[ "$status" = 0 ]
	says hm-lint dev.hmr train.hmr --examples 60 --json lint.json --pairs pairs.csv
	[ -s out ]
	tame lint.json
	hm-lint dev.hmr "$file.hmr" --pairs both.csv >/dev/null || true
	says hm-score --bootstrap 0 --pairs pairs.csv p.hmr
	[ "$status" = 0 ]
	says hm-score --bootstrap 0 --by $'\u009bg' p.hmr
	[ "$status" = 1 ]
	# the report on standard error
	says hm-score --bootstrap 0 --model model.st --errors 24 --json - dev.hmr
	hm-score --bootstrap 0 --model model.st --errors 24 --csv - dev.hmr 2>report >/dev/null
	tame report
}

@test "hm-score: systems' names in tables, LaTeX and gnuplot" {
	name=$(printf 'n\u009b<b>&x;&zz `touch pwned1`$(touch pwned2)'"'"' ; system "touch pwned3"\n!touch pwned4\n@x')
	for ending in svg png; do
		says hm-score --bootstrap 0 --compare --json compare.json --latex compare.tex --roc roc.$ending --calibration cal.$ending "$name=p.csv" "$file.csv" "$latin.csv"
		[ "$status" = 0 ]
		tame compare.json compare.tex
	done
	grep -qF '{n?\textless{}b\textgreater{}\&x;\&zz {\char96}touch' compare.tex
	refute grep -q '[<>`"]' compare.tex
	says hm-score --bootstrap 0 --model model.st --latex one.tex --roc one.svg --calibration onecal.svg dev.hmr
	[ "$status" = 0 ]
	tame one.tex roc.svg cal.svg one.svg onecal.svg
	for f in roc cal one onecal; do refute grep -qE '<(script|b>)' $f.svg; done
	grep -qF '&lt;script>x&lt;/script>?|\`$(touch pwned)`' one.svg
	"$ROOT/pipelines/plot-scores.sh" bars.png "$(printf 'a"b\n5 "x" 1 1 1\\`touch pwned`')=scores1.json" 2>/dev/null && fail "there is no such file"
	hm-score -q --bootstrap 0 --json scores1.json p.csv >/dev/null
	"$ROOT/pipelines/plot-scores.sh" bars.png "$(printf 'a"b\n5 "x" 1 1 1\\`touch pwned`')=scores1.json" b=scores1.json
	[ -s bars.png ]
}

@test "hm-score: more than two classes" {
	awk 'NR % 3 == 0 { sub(/"label":".*","group"/, "\"label\":\"\\u009dthird\\u2028\",\"group\"") } { print }' train.jsonl |
		hm-jsonl2rec -q --labels "$no,$yes,$(printf '\u009dthird\u2028')" | hm-tokenize -q --vocab data/vocab.txt | hm-encode -q --text init:bert-tiny -o three.hmr
	hm-fuse-train -q --features text --epochs 1 -o three.st three.hmr
	says hm-score --bootstrap 0 --errors 9 --model three.st --latex three.tex --csv three.csv --json three.json three.hmr
	[ "$status" = 0 ]
	tame three.tex three.json
	grep -qF '?third?' out
	says hm-score --bootstrap 0 three.csv
}

@test "hm-lint and hm-nearest: files, ids, neighbours" {
	says hm-lint --examples 60 "$file.hmr" "$latin.hmr" train.hmr --json lint.json
	[ "$status" = 1 ]
	grep -qF 'f?[31m?31m?<b>`x`?=' out
	tame lint.json
	grep -qF '"name":"l\ufffd\ufffd\ufffd.hmr"' lint.json
	grep -qF '"name":"f\u001b[31m\u009b31m\u202e<b>`x`\n=$(touch pwned)\"'"'"'\\|.hmr"' lint.json
	says hm-nearest --columns text_feature --duplicates 0.5 --train train.hmr dev.hmr
	[ "$status" = 0 ]
	grep -qF '\u009b31mc1' out
	hm-nearest -q --columns text_feature --train train.hmr dev.hmr -o near.hmr
	says hm-view near.hmr
	[ "$status" = 0 ]
}

@test "hm-classify: ids, words of classes, errors, file names" {
	hm-fuse-train -q --fusion late --image init:resnet-tiny --text init:bert-tiny --vocab-size 400 --epochs 1 -o raw.st train.px.hmr
	hm-bundle -q --vocab data/vocab.txt -o whole.st raw.st
	says hm-view whole.st
	says hm-classify --root data/img whole.st dev.jsonl
	[ "$status" = 0 ]
	[ "$(wc -l <out)" = 24 ]
	grep -qF '{"id":"\u009b31mc1 d2",' out
	grep -qF '"name":"<script>x</script>\u009b|\\`$(touch pwned)`"' out
	sed 's/"img":"[^"]*"/"img":"no\\u009b\\u202e<b>.png"/' dev.jsonl >lost.jsonl
	for call in '' '--on-error skip -v'; do
		says hm-classify $call --root data/img whole.st lost.jsonl
		[ -s err ]
		grep -qF 'no\u009b\u202e<b>.png: cannot open' out || grep -qF 'no??<b>.png: cannot open' err
	done
	says hm-classify --root data/img whole.st -
	[ "$status" = 0 ]
	[ ! -s out ]
	grep -qx 'hm-classify: warning: no lines, so no answers: has their producer failed?' err
	cp "data/img/$(ls data/img | head -n 1)" "$latin$file.png"
	says hm-classify whole.st "$latin$file.png" "$no"
	[ "$status" = 0 ]
	grep -qF '{"id":"l\ufffd\ufffd\ufffdf\u001b[31m\u009b31m\u202e<b>`x`\n=$(touch pwned)\"' out
	says hm-classify whole.st "no$latin$file.png" "$no"
	[ "$status" = 1 ]
	says hm-classify whole.st "$latin$file.png" "$latin"
	[ "$status" = 1 ]
}

@test "messages: records, columns, options and files of any name, one line" {
	one() { # STATUS COMMAND...: says one line, and for a wrong call where to read on
		local want=$1
		shift
		status=0
		"$@" >/dev/null 2>err </dev/null || status=$?
		tame err
		[ "$status" = "$want" ] || fail "$status: $*: $(cat err)"
		[ "$(grep -vc '^see hm-' err)" = 1 ] || fail "$*: $(cat err)"
	}
	for f in "$file" "$latin"; do
		for t in hm-cat hm-view 'hm-tokenize --vocab data/vocab.txt' 'hm-encode --image init:resnet-tiny' hm-score 'hm-fuse-train -o x.st' hm-jsonl2rec \
			hm-csv2rec hm-lint 'hm-nearest --train dev.hmr' 'hm-imgprep --root data/img' 'hm-imgprep --root' 'hm-tokenize --vocab' 'hm-encode --image' \
			'hm-score --model' hm-classify hm-report 'hm-bundle -o x.st'; do
			one 1 $t "no$f"
		done
		for t in hm-cat hm-view 'hm-fuse-train -o x.st' 'hm-encode --image' hm-csv2rec 'hm-tokenize --vocab'; do one 1 $t "$f.csv"; done
		one 1 hm-cat -o "no/$f/x" dev.hmr
		one 2 hm-cat -o "$f.hmr" "$f.hmr"
		one 2 hm-view "--$f" dev.hmr
		one 2 hm-view --head "$f" dev.hmr
		one 1 hm-cat --columns "$f" dev.hmr
		one 2 hm-lint --allow "$f" dev.hmr
		one 2 hm-encode --device "$f" --image init:resnet-tiny dev.px.hmr -o x.hmr
		one 1 hm-score --by "$f" p.hmr
	done
	head -n 2 dev.jsonl | sed 's/^{"id":"[^"]*"/{"id":"\\u009b31mc1 d2"/' >twice.jsonl
	one 1 hm-jsonl2rec --labels "$no,$yes" twice.jsonl
	grep -qF 'the id "?31mc1 d2"' err
	printf '{"id":1,"img":"a\xc2\x9b","text":"b","label":"\\u009b\\u202e"}\n' >label.jsonl
	one 1 hm-jsonl2rec label.jsonl
	printf 'id,\xc2\x9b,\xc2\x9b\n1,2,3\n' >header.csv
	one 1 hm-csv2rec --img-field $'\u009b' header.csv
	printf 'id,img,text,label\n\xc2\x9b,\xe2\x80\xae,c,\xc2\x9b\n' >cell.csv
	one 1 hm-csv2rec cell.csv
	hm-view dev.rec.hmr | sed 's/"img":"[^"]*"/"img":"no\\u009b\\u202e.png"/' | hm-jsonl2rec -q -o lost.hmr
	one 1 hm-imgprep --root data/img lost.hmr
	grep -qF '(id ?[31mred d1): no??.png: cannot open' err
	says hm-imgprep -v --on-error skip --root data/img lost.hmr -o x.hmr
	hm-imgprep -q --on-error keep --size 32 --root data/img lost.hmr -o kept.hmr
	says hm-view kept.hmr
	printf '{"id":"a\\u0000b","img":"a","text":"b"}\n' >nul.jsonl
	one 1 hm-jsonl2rec nul.jsonl
}

@test "a message that is cut is cut between characters" {
	long=$(printf 'ä%.0s' {1..600})
	for n in 0 1; do
		says hm-cat "${long:n}"
		[ "$status" = 1 ]
		says hm-view --head "$(printf %${n}s)$long" dev.hmr
		refute grep -q '?' err
	done
}

@test "an option that its history could not hold is refused: no stream that nobody can read" {
	says hm-jsonl2rec --img-prefix $'\xff/' --labels "$no,$yes" dev.jsonl -o x.hmr
	[ "$status" = 1 ]
	grep -q '^hm-jsonl2rec: error: the value of an option is not UTF-8' err
	hm-jsonl2rec -q --img-prefix $'\u009b/' --labels "$no,$yes" dev.jsonl -o x.hmr 2>/dev/null
	says hm-view --history x.hmr
	[ "$status" = 0 ]
	grep -qF '"img-prefix":"\u009b/"' out
}

@test "sheets: a box for what is no ASCII" {
	says hm-view --sheet s1.png dev.px.hmr
	says hm-score --bootstrap 0 --errors 9 --sheet s2.png --model model.st dev.hmr dev.px.hmr
	[ "$status" = 0 ]
	hm-cat -q -o train.both.hmr train.hmr
	says hm-nearest --columns text_feature --sheet s3.png --train train.hmr --train train.px.hmr dev.hmr dev.px.hmr -o near.hmr
	for f in s1 s2 s3; do
		[ "$(head -c 8 $f.png | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ]
		refute grep -qa -e script -e tEXt $f.png
	done
}

@test "CSV: ids come back; --spreadsheet lets none be a formula" {
	# what is written is read again: the same ids
	hm-csv2rec -q --no-img --no-text p.csv | hm-view | sed 's/,"label".*//' >ids
	hm-view p.hmr | sed 's/,"label".*//' | cmp - ids
	local n=0
	hm-score -q --bootstrap 0 --spreadsheet --csv people.csv p.hmr >/dev/null
	hm-score -q --bootstrap 0 --csv plain.csv p.hmr >/dev/null
	cmp plain.csv p.csv
	tame people.csv
	[ "$(wc -l <people.csv)" = 25 ]
	grep -qF "\"'=1+1 d11\",0." people.csv
	grep -qF "\"'@SUM(1) d19\",0." people.csv
	grep -qF "\"'?t d22\",0." people.csv
	grep -qF ",\"'=no??'\"\"\"" people.csv
	grep -qF '"]]> d10",0.' people.csv
	formula() { grep -aqE '(^|,)"?[=+@	-]' "$1"; }
	formula plain.csv
	refute formula people.csv
	for id in '=1+1' '+\u009bx' '@y' '-\u202e'; do printf '{"id":"%s","img":"%d.png","text":"same","label":%d}\n' "$id" $n $((n++ % 2)); done | hm-jsonl2rec -q -o pairs.hmr
	hm-lint pairs.hmr --pairs pairs.csv >/dev/null
	hm-lint pairs.hmr --spreadsheet --pairs people.csv >/dev/null
	grep -qxF "\"'+?x\",\"'=1+1\",same-caption" people.csv
	grep -qxF "\"'-?\",\"'=1+1\",same-caption" people.csv
	formula pairs.csv
	refute formula people.csv
	tame people.csv
	for call in 'hm-score p.csv' 'hm-lint dev.hmr'; do
		run $call --spreadsheet
		expect 2 '^hm-[a-z]*: error: --spreadsheet says how --(csv|pairs) is written, which is not given$'
	done
}

# A table of runs whose every text is one of these words.
table() {
	words | awk '
		{ word[n++] = $0 }
		function next_word() { return word[k++ % n] }
		END {
			printf "{\"title\":%s,\"about\":[%s,%s,%s],\"data\":{\"name\":%s,\"train\":3,\"dev\":5},\"encoders\":{\"image\":%s,\"text\":%s},", \
				next_word(), next_word(), next_word(), next_word(), next_word(), next_word(), next_word()
			printf "\"baseline\":{\"text\":%s,\"accuracy\":0.5},\"sheet\":\"sheet.png\",\"sheet_of\":%s,\"claims_about\":%s,\"rows\":[", next_word(), next_word(), next_word()
			for (i = 0; i < n; i++)
				printf "%s{\"name\":%s,\"title\":%s,\"options\":%s,\"note\":%s,\"published\":{\"accuracy\":0.5},\"selected\":%s,\"runs\":[{\"seed\":1,\"predictions\":\"%s.csv\",\"log\":\"log.jsonl\",\"command\":\"command.txt\",\"history\":\"history.json\"},{\"seed\":2,\"predictions\":\"q.csv\"}]}", \
					i ? "," : "", word[i], next_word(), next_word(), next_word(), next_word(), i % 2 ? "p" : "q"
			printf "],\"claims\":["
			for (i = 0; i + 1 < n; i++)
				printf "%s{\"text\":%s,\"kind\":\"better\",\"pairs\":[{\"a\":%s,\"b\":%s,\"note\":%s}]}", i ? "," : "", word[i], word[i], word[i + 1], word[i]
			printf "],\"stages\":["
			for (i = 0; i < n; i++) printf "%s{\"name\":%s,\"stats\":\"stats.json\"}", i ? "," : "", word[i]
			printf "],\"literature\":{\"results\":["
			for (i = 0; i < n; i++)
				printf "%s{\"name\":%s,\"set\":%s,\"where\":%s,\"auroc\":0.%d,\"examples\":500,\"positives\":200}", i ? "," : "", word[i], word[0], word[i], 60 + i
			printf "],\"pairs\":["
			for (i = 0; i + 1 < n; i++) printf "%s{\"a\":%s,\"b\":%s,\"note\":%s}", i ? "," : "", word[i], word[i + 1], word[i]
			printf "]}}\n"
		}'
}

@test "hm-report: HTML, Markdown and CSV of a table whose every text is hostile" {
	table >runs.json
	hm-view --history p.hmr >history.json
	hm-view --sheet sheet.png dev.px.hmr
	echo '{"records":3,"wall_s":1}' >stats.json
	{ printf '<script>alert(1)</script> & "x" '"'"' `y` [a](b) | \\ ]]> $(touch pwned)\n\x1b[31m\xc2\x9b\xff\n<b>\r\n# head\r- x\n'; words; } >command.txt
	says hm-report --spreadsheet runs.json
	[ "$status" = 0 ]
	tame report.html report.md report.csv
	awk -f "$ROOT/tests/support/htmlcheck.awk" report.html
	awk -f "$ROOT/tests/support/markdowncheck.awk" report.md
	grep -qF '&lt;script&gt;alert(1)&lt;/script&gt;' report.html
	grep -qF 'src="data:image/png;base64,' report.html
	refute grep -qE '^"?[=+@-]|,"[=+@-]' report.csv
	hm-report runs.json
	grep -qE '^"=1\+1"' report.csv
	# the given files' names
	says hm-report -o given "$file.csv" "$(printf '<b>\u009b')=p.csv" "$yes=q.csv"
	[ "$status" = 0 ]
	tame given/report.html given/report.md
	awk -f "$ROOT/tests/support/htmlcheck.awk" given/report.html
	awk -f "$ROOT/tests/support/markdowncheck.awk" given/report.md
	# and where a row failed, its name
	awk -F, -v OFS=, 'NR == 2 { $2 = "" } { print }' p.csv >failed.csv
	for name in "$(printf '<b>|`x`[a](b)&\u009b\u202e')" "$yes"; do
		says hm-report -o given p.csv "$name=failed.csv"
		[ "$status" = 1 ]
		says hm-report --allow-missing -o given p.csv "$name=failed.csv"
		[ "$status" = 0 ]
		grep -q 'left out' given/report.md
		tame given/report.html given/report.md
		awk -f "$ROOT/tests/support/htmlcheck.awk" given/report.html
		awk -f "$ROOT/tests/support/markdowncheck.awk" given/report.md
	done
	says hm-report -o given "$latin.csv" p.csv
	[ "$status" = 1 ]
	for bad in '{"rows":[{"name":"\u009b"}]}' '{"rows":[{"name":"a","predictions":"\u009b\u202e.csv"}]}' '{"\u009b":' '{"rows":[{"name":"a","predictions":"p.csv"},{"name":"a","predictions":"p.csv"}],"claims":[{"kind":"\u009b"}]}'; do
		printf '%s' "$bad" >bad.json
		says hm-report bad.json
		[ "$status" = 1 ]
	done
}

@test "a sweep: names that are files, messages, tables" {
	for name in '\u009b31m' '\u202ex' 'a\u2028' 'a\nb' '../x' '.x' 'a/b'; do
		printf '{"name":"%s","lr":0.1}\n' "$name" >sweep.jsonl
		says hm-fuse-train -q --features text --sweep sweep.jsonl -o swept train.hmr
		[ "$status" = 1 ] || fail "$name"
		grep -q '"name" must be usable as a file' err
	done
	printf '{"name":"<b>`$(touch pwned)`","lr":0.1}\n{"name":"=1+1","lr":0.01}\n' >sweep.jsonl
	says hm-fuse-train --features text --epochs 1 --sweep sweep.jsonl -o swept train.hmr
	[ "$status" = 0 ]
	tame swept/*.csv
	tame log.jsonl
}
