# hm-report: tables and pages.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	awk 'BEGIN { srand(3); for (k = 1; k <= 4; k++) { f = "p" k ".csv"; print "id,proba,label" >f
		for (i = 0; i < 200; i++) { y = i % 2; printf "%d,%.4f,%d\n", i, (rand() + (y ? k : 0) * .2) / (1 + k * .2), y >f } } }'
	printf '%s\n' '{"event":"step","epoch":1,"step":20,"loss":0.69,"lr":0.01}' '{"event":"epoch","epoch":1,"train_loss":0.68}' \
		'{"event":"eval","epoch":1,"loss":0.7,"accuracy":0.5,"auroc":0.5,"n":200}' \
		'{"event":"step","epoch":2,"step":40,"loss":0.5,"lr":0.01}' '{"event":"epoch","epoch":2,"train_loss":0.4567}' \
		'{"event":"end","steps":40,"best_epoch":2,"reason":"done"}' >log.jsonl
	echo '{"tool":"hm-fuse-train","steps":40,"train_s":12.5,"wall_s":13}' >train.json
	sed 's/12.5/27.5/' train.json >train2.json
	sed 's/0.4567/0.5567/' log.jsonl >log2.jsonl
	echo '{"tool":"hm-imgprep","records":200,"wall_s":2,"peak_memory_bytes":5e7}' >stage.json
	echo 'hm-fuse-train --lr 1 "<b>"' >command.txt
	printf '[{"tool":"hm-jsonl2rec","version":"9","options":{"on-error":"fail"}},{"tool":"hm-score","version":"9","options":{"keep":false,"n":0.5,"model":"%s"}}]\n' m1 >h1.json
	sed s/m1/m2/ h1.json >h2.json
	cat >runs.json <<'END'
{"title":"Rows & <columns>","about":["What <it> is."],"data":{"name":"made","train":800,"dev":200},
"encoders":{"image":"i","text":"t"},"baseline":{"text":"a guess","accuracy":0.496},
"rows":[{"name":"one","title":"The first","part":1,"options":"--lr 1e-2","published":{"accuracy":0.5,"loss":0.7,"seconds":100},"note":"a note",
 "runs":[{"seed":1,"predictions":"p1.csv","log":"log.jsonl","stats":"train.json","command":"command.txt","history":"h1.json"}]},
{"name":"two","selected":"best of dev","runs":[{"seed":1,"predictions":"p4.csv","log":"log.jsonl","stats":"train.json","history":"h1.json"},
 {"seed":2,"predictions":"p3.csv","log":"log2.jsonl","stats":"train2.json","history":"h2.json"}]}],
"claims":[{"text":"two is better","kind":"better","pairs":[{"a":"two","b":"one","note":"n"}]},
{"text":"one is no worse","kind":"not-worse","margin":0.02,"pairs":[{"a":"one","b":"two"}]},
{"text":"one is better","kind":"better","pairs":[{"a":"one","b":"two"}]}],
"stages":[{"name":"imgprep","stats":"stage.json"},{"name":"training","stats":"train.json"}]}
END
}

setup() {
	cd "$BATS_FILE_TMPDIR"
}

@test "three files beside the table, the same bytes again, or in another folder" {
	rm -rf report.* other
	mkdir other
	hm-report -o other runs.json
	[ ! -e report.html ]
	hm-report runs.json
	for f in html md csv; do cmp report.$f other/report.$f; done
	rm report.*
	(cd other && hm-report ../runs.json)
	for f in html md csv; do cmp report.$f other/report.$f; done
}

@test "the numbers are those of hm-score" {
	hm-report runs.json
	acc=$(hm-score --json - p1.csv | sed 's/.*"accuracy":\([0-9.]*\).*/\1/')
	grep -q "^\"one\",1,1,last,200,$acc," report.csv
	[ "$(wc -l <report.csv)" = 4 ]
	grep -q '^"two",,2,dev,200,' report.csv
	grep -q ',0.4567,12.5,0.5,0.7,100,"--lr 1e-2"$' report.csv
	grep -q ',0.5567,27.5,,,,""$' report.csv
	range=$(hm-score p1.csv | tail -n 1 | sed 's/accuracy [0-9.]* \(\[[^]]*\]\).*/\1/')
	[ "$range" = "$(awk -F, '/^"one"/ { printf "[%.4f, %.4f]", $7, $8 }' report.csv)" ]
	grep -q '| imgprep | 200 | 2.00 | 100 | 50.0 |' report.md
	grep -q '| training | 40 | 12.5 | 3.20 |' report.md # all of a training that was resumed, not its last piece
	# over seeds: means, standard deviation, least, most
	grep -q "^| two (epoch chosen on these examples) | .* | 0.5067 | 20.0 | 2: sd $(awk -F, '/^"two"/ { a[++n] = $6 } END {
		d = a[1] - a[2]; printf "%.3f, %.3f to %.3f,", (d < 0 ? -d : d) / sqrt(2), d < 0 ? a[1] : a[2], d < 0 ? a[2] : a[1] }' report.csv)" report.md
	grep -q "^| two .* | $(awk -F, '/^"two"/ { a += $6 / 2 } END { printf "%.3f", a }' report.csv) \[.* | $(
		awk -F, '/^"two"/ { a += $9 / 2 } END { printf "%.3f", a }' report.csv) \[" report.md
}

@test "verdicts" {
	hm-report runs.json
	grep -qx '\*\*two is better\*\*: supported' report.md
	grep -qx '\*\*one is no worse\*\*: not supported (margin 0.02)' report.md
	grep -qx '\*\*one is better\*\*: not supported' report.md
	grep -q 'two is better <span class="verdict">supported' report.html
	grep -q 'one is better <span class="verdict">not supported' report.html
}

# The text of a page without its markup.
words() { # PAGE
	sed -e 's/<[^>]*>//g' -e 's/&lt;/</g; s/&gt;/>/g; s/&quot;/"/g; s/&#39;/'"'"'/g; s/&#8722;/-/g; s/&amp;/\&/g' "$1"
}

