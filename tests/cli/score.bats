# hm-score: what its page promises of scores, refusals, comparisons and files.

load ../support/bats

setup() {
	cd "$BATS_TEST_TMPDIR"
	cat >a.csv <<-CSV
	id,proba,label
	1,0.9,1
	2,0.4,0
	3,0.7,0
	4,0.2,0
	5,0.6,1
	6,0.3,1
	7,0.1,0
	8,0.8,1
	CSV
}

# Records with a label, from a.csv's lines: $1 file, $2.. options of hm-jsonl2rec.
records() {
	awk -F, 'NR > 1 { printf "{\"id\":%s,\"img\":\"i.png\",\"text\":\"t %s\",\"label\":%s}\n", $1, $1, $3 }' a.csv >r.jsonl
	hm-jsonl2rec "${@:2}" -o "$1" r.jsonl
}

@test "the report ends in the headline, its numbers are right" {
	run hm-score a.csv
	expect 0 '^8 records expected, 8 scored, 0 failed; 4 of class 0, 4 of class 1$'
	expect 0 '^accuracy +0\.7500  \[0\.4093, 0\.9285\] +Wilson +0\.5000 majority class, 0\.5000 random \[0\.1250, 0\.8750\]$'
	expect 0 '^note: guessing scores 0\.1250 to 0\.8750 on 8 records, 19 times of 20: accuracy is in there$'
	expect 0 '^F1 +0\.7500'
	expect 0 '^  label 1 +1 +3$'
	[ "${lines[-1]}" = 'accuracy 0.7500 [0.4093, 0.9285]  auroc 0.8125 [0.4808, 1.0000]  n 8' ] || fail "${lines[-1]}"
}

@test "CSV by file, by standard input, by FIFO: the same" {
	want=$(hm-score a.csv | md5sum)
	[ "$(cat a.csv | hm-score | md5sum)" = "$want" ]
	[ "$(hm-score <a.csv | md5sum)" = "$want" ]
	[ "$(hm-score <(cat a.csv) | md5sum)" = "$want" ]
	[ "$(hm-score -j1 a.csv | md5sum)" = "$want" ]
}

@test "JSON: every key, canonical; - silences the text" {
	hm-score --json s.json a.csv >/dev/null
	hm-score --json - a.csv >dash.json
	cmp s.json dash.json
	for k in n n_expected n_failed threshold accuracy accuracy_ci95 accuracy_ci95_exact auroc auroc_ci95 average_precision \
		average_precision_ci95 f1 f1_ci95 precision recall log_loss log_loss_ci95 brier ece majority random random_ci95 confusion; do
		grep -q "\"$k\":" s.json || fail "no $k: $(cat s.json)"
	done
	grep -q '"confusion":\[\[3,1\],\[1,3\]\]' s.json
	[ "$(wc -l <s.json)" = 1 ]
}

@test "--csv - leaves standard output to the CSV" {
	hm-score --csv - a.csv 2>report | cmp - a.csv
	grep -q 'n 8$' report
}

@test "seed and resamples change the bootstrap alone" {
	hm-score --json 1 a.csv >/dev/null
	hm-score --json 2 --seed 7 a.csv >/dev/null
	hm-score --json 3 --bootstrap 0 a.csv >/dev/null
	if cmp -s 1 2; then fail "seed 7 changed nothing"; fi
	grep -q '"brier_ci95":null' 3
	for f in 1 2 3; do grep -o '"accuracy":[^a]*"accuracy_ci95":[^a]*' $f; done | sort -u | wc -l | grep -qx 1
}

@test "threshold: equal is class 0" {
	run hm-score --threshold 0.6 --json - a.csv
	expect 0 '"confusion":\[\[3,1\],\[2,2\]\]'
	run hm-score --threshold 1.5 a.csv
	expect 2 'threshold'
}

@test "--threshold fit: the best of other predictions, records or CSV; said in report and JSON" {
	printf 'id,proba,label\n11,0.3,0\n12,0.65,1\n13,0.62,0\n14,,1\n' >val.csv
	run hm-score --threshold fit:val.csv --json t.json a.csv
	expect 0 '^threshold 0\.635, fitted on val\.csv: 3 of 3 right there, 1 failed$'
	expect 0 'class 1 when p > 0\.635\)$'
	refute grep -q warning <<<"$output"
	grep -q '"threshold":0.635,"threshold_fit":{"accuracy":1,"from":"val.csv","n":3,"n_failed":1,"n_shared":0}' t.json
	hm-score --threshold 0.635 a.csv | grep -v guessing >want
	hm-score --threshold fit:val.csv a.csv | grep -v -e ^threshold -e guessing | cmp - want
	for same in a.csv <(tac a.csv | sed '$d' | cat <(echo id,proba,label) -); do
		run hm-score --threshold "fit:$same" a.csv
		expect 0 '^hm-score: warning: .*: the threshold is fitted on what it scores .* accuracy is optimistic$'
		expect 0 'right there; of what is scored it has [0-9]+: optimistic$'
	done
	# a part of it, among others
	{ sed -n 1,3p a.csv; sed 1d val.csv; } >part.csv
	run hm-score --threshold fit:part.csv a.csv
	expect 0 "^hm-score: warning: part.csv: the threshold is fitted on what it scores \\(2 of $(($(wc -l <a.csv) - 1)) records\\): accuracy is optimistic$"
	run hm-score --threshold fit: a.csv
	expect 2 'name of a file'
	run hm-score --threshold fit:no.csv a.csv
	expect 1 'no.csv: cannot open'
	run hm-score --threshold 0.5x a.csv
	expect 2 'number from 0 to 1, or fit:FILE'
	run hm-score --threshold fit:a.csv --compare a.csv a.csv
	expect 2 'for one system'
	printf 'id,proba_0,proba_1,proba_2,label\na,.2,.5,.3,1\nb,.1,.2,.7,0\n' >c.csv
	run hm-score --threshold fit:val.csv c.csv
	expect 2 'threshold is for two classes, c.csv has 3'
	run hm-score --threshold 0.5 --csv x.csv c.csv
	expect 2 'threshold is for two classes, c.csv has 3'
	[ ! -e x.csv ]
	run hm-score --threshold fit:c.csv a.csv
	expect 2 'threshold is for two classes, c.csv has 3'
}

@test "--by: a table and JSON, of CSV and of records, text and integers" {
	awk -F, 'NR == 1 { print $0 ",topic"; next } { print $0 "," ($1 % 2 ? "\"cats, dogs\"" : $1 < 5 ? "" : "10") }' a.csv >by.csv
	echo '9,,0,10' >>by.csv
	run hm-score --allow-missing --by topic --json by.json by.csv
	expect 0 '^by topic +n +failed +accuracy +95 % \(Wilson\) +AUROC +95 % \(DeLong\) +majority$'
	expect 0 '^   \(empty\) +2 +0 +1\.0000  \[0\.3424, 1\.0000\]  undefined +1\.0000$'
	expect 0 '^   10 +2 +1 +0\.5000'
	expect 0 '^   cats, dogs +4 +0 +0\.7500  \[0\.3006, 0\.9544\] +0\.7500  \[0\.0570, 1\.0000\] +0\.5000$'
	grep -q '"by":{"column":"topic","values":\[{"accuracy":1,.*"n":2,"n_failed":0,"n_unlabelled":0,"value":""},{.*"value":"10"},{.*"value":"cats, dogs"}\]}' by.json
	run hm-score --by nothing by.csv
	expect 1 'by.csv: there is no column "nothing" to group by'
	awk 'BEGIN { print "id,proba,label,k"; for (i = 1; i <= 101; i++) print i ",.5,1," i }' >many.csv
	run hm-score --by k many.csv
	expect 1 'many.csv: line 102 \(id 101\): column "k": more than 100 different values'
	hm-score --by k <(sed '$d' many.csv) | grep -A 2 '^by k' | tail -n 1 | grep -q '^   2  '
	run hm-score --by k --compare by.csv by.csv
	expect 2 'score one system'

	hm-synth -q --train 40 --dev 20 --test 4 data
	for s in train dev; do
		hm-jsonl2rec --keep-field label_text --keep-field n:i32 <(awk '{ sub(/}$/, ",\"label_text\":\"t" NR % 3 "\",\"n\":" NR % 11 "}"); print }' data/$s.jsonl) |
			hm-tokenize --vocab data/vocab.txt | hm-encode --text init:bert-tiny -o $s.hmr
	done
	hm-fuse-train -q --fusion late --epochs 1 -o m.safetensors train.hmr
	hm-score --model m.safetensors --by n dev.hmr >n
	[ "$(grep -A 11 '^by n' n | awk 'NR > 1 { print $1 }' | xargs)" = '0 1 2 3 4 5 6 7 8 9 10' ]
	hm-score --model m.safetensors --by label_text dev.hmr | grep -q '^   t2 '
	run hm-score --model m.safetensors --by text_feature dev.hmr
	expect 1 'dev.hmr: column "text_feature" is neither text nor I32'
}

