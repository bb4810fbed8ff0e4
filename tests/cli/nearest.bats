# hm-nearest: the vote, its witnesses, duplicates, and what it refuses.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 90 --dev 40 --test 6 data
	for split in train dev; do
		hm-jsonl2rec data/$split.jsonl | hm-imgprep -q --root data/img --size 64 | hm-tokenize -q --vocab data/vocab.txt |
			hm-encode -q --image init:resnet-tiny --text init:bert-tiny --keep -o $split.hmr
	done
}

setup() { cd "$BATS_FILE_TMPDIR"; }

@test "hm-score scores the vote as it is, and every neighbour has a name" {
	hm-nearest --train train.hmr dev.hmr -o dev.knn.hmr
	run hm-score dev.knn.hmr
	expect 0 'auroc 0\.[0-9]+ .* n 40'
	hm-view dev.knn.hmr | head -n 1 | grep -qE '"neighbours":"\[\{\\"id\\":\\"[0-9]+\\",\\"label\\":[01],\\"similarity\\":0\.[0-9]{1,7}\},'
	[ "$(hm-view dev.knn.hmr | head -n 1 | grep -o similarity | wc -l)" = 20 ]
	# its own record is nearest, and with k 1 it decides: log-probabilities of 0 and 1
	hm-nearest --k 1 --train train.hmr train.hmr -o self.hmr
	run hm-score self.hmr
	expect 0 'accuracy 1.0000 .* n 90'
	# the history names the training data and the options that count
	hm-view --history dev.knn.hmr | grep -qE '"columns":"image_feature,text_feature","k":20,"train":"[0-9a-f]{32}"' ||
		fail "$(hm-view --history dev.knn.hmr | tail -n 1)"
}

@test "the bytes depend neither on threads nor on the device, nor on how the inputs are cut" {
	hm-nearest --no-pg -j 1 --train train.hmr dev.hmr -o one.hmr
	hm-nearest --no-pg -j 4 --train train.hmr dev.hmr | cmp - one.hmr
	hm-nearest --no-pg -j 3 --device ref --train train.hmr dev.hmr | cmp - one.hmr
	hm-nearest --no-pg --train train.hmr - <dev.hmr | cmp - one.hmr
	hm-nearest --no-pg --train <(cat train.hmr) dev.hmr | cmp - one.hmr
}

@test "features of unknown origin, and features that are all 0" {
	cd "$BATS_TEST_TMPDIR"
	head -n 3 "$BATS_FILE_TMPDIR/data/dev.jsonl" >three.jsonl
	three_rows() { # 3 rows of 2 numbers, f4
		printf '\x93NUMPY\x01\x00\x76\x00'
		printf '%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }"
		printf '\x00\x00\x80\x3f\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x3f\x00\x00\x80\x3f'
	}
	three_rows >x.npy
	hm-npy2rec -q --ids three.jsonl --column image_feature=x.npy -o x.hmr
	run hm-nearest --columns image_feature --duplicates .9 --train x.hmr x.hmr
	[ "$(grep -c 'warning: x.hmr: the features of 1 records are all 0, so alike to nothing' <<<"$output")" = 2 ] || fail "$output"
	refute grep -q 'nothing shows' <<<"$output"
	hm-view --npy image_feature=i.npy "$BATS_FILE_TMPDIR/train.hmr"
	hm-npy2rec -q --ids "$BATS_FILE_TMPDIR/data/train.jsonl" --column image_feature=i.npy -o n.hmr
	run hm-nearest --columns image_feature --train n.hmr -o o.hmr "$BATS_FILE_TMPDIR/dev.hmr"
	expect 0 'warning: only one of n.hmr and .*dev.hmr says which encoder made "image_feature": nothing shows that both are of the same$'
}

@test "features may stand in files of their own, on both sides" {
	for split in train dev; do
		hm-jsonl2rec data/$split.jsonl -o ids-$split.hmr
		hm-imgprep -q --root data/img --size 64 ids-$split.hmr | hm-encode -q --image init:resnet-tiny -o image-$split.hmr
		hm-tokenize -q --vocab data/vocab.txt ids-$split.hmr | hm-encode -q --text init:bert-tiny -o text-$split.hmr
	done
	hm-nearest --train image-train.hmr --train text-train.hmr image-dev.hmr text-dev.hmr | hm-score --csv a.csv - 2>/dev/null
	hm-nearest --train train.hmr dev.hmr | hm-score --csv b.csv - 2>/dev/null
	cmp a.csv b.csv
	hm-nearest --columns image_feature --train image-train.hmr image-dev.hmr | hm-score --csv c.csv - 2>/dev/null
	refute cmp -s a.csv c.csv
}