# Every element that is opened is closed, in order.
balanced() {
	awk '{ all = all $0 "\n" } END {
		sub(/^<!DOCTYPE html>/, "", all); gsub(/<style>[^<]*<\/style>/, "", all)
		while (match(all, /<[^>]*>/)) {
			tag = substr(all, RSTART + 1, RLENGTH - 2); all = substr(all, RSTART + RLENGTH)
			name = tag; sub(/^\//, "", name); sub(/[ \/].*/, "", name)
			if (tag ~ /\/$/ || name ~ /^(br|img|meta)$/) continue
			if (tag !~ /^\//) stack[++depth] = name
			else if (stack[depth--] != name) { print "not closed: " stack[depth + 1] " before " name; exit 1 }
		}
		if (depth) { print "not closed: " stack[depth]; exit 1 } }' "$1"
}

@test "the page is well formed, loads nothing, and what files say stays text" {
	hm-report runs.json
	balanced report.html
	refute grep -qE '(src|href)="?https?:|url\(|<script|<link|@import' report.html
	grep -q 'Rows &amp; &lt;columns&gt;' report.html
	grep -q '&quot;&lt;b&gt;&quot;' report.html
}

@test "what the predictions come from: what all rows share stands once, each row's own with it" {
	hm-report runs.json
	[ "$(grep -c '^    hm-jsonl2rec 9 on-error=fail$' report.md)" = 1 ]
	[ "$(grep -o '^    hm-score 9 .*' report.md | sed 's/^ *//' | paste -sd ' ')" = \
		'hm-score 9 keep=false n=0.5 model=m1 hm-score 9 keep=false n=0.5 model=m1 hm-score 9 keep=false n=0.5 model=m2' ]
	grep -qx 'two:' report.md
	[ "$(words report.html | grep -c 'hm-jsonl2rec 9 on-error=fail')" = 1 ]
	[ "$(words report.html | grep -c 'hm-score 9 keep=false n=0.5 model=m')" = 3 ]
	# the first seed has nothing of its own, the second a command
	printf '%s\n' '{"rows":[{"name":"two","runs":[{"seed":1,"predictions":"p4.csv","history":"h1.json"},' \
		'{"seed":2,"predictions":"p3.csv","history":"h1.json","command":"command.txt"}]}]}' >second.json
	mkdir -p second
	hm-report -o second second.json
	[ "$(sed -n '/^two:$/,$p' second/report.md)" = $'two:\n\n    hm-fuse-train --lr 1 "<b>"' ]
	grep -q '^<h3>two</h3>$' <(tail -n 5 second/report.html)
}

@test "what is wrong is said in one line, and nothing is written" {
	bad() { # SED-EXPRESSION PATTERN
		rm -rf bad && mkdir bad && cp p*.csv *.json* command.txt bad
		sed "$1" runs.json >bad/runs.json
		run hm-report bad/runs.json
		expect 1 "$2"
		[ "$(wc -l <<<"$output")" = 1 ]
		[ ! -e bad/report.html ]
		[ ! -e bad/report.csv ]
	}
	bad 's/p4.csv/none.csv/' 'runs.json: row "two": .*none.csv'
	bad 's/"seed":1,/"seed":"1",/' '"seed"'
	bad 's/"name":"two"/"name":"one"/' 'two rows are called "one"'
	bad 's/"b":"one"/"b":"three"/' 'names the row "three", which is not there'
	bad 's/"kind":"better"/"kind":"best"/' 'better, not-worse or same'
	bad 's/"margin":0.02/"margin":2/' '"margin" must lie between 0 and 1'
	bad 's/"margin":0.02/"margin":0/' '"margin" must lie between 0 and 1'
	bad 's/"rows":/"rowz":/' 'no "rows"'
	bad 's/^{/{,/' 'runs.json'
	bad 's/log.jsonl/p1.csv/' 'line 1'
	bad 's/h2.json/p1.csv/' 'p1.csv'
	head -n 150 p4.csv >short.csv
	cp short.csv bad.csv
	bad 's/"p4.csv"/"short.csv"/' 'short.csv: cannot open'
	cp bad.csv p5.csv
	bad 's/"p4.csv"/"p5.csv"/' '[0-9]+ ids of .* are not in .*p5.csv'
	rm p5.csv
}

# A table may come from anybody: what it names lies below its folder, and a sheet is a picture.
@test "files elsewhere are refused, through links too" {
	mkdir -p far/table far/table/sub
	printf secret >far/secret.txt
	cp p*.csv *.json* command.txt far/table
	ln -sf ../secret.txt far/table/link.txt
	ln -sf ../log.jsonl far/table/sub/log.jsonl
	elsewhere() { # KEY PATH PATTERN
		sed "s|\"$1\":\"[^\"]*\"|\"$1\":\"$2\"|" runs.json >far/table/runs.json
		run hm-report far/table/runs.json
		expect 1 "far/table/runs.json: .*$3"
		[ ! -e far/table/report.html ]
	}
	for key in command log history stats predictions; do
		elsewhere $key /etc/passwd '"/etc/passwd": the path is absolute, not below the table.s folder'
		elsewhere $key ../secret.txt '../secret.txt: the path leads upward'
		elsewhere $key sub/../../secret.txt 'the path leads upward'
		elsewhere $key link.txt 'link.txt: cannot open: a symbolic link leads out of the root folder \(--follow-symlinks'
	done
	mkfifo far/table/fifo
	elsewhere command fifo 'fifo: cannot open: not a regular file|fifo: not a regular file'
	sed 's|"log":"log.jsonl"|"log":"sub/log.jsonl"|' runs.json >far/table/runs.json
	hm-report far/table/runs.json # a link within is none of these
	cmp far/table/report.csv report.csv
	sed 's|"command":"command.txt"|"command":"link.txt"|' runs.json >far/table/runs.json
	hm-report --follow-symlinks far/table/runs.json
	grep -q secret far/table/report.html
}

@test "a sheet is a PNG file" {
	sed 's|"title"|"sheet":"command.txt","title"|' runs.json >sheet.json
	run hm-report -o other sheet.json
	expect 1 'sheet.json: command.txt: a "sheet" must be a PNG file$'
	sed 's|"title"|"sheet":"sheet.png","title"|' runs.json >sheet.json
	cp "$ROOT/pipelines/report.png" sheet.png
	hm-report -o other sheet.json
	grep -q 'src="data:image/png;base64,iVBORw0KGgo' other/report.html
	mkdir -p deep
	cp p*.csv *.json* command.txt deep
	ln -sf ../sheet.png deep/link.png
	for path in "$PWD/sheet.png" ../sheet.png link.png deep/../../sheet.png; do
		sed "s|\"title\"|\"sheet\":\"$path\",\"title\"|" runs.json >deep/sheet.json
		run hm-report -o other deep/sheet.json
		expect 1 'deep/sheet.json: .*(the path is absolute|leads upward|a symbolic link leads out)'
	done
}

@test "Markdown: what the table says is text" {
	mkdir -p hostile
	cp p*.csv *.json* hostile
	printf 'one\r<script>\r\nthree\n' >hostile/command.txt
	sed -e 's|"title":"Rows|"title":"<img src=x> [a](javascript:b)\\n\\n<script>|' -e 's|a note|<script>alert(1)</script> `x` a\\\\\|b|' \
		-e 's|two is better|<b>bold</b>|' -e 's|"name":"imgprep"|"name":"<i>\|stage"|' runs.json >hostile/runs.json
	hm-report hostile/runs.json
	refute grep -E '^[^ ].*<(script|img|b|i)[ >]|^<' hostile/report.md
	grep -q '^# &lt;img src=x> \\\[a\\\](javascript:b)  &lt;script>' hostile/report.md
	grep -qF -- '- one: &lt;script>alert(1)&lt;/script> \`x\` a\\\|b' hostile/report.md
	grep -qF '| &lt;i>\|stage |' hostile/report.md
	[ "$(grep -A2 '^    one$' hostile/report.md)" = $'    one\n    <script>\n    three' ]
}

@test "a table without published numbers, encoders, data: nothing is said of them" {
	echo '{"rows":[{"name":"one","runs":[{"seed":1,"predictions":"p1.csv"}]}]}' >bare.json
	hm-report -o other bare.json
	refute grep -qiE 'published|Diamonds|Encoders|Data <b>|claims' other/report.html
	refute grep -qiE 'published|claims' other/report.md
	grep -q '^| one | 0\.' other/report.md
	balanced other/report.html
	grep -q '>published<' report.html
	grep -q '^## Claims$' report.md
}

# What a page must not say about a table that has nothing of it.
silent() { # FOLDER
	refute grep -qiE 'publish|blog|claim|encoder|literature|seeds?[^o]|loss|seconds|stages|commands|training|confidently|notes"|diamond' <(words "$1/report.html" | sed '/^:root/,/^@media print/d')
	refute grep -qiE 'publish|blog|claim|encoder|literature|seeds|loss|seconds|stages|commands' "$1/report.md"
	[ "$(head -n 1 "$1/report.csv")" = name,n,accuracy,accuracy_lo,accuracy_hi,auroc,auroc_lo,auroc_hi ]
	balanced "$1/report.html"
}

@test "two rows of a name and predictions are a table; so are two files of predictions, without one" {
	mkdir -p two files
	echo '{"rows":[{"name":"a","predictions":"p1.csv"},{"name":"b","predictions":"p4.csv"}]}' >two.json
	hm-report -o two two.json
	silent two
	[ "$(wc -l <two/report.csv)" = 3 ]
	grep -q '^# 2 rows on 200 examples$' two/report.md
	grep -q '<title>2 rows on 200 examples</title>' two/report.html
	hm-report -o files a=p1.csv b=p4.csv
	for f in html md csv; do cmp two/report.$f files/report.$f; done
	hm-report -o files a=<(cat p1.csv) b=<(cat p4.csv) # as a shell hands pipes on
	cmp {two,files}/report.html
	(cd files && hm-report ../p1.csv ../p4.csv) # named by their files, into the current folder
	grep -q '^"p1",200,' files/report.csv
	grep -q '^"p4",200,' files/report.csv
	cp p1.csv a=b.csv
	(cd files && hm-report ../a=b.csv c==../a=b.csv x.csv=../p1.csv) 2>error || true
	grep -q '^hm-report: error: =../a=b.csv: cannot open' error # NAME ends at the first =
	hm-report -o files a=b.csv x.csv=p1.csv # a file that is there is meant, whatever its name
	[ "$(cut -d, -f1 files/report.csv | paste -sd ' ')" = 'name "a=b" "x.csv"' ]
	run hm-report p1.csv other/../p1.csv
	expect 2 'two rows are called "p1": NAME=FILE gives one of them another name'
	run hm-report a=p1.csv b=none.csv
	expect 1 '^hm-report: error: none.csv: cannot open'
	run hm-report $'\xff=p1.csv' p4.csv
	expect 1 'the name of the row is not UTF-8'
	run hm-report $(for i in $(seq 65); do echo "n$i=p1.csv"; done)
	expect 1 'a report takes at most 64 rows, these are 65'
}

@test "one row has no differences and no best; a row without runs and predictions is refused" {
	hm-report -o other p4.csv
	refute grep -qE 'Best of|Which rows differ|class="no"' other/report.html
	grep -q '<dt>The row</dt><dd>p4' other/report.html
	grep -q '<dt>Within guessing</dt><dd>no ' other/report.html
	grep -qE '^\*\*p4\*\*, AUROC 0\.[0-9]+ \[.*\], accuracy .* on 200 examples. It lies outside of guessing: ' other/report.md
	echo '{"rows":[{"name":"a"}]}' >none.json
	run hm-report none.json
	expect 1 'none.json: row "a" has neither "predictions" nor "runs"'
	echo '{"rows":[{"name":"a","runs":[]}]}' >none.json
	run hm-report none.json
	expect 1 'none.json: row "a" has neither "predictions" nor "runs"'
	echo '{"rows":[{"name":"a","runs":[{"seed":1}]}]}' >none.json
	run hm-report none.json
	expect 1 'none.json: row "a": a run has no "predictions"'
	echo '{"rows":[{"name":"a","runs":[{"predictions":"p1.csv"}]}]}' >none.json # a seed is not needed
	hm-report -o other none.json
	refute grep -q seed other/report.csv
}

@test "the headline: the best row by AUROC, its intervals, how many rows lie within guessing, of how many examples" {
	awk -F, -v OFS=, 'NR > 1 { $2 = sprintf("%.4f", ($1 * 7919 % 200) / 200) } { print }' p1.csv >guess.csv
	hm-report -o other low=p1.csv high=p4.csv guess.csv
	read -r acc alo ahi roc rlo rhi < <(awk -F, '/^"high"/ { printf "%.3f %.3f %.3f %.3f %.3f %.3f\n", $3, $4, $5, $6, $7, $8 }' other/report.csv)
	[[ $roc > 0.7 ]]
	within=$(awk -F, 'NR > 1 { d = $6 - .5; h = 1.959963984540054 * sqrt(201 / 12 / 1e4); n += d <= h && -d <= h } END { print n }' other/report.csv)
	[ "$within" = 1 ] # only one
	grep -qF "Best of 3 rows: **high**, AUROC $roc [$rlo, $rhi], accuracy $acc [$alo, $ahi], on 200 examples. It is shown to differ from every other. 1 of 3 rows lie within guessing: an AUROC of 0.420 to 0.580" other/report.md
	grep -q '<dt>Best of 3 rows</dt><dd>high <small>shown to differ from every other</small>' other/report.html
	hm-report -o other high=p4.csv same=p4.csv low=p1.csv
	grep -qF 'It is not shown to differ from 1 of 2 others.' other/report.md
	hm-report -o other high=p4.csv same=p4.csv
	grep -q '<dt>Best of 2 rows</dt><dd>high <small>not shown to differ from the other</small>' other/report.html
	hm-report -o other low=p1.csv high=p4.csv guess.csv
	grep -qF "<dt>AUROC, 95 %</dt><dd>$roc <small>[$rlo, $rhi]</small>" other/report.html
	grep -qF "<dt>Accuracy, 95 %</dt><dd>$acc <small>[$alo, $ahi]</small>" other/report.html
	grep -qF '<dt>Within guessing</dt><dd>1 of 3 <small>AUROC 0.420 to 0.580</small>' other/report.html
	grep -qF '<dt>Examples</dt><dd>200 <small>50.0 % of the commonest class</small>' other/report.html
	[ "$(grep -n '<dl' other/report.html | cut -d: -f1)" -lt "$(grep -n '<table' other/report.html | head -n 1 | cut -d: -f1)" ]
	hm-report -o other runs.json # an epoch that was chosen on the same examples is said to be
	grep -q '<dd>two <small>.*; its epoch was chosen on the same examples' other/report.html
}

@test "an answer that is constant has no interval of no width" {
	awk -F, -v OFS=, 'NR > 1 { $2 = .25 } { print }' p1.csv >constant.csv
	awk -F, -v OFS=, 'NR > 1 { $2 = $3 ? .9 - $1 / 1000 : .1 + $1 / 1000 } { print }' p1.csv >perfect.csv
	hm-report -o other constant.csv perfect.csv
	grep -q '| constant | 0.500 .* | 0.500 constant answer |' other/report.md
	grep -q '| perfect | 1.000 .* | 1.000 every pair in order |' other/report.md
	refute grep -qF '[0.500, 0.500]' other/report.html
	refute grep -qF '[1.000, 1.000]' other/report.html
	[ "$(words other/report.html | grep -c 'constant answer')" = 2 ] # in the table, in the plot
}

@test "made data and random encoders: claims are named and not judged, with the reason in one sentence" {
	unjudged() { # SED-EXPRESSION SENTENCE
		sed "$1" runs.json >made.json
		hm-report -o other made.json
		for page in html md; do
			refute grep -qE 'supported|undecidable|class="verdict|\(margin' other/report.$page
			[ "$(grep -c "$2" other/report.$page)" = 1 ]
			grep -q 'one is no worse' other/report.$page
		done
		balanced other/report.html
	}
	unjudged 's/"name":"made",/&"made":true,/' '^\(<p>\)\?The data of these rows is made, so that'
	unjudged 's/"text":"t"}/"text":"init:bert-tiny"}/' '^\(<p>\)\?The encoders of these rows have random weights, so that'
	unjudged 's/"text":"t"}/"text":"init:bert-tiny"}/; s/"name":"made",/&"made":true,/' 'is made and their encoders have random weights, so that'
	grep -q '<b>made</b>, which is made: 800' other/report.html
	hm-report -o other runs.json
	grep -q 'supported' other/report.html
	sed 's/"claims":/"claims_about":"# Somebody <claims>:",&/' runs.json >made.json
	hm-report -o other made.json
	grep -q '<p># Somebody &lt;claims&gt;:</p>' other/report.html
	grep -q '^\\# Somebody &lt;claims>:$' other/report.md
}

@test "commands are copied as they are, and break only between options" {
	mkdir -p commands && cp p*.csv *.json* commands
	printf '%s\n' "hm-fuse-train --optimizer adam --lr 1e-2 --flag --log 'a file' -o x.safetensors a.hmr b.hmr | hm-view -" 'second --tag="a b" <x >y' >commands/command.txt
	sed 's|--lr 1e-2|--lr 1e-2 --name a-long-value --quoted \\"x y\\"|' runs.json >commands/runs.json
	hm-report commands/runs.json
	words commands/report.html | grep -qxFf <(head -n 1 commands/command.txt)
	words commands/report.html | grep -qxFf <(tail -n 1 commands/command.txt)
	for group in '--optimizer adam' '--lr 1e-2' '--flag' '--log &#39;a file&#39;' '-o x.safetensors' 'a.hmr' '|' '--tag=&quot;a b&quot;' '--name a-long-value' \
		'--quoted &quot;x y&quot;'; do grep -qF -- "<span>$group</span>" commands/report.html || fail "$group"; done
	grep -q 'code span,pre span,.pair{white-space:nowrap}' commands/report.html
	# options that the command below has again are left out on a small screen; others are not
	grep -qF '<code class="again"><span>--lr 1e-2</span>' commands/report.html
	sed 's|"command":"command.txt"|"x":1|' commands/runs.json >commands/none.json
	hm-report -o other commands/none.json
	grep -qF '<code><span>--lr 1e-2</span>' other/report.html
	options=$(printf -- '--option-%d value-%d ' $(seq 80)) # longer than any buffer
	sed "s|--lr 1e-2|$options|" runs.json >commands/runs.json
	hm-report commands/runs.json
	words commands/report.html | grep -qF -- "$options"
}

@test "rates and times have digits enough; what was not measured is a dash" {
	echo '{"records":3,"wall_s":0.00412,"peak_memory_bytes":2.5e5}' >quick.json
	echo '{"records":7,"train_s":123456}' >slow.json
	echo '{"records":5,"wall_s":0}' >zero.json
	sed 's|"stages":\[|&{"name":"quick","stats":"quick.json"},{"name":"slow","stats":"slow.json"},{"name":"zero","stats":"zero.json"},{"name":"bare"},|' runs.json >rates.json
	hm-report -o other rates.json
	grep -qx '| quick | 3 | 0.00412 | 728 | 0.250 |' other/report.md
	grep -qx '| slow | 7 | 123456 | 5.7e-05 | – |' other/report.md
	grep -qx '| zero | 5 | 0 | – | – |' other/report.md
	grep -qx '| bare | – | – | – | – |' other/report.md
	grep -q '>quick</th><td>3</td><td>0.00412</td><td>728</td><td>0.250</td>' other/report.html
}

@test "differences: two matrices that agree with the tests of hm-score, and the list of all pairs folded away" {
	hm-report -o other p1.csv p2.csv p3.csv p4.csv
	hm-score --compare --json compare.json p1.csv p2.csv p3.csv p4.csv >/dev/null
	[ "$(grep -c '<tbody class="matrix">' other/report.html)" = 2 ]
	[ "$(grep -c '<td class="same">' other/report.html)" = 8 ]
	sed -n '/<caption><span>AUROC of the row/,/<\/table>/p' other/report.html | grep '^<tr>' | sed -n 's/<td class="same"><\/td>/<td>0<\/td>/; s/<[^>]*>/ /gp' >matrix.txt
	[ "$(wc -l <matrix.txt)" = 4 ]
	awk -F, 'NR > 1 { a[NR - 1] = $6 } END { for (i = 1; i <= 4; i++) { for (k = 1; k <= 4; k++) printf "%s ", i == k ? "0" : sprintf("%+.3f", a[i] - a[k]); print "" } }' other/report.csv |
		diff - <(awk '{ for (i = 3; i <= 6; i++) printf "%s ", $i; print "" }' matrix.txt)
	[ "$(sed -n '/<details>/,/<\/details>/p' other/report.html | grep -c 'scope="row"')" = 6 ]
	grep -q '<summary>All 6 pairs' other/report.html
	# as many bold as pairs that are significant, on both sides of the diagonal
	bold=$(grep -o '"delong_p_holm":[0-9.e-]*' compare.json | awk -F: '$2 < .05 { n++ } END { print 2 * n + 0 }')
	[ "$bold" -gt 0 ]
	[ "$(sed -n '/<caption><span>AUROC of the row/,/<\/table>/p' other/report.html | grep -oE '<td class="(up|down)"><b>' | wc -l)" = "$bold" ]
}

@test "ROC curves in one chart, each told by its number and by AUROC; many rows: the best ones" {
	hm-report -o other p1.csv p2.csv p3.csv p4.csv
	[ "$(grep -c '<title>ROC curve' other/report.html)" = 1 ]
	sed -n '/<title>ROC curves of the rows/,/<\/ol>/p' other/report.html >roc.txt
	[ "$(grep -oE 'class="c[0-4] d[0-3]"' roc.txt | sort | uniq -c | awk '{ print $1 }' | paste -sd ' ')" = '2 2 2 2' ] # curve and legend
	[ "$(grep -c '^<text class="no"' roc.txt)" = 4 ]
	[ "$(sed -n 's/.*<li>.*>\([1-4]\)<.span> \(p[1-4]\) .*/\1\2/p' roc.txt | sort | paste -sd ' ')" = '1p1 2p2 3p3 4p4' ]
	sed -n 's/.*<li>.*<b>\(.*\)<.b>.*/\1/p' roc.txt | sort -rc
	hm-report -o other $(for i in $(seq 30); do echo "n$i=p$((i % 4 + 1)).csv"; done)
	[ "$(grep -c '<li><svg' other/report.html)" = 16 ]
	grep -q 'The 16 rows with the greatest AUROC, of 30. By AUROC' other/report.html
	[ "$(wc -c <other/report.html)" -lt 400000 ]
}

@test "a loss that is cut is marked, with how far it goes; charts are titled by row and AUROC" {
	hm-report runs.json
	refute grep -q 'class="cut"' report.html
	cp log.jsonl log.kept
	sed -i 's/"step":20,"loss":0.69/"step":20,"loss":7.25/' log.jsonl
	hm-report runs.json
	mv log.kept log.jsonl
	grep -q '<path class="cut"' report.html
	grep -q '>&#9650; cut: goes up to 7.25</text>' report.html
	roc=$(awk -F, '/^"one"/ { printf "%.3f", $9 }' report.csv)
	grep -q "<title>Loss by step of one, AUROC $roc</title>" report.html
	[ "$(grep -o '<title>[^<]*</title>' report.html | sort | uniq -d)" = '' ]
}

@test "the log of a training that is not over" {
	hm-report -o other runs.json
	cp log.jsonl log.kept
	for keep in '1,5p' '1p;3p' '3p' '2,3p'; do
		sed -n "$keep" log.kept >log.jsonl
		hm-report runs.json || fail "$keep"
		refute grep -q '"[^"]*nan' report.html
		balanced report.html
		# all but the line that says the number of steps: the last step says as much
		[ "$keep" != 1,5p ] || cmp <(grep 'class="val' report.html) <(grep 'class="val' other/report.html)
	done
	sed 's/"epoch":1,"loss":0.7,/"epoch":1e308,"loss":0.7,/' log.kept >log.jsonl
	echo '{"records":-5,"wall_s":-2,"peak_memory_bytes":-1e308}' >minus.json
	sed 's|"stages":\[|&{"name":"minus","stats":"minus.json"},|' runs.json >minus_runs.json
	hm-report -o other minus_runs.json
	refute grep -q '"[^"]*nan' other/report.html
	grep -qx '| minus | -5 | – | 2.50 | – |' other/report.md
	mv log.kept log.jsonl
}

@test "more than two classes: accuracy, and nothing of AUROC" {
	awk 'BEGIN { srand(5); for (k = 1; k <= 3; k++) { f = "k" k ".csv"; print "id,proba_0,proba_1,proba_2,label" >f
		for (i = 0; i < 120; i++) { y = i % 3; a = rand(); b = rand(); c = rand(); if (y == 0) a += k * .2; if (y == 1) b += k * .2; if (y == 2) c += k * .2
			s = a + b + c; printf "%d,%.6f,%.6f,%.6f,%d\n", i, a / s, b / s, c / s, y >f } } }'
	hm-report -o other k1.csv k2.csv k3.csv
	balanced other/report.html
	for f in html md csv; do refute grep -qiE 'auroc|roc curve|delong|nan' other/report.$f; done
	[ "$(head -n 1 other/report.csv)" = name,n,accuracy,accuracy_lo,accuracy_hi ]
	[ "$(grep '^| k3' other/report.md)" = "| k3 | $(hm-score --json - k3.csv | sed 's/.*"accuracy":\([0-9.]*\),"accuracy_ci95":\[\([0-9.]*\),\([0-9.]*\)\].*/\1 \2 \3/' | awk '{ printf "%.3f [%.3f, %.3f]", $1, $2, $3 }') |" ]
	grep -q '<dt>Best of 3 rows</dt>' other/report.html
	grep -qF 'accuracy 0.250 to 0.417' other/report.html # scipy: binom.interval(.95, 120, 1/3) / 120
	[ "$(grep -c '<tbody class="matrix">' other/report.html)" = 1 ]
	run hm-report k1.csv p1.csv
	expect 1 'classes'
}