@test "--pairs: confounders both right, by kind" {
	printf 'kind,b,a\ntext,2,1\ntext,3,4\nimage,4,1\nimage,77,1\n' >pairs.csv
	run hm-score --pairs pairs.csv --json p.json a.csv
	expect 0 '^confounders +pairs  both right +share  95 % \(Wilson\) +\(0\.2500 by guessing\)$'
	expect 0 '^  text +2 +1 +0\.5000  \[0\.0945, 0\.9055\]$'
	expect 0 '^  all +3 +2 +0\.6667  \[0\.2077, 0\.9385\]$'
	expect 0 '^  left out: 1 with an id that is not in the input$'
	grep -q '"pairs":{"accuracy":0.6666666666666666,"accuracy_ci95":\[.*"kind":"image","n":1,"right":1},.*"n":3,"n_absent":1,"n_unscored":0,"random":0.25,"right":2}' p.json
	run hm-score --pairs a.csv a.csv
	expect 1 'a.csv: line 1: the header has no column "a"; a,b,kind are needed'
	run hm-score --pairs <(printf 'a,b,kind\n1,2,x\n2,1,x\n') a.csv
	expect 1 'line 3: the pair of 2 and 1 is in the list twice'
}

@test "one class, no label, some labels" {
	printf 'id,proba,label\n1,.9,0\n2,.2,0\n' | hm-score --json j >out
	tail -n 1 out | grep -q 'auroc undefined  n 2$'
	grep -q '"auroc":null' j && grep -q '"average_precision":0,' j
	grep -q 'note: all labels are 0' out
	run hm-score --json - <(printf 'id,proba\n1,.9\n2,.2\n')
	expect 0 '"accuracy":null.*"n":0,"n_expected":0,"n_failed":0,"n_unlabelled":2'
	run hm-score <(printf 'id,proba,label\n1,.9,\n2,.2,0\n3,.8,1\n')
	expect 0 'note: 1 records have no label'
	expect 0 'n 2$'
}

# c.csv: three classes; $1: rows beyond these.
classes() {
	printf 'id,proba_0,proba_1,proba_2,label\n1,.7,.2,.1,0\n2,.2,.5,.3,1\n3,.1,.2,.7,2\n4,.5,.4,.1,1\n%b' "${1:-}" >c.csv
}

@test "three classes: each class, averages, confusion matrix; in the report, the JSON, the CSV" {
	classes
	run hm-score --json c.json --csv back.csv c.csv
	expect 0 '^4 records expected, 4 scored, 0 failed; 3 classes$'
	expect 0 '^macro F1 +0\.7778 '
	expect 0 '^macro AUROC +1\.0000 .* 0\.5000 random$'
	expect 0 '^weighted F1 +0\.7500 '
	expect 0 '^class +support +answered +precision +recall +F1 +AUROC$'
	expect 0 '^1 +2 +1 +1\.0000 +0\.5000 +0\.6667 +1\.0000$'
	expect 0 '^1 +1 +1 +0$' # of the confusion matrix
	[[ ${lines[-1]} =~ ^"accuracy 0.7500 [0.3006, 0.9544]  macro F1 0.7778 ["[0-9.,\ ]+"]  macro AUROC 1.0000  n 4"$ ]] || fail "${lines[-1]}"
	grep -q '"accuracy":0.75,.*"auroc":null.*"classes":\[{"answered":2,"auroc":1,"f1":0.6666666666666666,"name":"0","precision":0.5,"recall":1,"support":1},' c.json
	grep -q '"confusion":\[\[1,0,0\],\[1,1,0\],\[0,0,1\]\]' c.json
	grep -q '"f1":null.*"macro":{"auroc":1,"auroc_ci95":null,"f1":0.7777777777777777,"f1_ci95":\[.*"random":0.3333333333333333' c.json
	[ "$(head -n 3 back.csv)" = $'id,proba_0,proba_1,proba_2,label\n1,0.7,0.2,0.1,0\n2,0.2,0.5,0.3,1' ]
	hm-score -j1 --json - c.csv | cmp - c.json
	hm-score --bootstrap 0 --json - c.csv | grep -q '"f1_ci95":null'
}

@test "classes that are no label or no answer: null and 0, and a note" {
	printf 'id,proba_0,proba_1,proba_2,proba_3,label\n1,.7,.3,0,0,0\n2,.6,.4,0,0,1\n3,.9,.1,0,0,0\n' >c.csv
	run hm-score --json c.json c.csv
	expect 0 '^macro AUROC +undefined$'
	expect 0 '^note: class 2 and 1 other: no label is that: AUROC and macro AUROC are undefined$'
	expect 0 '^note: class 2 and 1 other: neither a label nor an answer: the other averages leave them out$'
	expect 0 '^note: class 1: never answered: precision and F1 are 0 by definition$'
	grep -q '{"answered":0,"auroc":1,"f1":0,"name":"1","precision":0,"recall":0,"support":1},{"answered":0,"auroc":null,"f1":null,"name":"2","precision":null,"recall":null,"support":0}' c.json
	grep -q '"macro":{"auroc":null,"auroc_ci95":null,"f1":0.4,' c.json
	run hm-score <(printf 'id,proba_0,proba_1,proba_2,label\n1,.7,.2,.1,\n')
	expect 0 '^accuracy undefined  macro F1 undefined  macro AUROC undefined  n 0$'
}

@test "many classes: no matrix in the report, none in the JSON above 200" {
	awk 'BEGIN { printf "id"; for (k = 0; k < 201; k++) printf ",proba_%d", k; print ",label"
		for (i = 0; i < 3; i++) { printf "%d", i; for (k = 0; k < 201; k++) printf ",%g", k == 100 * i; print "," 100 * i } }' >c.csv
	run hm-score --bootstrap 0 --json c.json c.csv
	expect 0 '^confusion: 201 classes are more than fit here$'
	expect 0 '^100 +1 +1 +1\.0000'
	grep -q '"confusion":null' c.json
}

@test "more than two classes: what is for two is refused before anything is read or written, all else works" {
	classes '5,.3,.3,.4,2\n'
	for o in '--threshold .5' '--roc x.png' '--calibration x.svg' '--threshold fit:a.csv' '--compare --roc x.pdf a.csv'; do
		run hm-score $o --json x.json c.csv
		expect 2 "^hm-score: error: ${o%% *}|--roc is for two classes, c.csv has 3"
		[ ! -e x.json ] && [ ! -e x.png ] && [ ! -e x.svg ] || fail "$o left a file"
	done
	# before the input is read: it never ends
	mkfifo endless
	{ cat c.csv; sleep 5; } >endless &
	run timeout 4 hm-score --roc x.png endless
	expect 2 'is for two classes, endless has 3'
	kill %1
	sed '1s/$/,g/; 2,$s/$/,x/' c.csv >g.csv
	run hm-score --by g --json g.json g.csv
	expect 0 '^by g +n +accuracy +95 % \(Wilson\) +macro F1 +majority$'
	expect 0 '^   x +5 +0\.8000  \[0\.3755, 0\.9638\] +0\.7778 +0\.4000$'
	grep -q '"by":.*"auroc":null.*"macro_f1":0.7777777777777777' g.json
	run hm-score --errors 2 c.csv
	expect 0 '^ +1 +0 +0\.5000  4$'
	printf 'a,b,kind\n1,2,x\n3,4,x\n' >pairs.csv
	run hm-score --pairs pairs.csv c.csv
	expect 0 '^  x +2 +1 +0\.5000 '
	sed 's/^3,.1,.2,.7/3,.7,.2,.1/' c.csv >d.csv
	run hm-score --compare --json cd.json c.csv d.csv
	expect 0 '^ +system +accuracy +95 % \(Wilson\) +macro F1 +95 % \(bootstrap\)$'
	expect 0 '^B   d\.csv +0\.6000 '
	expect 0 '^A - B +\+0\.2000 .* 1 : 0 +1\.0000$'
	grep -q '"delong_p":null' cd.json
	hm-score --average mean c.csv d.csv | grep -q '^macro F1'
	run hm-score --average rank c.csv d.csv
	expect 1 'ranks are of two'
}