@test "equal training records are tied to the bit, and the earlier one comes first" {
	# the same 30 pictures and captions again and again under other ids: 40 equal rows in two blocks
	for i in $(seq 40); do head -n 30 data/train.jsonl | sed "s/{\"id\":\([0-9]*\)/{\"id\":\"$i-\1\"/"; done >many.jsonl
	hm-jsonl2rec many.jsonl | hm-imgprep -q --root data/img --size 64 | hm-tokenize -q --vocab data/vocab.txt |
		hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o many.hmr
	hm-nearest --k 40 --train many.hmr dev.hmr -o tied.hmr
	hm-view tied.hmr | while read -r line; do
		neighbours=$(grep -oE '"neighbours":.*' <<<"$line")
		[ "$(grep -oE 'similarity\\":[0-9.]*' <<<"$neighbours" | sort -u | wc -l)" = 1 ] || fail "$neighbours"
		[ "$(grep -oE 'id\\":\\"[0-9]+-' <<<"$neighbours" | grep -oE '[0-9]+' | tr '\n' ' ')" = "$(seq -s ' ' 40) " ] || fail "$neighbours"
	done
}

@test "duplicates: from the highest, no record with itself, each pair once" {
	hm-nearest --duplicates -1 --train train.hmr dev.hmr -o all.jsonl
	[ "$(wc -l <all.jsonl)" = 3600 ]
	grep -oE '[0-9.-]+}$' all.jsonl | tr -d '}' | sort -rgc
	hm-nearest --duplicates -1 --train train.hmr train.hmr >inside.jsonl
	[ "$(wc -l <inside.jsonl)" = $((90 * 89 / 2)) ]
	{ cat data/dev.jsonl; sed -n '7s/{"id":[0-9]*/{"id":"copy"/p' data/train.jsonl; } | hm-jsonl2rec | hm-imgprep -q --root data/img --size 64 |
		hm-tokenize -q --vocab data/vocab.txt | hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o copied.hmr
	hm-nearest -j 1 --duplicates .9999 --train train.hmr copied.hmr >found.jsonl
	head -n 1 found.jsonl | grep -qE "^\{\"a\":\"copy\",\"b\":\"$(sed -n '7s/{"id":\([0-9]*\).*/\1/p' data/train.jsonl)\",\"similarity\":1\}$"
	hm-nearest -j 4 --duplicates .9999 --train train.hmr copied.hmr | cmp - found.jsonl
	hm-nearest --duplicates 1 --train train.hmr dev.hmr >none.jsonl
	[ ! -s none.jsonl ]
}

@test "the sheet is a picture of pairs" {
	hm-nearest --sheet sheet.png --train train.hmr dev.hmr -o sheet.hmr
	run file sheet.png
	expect 0 'PNG image data, 1236 x '
	run hm-nearest --sheet sheet.png --train - dev.hmr -o sheet.hmr
	expect 2 "--sheet reads --train twice, which '-' cannot be: name a file"
	hm-encode --image init:resnet-tiny --text init:bert-tiny --replace train.hmr -o bare.hmr
	run hm-nearest --sheet none.png --train bare.hmr dev.hmr -o none.hmr
	expect 1 'bare.hmr: there is no column "pixels"; hm-imgprep makes it'
	[ ! -e none.png ] && [ ! -e none.hmr ]
}

@test "records with an error get no neighbours and are none" {
	sed '3s/"img":"[^"]*"/"img":"img\/none.png"/' data/train.jsonl | hm-jsonl2rec | hm-imgprep -q --on-error keep --root data/img --size 64 |
		hm-tokenize -q --vocab data/vocab.txt | hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o broken.hmr
	run hm-nearest --k 90 --train broken.hmr dev.hmr -o 89.hmr
	expect 0 'broken.hmr: 1 records with an error are no neighbours'
	[ "$(hm-view 89.hmr | head -n 1 | grep -o similarity | wc -l)" = 89 ]
	hm-nearest -q --train train.hmr broken.hmr -o failed.hmr
	hm-view failed.hmr | sed -n 3p | grep -q '"neighbours":"\[\]"'
	run hm-score --allow-missing failed.hmr
	expect 0 ' n 89'
}

@test "what cannot be compared is refused, and no output is left" {
	run hm-nearest --train train.hmr ids-dev.hmr -o x.hmr
	expect 1 'ids-dev.hmr: there is no column "image_feature"; hm-encode makes features'
	run hm-nearest --train train.hmr --columns pixels dev.hmr -o x.hmr
	expect 1 'train.hmr: column "pixels" is no feature: a vector of F32, F16 or BF16'
	run hm-nearest --train train.hmr --columns image_feature,image_feature dev.hmr -o x.hmr
	expect 1 'column "image_feature" is named twice'
	run hm-nearest --train train.hmr --columns , dev.hmr -o x.hmr
	expect 1 'there is no column ""'
	hm-encode -q --image init:resnet-tiny:1 --text init:bert-tiny --replace dev.hmr -o other.hmr
	run hm-nearest --train train.hmr other.hmr -o x.hmr
	expect 1 'other.hmr: column "image_feature" has another "encoder" there'
	run hm-nearest --train train.hmr dev.knn.hmr -o x.hmr
	expect 1 'dev.knn.hmr: column "neighbours" exists already \(--replace to replace it\)'
	hm-nearest --no-pg --replace --train train.hmr dev.knn.hmr | hm-score --csv again.csv - 2>/dev/null
	cmp again.csv b.csv
	sed 's/"label":1/"label":2/' data/train.jsonl | hm-jsonl2rec | hm-imgprep -q --root data/img --size 64 | hm-tokenize -q --vocab data/vocab.txt |
		hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o three.hmr
	run hm-nearest --train three.hmr dev.hmr -o x.hmr
	expect 1 'three.hmr: id [0-9]+: the label is 2; neighbours vote by 0 and 1'
	hm-nearest --duplicates .999 --train three.hmr dev.hmr
	head -c 5000 dev.hmr >cut.hmr
	run hm-nearest --train train.hmr cut.hmr -o x.hmr
	expect 1 'cut.hmr: '
	run hm-nearest --train cut.hmr dev.hmr -o x.hmr
	expect 1 'cut.hmr: '
	hm-cat --head 0 train.hmr -o empty.hmr
	run hm-nearest --train empty.hmr dev.hmr -o x.hmr
	expect 1 'empty.hmr: holds no record with features'
	hm-nearest --train train.hmr <(hm-cat --head 0 dev.hmr) -o nobody.hmr
	[ ! -e x.hmr ]
}

@test "classes with other words on one side are refused" {
	made() { # SPLIT LABELS OUT
		sed 's/"label":0/"label":"no"/; s/"label":1/"label":"yes"/' data/$1.jsonl | hm-jsonl2rec --labels "$2" |
			hm-imgprep -q --root data/img --size 64 | hm-encode -q --image init:resnet-tiny -o "$3"
	}
	made train no,yes t.hmr
	made dev no,yes same.hmr
	made dev yes,no other.hmr
	hm-nearest --columns image_feature --train t.hmr same.hmr -o x.hmr
	run hm-nearest --columns image_feature --train t.hmr other.hmr -o y.hmr
	expect 1 'other.hmr: class 0 is "yes", and "no" in t.hmr'
	[ ! -e y.hmr ]
	run hm-lint t.hmr other.hmr
	expect 1 'other.hmr: class 0 is "yes", and "no" in t.hmr'
}

@test "wrong calls" {
	run hm-nearest dev.hmr -o x.hmr
	expect 2 '--train'
	run hm-nearest --train - - </dev/null
	expect 2 'standard input is named twice'
	run hm-nearest --precision bf16 --train train.hmr dev.hmr -o x.hmr
	expect 2 '--precision: neighbours are exact, in f32'
	run hm-nearest --duplicates .9 --sheet x.png --train train.hmr dev.hmr
	expect 2 '--duplicates writes pairs'
	run hm-nearest --k 0 --train train.hmr dev.hmr -o x.hmr
	expect 2 '--k'
	run hm-nearest --train train.hmr dev.hmr -o train.hmr
	expect 2 'train.hmr'
}