@test "accessible: language, captions, scopes, titles; headings follow in order" {
	for page in "$BATS_FILE_TMPDIR"/other/report.html report.html; do
		hm-report runs.json
		grep -q '<html lang="en">' "$page"
		[ "$(grep -o '<table' "$page" | wc -l)" = "$(grep -o '<caption' "$page" | wc -l)" ]
		refute grep -qE '<th( class="[^"]*")?>' "$page"
		[ "$(grep -o '<svg' "$page" | wc -l)" = "$(grep -oE '<title>|aria-hidden' "$page" | tail -n +2 | wc -l)" ]
		[ "$(grep -oE '<h[1-6]' "$page" | awk '{ n = substr($0, 3) + 0; if (n > last + 1 || (n == 1 && NR > 1)) bad = 1; last = n } END { print bad + 0 }')" = 0 ]
		grep -q 'focus-visible{outline:' "$page"
		[ "$(grep -c '<div class="scroll" tabindex="0">' "$page")" = "$(grep -c '<table' "$page")" ]
	done
}

@test "text from elsewhere is shown, and turns nothing around" {
	mkdir -p rtl && cp p1.csv p4.csv rtl
	printf '%s\n' '{"title":"a\u202eb \u0085c &","about":["1. x","  > y"],"rows":[{"name":"*o\u2066ne*","runs":[{"predictions":"p1.csv","command":"command.txt"}]},' \
		'{"name":"- two","predictions":"p4.csv","command":"command.txt"}]}' >rtl/runs.json
	printf 'a\xffb\x1b[31m\tc\n' >rtl/command.txt
	hm-report rtl/runs.json
	for f in html md; do
		refute grep -qP '\x{202e}|\x{2066}|\x{85}|\x1b' rtl/report.$f
		iconv -f utf-8 -t utf-8 rtl/report.$f >/dev/null
	done
	grep -q '<h1>a?b ?c &amp;' rtl/report.html
	grep -q '^1\\. x$' rtl/report.md
	grep -q '^\\> y$' rtl/report.md
	grep -q '^\\- two:$' rtl/report.md
	grep -qF '| \*o?ne\* |' rtl/report.md
	grep -qF 'a?b?[31m' rtl/report.html
}