# n rows of id,proba,label, the label being what the probability says at threshold $2, with FORMAT of a label.
submission() { # FILE THRESHOLD [ROWS [FORMAT]]
	awk -v t="$2" -v n="${3:-20}" -v f="${4:-%d}" 'BEGIN { print "id,proba,label"; for (i = 1; i <= n; i++) {
		p = i * 37 % 101 / 101; printf "%d,%.6f," f "\n", i, p, (p > t) } }' >"$1"
}

@test "labels that are the answers: a submission" {
	says='warning: s.csv: every label is the system.s answer: in a submission'
	submission s.csv .5
	run hm-score --json s.json s.csv
	expect 0 "$says"
	expect 0 '^note: every label is the system.s answer'
	grep -q '"labels_equal_answers":true' s.json
	submission s.csv .5 20 %.1f # as pandas writes integers of a column with gaps
	run hm-score s.csv
	expect 0 "$says"
	awk -F, -v OFS=, '{ print $3, "\"a, b\"", $2, $1 }' s.csv | sed '1s/"a, b"/text/' >turned.csv
	mv turned.csv s.csv
	echo ',"no answer",,x' >>s.csv
	run hm-score --allow-missing s.csv
	expect 0 "$says"
	submission s.csv .3
	run hm-score --threshold .3 s.csv
	expect 0 "$says"
	run hm-score s.csv # whatever threshold it had, and whatever is asked for
	expect 0 "$says"
	submission s.csv .5
	run hm-score --threshold .3 s.csv
	expect 0 "$says"
	echo 'tie,0.5,1' >>s.csv
	run hm-score s.csv
	expect 0 "$says"
	run hm-score --threshold fit:s.csv a.csv
	expect 0 'warning: s.csv: every label is the system.s answer, as in a submission: the threshold is fitted on predictions'
	cut -d, -f 1,2 s.csv | awk -F, -v OFS=, 'NR > 1 { $2 = 1 - $2 / 2 } { print }' >blank.csv # knows no label
	for first in s blank; do
		[ $first = s ] && second=blank || second=s
		run hm-score --json s.json --average mean $first.csv $second.csv
		expect 0 "$says"
		grep -q '"labels_equal_answers":true' s.json
	done
	awk 'BEGIN { print "id,proba_0,proba_1,proba_2,label"; for (i = 0; i < 30; i++) print i ",0." (i % 3 ? 1 : 8) ",0." (i % 3 == 1 ? 8 : 1) ",0.1," (i % 3 == 2 ? 0 : i % 3) }' |
		sed 's/0.1,0.1,0.1,0/0.1,0.1,0.8,2/' >s.csv
	run hm-score s.csv
	expect 0 "$says"
}

@test "labels that are the answers and may well be true" {
	quiet() { run hm-score --json q.json "$@"; expect 0 && refute grep -q 'every label' <<<"$output" && refute grep -q equal_answers q.json; }
	submission s.csv .5 19
	quiet s.csv
	submission s.csv .5
	echo 'wrong,0.1,1' >>s.csv
	quiet s.csv
	awk 'BEGIN { print "id,proba,label"; for (i = 0; i < 30; i++) print i ",0.9,1" }' >s.csv
	quiet s.csv
	# another system's CSV with the same labels has a wrong answer: the labels are not its predictions
	submission s.csv .5
	sed '2s/,[^,]*,/,0.99,/; 3s/,[^,]*,/,0.01,/' s.csv >other.csv
	quiet --compare s.csv other.csv
	run hm-score --compare s.csv s.csv
	expect 0 'warning: s.csv: every label'
	sed '2s/,[01]$/,1/' other.csv >else.csv
	run hm-score --compare s.csv else.csv
	expect 1 'id 1: else.csv has label 1, others have 0; every label in s.csv is that system.s answer, as in a submission$'
}

@test "a DeLong test without variance has no answer" {
	printf '%s\n' id,proba,label 1,.9,1 2,.8,1 3,.2,0 4,.1,0 >perfect.csv
	sed '2,$s/,[^,]*,/,.5,/' perfect.csv >constant.csv
	run hm-score --json d.json --compare perfect.csv constant.csv
	expect 0 'are not shown to differ in accuracy'
	refute grep -q 'in AUROC, p' <<<"$output"
	grep -q '"delong_p":null' d.json
	run hm-score --compare perfect.csv perfect.csv
	expect 0 'are not shown to differ in AUROC, p 1'
}

@test "probabilities of many classes: a row of zeros, sums that no rounding explains" {
	header=id,label$(printf ',proba_%d' {0..99})
	{ echo $header; echo "1,3$(printf ',%.2f' $(yes .01 | head -n 100))"; } >many.csv
	hm-score many.csv >/dev/null
	for p in 0 .02; do
		{ echo $header; echo "1,3$(printf ",$p%.0s" {0..99})"; } >bad.csv
		run hm-score bad.csv
		expect 1 'line 2 .*the probabilities of the 100 classes add up to [02], not to 1$'
	done
	printf 'id,proba,proba_1,proba_2,label\n1,.6,.6,.4,0\n' >top.csv
	run hm-score top.csv
	expect 1 'the header has both "proba" and "proba_1"'
}

@test "something else where predictions are wanted is named" {
	echo '{"id":1,"text":"t"}' >lines.jsonl
	run hm-score lines.jsonl
	expect 1 '^hm-score: error: lines.jsonl: a JSON text, where predictions are wanted, as records or CSV; hm-jsonl2rec makes records of JSON lines, --model makes predictions$'
	run hm-score "$ROOT/tests/data/models/late.safetensors"
	expect 1 'late.safetensors: a safetensors file, where predictions are wanted, as records or CSV; --model runs it on records$'
	run hm-score - <"$ROOT/tests/data/weights/resnet.pth"
	expect 1 'standard input: a PyTorch checkpoint, where predictions are wanted'
	run hm-score --model "$ROOT/tests/data/models/late.safetensors" lines.jsonl
	expect 1 'lines.jsonl: a JSON text, where records to score are wanted; hm-jsonl2rec makes records of JSON lines$'
	gzip <a.csv >a.gz
	run hm-score --compare a.csv a.gz
	expect 1 'a.gz: a gzip file, where predictions are wanted, as records or CSV; gzip -dc helps$'
}

@test "zero has no minus: reports, JSON, CSV" {
	printf 'id,proba,label\n1,-0,1\n2,-0.0,1\n3,0.5,1\n' >one.csv
	for call in 'one.csv' '--threshold -0 one.csv' '--compare one.csv one.csv' '--errors 3 --csv back.csv one.csv'; do
		run hm-score --json all.json $call
		expect 0
		grep -oE '(^|[^0-9e.])-0(\.0+)?([^0-9.]|$)' <<<"$output" && fail "$call: $output"
		grep -oE '[:,[]-0(\.0+)?[],}]' all.json && fail "$call: $(cat all.json)"
	done
	[ "$(sed -n 2,3p back.csv)" = $'1,0,1\n2,0,1' ]
}

@test "what is wrong is named with its line" {
	for bad in '9,nan,1:line 10: probability "nan" is not a number' '9,1.5,1:line 10 \(id 9\): the probability of class 1 is 1.5' \
		'9,-0.1,1:line 10 \(id 9\): the probability' '9,.5,2:line 10 \(id 9\): label 2 is outside' '1,.5,1:line 10 \(id 1\): line 2 has the same id' \
		'9,.5:line 10: 2 fields'; do
		{ cat a.csv; echo "${bad%%:*}"; } >bad.csv
		run hm-score --json x.json --csv x.csv bad.csv
		expect 1 "${bad#*:}"
		[ "${#lines[@]}" = 1 ] && [ ! -e x.json ] && [ ! -e x.csv ] || fail "$output"
	done
}

@test "missing records: refused, allowed with bounds, expected by number and file" {
	printf '9,,1\n' >>a.csv
	run hm-score --json x.json a.csv
	expect 1 'no scores: 1 of 9 records are missing \(1 failed, 0 left out before\)'
	[ ! -e x.json ]
	run hm-score --allow-missing a.csv
	expect 0 'note: 1 of 9 records are missing: accuracy could be 0\.6667 to 0\.7778 with them, AUROC 0\.6500 to 0\.8500'
	sed -i '$d' a.csv
	run hm-score --expect 10 a.csv
	expect 1 '2 of 10 records are missing'
	records all.hmr
	run hm-score --expect r.jsonl a.csv
	expect 0 'n 8$'
	run hm-score --expect 7 --allow-missing a.csv
	expect 1 '8 records are there where 7 are expected'
	printf '9,,1\n' >>a.csv # one that failed is there, too
	run hm-score --expect 8 a.csv
	expect 1 '9 records are there where 8 are expected'
	run hm-score --expect 9 a.csv
	expect 1 'no scores: 1 of 9 records are missing \(1 failed'
}

