# hm-classify: single memes, lines as they come; and hm-bundle, which makes what it needs.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 64 --dev 24 --test 8 data
	sed 's/"label":0/"label":"kind"/; s/"label":1/"label":"mean"/' data/train.jsonl >named.jsonl
	hm-jsonl2rec --labels kind,mean named.jsonl | hm-imgprep --root data/img --size 40 --fit crop |
		hm-tokenize --vocab data/vocab.txt --max-length 12 -o train.raw.hmr
	hm-jsonl2rec data/dev.jsonl | hm-imgprep --root data/img --size 40 --fit crop |
		hm-tokenize --vocab data/vocab.txt --max-length 12 -o dev.raw.hmr
	for s in train dev; do hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o $s.hmr $s.raw.hmr; done
	hm-fuse-train -q --epochs 2 -o head.st train.hmr
	hm-fuse-train -q --epochs 1 --image init:resnet-tiny --text init:bert-tiny --vocab data/vocab.txt -o late.st train.raw.hmr
	hm-fuse-train -q --epochs 1 --fusion early --image init:resnet-tiny --text init:bert-tiny --vocab data -o early.st train.raw.hmr
	hm-fuse-train -q --epochs 1 --features image --image init:resnet-tiny -o image.st train.raw.hmr
	hm-fuse-train -q --epochs 1 --features text --text init:bert-tiny --vocab data -o text.st train.raw.hmr
	hm-bundle --image init:resnet-tiny --text init:bert-tiny --vocab data/vocab.txt head.st -o bundle.st
}

setup() {
	cd "$BATS_FILE_TMPDIR"
}

# The answers as hm-score --csv writes predictions, without labels.
as_csv() { sed -E 's/^\{"id":"?([^",]*)"?,"label":[01](,"name":"[a-z]+")?,"prob":\[[^,]*,([^]]*)\]\}$/\1,\3/'; }

@test "answers are those of the pipe, to the last bit" {
	for m in late early bundle; do
		hm-score --bootstrap 0 --model $m.st --csv - dev.raw.hmr 2>/dev/null | sed 1d | cut -d, -f1,2 >want
		hm-classify $m.st --batch-size 24 --root data/img data/dev.jsonl | as_csv | diff want - || fail "$m"
		hm-classify $m.st -j1 --batch-size 24 --root data/img <data/dev.jsonl | as_csv | diff want - || fail "$m -j1"
	done
	for m in image text; do # a side that the model does not use is not read
		hm-score --bootstrap 0 --model $m.st --csv - dev.raw.hmr 2>/dev/null | sed 1d | cut -d, -f1,2 >want
		sed -E "s/\"$([ $m = image ] && echo text || echo img)\":\"[^\"]*\"/\"x\":0/" data/dev.jsonl >one.jsonl
		hm-classify $m.st --batch-size 24 --root data/img one.jsonl | as_csv | diff want - || fail "$m"
	done
}

@test "one line at a time gives the same up to rounding" {
	hm-classify late.st --root data/img data/dev.jsonl >together
	hm-classify late.st --batch-size 1 --root data/img data/dev.jsonl >alone
	paste -d' ' <(as_csv <together) <(as_csv <alone) | awk -F'[ ,]' '{ d = $2 - $4; n += $1 == $3 && d < 1e-6 && d > -1e-6 } END { exit n != 24 }'
}