# Hanley and McNeil's half width of an AUROC, per mille, computed here from the formula in another form.
half() { # AUROC EXAMPLES POSITIVES
	awk -v a="$1" -v n="$2" -v p="$3" 'BEGIN { m = n - p
		v = a * (1 - a) * (1 + (p - 1) * (1 - a) / (2 - a) + (m - 1) * a / (1 + a)) / (p * m); printf "%.17g", 1.959963984540054 * sqrt(v) }'
}

@test "a published AUROC stands beside ours, with its interval where the examples are known, and is plotted" {
	[ "$(half .816 500 247)" != "$(half .816 1000 490)" ]
	sed -e 's/"published":{[^}]*}/"published":{"auroc":0.816,"examples":500,"positives":247}/' -e 's/"baseline":{[^}]*},//' \
		-e 's/"name":"two",/&"published":{"auroc":0.7},/' runs.json >auroc.json
	mkdir -p auroc
	hm-report -o auroc auroc.json
	range=$(awk -v h="$(half .816 500 247)" 'BEGIN { printf "[%.3f, %.3f]", .816 - h, .816 + h }')
	[ "$range" = '[0.778, 0.854]' ] # +-3.7 points
	grep -qF '| row | published AUROC | accuracy [95 %] | AUROC [95 %] | loss | seconds | seeds |' auroc/report.md
	grep -qF "| one | 0.816 $range | 0." auroc/report.md
	grep -qF '| two (epoch chosen on these examples) | 0.700 | 0.' auroc/report.md
	grep -qF "<td class=\"pub\"><b>0.816</b> <small>$range</small></td>" auroc/report.html
	grep -qF '<td class="pub"><b>0.700</b></td>' auroc/report.html
	[ "$(grep -c '<title>[A-Za-z]* of each row with its interval' auroc/report.html)" = 2 ]
	sed -n '/<title>AUROC of/,/<\/svg>/p' auroc/report.html >plot.svg
	[ "$(grep -o 'class="mark"' plot.svg | wc -l)" = 3 ] # two diamonds, one interval
	[ "$(grep -o 'class="dot"' plot.svg | wc -l)" = 2 ]
	balanced auroc/report.html
	head -n 1 auroc/report.csv | grep -q ',options,published_auroc,published_auroc_lo,published_auroc_hi$'
	awk -F, -v h="$(half .816 500 247)" 'NR == 2 { exit !($(NF - 2) == .816 && $(NF - 1) - .816 + h < 1e-9 && $NF - .816 - h < 1e-9 && $NF > .85) }' auroc/report.csv
	grep -q ',0.7,,$' auroc/report.csv
	hm-report -o other runs.json # no AUROC was published there
	[ "$(sed -n '/<title>AUROC of/,/<\/svg>/p' other/report.html | grep -c 'class="mark"')" = 0 ]
	refute grep -q 'published AUROC' other/report.md
}