@test "a header whose classes have a gap is refused" {
	run hm-score <(printf 'id,proba_0,proba_1,proba_3,label\n1,.1,.2,.7,0\n')
	expect 1 'the header has "proba_3" and no "proba_2"'
	run hm-score <(printf 'id,proba,proba_0,proba_1,label\n1,.9,.8,.2,1\n')
	expect 1 'the header has both "proba" and "proba_0"'
	run hm-score <(printf 'id,proba_0,proba_1,label\n1,.9,.8,1\n')
	expect 1 'line 2 \(id 1\): the probabilities of the 2 classes add up to 1.7, not to 1'
	run hm-score <(printf 'id,proba_0,proba_1,proba_x,label\n1,.6,.4,.7,0\n2,.2,.8,.1,1\n')
	expect 0 'accuracy 1.0000'
}

@test "predictions that are written keep every difference, and an F32 its nine digits" {
	printf 'id,proba,label\n1,0.99999999999994,0\n2,0.99999999999997,1\n3,0.300000012,0\n4,0.3,1\n' >close.csv
	hm-score -q --csv out.csv --submission sub.csv close.csv >/dev/null
	[ "$(cat out.csv)" = "$(cat close.csv)" ]
	[ "$(cut -d, -f1,2 sub.csv)" = "$(cut -d, -f1,2 close.csv)" ]
	printf 'id,proba,label\n1,0.10000000149011612,0\n2,1,1\n' >f32.csv # (float)0.1
	hm-score -q --csv out.csv f32.csv >/dev/null
	grep -qx '1,0.100000001,0' out.csv
}

@test "comparison: matched by id, tested, corrected for three" {
	awk -F, 'NR == 1 { print; next } { print $1 "," 1 - $2 "," }' a.csv | (read -r h; echo "$h"; sort -r) >b.csv
	awk -F, 'NR == 1 { print; next } { print $1 ",0.5," $3 }' a.csv >c.csv
	run hm-score --compare a.csv b.csv
	expect 0 '^A - B +\+0\.5000 .* 6 : 2 +0\.2891$'
	expect 0 'a.csv and b.csv are not shown to differ in accuracy, p 0.2891'
	run hm-score --compare --json j a.csv b.csv c.csv
	expect 0 'p is Holm.s, for 3 pairs'
	grep -q '"mcnemar_p_holm":0.8671875' j || fail "$(cat j)"
	run hm-score --compare a.csv <(sed '$d' a.csv)
	expect 1 '1 ids of a.csv are not in .*: 8'
	run hm-score --compare a.csv <(sed 's/^8,0.8,1/8,0.8,0/' a.csv)
	expect 1 'id 8: .* has label 0, others have 1'
}

@test "the most confident errors, with nothing a terminal would obey" {
	printf '"\033[2J",0.99,0\n' >>a.csv
	run hm-score --errors 2 a.csv
	expect 0 'the 2 most confident of 3 wrong answers'
	expect 0 '^ +0 +1 +0\.9900  \?\[2J$'
	expect 0 '^ +(0 +1|1 +0) +0\.7000  (3|6)$'
}

@test "the ROC curve is a PNG; without gnuplot the package is named" {
	hm-score --roc roc.png a.csv >/dev/null
	[ "$(head -c 4 roc.png | tail -c 3)" = PNG ]
	mkdir bin
	ln -s "$(command -v hm-score)" bin/hm-score
	PATH=$PWD/bin run hm-score --roc no.png a.csv
	[ "$status" = 1 ] && [[ $output == *gnuplot-nox* ]] || fail "$output"
	[ ! -e no.png ]
}

@test "pictures as PNG, SVG and PDF by their ending, twice the same bytes; other endings are refused first" {
	for t in png svg PDF; do
		hm-score --roc r.$t --calibration c.$t a.csv >/dev/null
		hm-score --compare --roc rs.$t --calibration cs.$t a.csv a.csv >/dev/null
		for f in r c rs cs; do
			case $t in png) want=PNG ;; svg) want='<?xml' ;; PDF) want=%PDF- ;; esac
			head -c 8 $f.$t | grep -aqF -e "$want" || fail "$f.$t: $(head -c 8 $f.$t)"
		done
	done
	grep -q 'AUROC 0.8125' r.svg
	refute grep -aq CreationDate r.PDF
	sleep 1.1 # a date would be another
	for t in svg PDF; do
		hm-score --roc again.$t a.csv >/dev/null
		cmp again.$t r.$t
	done
	for bad in x.gif x - png .svg; do
		for o in --roc --calibration; do
			run hm-score $o $bad no-such.csv
			expect 2 "^hm-score: error: $o draws a picture whose name ends in .png, .svg or .pdf, not '$bad'\$"
		done
	done
}

@test "the reliability diagram: a PNG for one system and several, its numbers in JSON" {
	hm-score --calibration one.png --json j a.csv >/dev/null
	hm-score --compare --calibration several.png --json js a.csv <(sed 's/,0.9/,0.5/' a.csv) >/dev/null
	for f in one several; do
		[ "$(head -c 4 $f.png | tail -c 3)" = PNG ]
	done
	refute cmp -s one.png several.png
	grep -qF '"calibration":[{"n":0,"p":null,"share":null,"share_ci95":null},{"n":1,"p":0.1,"share":0,"share_ci95":[0,0.79' j
	[ "$(grep -o '"calibration":' js | wc -l)" = 2 ]
	hm-score --json - a.csv | refute grep -q calibration
	run hm-score --calibration no.png <(printf 'id,proba\n1,.9\n')
	expect 1 '--calibration: there is nothing to draw'
	[ ! -e no.png ]
	hm-score --calibration same.png <(printf 'id,proba,label\n1,1,1\n2,1,0\n') >/dev/null
}

# A trained head on features, for what follows; kept small.
model() {
	hm-synth -q --train 40 --dev 20 --test 4 data
	for s in train dev; do
		hm-jsonl2rec data/$s.jsonl | hm-tokenize --vocab data/vocab.txt | hm-encode --text "init:bert-tiny${1:-}" -o $s.hmr
	done
	hm-fuse-train -q --fusion late --epochs 2 -o m.safetensors train.hmr
}

@test "a model on features; its predictions as records and CSV score the same; pipes and -j" {
	model
	hm-score --model m.safetensors --csv p.csv -o p.hmr dev.hmr >report
	grep -q 'n 20$' report
	hm-score p.hmr | cmp - report
	hm-score p.csv | tail -n 1 | cmp - <(tail -n 1 report)
	hm-view --schema p.hmr | grep -q '"name":"logits","shape":\[2\]},{"dtype":"F32","name":"prob"'
	if hm-view --schema p.hmr | grep -q text_feature; then fail "features were kept"; fi
	for same in p.csv p.hmr; do # a model's own answers, rounded as files round them
		run hm-score --model m.safetensors --threshold "fit:$same" dev.hmr
		expect 0 'warning: .*: the threshold is fitted on what it scores .* accuracy is optimistic$'
	done
	hm-score --model m.safetensors -j 1 -o p1.hmr dev.hmr >/dev/null
	cmp p.hmr p1.hmr
	hm-score --model m.safetensors -o - dev.hmr 2>err | cmp - p.hmr
	cmp err report
	hm-score --model m.safetensors --keep -o k.hmr dev.hmr >/dev/null
	hm-view --schema k.hmr | grep -q text_feature
	run hm-score --model m.safetensors -o again.hmr k.hmr
	expect 1 'column "logits" exists already'
	[ ! -e again.hmr ]
	hm-score --model m.safetensors --replace --keep -o again.hmr k.hmr >/dev/null
	[ "$(hm-view --schema again.hmr)" = "$(hm-view --schema k.hmr)" ]
	hm-score --compare p.hmr p.csv | grep -q 'not shown to differ'
}

