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
	grep -q '^"two",0,2,dev,200,' report.csv
	grep -q ',0.4567,12.5,0.5,0.7,100,"--lr 1e-2",,,$' report.csv
	range=$(hm-score p1.csv | tail -n 1 | sed 's/accuracy [0-9.]* \(\[[^]]*\]\).*/\1/')
	[ "$range" = "$(awk -F, '/^"one"/ { printf "[%.4f, %.4f]", $7, $8 }' report.csv)" ]
	grep -q '| imgprep | 200 | 2.00 | 100 | 50 |' report.md
	grep -q '| training | 40 | 12.50 | 3 |' report.md # all of a training that was resumed, not its last piece
	# over seeds: means, standard deviation, least, most
	grep -q "^| two (best of dev) | .* | 0.5067 | 20.0 | 2: sd $(awk -F, '/^"two"/ { a[++n] = $6 } END {
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
	[ "$(grep -c 'hm-jsonl2rec 9 on-error=fail' report.html)" = 1 ]
	[ "$(grep -c 'hm-score 9 keep=false n=0.5 model=m' report.html)" = 3 ]
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
	cp "$ROOT/pipelines/sheet.png" .
	hm-report -o other sheet.json
	grep -q 'src="data:image/png;base64,iVBORw0KGgo' other/report.html
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
	grep -qF '| row | published AUROC | accuracy [95 %] | AUROC [95 %] | loss | s | seeds |' auroc/report.md
	grep -qF "| one | 0.816 $range | 0." auroc/report.md
	grep -qF '| two (best of dev) | 0.700 | 0.' auroc/report.md
	grep -qF "<td class=\"post\"><b>0.816</b> <small>$range</small></td>" auroc/report.html
	grep -qF '<td class="post">0.700</td>' auroc/report.html
	[ "$(grep -c '<title>[A-Za-z]* of each row with its interval' auroc/report.html)" = 2 ]
	sed -n '/<title>AUROC of/,/<\/svg>/p' auroc/report.html >plot.svg
	[ "$(grep -o 'class="mark"' plot.svg | wc -l)" = 3 ] # two diamonds, one interval
	[ "$(grep -o 'class="dot"' plot.svg | wc -l)" = 2 ]
	balanced auroc/report.html
	head -n 1 auroc/report.csv | grep -q ',options,published_auroc,published_auroc_lo,published_auroc_hi$'
	awk -F, -v h="$(half .816 500 247)" 'NR == 2 { exit !($(NF - 2) == .816 && $(NF - 1) - .816 + h < 1e-9 && $NF - .816 - h < 1e-9 && $NF > .85) }' auroc/report.csv
	grep -q ',0.7,,$' auroc/report.csv
	hm-report -o other runs.json # no AUROC was published there
	[ "$(grep -c '<title>[A-Za-z]* of each row with its interval' other/report.html)" = 1 ]
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
	grep -qF '<b>B &#8722; A</b></td><td class="left">test</td><td>+0.056</td>' literature/report.html
	grep -qF 'C &#8722; B</td>' literature/report.html
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
}

@test "something else than a table of runs is named" {
	run hm-report p1.csv
	expect 1 '^hm-report: error: p1.csv: a text file, where a table of runs is wanted'
	run hm-report "$ROOT/tests/data/models/late.safetensors"
	expect 1 'late.safetensors: a safetensors file, where a table of runs is wanted'
	hm-score --json scores.json p1.csv
	run hm-report scores.json
	expect 1 'scores.json: no "rows": this is not a table of runs'
}

@test "predictions whose labels are their answers" {
	awk -F, -v OFS=, 'NR > 1 { $3 = $2 > .5 } { print }' p1.csv >echo.csv
	echo '{"rows":[{"name":"one","runs":[{"seed":1,"predictions":"echo.csv"}]}]}' >echo.json
	run hm-report -o other echo.json
	expect 0 'warning: in every file of predictions each label is the answer'
}

@test "wrong calls" {
	run hm-report
	expect 2 'usage|RUNS.json'
	run hm-report runs.json runs.json
	expect 2
	run hm-report -o nowhere/there runs.json
	expect 1 'nowhere'
	run hm-report --nonsense runs.json
	expect 2
}