@test "the literature: results with intervals, and which differences of pairs are larger than noise" {
	literature() { # JSON: the table with it
		sed "s|^{|{\"literature\":$1,|" runs.json >literature.json
	}
	results='"results":[{"name":"A","set":"dev","auroc":0.767,"examples":500,"positives":247,"where":"a <page>"},
	 {"name":"A","set":"test","auroc":0.799,"examples":1000,"positives":490},{"name":"B","set":"test","auroc":0.855,"examples":1000,"positives":490},
	 {"name":"C","set":"test","auroc":0.87,"examples":1000,"positives":490},{"name":"B","set":"dev","auroc":0.812,"examples":500,"positives":247}]'
	results=$(tr -d '\n\t' <<<"$results")
	literature "{$results,\"pairs\":[{\"a\":\"B\",\"b\":\"A\",\"note\":\"fusion\"},{\"a\":\"C\",\"b\":\"B\"}]}"
	mkdir -p literature
	hm-report -o literature literature.json
	grep -qF '| A | dev | 0.767 [0.725, 0.809] | a &lt;page> |' literature/report.md
	grep -qF '1 of 3, by p (Holm) < .05' literature/report.md
	want=$(awk -v a="$(half .855 1000 490)" -v b="$(half .799 1000 490)" 'BEGIN { h = sqrt(a * a + b * b); printf "+0.056 | [%+.3f, %+.3f]", .056 - h, .056 + h }')
	grep -qF "| B - A | test | $want | 0.0026 | 0.0078 | fusion |" literature/report.md
	grep -qE '^\| B - A \| dev \| \+0.045 \| \[-0.011, \+0.101\] \| 0.117 \| 0.233 \| fusion \|$' literature/report.md
	grep -qE '^\| C - B \| test \| \+0.015 \|' literature/report.md
	grep -q 'conservative' literature/report.md
	grep -qF '<th scope="row" class="left pair sure">B &#8722; A</th><td class="left">test</td><td>+0.056</td>' literature/report.html
	grep -qF '<th scope="row" class="left pair">C &#8722; B</th>' literature/report.html
	grep -q 'a &lt;page&gt;' literature/report.html
	balanced literature/report.html
	literature "{$results}" # no pairs: the results alone
	hm-report -o literature literature.json
	refute grep -q 'larger than noise' literature/report.md
	bad() { # JSON PATTERN
		literature "$1"
		run hm-report -o literature literature.json
		expect 1 "^hm-report: error: literature.json: \"literature\": $2"
		[ "$(wc -l <<<"$output")" = 1 ]
	}
	bad '[]' 'there are no "results"'
	bad '{"results":[{"name":"A","auroc":0.5,"examples":9}]}' 'result "A": "examples" and "positives" of a published result must be whole'
	bad '{"results":[{"name":"A","auroc":0.5}]}' 'result "A": "auroc", "examples" and "positives" are required'
	bad '{"results":[{"name":"A","auroc":1.5,"examples":9,"positives":3}]}' 'result "A": a published "auroc" must lie between 0 and 1'
	bad '{"results":[{"auroc":0.5,"examples":9,"positives":3}]}' 'result 1 has no "name"'
	bad "{${results/\"B\"/\"A\"}}" 'two results are called "A" on the set "test"'
	bad "{$results,\"pairs\":[{\"a\":\"D\",\"b\":\"A\"}]}" 'no set has a result of both "D" and "A"'
	bad "{$results,\"pairs\":[{\"a\":\"A\",\"b\":\"A\"}]}" 'a pair has "A" twice'
	sed 's/"published":{[^}]*}/"published":{"auroc":0.8,"examples":10,"positives":10}/' runs.json >auroc.json
	run hm-report -o literature auroc.json
	expect 1 'auroc.json: row "one": "examples" and "positives" of a published result'
	sed 's/"published":{[^}]*}/"published":{"accuracy":55.8}/' runs.json >percent.json
	run hm-report -o literature percent.json
	expect 1 'percent.json: row "one": a published "accuracy" must lie between 0 and 1'
}