@test "features of another encoder, no features, failed and skipped records" {
	model
	run hm-score dev.hmr
	expect 1 'no column "prob"; --model computes it'
	hm-jsonl2rec data/dev.jsonl | hm-tokenize --vocab data/vocab.txt | hm-encode --text init:bert-tiny:5 -o other.hmr
	run hm-score --model m.safetensors other.hmr
	expect 1 'column "text_feature" was made by encoder [0-9a-f]{32}, the model was trained on'
	run hm-score --model m.safetensors <(hm-jsonl2rec data/dev.jsonl)
	expect 1 "no column 'text_feature'; hm-encode makes it"
	run hm-score --model m.safetensors a.csv
	expect 2 'a.csv: a CSV has predictions: --model takes records$'
	run hm-score -o x.hmr a.csv
	expect 2 'a.csv: a CSV has predictions: -o, which writes records, takes records$'
	run hm-score a.csv a.csv
	expect 2 'a.csv: a CSV is scored alone; --compare and --average take several$'
	{ cat data/dev.jsonl; echo '{"id":'; } >broken.jsonl
	hm-jsonl2rec -q --on-error skip broken.jsonl | hm-tokenize --vocab data/vocab.txt | hm-encode --text init:bert-tiny -o skip.hmr
	run hm-score --model m.safetensors -o x.hmr skip.hmr
	expect 1 'no scores: 1 of 21 records are missing \(0 failed, 1 left out before\)'
	[ ! -e x.hmr ]
	hm-view skip.hmr >skip.jsonl
	hm-view --npy text_feature=skip.npy skip.hmr
	hm-npy2rec --ids skip.jsonl --column image_feature=skip.npy,encoder=x -o extra.hmr
	run hm-score --model m.safetensors extra.hmr skip.hmr # whichever stands first
	expect 1 'no scores: 1 of 21 records are missing \(0 failed, 1 left out before\)'
	run hm-score --model m.safetensors --allow-missing -o x.hmr skip.hmr
	expect 0 'n 20$'
	hm-view --schema x.hmr | grep -q '"skipped":1'
	img=$(head -n 1 data/dev.jsonl | grep -oE '[0-9a-z_]+\.png')
	echo garbage >"data/img/$img"
	for s in train dev; do cat data/$s.jsonl; done | hm-jsonl2rec | hm-imgprep -q --root data/img --size 32 --on-error keep |
		hm-tokenize --vocab data/vocab.txt | hm-encode -q --on-error keep --image init:resnet-tiny --text init:bert-tiny -o kept.hmr
	run hm-score --model m.safetensors -o x2.hmr kept.hmr
	expect 1 'no scores: 1 of 60 records are missing \(1 failed'
	hm-score --model m.safetensors --allow-missing -o kept.prob.hmr --csv kept.csv kept.hmr >/dev/null
	grep -q '^[^,]*,,[01]$' kept.csv
	for again in kept.prob.hmr kept.csv; do
		run hm-score $again
		expect 1 '1 of 60 records are missing \(1 failed'
	done
}

# raw.hmr: records on which the models of tests/data/models run, $1 of them.
raw() {
	hm-synth -q --train 4 --dev "$1" --test 4 data
	head -n 20 data/vocab.txt >words.txt
	hm-jsonl2rec data/dev.jsonl | hm-imgprep --root data/img --size 48 |
		hm-tokenize --vocab words.txt --max-length 12 -o raw.hmr
}

@test "whole models of PyTorch on raw columns: the features' answers, -j and pipes make no difference" {
	raw 70
	for m in late.safetensors early.pth; do
		model=$ROOT/tests/data/models/$m
		run hm-score --model "$model" -o "$m.hmr" raw.hmr
		expect 0 'nothing says how many attention heads it has, the customary 1 taken \(--heads\)'
		expect 0 'n 70$'
		hm-score -q --model "$model" --heads 2 -j1 -o 1.hmr raw.hmr >/dev/null
		hm-score -q --model "$model" --heads 2 -j3 -o - 2>/dev/null <raw.hmr | cmp - 1.hmr
		if cmp -s 1.hmr "$m.hmr"; then fail "--heads changed nothing"; fi
		hm-encode --image "$model" --image-output both --keep -o features.hmr raw.hmr
		hm-cat --columns id,label,token_ids,image_feature,image_grid -o cached.hmr features.hmr
		hm-score -q --model "$model" --heads 2 -o 2.hmr cached.hmr >/dev/null
		for c in logits prob; do
			hm-view --npy $c=1.npy -o /dev/null 1.hmr && hm-view --npy $c=2.npy -o /dev/null 2.hmr
			cmp 1.npy 2.npy
		done
	done
	hm-view --history 1.hmr | grep -q '"device":"cpu"'
}

@test "a model is never scored on the features of another encoder" {
	raw 8
	model=$ROOT/tests/data/models/late.safetensors
	hm-encode --image "$ROOT/tests/data/models/early.pth" --keep -o other.hmr raw.hmr
	hm-score -q --model "$model" --heads 2 raw.hmr >want
	hm-score -q --model "$model" --heads 2 other.hmr | cmp - want
	hm-cat --columns id,label,token_ids,image_feature -o stale.hmr other.hmr
	run hm-score -q --model "$model" --heads 2 --allow-unknown-features stale.hmr
	expect 1 "^hm-score: error: stale.hmr: column 'image_feature' was made by encoder [0-9a-f]{32}, not by [0-9a-f]{32}; .*give 'pixels'"
	hm-cat --columns id,label,pixels -o pixels.hmr raw.hmr
	run hm-score -q --model "$model" --heads 2 pixels.hmr
	expect 1 "no column 'text_feature'|no column 'token_ids'"
}

@test "whole models: sizes, tokens and calls that do not fit are named" {
	raw 8
	sed -i 's/"text": *"\([^"]*\)"/"text":"\1 \1 \1"/' data/dev.jsonl
	hm-jsonl2rec data/dev.jsonl | hm-imgprep --root data/img --size 48 | hm-tokenize --vocab words.txt -o raw.hmr
	early=$ROOT/tests/data/models/early.pth
	run hm-score --model "$early" --heads 2 raw.hmr
	expect 0 '[1-8] captions were cut to the 12 tokens'
	run hm-score -q --model "$ROOT/tests/data/models/late.safetensors" raw.hmr
	expect 1 'raw.hmr: record [0-7] \(id .*\): its [0-9]+ tokens are outside 1 to 16, the lengths that the text encoder takes'
	run hm-score -q --model "$early" --heads 3 raw.hmr
	expect 1 'early.pth: text encoder: .*cannot have 3 heads'
	hm-jsonl2rec data/dev.jsonl | hm-imgprep --root data/img --size 100 | hm-tokenize --vocab words.txt -o big.hmr
	run hm-score -q --model "$early" --heads 2 big.hmr
	expect 1 'pixels of 100x100 make 16 image positions, the model has 4'
	hm-jsonl2rec data/dev.jsonl | hm-imgprep --root data/img --size 48 | hm-tokenize --vocab data/vocab.txt -o wide.hmr
	run hm-score -q --model "$early" --heads 2 wide.hmr
	expect 1 'wide.hmr: record 0 \(id .*\): token id [0-9]+ is outside the text encoder.s vocabulary of 20'
	run hm-score --heads 2 raw.hmr
	expect 2 'say how --model runs'
	run hm-score --model "$early" --device cuda raw.hmr
	expect 3
	run hm-score --model "$early" --device nothing raw.hmr
	expect 2 '--device takes'
}

@test "--ablate: zeros and other records' sides; raw and cached the same, any -j; said everywhere" {
	hm-synth -q --train 4 --dev 30 --test 4 data
	head -n 20 data/vocab.txt >words.txt
	hm-jsonl2rec data/dev.jsonl | hm-imgprep --root data/img --size 48 | hm-tokenize --vocab words.txt --max-length 12 -o raw.hmr
	for m in late.safetensors early.pth; do
		model=$ROOT/tests/data/models/$m
		score=(hm-score -q --model "$model" --heads 2 --bootstrap 0)
		hm-encode -q --image "$model" --image-output both --keep -o cached.hmr raw.hmr
		hm-cat --columns id,label,token_ids,image_feature,image_grid -o features.hmr cached.hmr
		"${score[@]}" --csv plain.csv raw.hmr >/dev/null
		for a in image=zero image=shuffle text=zero text=shuffle; do
			"${score[@]}" --ablate $a --csv $a.csv --json $a.json -o $a.hmr raw.hmr >report
			sed -n 2p report | grep -qE "^ablated: $a(, seed 0)?\$" || fail "$(head -n 3 report)"
			grep -q "\"ablate\":{.*\"${a%=*}\":\"${a#*=}\"" $a.json
			hm-view --history $a.hmr | grep -q "\"ablate-${a%=*}\":\"${a#*=}\""
			refute cmp -s $a.csv plain.csv
			"${score[@]}" --ablate $a -j1 --csv 1.csv features.hmr >/dev/null
			cmp 1.csv $a.csv
			"${score[@]}" --ablate $a -j3 --csv 3.csv raw.hmr >/dev/null
			cmp 3.csv $a.csv
		done
		"${score[@]}" --ablate text=shuffle --seed 1 --csv seed.csv raw.hmr >/dev/null
		refute cmp -s seed.csv text=shuffle.csv
		"${score[@]}" --ablate image=zero --csv - <raw.hmr 2>/dev/null | cmp - image=zero.csv
		# both gone: the same answer for all
		"${score[@]}" --ablate image=zero --ablate text=zero --csv both.csv raw.hmr >report
		[ "$(sed 1d both.csv | cut -d, -f2 | sort -u | wc -l)" = 1 ]
		sed -n 2p report | grep -qx 'ablated: image=zero, text=zero'
	done
	# a zeroed side needs no column
	hm-cat --columns id,label,token_ids -o text.hmr raw.hmr
	model=$ROOT/tests/data/models/late.safetensors
	hm-score -q --model "$model" --heads 2 --ablate image=zero text.hmr | grep -q 'n 30$'
	run hm-score --model "$model" --ablate image=shuffle <raw.hmr
	expect 2 "ablate shuffle reads the input twice, which '-' cannot be"
	hm-jsonl2rec --limit 1 data/dev.jsonl | hm-imgprep --root data/img --size 48 | hm-tokenize --vocab words.txt --max-length 12 -o one.hmr
	run hm-score --model "$model" --heads 2 --ablate text=shuffle one.hmr
	expect 1 'one.hmr: there is one record only, and no other whose text it could get'
	run hm-score --model "$model" --ablate image raw.hmr
	expect 2 "ablate takes image=zero, image=shuffle, text=zero or text=shuffle, not 'image'"
	run hm-score --model "$model" --ablate image=zero --ablate image=shuffle raw.hmr
	expect 2 "ablate takes one way for each side, and image=shuffle has two"
	run hm-score --replace a.csv
	expect 2 'which is not given'
	run hm-score --ablate image=zero a.csv
	expect 2 'what --model sees, which is not given'
}