@test "the line of an answer" {
	run hm-classify bundle.st data/img/10001.png "what a day"
	expect 0 '^\{"id":"data/img/10001.png","label":[01],"name":"(kind|mean)","prob":\[0\.[0-9]+,0\.[0-9]+\]\}$'
	cp data/img/10001.png 'a "b".png'
	run hm-classify bundle.st 'a "b".png' ""
	expect 0 '^\{"id":"a \\"b\\".png",'
	run bash -c 'printf "%s\n" "{\"id\":7,\"img\":\"10001.png\",\"text\":\"x\",\"label\":\"no word of ours\"}" "" "{\"id\":\"7\",\"img\":\"/mnt/10001.png\",\"text\":\"x\"}" |
		hm-classify bundle.st --root data/img --img-prefix /mnt'
	expect 0
	[ "${#lines[@]}" = 2 ]
	[ "${lines[0]/7/\"7\"}" = "${lines[1]}" ] # the same meme, an id as it came
	run hm-classify bundle.st --threshold 1 data/img/10001.png x
	expect 0 '"label":0,"name":"kind"'
	run hm-classify bundle.st --threshold 0 data/img/10001.png x
	expect 0 '"label":1,"name":"mean"'
	run hm-classify image.st data/img/10001.png
	expect 0 '"label":'
	# equal to the threshold is not above it: a head that is sure answers 0 and 1 exactly
	hm-fuse-train -q --lr 1e5 --epochs 1 -o loud.head train.hmr
	hm-bundle --image init:resnet-tiny --text init:bert-tiny --vocab data loud.head -o loud.st
	run bash -c 'hm-classify loud.st --threshold 0 --root data/img data/dev.jsonl; hm-classify loud.st --threshold 1 --root data/img data/dev.jsonl'
	expect 0 '"prob":\[1,0\]'
	refute grep -q '"label":1.*"prob":\[1,0\]' <<<"$output"
	refute grep -q '"label":1.*"prob":\[0,1\]' <(tail -n 24 <<<"$output")
	grep -q '"label":0.*"prob":\[0,1\]' <(tail -n 24 <<<"$output")
}