@test "something else than a table of runs is named" {
	run hm-report "$ROOT/tests/data/models/late.safetensors"
	expect 1 'late.safetensors: a safetensors file, where a table of runs or a CSV of predictions is wanted'
	: >empty
	run hm-report empty
	expect 1 '^hm-report: error: empty: '
	printf 'name,proba\na,0.5\n' >other.csv
	run hm-report other.csv
	expect 1 '^hm-report: error: other.csv: line 1: the header has no column "id"'
	hm-synth -q --train 2 --dev 0 --test 0 made
	hm-jsonl2rec -q -o some.hmr made/train.jsonl
	run hm-report some.hmr
	expect 1 'some.hmr: not a CSV; of records, hm-score --csv FILE makes one'
	hm-score --json scores.json p1.csv
	run hm-report scores.json
	expect 1 'scores.json: no "rows": this is not a table of runs'
}

@test "predictions whose labels are their answers" {
	awk -F, -v OFS=, 'NR > 1 { $3 = $2 > .5 } { print }' p1.csv >echo.csv
	echo '{"rows":[{"name":"one","runs":[{"seed":1,"predictions":"echo.csv"}]}]}' >echo.json
	run hm-report -o other echo.json
	expect 0 'warning: .*echo.csv: every label is the system.s answer, as in a submission, .* and no other file knows the labels'
	grep -q '^Every label is the answer of its own file' other/report.md
	grep -q 'Every label is the answer of its own file' other/report.html
	awk -F, -v OFS=, 'NR > 1 { $3 = "" } { print }' p3.csv >blank.csv # a system that knows no label
	run hm-report -o other blank.csv echo.csv
	expect 0 'warning: echo.csv: every label'
	run hm-report -o other p1.csv echo.csv
	expect 1
	run hm-report -o other p1.csv blank.csv # the labels of p1 are no answers
	expect 0
	refute grep -q 'every label' <<<"$output"
}