@test "a contact sheet of the errors, its pixels from a file beside" {
	model
	hm-jsonl2rec data/dev.jsonl | hm-imgprep --root data/img --size 64 -o pixels.hmr
	hm-score --model m.safetensors --errors 6 --sheet sheet.png dev.hmr pixels.hmr | grep -q 'the [1-6] most confident'
	[ "$(head -c 4 sheet.png | tail -c 3)" = PNG ]
	run hm-score --model m.safetensors --errors 6 --sheet no.png dev.hmr
	expect 1 'no column "pixels"'
	run hm-score --errors 2 --sheet no.png <a.csv
	expect 2 'reads the input twice'
	run hm-score --sheet no.png a.csv
	expect 2 'draws what --errors N lists'
	[ ! -e no.png ]
}

@test "a cut stream has no scores" {
	records r.hmr
	head -c 200 r.hmr >cut.hmr
	run hm-score --json x cut.hmr
	expect 1 'cut.hmr'
	[ ! -e x ]
}

@test "wrong calls" {
	run hm-score --compare a.csv
	expect 2 '2 to 26 systems'
	run hm-score --compare --model m a.csv a.csv
	expect 2 'goes without'
	run hm-score --json - --csv - a.csv
	expect 2 'standard output can take one'
	run hm-score --keep a.csv
	expect 2 'which is not given'
	run hm-score --bootstrap x a.csv
	expect 2 'bootstrap'
}

@test "the training curve" {
	printf '%s\n' '{"event":"step","epoch":1,"step":1,"loss":0.7,"lr":0.1}' '{"event":"eval","epoch":1,"loss":0.6,"accuracy":0.5,"auroc":null,"n":4}' >log.jsonl
	"$ROOT"/pipelines/plot-curve.sh log.jsonl curve.png
	[ "$(head -c 4 curve.png | tail -c 3)" = PNG ]
	run "$ROOT"/pipelines/plot-curve.sh a.csv no.png
	expect 1 'is it a log'
	[ ! -e no.png ]
}

@test "an average of systems is scored as one, by probabilities or by ranks" {
	printf 'id,proba,label\n1,0.9,1\n2,0.2,0\n3,0.4,0\n4,0.4,1\n' >a1.csv
	printf 'id,proba\n4,0.8\n3,0.1\n2,0.3\n1,0.5\n' >a2.csv
	hm-score --average mean --csv mean.csv a1.csv a2.csv >report
	[ "$(tr '\n' ' ' <mean.csv)" = 'id,proba,label 1,0.7,1 2,0.25,0 3,0.25,0 4,0.6000000000000001,1 ' ] || fail "$(cat mean.csv)"
	grep -q 'auroc 1.0000' report
	# ranks of a1: 4, 1, 2.5, 2.5; of a2: 3, 2, 1, 4
	run hm-score --average rank --csv rank.csv a1.csv a2.csv
	expect 0 'notice: --average rank: ranks order records'
	[ "$(tr '\n' ' ' <rank.csv)" = 'id,proba,label 1,0.75,1 2,0.25,0 3,0.3125,0 4,0.6875,1 ' ] || fail "$(cat rank.csv)"
	hm-score --average mean --threshold fit:mean.csv a1.csv a2.csv >fitted 2>/dev/null
	grep -q 'accuracy 1.0000' fitted
	# records without an answer take no part in the ranks, labels are learnt from each
	printf 'id,proba,label\n1,0.9,\n2,,0\n3,0.4,0\n4,0.4,1\n' >a3.csv
	printf 'id,proba,label\n1,0.2,1\n2,0.3,0\n3,0.1,0\n4,0.8,1\n' >a4.csv
	hm-score -q --average rank --allow-missing --csv rank.csv a3.csv a4.csv >/dev/null
	[ "$(tr '\n' ' ' <rank.csv)" = 'id,proba,label 1,0.6666666666666667,1 2,,0 3,0.25,0 4,0.5833333333333334,1 ' ] || fail "$(cat rank.csv)"
	# an average of one system with itself is that system
	hm-score --average mean --csv same.csv a4.csv a4.csv >/dev/null
	cmp same.csv a4.csv
	# refusals
	run hm-score --average mean a1.csv <(sed '$d' a4.csv)
	expect 1 '1 ids of a1.csv are not in .*: 4'
	run hm-score --average mean a1.csv <(sed 's/^1,/9,/' a4.csv)
	expect 1 '1 ids of .* are not in a1.csv: 9'
	run hm-score --average mean a1.csv <(sed 's/,1$/,0/' a4.csv)
	expect 1 'id 1: .* has label 0, others have 1'
	run hm-score --average rank a1.csv
	expect 2 '--average takes the predictions of 2 to'
	run hm-score --average median a1.csv a2.csv
	expect 2 'mean.*rank'
	run hm-score --average mean --compare a1.csv a2.csv
	expect 2 '--average goes without --model, -o, --compare and --sheet'
	printf 'id,proba_0,proba_1,proba_2,label\n1,0.2,0.3,0.5,2\n2,0.6,0.2,0.2,0\n' >c3.csv
	run hm-score --average rank c3.csv c3.csv
	expect 1 'c3.csv has 3 classes; ranks are of two'
	hm-score --average mean --csv c3m.csv c3.csv c3.csv >/dev/null
	cmp c3.csv c3m.csv
}

# truth.jsonl, truth.hmr: the labels of a.csv as words, no and yes; blind.csv: a.csv without them.
truth() {
	sed 's/,[01]$/,/' a.csv >blind.csv
	awk -F, 'NR > 1 { printf "{\"id\":%s,\"img\":\"i.png\",\"text\":\"t %s\",\"label\":\"%s\"}\n", $1, $1, $3 ? "yes" : "no" }' a.csv >truth.jsonl
	hm-jsonl2rec --labels no,yes -o truth.hmr truth.jsonl
}