@test "bad lines are answered with their error, the others with theirs" {
	printf 'GIF89a\1\0\1\0' >data/img/x.gif
	cat >bad.jsonl <<-'END'
		{"id":1,"img":"10001.png","text":"a"}
		{"id":2,"img":"nope.png","text":"a"}
		not JSON
		{"id":"four","img":"10001.png"}
		{"id":5,"img":"x.gif","text":"a"}
		{"id":6,"img":"../../dev.hmr","text":"a"}
		{"img":"10001.png","text":"a"}
		{"id":8,"img":"10001.png","text":"a"}
	END
	run bash -c 'hm-classify late.st --root data/img bad.jsonl 2>stderr'
	expect 1
	[ "${#lines[@]}" = 8 ]
	[ "${lines[0]/1/8}" = "${lines[7]}" ]
	while IFS='|' read -r i want; do grep -qE "$want" <<<"${lines[$i]}" || fail "$i: ${lines[$i]}"; done <<-'END'
		1|^\{"id":2,"error":"nope.png: cannot open: No such file or directory"\}$
		2|^\{"id":null,"line":3,"error":"invalid JSON: .*at column 1"\}$
		3|^\{"id":"four","error":"the field \\"text\\" is missing .*--null-text empty
		4|^\{"id":5,"error":"x.gif: a GIF file,
		5|^\{"id":6,"error":"../../dev.hmr: 
		6|^\{"id":null,"line":7,"error":"the field \\"id\\" is missing
	END
	[ "$(cat stderr)" = "hm-classify: error: 6 of 8 lines have an error for an answer" ]
	run bash -c 'hm-classify late.st --root data/img --on-error skip bad.jsonl 2>stderr'
	expect 0
	[ "${#lines[@]}" = 2 ]
	[ "$(cat stderr)" = "hm-classify: notice: 6 of 8 lines left out" ]
	run bash -c 'hm-classify late.st --root data/img --null-text empty <<<"{\"id\":1,\"img\":\"10001.png\"}"'
	expect 0 '"label"'
	run hm-classify late.st data/img/x.gif "a"
	expect 1 'error: x.gif: a GIF file'
}

@test "a line is answered before the next one comes" {
	mkfifo in out
	hm-classify late.st --root data/img <in >out &
	pid=$!
	exec 8>in 9<out
	for i in 1 2 3; do
		printf '{"id":%d,"img":"10001.png",' $i >&8
		sleep .1 # half a line is waited for
		printf '"text":"a"}\n' >&8
		read -r -t 30 answer <&9
		[[ $answer == '{"id":'$i,'"label"'* ]]
	done
	kill -TERM $pid # while it waits
	wait $pid
	! read -r -t 30 answer <&9
	exec 8>&- 9<&-
}

@test "a model file that is written into ends the run, one that is replaced does not" {
	mkfifo in2 out2
	for how in replaced written; do
		cp late.st live.st
		hm-classify live.st --root data/img <in2 >out2 2>stderr &
		pid=$!
		exec 8>in2 9<out2
		printf '{"id":1,"img":"10001.png","text":"a"}\n' >&8
		read -r -t 30 answer <&9
		if [ $how = replaced ]; then
			cp early.st other.st && mv other.st live.st
		else
			printf x | dd of=live.st conv=notrunc 2>/dev/null
		fi
		printf '{"id":1,"img":"10001.png","text":"a"}\n' >&8
		if [ $how = replaced ]; then
			read -r -t 30 again <&9
			[ "$again" = "$answer" ]
			exec 8>&-
			wait $pid
		else
			! read -r -t 30 again <&9
			exec 8>&-
			rc=0
			wait $pid || rc=$?
			[ $rc = 1 ]
			grep -q 'error: live.st: changed while it was in use' stderr
		fi
		exec 9<&-
	done
}

@test "a model that lacks something: exit 2, and what gives it" {
	while IFS='|' read -r call said; do
		run bash -c "$call 2>&1"
		expect 2 "$said"
	done <<-'END'
		hm-classify head.st|head.st holds no image encoder: --image SPEC names the one it was trained on \([0-9a-f]{32}\)
		hm-classify head.st --image init:resnet-tiny|head.st holds no text encoder: --text SPEC
		hm-classify head.st --image init:resnet-tiny --text init:bert-tiny|head.st holds no vocabulary: --vocab FILE\|DIR
		hm-classify late.st --image init:resnet-tiny|late.st: it holds its image encoder already: leave out --image
		hm-classify image.st --vocab data|image.st was trained without captions: leave out --vocab
		hm-classify image.st --text init:bert-tiny|image.st: it was trained without texts: leave out --text
		hm-classify late.st data/img/10001.png|late.st needs the picture's caption
		hm-classify late.st data/img/10001.png a b|one picture and one caption
		hm-classify text.st data/img/10001.png a|text.st answers captions alone
		hm-bundle head.st -o x.st|head.st holds no image encoder
		hm-bundle late.st --names a,b,c -o x.st|--names has 3 words, late.st has 2 classes
		hm-bundle late.st --names a,a -o x.st|--names
	END
	while IFS='|' read -r call said; do
		run bash -c "$call 2>&1"
		expect 1 "$said"
	done <<-'END'
		hm-classify head.st --image init:resnet-tiny:9 --text init:bert-tiny --vocab data|init:resnet-tiny:9: this is encoder [0-9a-f]{32}, head.st was trained on
		hm-classify train.hmr|train.hmr: 
		: >none.jpg; hm-classify late.st none.jpg "what a day"|none.jpg: no picture, and what follows names no file: MODEL PICTURE CAPTION
		echo "<html>" >page.jpg; hm-classify late.st page.jpg x|page.jpg: no picture, and what follows
		head -n 99 data/vocab.txt >v.txt; hm-classify head.st --image init:resnet-tiny --text init:bert-tiny --vocab v.txt|v.txt: 
	END
	[ ! -e x.st ]
}

@test "another vocabulary than the training's is refused" {
	sed '$d' data/vocab.txt >short.txt
	run hm-classify head.st --image init:resnet-tiny --text init:bert-tiny --vocab short.txt
	expect 1 'short.txt: column "token_ids": vocab is [0-9a-f]{8}…? here, the model was trained on'
	run hm-bundle head.st --image init:resnet-tiny --text init:bert-tiny --vocab short.txt -o x.st
	expect 1 'vocab is'
	run hm-bundle --image init:resnet-tiny --text init:bert-tiny --vocab "$ROOT/tests/data/text/clip" head.st -o x.st
	expect 1 'text/clip: column "token_ids": '
	run hm-fuse-train -q --epochs 1 --image init:resnet-tiny --text init:bert-tiny --vocab short.txt -o x.st train.raw.hmr
	expect 1 'short.txt: .*vocab is'
	[ ! -e x.st ]
}

@test "a bundle scores as its head does, and is complete" {
	hm-score --bootstrap 0 --model head.st --csv a.csv dev.hmr >/dev/null
	hm-score --bootstrap 0 --model bundle.st --csv b.csv dev.hmr >/dev/null
	hm-score --bootstrap 0 --model bundle.st --csv c.csv dev.raw.hmr >/dev/null
	cmp a.csv b.csv
	cmp a.csv c.csv
	hm-view bundle.st | grep -q '"names":\["kind","mean"\].*"vocab_in_file":true'
	hm-view --history bundle.st | grep -q '"tool":"hm-bundle"'
	hm-bundle bundle.st --names no,yes -o named.st # once more
	hm-view named.st | grep -q '"names":\["no","yes"\]'
	hm-score --bootstrap 0 --model named.st --csv c.csv dev.raw.hmr >/dev/null
	cmp <(cut -d, -f1-3 a.csv) <(cut -d, -f1-3 c.csv) # the names are others
	hm-fuse-train -q --epochs 1 --init bundle.st -o again.st train.raw.hmr # takes the vocabulary along
	hm-view again.st | grep -q '"vocab_in_file":true'
}

@test "hm-bundle --names gives no class the word of another" {
	run hm-bundle bundle.st --names mean,kind -o moved.st
	expect 1 '--names: class 0 is "mean", which class 1 was called when the model was trained; --allow-mismatch goes on'
	[ ! -e moved.st ]
	hm-bundle bundle.st --names nice,mean -o named.st
	hm-bundle bundle.st --names mean,kind --allow-mismatch -o moved.st
	hm-view moved.st | grep -q '"names":\["mean","kind"\]'
}

@test "a head on features of other colours gets its encoder with them" {
	for s in train dev; do hm-encode -q --image init:resnet-tiny --mean .1,.2,.3 --std .3,.2,.1 -o $s.colour.hmr $s.raw.hmr; done
	hm-fuse-train -q --epochs 2 --features image -o colour.st train.colour.hmr
	hm-bundle --image init:resnet-tiny colour.st -o colours.st
	hm-score --bootstrap 0 --model colour.st --csv - dev.colour.hmr 2>/dev/null | sed 1d | cut -d, -f1,2 >want
	hm-classify colours.st --batch-size 24 --root data/img data/dev.jsonl | as_csv | diff want -
	hm-classify --image init:resnet-tiny colour.st --batch-size 24 --root data/img data/dev.jsonl | as_csv | diff want -
}

@test "encoders with other heads than the training's are refused, also BERT's" {
	for s in train dev; do hm-encode -q --image init:resnet-tiny --text init:bert-tiny --text-heads 4 -o $s.heads.hmr $s.raw.hmr; done
	hm-view --schema dev.heads.hmr | grep -q '"eps":1e-12,"heads":4,"max_length":12,"name":"text_feature"' || fail "$(hm-view --schema dev.heads.hmr)"
	hm-fuse-train -q --epochs 2 -o heads.st train.heads.hmr
	local both=(--image init:resnet-tiny --text init:bert-tiny --vocab data/vocab.txt)
	run hm-bundle "${both[@]}" heads.st -o x.st
	expect 1 'heads is 2 here, the model was trained on 4 \(hm-encode --image-heads and --text-heads; --allow-mismatch'
	run hm-classify "${both[@]}" heads.st --root data/img data/dev.jsonl
	expect 1 'heads is 2 here, the model was trained on 4'
	run hm-fuse-train --val dev.hmr --epochs 1 -o x.st train.heads.hmr
	expect 1 'column "text_feature": heads is 2 here'
	run hm-nearest --train train.heads.hmr dev.hmr
	expect 1 'heads'
	[ ! -e x.st ]
	hm-bundle "${both[@]}" --text-heads 4 heads.st -o headed.st
	hm-score --bootstrap 0 --model heads.st --csv - dev.heads.hmr 2>/dev/null | sed 1d | cut -d, -f1,2 >want
	hm-classify headed.st --batch-size 24 --root data/img data/dev.jsonl | as_csv | diff want -
	# a model file says its own
	for tool in "hm-score --model late.st dev.raw.hmr" "hm-classify late.st --root data/img data/dev.jsonl" \
		"hm-fuse-train --init late.st -o x.st train.raw.hmr" "hm-bundle bundle.st --names u,v -o x.st"; do
		run $tool --heads 4
		expect 1 'heads is 4 here, the model was trained on 2'
	done
	[ ! -e x.st ]
}

@test "a head on features that were stored as f16 or bf16: its bundle rounds as they were" {
	for store in f16 bf16; do
		for s in train dev; do hm-encode -q --store $store --image init:resnet-tiny --text init:bert-tiny -o $s.$store.hmr $s.raw.hmr; done
		hm-fuse-train -q --lr .03 --epochs 3 -o $store.st train.$store.hmr
		hm-view $store.st | grep -q "\"store\":\"$store\".*\"store\":\"$store\""
		hm-bundle --image init:resnet-tiny --text init:bert-tiny --vocab data/vocab.txt $store.st -o stored.st
		hm-score --bootstrap 0 --model $store.st --csv want.csv dev.$store.hmr >/dev/null
		hm-score --bootstrap 0 --model stored.st --csv - dev.raw.hmr 2>/dev/null | diff want.csv -
		sed 1d want.csv | cut -d, -f1,2 >want
		hm-classify stored.st --batch-size 24 --root data/img data/dev.jsonl | as_csv | diff want -
		run hm-score --bootstrap 0 --model $store.st dev.hmr
		expect 0 "notice: .*is stored as f32, the model was trained on $store"
	done
}

@test "a random CLIP of a small vocabulary: --vocab-size" {
	local clip=$ROOT/tests/data/text/clip text=init:clip-tiny-text
	hm-jsonl2rec --limit 16 data/train.jsonl | hm-tokenize --vocab "$clip" |
		hm-encode -q --text $text --vocab-size 797 -o small.hmr
	hm-fuse-train -q --epochs 1 --features text -o small.st small.hmr
	run hm-bundle --text $text --vocab "$clip" small.st -o x.st
	expect 1 "$text: this is encoder [0-9a-f]{32}, small.st was trained on"
	hm-bundle --text $text --vocab-size 797 --vocab "$clip" small.st -o whole.st
	cmp <(hm-classify --text $text --vocab-size 797 --vocab "$clip" small.st data/test.jsonl) \
		<(hm-classify whole.st data/test.jsonl)
	for tool in "hm-bundle -o x.st" hm-classify; do
		run $tool --vocab-size 797 small.st
		expect 2 '--vocab-size needs --text init:NAME'
	done
	[ ! -e x.st ]
}

@test "a model that was trained without a vocabulary says so" {
	run hm-fuse-train --epochs 1 --image init:resnet-tiny --text init:bert-tiny -o mute.st train.raw.hmr
	expect 0 'notice: the model file gets no vocabulary, which hm-classify will ask for: --vocab DIR'
	run hm-classify mute.st data/img/10001.png a
	expect 2 'mute.st holds no vocabulary'
	hm-classify mute.st --vocab data data/img/10001.png a
	hm-bundle mute.st --vocab data -o spoken.st
	diff <(hm-classify mute.st --vocab data data/img/10001.png a) <(hm-classify spoken.st data/img/10001.png a)
}

@test "encoders that run in another precision than the head's features had" {
	cd "$BATS_TEST_TMPDIR"
	local d=$BATS_FILE_TMPDIR/data
	hm-jsonl2rec -q --no-img "$d/train.jsonl" | hm-tokenize -q --vocab "$d/vocab.txt" -o raw.hmr
	hm-encode -q --text init:bert-tiny -o f.hmr raw.hmr
	hm-view --npy text_feature=t.npy f.hmr
	encoder=$(hm-view --schema f.hmr | grep -o '"encoder":"[0-9a-f]*"' | cut -d'"' -f4)
	for precision in bf16 f32; do
		hm-npy2rec -q --ids "$d/train.jsonl" --column text_feature=t.npy,encoder=$encoder,output=pooler,precision=$precision -o n.hmr
		hm-fuse-train -q --epochs 1 -o head.st n.hmr
		hm-bundle -q --text init:bert-tiny --vocab "$d/vocab.txt" -o $precision.st head.st
	done
	says='the text encoder computes in f32, the head was trained on features in bf16 \(--precision bf16\)$'
	run hm-score --bootstrap 0 --model bf16.st raw.hmr
	expect 0 "^hm-score: notice: $says"
	echo '{"id":1,"text":"hello"}' >line.jsonl
	run hm-classify bf16.st line.jsonl
	expect 0 "^hm-classify: notice: bf16.st: $says"
	run hm-classify f32.st line.jsonl
	refute grep -q notice <<<"$output"
}