# CSV EVERY: without an answer on every so many-th of its records.
fail_on() { awk -F, -v OFS=, -v every="$2" 'NR > 1 && $1 % every == 0 { $2 = "" } { print }' "$1"; }

@test "records that a row failed on: refused as by hm-score, allowed and said on every page" {
	cd "$BATS_TEST_TMPDIR"
	cp "$BATS_FILE_TMPDIR"/p[134].csv .
	fail_on p1.csv 4 >fail.csv # 50 of the 200
	fail_on p3.csv 6 >six.csv  # 34, of which 17 are among them
	no_report() { # PATTERN CALL...
		run hm-score --compare "${@:2}"
		expect 1 '^hm-score: error: no scores: '
		run hm-report -o no "${@:2}"
		expect 1 "$1"
		[ "${#lines[@]}" = 1 ]
		[ ! -e no ]
	}
	no_report '^hm-report: error: no report: 50 of 200 records are missing: some row failed on 50 \("bad" on 50\); --allow-missing reports on the others$' \
		bad=fail.csv p4.csv
	no_report 'no report: 67 of 200 records are missing: some row failed on 67 \("fail" on 50, "six" on 34\); --allow-missing' p4.csv fail.csv six.csv
	no_report 'some row failed on 67 \("a" on 50, "b" on 34, "c" on 50, \.\.\.\);' a=fail.csv b=six.csv c=fail.csv d=six.csv
	sed 's/^8,,0$/8,,/' fail.csv >label.csv # a failed record is failed, whether its label is known or not
	no_report 'no report: 50 of 200 records are missing: some row failed on 50 \("label" on 50\);' label.csv l=p4.csv
	fail_on p1.csv 199 | sed '2s/,[^,]*,/,0.5,/' >one.csv
	no_report 'no report: 1 of 200 records is missing: some row failed on 1 \("one" on 1\);' one.csv p4.csv
	hm-report --allow-missing -o one one.csv p4.csv
	grep -qx '1 of 200 examples is left out: some row failed on 1 ("one" on 1)\.' one/report.md

	hm-report --allow-missing -o with p4.csv fail.csv six.csv
	grep -qx '# 3 rows on 133 of 200 examples' with/report.md
	grep -qE '^Best of 3 rows: .*, on 133 of 200 examples\. ' with/report.md
	grep -qx '67 of 200 examples are left out: some row failed on 67 ("fail" on 50, "six" on 34)\.' with/report.md
	grep -qF '<title>3 rows on 133 of 200 examples</title>' with/report.html
	grep -qF '<dt>Examples</dt><dd>133 of 200 <small>' with/report.html
	words with/report.html | grep -qF '133 examples have a label and an answer from every row. 67 of 200 examples are left out: some row failed on 67 ("fail" on 50, "six" on 34). '
	balanced with/report.html
	[ "$(head -n 1 with/report.csv)" = name,n,accuracy,accuracy_lo,accuracy_hi,auroc,auroc_lo,auroc_hi,left_out,failed ]
	[ "$(cut -d, -f1,2,9- with/report.csv | tail -n 3 | paste -sd ' ')" = '"p4",133,67,0 "fail",133,67,50 "six",133,67,34' ]
	# the scores are those of the others, as hm-score has them
	hm-score -q --allow-missing --compare --json others.json p4.csv fail.csv six.csv >others.txt
	[ "$(cut -d, -f3 with/report.csv | tail -n 3 | awk '{ printf "%.4f\n", $1 }')" = "$(awk '/^[ABC]   / { print $3 }' others.txt)" ]
	# nothing is missing: nothing is said of it, and the option changes nothing
	hm-report -o all p1.csv p4.csv
	hm-report --allow-missing -o same p1.csv p4.csv
	for f in html md csv; do
		cmp all/report.$f same/report.$f
		refute grep -qE 'left.out|failed|of 200' all/report.$f
	done
}