@test "--labels: JSON lines, CSV, records by their content, words by the names; the same scores" {
	truth
	hm-score a.csv >want
	sed 's/"no"/0/; s/"yes"/1/' truth.jsonl >numbers
	{ printf '\xef\xbb\xbf\n'; tac numbers; } >marked
	awk -F, -v OFS=, '{ print $3, $1 }' a.csv >table
	for f in numbers marked table a.csv; do
		for p in blind.csv a.csv; do
			hm-score --labels $f $p | sed "s/$p/a.csv/" | diff - want
		done
		hm-score --labels - blind.csv <$f | cmp - want
	done
	sed 's/,1$/,0/' a.csv >wrong.csv # the input's own are replaced, whatever they are
	hm-score --labels table wrong.csv | cmp - want
	sed 's/,[01]$/,no idea/' a.csv >words.csv
	hm-score --labels table words.csv | cmp - want
	run hm-score words.csv
	expect 1 'label "no idea" is not an integer from 0'
	# the words of records
	run hm-score --labels truth.hmr --json j --errors 1 --csv named.csv --roc r.svg --calibration c.svg blind.csv
	expect 0 '^  label   answer  p of answer  id$'
	expect 0 '^  (no +yes|yes +no) +0\.7000  [36]$'
	expect 0 '; 4 of class 0 "no", 4 of class 1 "yes"$'
	expect 0 '^  label 1 +1 +3   yes$'
	grep -q '"names":\["no","yes"\]' j
	[ "$(head -n 3 named.csv)" = $'id,proba,label,name\n1,0.9,1,yes\n2,0.4,0,no' ] || fail "$(cat named.csv)"
	hm-score named.csv | cmp - want
	grep -q 'ROC of yes, 8 records' r.svg
	grep -q 'probability of yes' c.svg
	# truth.jsonl has words; the classes they are follow from the input's names, in its order
	hm-score --csv p.csv blind.csv >/dev/null
	hm-synth -q --train 40 --dev 8 --test 4 data
	hm-jsonl2rec --labels yes,no truth.jsonl | hm-tokenize --vocab data/vocab.txt | hm-encode --text init:bert-tiny -o f.hmr
	hm-fuse-train -q --fusion late --epochs 1 -o m.safetensors f.hmr
	hm-score --model m.safetensors --json own.json --errors 9 f.hmr >own
	hm-score --model m.safetensors --json given.json --errors 9 --labels truth.jsonl f.hmr | cmp - own
	cmp own.json given.json
	hm-score --model m.safetensors --errors 9 --labels truth.hmr f.hmr | cmp - own
	grep -q '"names":\["yes","no"\]' own.json
	grep -q '^  label 0 .* yes$' own
	hm-score --model m.safetensors -o p.hmr f.hmr >/dev/null
	hm-score --errors 9 p.hmr | cmp - own # the words stay with the records
	hm-score --model m.safetensors --errors 9 --labels table f.hmr | refute cmp -s - own
	# everything that takes several systems
	hm-score --compare --labels table blind.csv a.csv | grep -q 'not shown to differ'
	hm-score --average mean --labels table blind.csv blind.csv | cmp - want
}

@test "the words of the classes stay with the model; others are refused" {
	hm-synth -q --train 40 --dev 12 --test 4 data
	for s in train dev; do
		sed 's/"label":0/"label":"no"/; s/"label":1/"label":"yes"/' data/$s.jsonl >$s.jsonl
		for o in no,yes yes,no; do
			hm-jsonl2rec --labels $o $s.jsonl | hm-tokenize --vocab data/vocab.txt | hm-encode --text init:bert-tiny -o $s.$o.hmr
		done
	done
	hm-jsonl2rec data/dev.jsonl | hm-tokenize --vocab data/vocab.txt | hm-encode --text init:bert-tiny -o plain.hmr
	hm-fuse-train -q --fusion late --epochs 1 -o m.safetensors train.no,yes.hmr
	hm-view m.safetensors | grep -q '"names":\["no","yes"\]'
	hm-score --model m.safetensors dev.no,yes.hmr >want
	grep -q 'of class 1 "yes"$' want
	run hm-score --model m.safetensors dev.yes,no.hmr
	expect 1 '^hm-score: error: dev.yes,no.hmr: class 0 is "yes", and was "no" when the model was trained; .*--allow-mismatch goes on$'
	hm-score --model m.safetensors --allow-mismatch dev.yes,no.hmr 2>err | refute cmp -s - want
	grep -q 'warning: dev.yes,no.hmr: class 0 is "yes", and was "no"' err
	for l in dev.jsonl dev.yes,no.hmr data/dev.jsonl; do # by their words, and by number
		for f in dev.yes,no.hmr plain.hmr; do
			hm-score --model m.safetensors --labels $l $f | cmp - want
		done
	done
	hm-score --model m.safetensors plain.hmr | cmp - want
	run hm-fuse-train -q --fusion late --epochs 1 --val dev.yes,no.hmr -o no.safetensors train.no,yes.hmr
	expect 1 '^hm-fuse-train: error: --val: class 0 is "yes", and is "no" in the training records; .*--allow-mismatch goes on$'
	hm-fuse-train -q --fusion late --epochs 1 --allow-mismatch --val dev.yes,no.hmr -o n.safetensors train.no,yes.hmr
	hm-fuse-train -q --fusion late --epochs 1 --val plain.hmr -o n.safetensors train.no,yes.hmr
	cmp n.safetensors m.safetensors
	# the same of two systems
	hm-score --model m.safetensors -o a.hmr dev.no,yes.hmr >/dev/null
	hm-score --model m.safetensors --allow-mismatch -o b.hmr dev.yes,no.hmr >/dev/null
	run hm-score --compare a.hmr b.hmr
	expect 1 'class 0 is "no" in a.hmr and "yes" in b.hmr'
}

@test "--labels: a submission is scored by the true labels" {
	submission s.csv .5
	awk -F, 'NR == 1 { print "id,label"; next } { print $1 "," (NR % 3 == 0) }' s.csv >true.csv
	run hm-score --json s.json --labels true.csv s.csv
	expect 0 'n 20$'
	refute grep -q 'every label' <<<"$output"
	refute grep -q labels_equal s.json
	run hm-score s.csv
	expect 0 '--labels FILE gives the true ones$'
	cut -d, -f 1,3 s.csv >perfect.csv # true labels that the system got right
	run hm-score --json p.json --labels perfect.csv s.csv
	expect 0 '^accuracy 1\.0000 '
	refute grep -q 'every label' <<<"$output"
	run hm-score --labels s.csv s.csv # another submission, or the same one
	expect 0 'warning: s.csv: every label is the system'
}

@test "--labels: class numbers where the words are the numbers of other classes" {
	hm-synth -q --train 40 --dev 8 --test 4 data
	hm-jsonl2rec --labels 1,0 data/train.jsonl | hm-tokenize --vocab data/vocab.txt | hm-encode --text init:bert-tiny -o f.hmr
	hm-fuse-train -q --fusion late --epochs 1 -o m.safetensors f.hmr
	hm-score --model m.safetensors --csv own.csv f.hmr >want
	hm-score --model m.safetensors --labels data/train.jsonl f.hmr | cmp - want # words
	hm-score --model m.safetensors --labels own.csv f.hmr | cmp - want # numbers, as --csv writes them
	sed 's/"label":0/"label":2/; s/"label":1/"label":0/; s/"label":2/"label":1/' data/train.jsonl | hm-jsonl2rec -o plain.hmr
	hm-score --model m.safetensors --labels plain.hmr f.hmr | cmp - want # records without words
}