@test "a table of runs: which run of which row failed" {
	cd "$BATS_TEST_TMPDIR"
	cp "$BATS_FILE_TMPDIR"/p[134].csv .
	fail_on p3.csv 4 >fail.csv
	echo '{"title":"T","rows":[{"name":"one","predictions":"p1.csv"},{"name":"two","runs":[{"seed":7,"predictions":"p4.csv"},{"seed":8,"predictions":"fail.csv"}]}]}' >runs.json
	run hm-report runs.json
	expect 1 '^hm-report: error: runs.json: no report: 50 of 200 records are missing: some row failed on 50 \(run 2 of "two" on 50\); --allow-missing reports on the others$'
	[ "${#lines[@]}" = 1 ]
	for f in html md csv; do [ ! -e report.$f ]; done
	hm-report --allow-missing runs.json
	grep -qx '# T' report.md
	grep -qx '50 of 200 examples are left out: some row failed on 50 (run 2 of "two" on 50)\.' report.md
	words report.html | grep -qF '50 of 200 examples are left out: some row failed on 50 (run 2 of "two" on 50). '
	[ "$(awk -F, '{ print $1 "," $2 "," $(NF - 1) "," $NF }' report.csv | paste -sd ' ')" = 'name,seed,left_out,failed "one",,50,0 "two",7,50,0 "two",8,50,50' ]
}

@test "records without a label in every file: no error, as with hm-score; they are counted on every page" {
	cd "$BATS_TEST_TMPDIR"
	cp "$BATS_FILE_TMPDIR"/p[14].csv .
	for k in 1 4; do sed -E 's/^(1[0-9],.*),[01]$/\1,/' p$k.csv >u$k.csv; done
	hm-score --compare u1.csv u4.csv >compare.txt
	grep -q '^190 records, matched by id: 190 expected, 0 failed, 10 without label$' compare.txt
	hm-report -o out u1.csv u4.csv
	grep -qx '# 2 rows on 190 of 200 examples' out/report.md
	grep -qx '10 of 200 examples are left out: 10 have no label\.' out/report.md
	words out/report.html | grep -qF '10 of 200 examples are left out: 10 have no label. '
	[ "$(cut -d, -f2,9- out/report.csv | paste -sd ' ')" = 'n,left_out,unlabelled 190,10,10 190,10,10' ]
	hm-report -o out u1.csv p4.csv # one of the files knows them
	grep -qx '# 2 rows on 200 examples' out/report.md
	fail_on u4.csv 4 >both.csv # failed first: 50, and 8 of the ten are left
	run hm-report -o no u1.csv both.csv
	expect 1 'no report: 50 of 200 records are missing: some row failed on 50 \("both" on 50\), 8 more have no label; --allow-missing'
	hm-report --allow-missing -o out u1.csv both.csv
	grep -qx '58 of 200 examples are left out: some row failed on 50 ("both" on 50), 8 more have no label\.' out/report.md
	[ "$(cut -d, -f2,9- out/report.csv | paste -sd ' ')" = 'n,left_out,unlabelled,failed 142,58,8,0 142,58,8,50' ]
	# nothing is left: the option is of no use and not named
	sed 's/,[01]$/,/' p1.csv >none.csv
	fail_on p1.csv 1 >nothing.csv
	for option in '' --allow-missing; do
		run hm-report $option -o no none.csv
		expect 1 '^hm-report: error: no example has a label and an answer from every run: 200 have no label$'
		run hm-report $option -o no p4.csv nothing.csv
		expect 1 '^hm-report: error: no example has a label and an answer from every run: some row failed on 200 \("nothing" on 200\)$'
	done
	[ ! -e no ]
}

@test "wrong calls" {
	run hm-report
	expect 2 'usage|RUNS.json'
	run hm-report runs.json p1.csv
	expect 2 '^hm-report: error: runs.json: a JSON text, where a CSV of predictions, one among several, is wanted'
	run hm-report runs.json runs.json
	expect 2 'two rows are called "runs.json"'
	printf '\211PNG\r\n\032\n' >picture
	run hm-report p1.csv picture
	expect 1 'picture: a PNG.*, where a CSV of predictions, one among several, is wanted'
	run hm-report -o nowhere/there runs.json
	expect 1 'nowhere'
	run hm-report --nonsense runs.json
	expect 2
}

@test "the folder of -o is made, one that cannot be is named" {
	cd "$BATS_TEST_TMPDIR"
	printf 'id,proba,label\n1,.2,0\n2,.9,1\n3,.4,1\n4,.1,0\n' >a.csv
	hm-report -q a=a.csv -o new
	[ -s new/report.html ] && [ -s new/report.md ] && [ -s new/report.csv ]
	run hm-report -q a=a.csv -o none/new
	expect 1 '^hm-report: error: none/new: cannot open its folder: No such file or directory$'
	run hm-report -q a=a.csv -o a.csv
	expect 1 '^hm-report: error: a.csv: not a folder$'
}