@test "--labels: ids, words and numbers that do not fit are named" {
	truth
	run hm-score --labels truth.jsonl blind.csv
	expect 1 '^hm-score: error: truth.jsonl: line 1 \(id 1\): label "yes" is a word, and nothing says which class it is; hm-csv2rec \(hm-jsonl2rec\) --labels WORD,WORD,\.\.\. makes records that do$'
	run hm-score --labels <(head -n 3 truth.jsonl) --json x.json truth.hmr
	expect 1 'no column "prob"'
	hm-score --labels truth.hmr --csv /dev/null blind.csv >/dev/null
	sed 5d a.csv >less.csv
	run hm-score --labels less.csv --json x.json a.csv
	expect 1 '^hm-score: error: 1 ids of a.csv are not in less.csv: 4; --allow-missing scores the others$'
	run hm-score --labels a.csv --json x.json less.csv
	expect 1 '^hm-score: error: 1 ids of a.csv are not in less.csv: 4; --allow-missing'
	[ ! -e x.json ]
	run hm-score --labels less.csv --allow-missing a.csv
	expect 0 '^note: 1 records have no label and do not count$'
	expect 0 'n 7$'
	run hm-score --labels a.csv --allow-missing less.csv
	expect 0 '^8 records expected, 7 scored, 0 failed'
	expect 0 '^note: 1 of 8 records are missing: accuracy could be'
	run hm-score --labels <(sed 's/^3,0.7,0/3,0.7,7/' a.csv) a.csv
	expect 1 'line 4 \(id 3\): label 7 is outside the 2 classes, 0 to 1$'
	run hm-score --labels <(sed 's/^3,0.7,0/1,0.7,0/' a.csv) a.csv
	expect 1 'line 4 \(id 1\): line 2 has the same id$'
	run hm-score --labels <(printf 'name,label\n1,1\n') a.csv
	expect 1 'line 1: the header has no column "id"; id,label are needed$'
	run hm-score --labels <(printf '{"id":1,"label":[1]}\n') a.csv
	expect 1 'line 1: field "label" is a list or an object, where a word or a number is wanted$'
	run hm-score --labels <(printf '\n[1]\n') a.csv
	expect 1 'line 2: this is no JSON object'
	run hm-score --labels <(printf '{"label":1}\n') a.csv
	expect 1 'line 1: there is no field "id"'
	run hm-score --labels "$ROOT/tests/data/models/late.safetensors" a.csv
	expect 1 'late.safetensors: a safetensors file, where labels are wanted: JSON lines, CSV or records$'
	printf 'GIF89a' >a.gif
	run hm-score --labels a.gif a.csv
	expect 1 'a.gif: a GIF file, where labels are wanted: JSON lines, CSV or records$'
	hm-jsonl2rec -o plain.hmr <(sed 's/"no"/0/; s/"yes"/1/' truth.jsonl)
	run hm-score --labels plain.hmr -o x.hmr a.csv
	expect 2 '--labels goes without -o'
	hm-score --labels plain.hmr blind.csv | cmp - <(hm-score a.csv)
	# words that are other numbers
	hm-jsonl2rec --labels 2,1 -o turned.hmr <(sed 's/"no"/1/; s/"yes"/2/' truth.jsonl)
	hm-score --labels turned.hmr blind.csv | grep -q '^  label 1 .* 1$'
	hm-jsonl2rec --labels 1,2 -o ones.hmr <(sed 's/"no"/1/; s/"yes"/2/' truth.jsonl)
	hm-score --csv ones.csv --labels ones.hmr blind.csv >/dev/null
	hm-tokenize --vocab <(printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' t) ones.hmr | hm-encode --text init:bert-tiny -o ones.f.hmr
	hm-fuse-train -q --fusion late --epochs 1 -o ones.safetensors ones.f.hmr
	hm-score --model ones.safetensors ones.f.hmr >want
	hm-score --model ones.safetensors --labels <(sed 's/"no"/1/; s/"yes"/2/' truth.jsonl) ones.f.hmr | cmp - want
	hm-score --model ones.safetensors --labels plain.hmr ones.f.hmr | cmp - want # numbers of classes
	printf 'id,label\n1,0\n' >zero.csv
	run hm-score --model ones.safetensors --allow-missing --labels zero.csv ones.f.hmr
	expect 1 'label "0" is not one of the classes, 1,2$'
	# what has no label is not missed
	run hm-score --allow-missing --labels <(cat a.csv; echo 'more,,') a.csv
	expect 0 '^8 records expected, 8 scored, 0 failed'
	# two systems that call their classes otherwise
	run hm-score --compare --labels truth.hmr blind.csv blind.csv
	expect 0 'not shown to differ'
}

@test "--submission: the answers as the server takes them; two classes, every record" {
	truth
	hm-score --submission s.csv blind.csv >report
	[ "$(tr '\n' ' ' <s.csv)" = 'id,proba,label 1,0.9,1 2,0.4,0 3,0.7,1 4,0.2,0 5,0.6,1 6,0.3,0 7,0.1,0 8,0.8,1 ' ] || fail "$(cat s.csv)"
	hm-score --submission - blind.csv 2>err | cmp - s.csv
	cmp err report
	hm-score --threshold .65 --submission t.csv a.csv >/dev/null
	[ "$(sed -n 6p t.csv)" = 5,0.6,0 ]
	printf 'id,proba,label\n11,0.3,0\n12,0.65,1\n13,0.62,0\n' >val.csv
	hm-score --threshold fit:val.csv --submission f.csv a.csv >/dev/null
	[ "$(sed -n 6p f.csv)" = 5,0.6,0 ]
	hm-score --average mean --submission m.csv blind.csv blind.csv >/dev/null
	cmp m.csv s.csv
	hm-score --labels a.csv --submission l.csv blind.csv | tail -n 1 | grep -q 'accuracy 0.7500'
	cmp l.csv s.csv
	echo '9,,' >>blind.csv
	run hm-score --submission no.csv blind.csv
	expect 1 '1 of 9 records are missing'
	[ ! -e no.csv ]
	run hm-score --allow-missing --submission some.csv blind.csv
	expect 0 'warning: some.csv: 1 records have no answer and are not in it$'
	cmp some.csv s.csv
	classes
	run hm-score --submission no.csv c.csv
	expect 2 '--submission is for two classes, c.csv has 3'
	run hm-score --compare --submission no.csv a.csv a.csv
	expect 2 'goes without'
	[ ! -e no.csv ]
}

@test "--compare NAME=FILE: names everywhere; a file whose name has a = is a file" {
	sed 's/,0.9,/,0.2,/; s/,0.8,/,0.3,/' a.csv >b.csv
	run hm-score --compare --json j --latex t.tex --roc r.svg --calibration c.svg 'Grüße & <x>=a.csv' b=b.csv
	expect 0 '^A   Grüße & <x> +0\.7500 '
	expect 0 '^B   b +0\.5000 '
	expect 0 'Grüße & <x> and b are not shown to differ in accuracy'
	grep -q '"a":"Grüße & <x>".*"b":"b"' j && grep -q '"name":"b"' j
	grep -q '^{Grüße \\& \\textless{}x\\textgreater{}} & 0.7500' t.tex
	for f in r c; do grep -q 'Grüße &amp; &lt;x>' $f.svg || fail $f; done
	cp a.csv lr=0.1.csv
	run hm-score --compare lr=0.1.csv best=lr=0.1.csv b.csv
	expect 0 '^A   lr=0\.1\.csv '
	expect 0 '^B   best '
	run hm-score --compare A=- B=b.csv <a.csv
	expect 0 '^A   A '
	for twice in 'A=- B=-' 'A=- -' '--labels - A=- B=b.csv'; do
		run hm-score --compare $twice <a.csv
		expect 2 'standard input is named twice'
	done
	run hm-score --compare lr=0.2.csv b.csv
	expect 1 '0\.2\.csv: cannot open'
	run hm-score --compare x=a.csv x=b.csv
	expect 2 "two systems are called 'x'"
	run hm-score --compare b.csv=a.csv b.csv
	expect 2 "two systems are called 'b.csv'"
	run hm-score --compare =a.csv b.csv
	expect 2 "takes NAME=FILE, not '=a.csv'"
	run hm-score --compare x= b.csv
	expect 2 "takes NAME=FILE, not 'x='"
	run hm-score --compare $'\xff=a.csv' b.csv
	expect 2 'takes NAME=FILE'
	for o in --json --latex; do
		run hm-score --compare $o b.csv A=a.csv B=b.csv
		expect 2 'b.csv is an input of the same call'
	done
	run hm-score x=a.csv
	expect 1 'x=a.csv: cannot open'
	run hm-score --compare A=a.csv B=<(sed '$d' b.csv)
	expect 1 '1 ids of A are not in B: 8'
}

@test "--latex: booktabs tables, names escaped" {
	name='[a]_b%#$&{}~^\<>|"--'
	hm-score --compare --latex t.tex "$name=a.csv" B=<(sed 's/,0.9,/,0.5,/' a.csv) >/dev/null
	grep -qF '\begin{tabular}{lrcrc}' t.tex
	grep -qxF '{[a]\_b\%\#\$\&\{\}\textasciitilde{}\textasciicircum{}\textbackslash{}\textless{}\textgreater{}\textbar{}{\char34}-{}-} & 0.7500 & [0.4093, 0.9285] & 0.8125 & [0.4808, 1.0000] \\' t.tex
	grep -qF ' & {B} & $+0.1250$ & [$-0.' t.tex
	[ "$(grep -c '^.toprule$' t.tex)" = 2 ] && [ "$(grep -c '^.end{tabular}$' t.tex)" = 2 ]
	hm-score --latex - a.csv 2>err | grep -qxF '{a.csv} & 0.7500 & [0.4093, 0.9285] & 0.8125 & [0.4808, 1.0000] \\'
	hm-score a.csv | cmp - err
	hm-score --latex n.tex <(printf 'id,proba\n1,.9\n') >/dev/null
	grep -qF '& -- & -- & -- & -- \\' n.tex
	classes
	hm-jsonl2rec --labels 'no,50 %,a&b' -o w.hmr <(printf '{"id":%d,"img":"i","text":"t","label":"%s"}\n' 1 no 2 '50 %' 3 'a&b' 4 '50 %')
	hm-score --labels w.hmr --latex k.tex c.csv >report
	grep -qF 'System & Accuracy & 95\,\% interval & Macro F1 & 95\,\% interval & Macro AUROC' k.tex
	grep -qxF '{50 \%} & 1.0000 & 0.5000 & 0.6667 & 1.0000 & 2 \\' k.tex
	grep -qE '^   1  50 % +2 +1 +1\.0000' report
	hm-score --compare --latex kk.tex A=c.csv B=c.csv >/dev/null
	grep -qF '{A} & {B} & $+0.0000$ & [$-0.' kk.tex
}
