# hm-npy2rec: arrays to records, by every kind of ids; what it refuses, and how. The arrays are those of
# tests/oracle/make_npy.py, and of hm-view --npy.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 40 --dev 20 --test 4 data
	for split in train dev; do
		hm-jsonl2rec data/$split.jsonl | hm-tokenize -q --vocab data/vocab.txt | hm-encode -q --text init:bert-tiny -o $split.own.hmr
		hm-view --npy text_feature=$split.npy --npy label=$split.label.npy $split.own.hmr
		hm-view $split.own.hmr | sed 's/^{"id":"\([^"]*\)".*/\1/' >$split.ids
	done
	printf 'a\nb\n' >two.ids
	seq 0 30 >31.ids
}
setup() {
	cd "$BATS_FILE_TMPDIR"
	N=$ROOT/tests/data/npy
	rm -f no.hmr
}

# An array of version 1.0. npy DESCR SHAPE BYTES(printf)
npy() {
	local h="{'descr': '$1', 'fortran_order': False, 'shape': ($2), }"
	printf '\x93NUMPY\x01\x00'
	printf "\\x$(printf %02x ${#h})\\x00%s$3" "$h"
}

@test "what hm-view --npy wrote comes back, to the last bit" {
	hm-npy2rec --ids train.ids --column text_feature=train.npy --column label=train.label.npy -o back.hmr
	hm-view --npy text_feature=again.npy --npy label=label.npy back.hmr
	cmp train.npy again.npy
	cmp train.label.npy label.npy
	hm-view back.hmr | sed 's/^{"id":"\([^"]*\)".*/\1/' | cmp - train.ids
	hm-npy2rec --ids train.ids --column text_feature=train.npy --column label=train.label.npy -j 1 | cmp - back.hmr
	hm-npy2rec --ids train.ids --column text_feature=train.npy --column label=train.label.npy -j 4 | cmp - back.hmr
}

@test "many rows, in windows, and everything as arrays" {
	seq 0 2999 | sed 's/.*/{"id":"é&","k":&,"x":&.5}/' >many.jsonl
	hm-jsonl2rec --no-img --no-text --keep-field k:i32 --keep-field x:f32 many.jsonl -o many.hmr
	hm-view --npy id=id.npy --npy label=l.npy --npy k=k.npy --npy x=x.npy many.hmr
	hm-npy2rec --ids id.npy --column label=l.npy --column k=k.npy --column x=x.npy --no-pg | cmp - <(hm-cat --no-pg many.hmr)
	hm-npy2rec --ids many.hmr --replace --column k=k.npy --column x=x.npy --no-pg | hm-cat --no-pg --columns id,label,k,x | cmp - <(hm-cat --no-pg many.hmr)
	# the same numbers as [600,5] in C and as [5,600] in Fortran order
	tail -c +193 x.npy >x.raw
	seq 0 599 >600.ids
	for order in False:600,5 True:600,5; do
		h="{'descr': '<f4', 'fortran_order': ${order%:*}, 'shape': (${order#*:}), }"
		{ printf '\x93NUMPY\x01\x00'; printf "\\x$(printf %02x ${#h})\\x00%s" "$h"; cat x.raw; } >order.npy
		hm-npy2rec --ids 600.ids --column x=order.npy | hm-view --full | sed -n '1p;600p' >seen
		case $order in
		False*) want='[0.5,1.5,2.5,3.5,4.5] [2995.5,2996.5,2997.5,2998.5,2999.5]' ;;
		True*) want='[0.5,600.5,1200.5,1800.5,2400.5] [599.5,1199.5,1799.5,2399.5,2999.5]' ;;
		esac
		[ "$(sed 's/.*"x":\(.*\)}/\1/' seen | xargs)" = "$want" ] || fail "$(cat seen)"
	done
}

@test "orders of elements and bytes, and versions, make the same records" {
	for t in u2 i2 u4 i4 u8 i8 f2 f4 f8; do
		rm -f first.hmr
		for f in "$N"/?e$t-2x3x4-*.npy; do
			hm-npy2rec -q --ids two.ids --column x="$f" -o now.hmr
			[ -e first.hmr ] || cp now.hmr first.hmr
			cmp now.hmr first.hmr || fail "$f differs"
		done
	done
	for f in "$N"/lef4-31x5-*; do
		hm-npy2rec --ids 31.ids --column x="$f" | hm-view --full >now
		[ "$(tail -n 1 now)" = '{"id":"30","x":[6.5,7.75,8,-7.75,-6.5]}' ] || fail "$(tail -n 1 now)"
	done
}

@test "each type of elements has its column" {
	type_of() { # NAME COLUMN: the dtype of the column
		hm-npy2rec -q --ids two.ids --column "$2=$N/$1" | hm-view --schema | grep -o "\"dtype\":\"[A-Z0-9]*\",\"name\":\"$2\",\"shape\":[^}]*" |
			sed 's/"dtype":"\([A-Z0-9]*\)".*"shape":/\1 /'
	}
	for pair in b1:BOOL u1:U8 i1:I8 leu2:U16 lei2:I16 leu4:U32 lei4:I32 leu8:U64 lei8:I64 lef2:F16 lef4:F32 lef8:F32; do
		f=$(basename "$N/${pair%:*}"-2x3x4-C-*)
		[ "$(type_of "$f" x)" = "${pair#*:} [3,4]" ] || fail "$f is $(type_of "$f" x)"
	done
	run hm-npy2rec --ids two.ids --column "x=$(echo "$N"/lef8-2x3x4-C-*)" -o f8.hmr
	expect 0 'notice: arrays of f64 are rounded to F32$'
	run hm-npy2rec --ids two.ids --column "x=$(echo "$N"/lef4-2x3x4-C-*)" -o f4.hmr
	[ -z "$output" ] && cmp <(hm-view f4.hmr) <(hm-view f8.hmr)
}

@test "a head trains on them and is scored; another encoder's are refused" {
	for split in train dev; do
		hm-npy2rec --ids data/$split.jsonl --column "text_feature=$split.npy,encoder=my encoder, layer 3,output=mean" -o $split.hmr
	done
	hm-fuse-train -q --epochs 2 --val dev.hmr -o head.st train.hmr
	run hm-score --model head.st dev.hmr
	expect 0 '^accuracy .* n 20$'
	hm-view head.st | grep -qF '"encoder":"my encoder, layer 3"'
	# the same numbers as those of hm-encode's own records
	hm-fuse-train -q --epochs 2 -o own.st train.own.hmr
	cmp <(hm-score -q --model head.st --csv - dev.hmr) <(hm-score -q --model own.st --csv - dev.own.hmr)
	hm-npy2rec --ids data/dev.jsonl --column "text_feature=dev.npy,encoder=my encoder, layer 4,output=mean" -o other.hmr
	run hm-score --model head.st other.hmr
	expect 1 'was made by encoder my encoder, layer 4, the model was trained on my encoder, layer 3'
	run hm-npy2rec --ids data/dev.jsonl --column text_feature=dev.npy -o bare.hmr
	expect 0 'notice: column "text_feature" does not say which encoder made it: with ",encoder=TEXT" it does'
	run hm-score --model head.st bare.hmr
	expect 1 'allow-unknown-features'
}

@test "ids: text, JSON lines, records, arrays; by content, from a pipe too" {
	for ids in train.ids data/train.jsonl train.own.hmr; do
		cp $ids renamed
		hm-npy2rec --ids renamed --column f=train.npy -o file.hmr
		hm-npy2rec --ids - --column f=train.npy <$ids >pipe.hmr
		cmp file.hmr pipe.hmr
		hm-npy2rec --ids <(cat $ids) --column f=train.npy | cmp - file.hmr
		hm-view --npy f=f.npy file.hmr
		cmp f.npy train.npy
	done
	# records: the other columns stay; JSON lines: id and label, with which features train alone
	cmp <(hm-cat --no-pg --columns id,img,text,label,text_feature file.hmr) <(hm-cat --no-pg train.own.hmr)
	hm-view --history file.hmr | grep -q '"tool":"hm-encode".*"tool":"hm-npy2rec"'
	[ "$(hm-npy2rec --ids data/train.jsonl --column f=train.npy | hm-cat --columns id,label | hm-view)" = \
		"$(hm-cat --columns id,label train.own.hmr | hm-view)" ]
	printf '{"id":1}\n\n{"id":"b","label":null}\n' | hm-npy2rec --ids - --column "x=$(echo "$N"/lef4-2x3x4-C-*)" | hm-view >seen
	grep -q '^{"id":"1","label":-1,' seen && grep -q '^{"id":"b","label":-1,' seen
	# integers and texts of NumPy
	printf '1\n2\n3\n4\n5\n' >5.ids
	for u in U bigU; do
		hm-npy2rec --ids "$N/$u.npy" --column "x=$N/lef4-5-C-2.npy" | hm-view | sed 's/^{"id":"\([^"]*\)".*/\1/' >ids
		printf 'm1\n\nzwölf\n🙂\nab cd\n' | cmp - ids
	done
	hm-npy2rec --ids 5.ids --column "x=$N/lef4-5-C-2.npy" | hm-view >want
	hm-jsonl2rec --no-img --no-text --keep-field k:i32 <(for i in 1 2 3 4 5; do echo "{\"id\":$i,\"k\":$i}"; done) | hm-view --npy k=int.npy
	hm-npy2rec --ids int.npy --column "x=$N/lef4-5-C-2.npy" | hm-view | cmp - want
	# line ends of Windows, a byte order mark, empty lines at the end
	printf '\xef\xbb\xbf1\r\n2\r\n3\r\n4\r\n5\r\n\r\n\n' | hm-npy2rec --ids - --column "x=$N/lef4-5-C-2.npy" | hm-view | cmp - want
}

@test "features alone are joined with the records that have the labels" {
	hm-npy2rec --ids train.ids --column text_feature=train.npy,encoder=X -o features.hmr
	hm-jsonl2rec data/train.jsonl -o labels.hmr
	hm-fuse-train -q --epochs 1 -o joined.st labels.hmr features.hmr
	hm-jsonl2rec data/train.jsonl | hm-npy2rec --ids - --column text_feature=train.npy,encoder=X | hm-fuse-train -q --epochs 1 -o piped.st
	cmp <(hm-score -q --model joined.st --csv - labels.hmr features.hmr) <(hm-score -q --model piped.st --csv - labels.hmr features.hmr)
}

@test "tensors of safetensors, one or all" {
	hm-fuse-train -q --epochs 1 -o m.st train.own.hmr
	hm-npy2rec --ids two.ids --column classifier.weight=m.st,encoder=X | hm-view --schema | grep -q '"dtype":"F32","encoder":"X","name":"classifier.weight"'
	hm-npy2rec --ids two.ids --safetensors m.st,encoder=X --column "y=$(echo "$N"/lef4-2x3x4-C-*),encoder=Y" -o all.hmr
	hm-view --schema all.hmr | grep -o '"encoder":"[XY]","name":"[a-z.]*"' | sort >seen
	printf '"encoder":"X","name":"classifier.bias"\n"encoder":"X","name":"classifier.weight"\n"encoder":"Y","name":"y"\n' | cmp - seen
	hm-npy2rec --ids two.ids --column classifier.weight=m.st,encoder=Z --safetensors m.st,encoder=X | hm-view --schema >seen # its own goes first
	grep -q '"encoder":"Z","name":"classifier.weight".*"encoder":"X","name":"classifier.bias"' seen || fail "$(cat seen)"
	run hm-npy2rec --ids train.ids --safetensors m.st -o no.hmr
	expect 1 'train.ids has 40 ids .* and m.st has 2 rows'
	printf '\x02\0\0\0\0\0\0\0{}' >none.st
	run hm-npy2rec --ids two.ids --safetensors none.st -o no.hmr
	expect 1 'none.st'
	run hm-npy2rec --ids two.ids --column x=m.st -o no.hmr
	expect 1 'm.st: there is no tensor "x"; there are "classifier.bias", "classifier.weight"'
}

@test "attributes: a comma belongs to the value, numbers and words have their types" {
	x=$(echo "$N"/lef4-2x3x4-C-*)
	cp "$x" 'a,b.npy'
	hm-npy2rec --ids two.ids --column 'x=a,b.npy,encoder=a, b=c, d,mean=0.5,0.4,0.3,std=1,1,1,heads=12,eps=1e-12,short=256,cased=false,fit=crop' | hm-view --schema >seen
	grep -qF '{"cased":false,"dtype":"F32","encoder":"a, b=c, d","eps":1e-12,"fit":"crop","heads":12,"mean":[0.5,0.4,0.3],"name":"x","shape":[3,4],"short":256,"std":[1,1,1]}' seen ||
		fail "$(cat seen)"
	seq 40 >40.ids
	hm-npy2rec --ids 40.ids --column label=train.label.npy,names=no,yes | hm-view --schema | grep -qF '"names":["no","yes"]'
	for wrong in encode=X heads=1.5 heads=x heads=0 eps=0 eps=1 eps=x cased=yes mean=1,2 mean=1,2,3,4 encoder= names=a,b encoder=X,encoder=Y; do
		run hm-npy2rec --ids two.ids --column "x=$x,$wrong" -o no.hmr
		expect 2 '^hm-npy2rec: error: --column: '
	done
	run hm-npy2rec --ids two.ids --column "x=$x,encode=X" -o no.hmr
	expect 2 "there is no attribute 'encode'; there are encoder, output, precision, size, "
	run hm-npy2rec --ids two.ids --column "x=$x,encoder=$(printf 'x%.0s' {1..257})" -o no.hmr
	expect 2 "the value of 'encoder' has 257 bytes, 256 are the most"
	run hm-npy2rec --ids 40.ids --column label=train.label.npy,names=no -o no.hmr
	expect 2 "'names' takes two words or more"
	[ ! -e no.hmr ]
}

@test "wrong calls" {
	run hm-npy2rec --ids two.ids -o no.hmr
	expect 2 'no array is given'
	run hm-npy2rec --column x=train.npy -o no.hmr
	expect 2 '--ids FILE is required'
	run hm-npy2rec --ids two.ids --column train.npy -o no.hmr
	expect 2 "NAME=FILE is wanted, not 'train.npy'"
	run hm-npy2rec --ids two.ids --column x= -o no.hmr
	expect 2 "--column takes the name of a file, not ''"
	run hm-npy2rec --ids two.ids --column id=train.npy -o no.hmr
	expect 2 'the ids are those of --ids'
	run hm-npy2rec --ids two.ids --column x=train.npy --column x=dev.npy -o no.hmr
	expect 2 'x is given twice'
	cp train.npy kept.npy
	run hm-npy2rec --ids train.ids --column x=kept.npy,encoder=X -o kept.npy
	expect 2 'kept.npy is an input of the same call'
	cmp train.npy kept.npy
	[ ! -e no.hmr ]
}

@test "numbers of ids and rows that differ are both named, whichever is less" {
	run hm-npy2rec --ids dev.ids --column x=train.npy -o no.hmr
	expect 1 "^hm-npy2rec: error: dev.ids has 20 ids \(the first is \"$(head -n 1 dev.ids)\"\) and train.npy has 40 rows$"
	(echo id,label && sed 's/$/,1/' dev.ids) >dev.csv
	run hm-npy2rec --ids dev.csv --column x=dev.npy -o no.hmr
	expect 1 'dev.csv has 21 ids .* and dev.npy has 20 rows; of a table hm-csv2rec makes records, which --ids takes$'
	run hm-npy2rec --ids train.ids --column x=dev.npy -o no.hmr
	expect 1 'train.ids has 40 ids \(.*\) and dev.npy has 20 rows'
	run hm-npy2rec --ids train.own.hmr --column x=dev.npy -o no.hmr
	expect 1 'train.own.hmr has 40 ids \(.*\) and dev.npy has 20 rows'
	run hm-npy2rec --ids train.ids --column x=train.npy --column y=dev.npy -o no.hmr
	expect 1 'column "x" \(train.npy\) has 40 rows and column "y" \(dev.npy\) has 20'
	[ ! -e no.hmr ]
	# into a pipe: what was written is marked as failed
	refute hm-npy2rec -q --ids dev.ids --column x=train.npy >cut.hmr
	run hm-view --verify cut.hmr
	expect 1 'its producer gave up'
	# no record at all is a legal stream
	hm-cat --head 0 train.own.hmr | hm-npy2rec --ids - --column "x=$N/lef4-0x7-C-2.npy" | hm-view --schema | grep -q '"records":0'
}

y_of_two() { # an array of two labels, 0 and 31
	npy '<u2' 2, '\x00\x00\x1f\x00' >y2.npy
	echo y2.npy
}

@test "bad ids" {
	x=$(echo "$N"/lef4-2x3x4-C-*)
	run hm-npy2rec --ids - --column "x=$x" -o no.hmr <<<$'a\na'
	expect 1 'standard input: record 1 \(id a\): record 0 has the same id'
	run hm-npy2rec --ids - --column "x=$x" -o no.hmr <<<$'a\n\nb'
	expect 1 'standard input: line 2 is empty, and more ids follow'
	run hm-npy2rec --ids - --column "x=$x" -o no.hmr <<<$'a\n\xff'
	expect 1 'standard input: line 2: it is not UTF-8 text'
	run hm-npy2rec --ids - --column "x=$x" -o no.hmr <<<'{"id":"a","label":"yes"}'
	expect 1 'line 1: .*label.*hm-jsonl2rec has the options, and its records are taken as --ids too'
	# words for labels do no harm where the labels are an array
	printf '{"id":"a","label":"yes"}\n{"id":"b","label":"no"}\n' >words.jsonl
	hm-npy2rec --ids words.jsonl --column label="$(y_of_two)" --column "x=$x" | hm-view | grep -q '"id":"b","label":31,'
	run hm-npy2rec --ids "$x" --column "x=$x" -o no.hmr
	expect 1 'it has 3 dimensions; ids are one for each record'
	run hm-npy2rec --ids "$N/lef4-5-C-2.npy" --column "x=$x" -o no.hmr
	expect 1 'its elements are F32; ids are integers or texts'
	hm-cat --columns label train.own.hmr -o noid.hmr
	run hm-npy2rec --ids noid.hmr --column x=train.npy -o no.hmr
	expect 1 'noid.hmr: there is no column "id"'
	head -c 500 train.own.hmr >cut.hmr
	run hm-npy2rec --ids cut.hmr --column x=train.npy -o no.hmr
	expect 1 'cut.hmr'
	printf 'a\nb\n' | gzip >ids.gz
	run hm-npy2rec --ids ids.gz --column "x=$x" -o no.hmr
	expect 1 'a gzip file, not text \(gzip -dc unpacks it\)'
	[ ! -e no.hmr ]
}

@test "bad arrays" {
	run hm-npy2rec --ids two.ids --column x=two.ids -o no.hmr
	expect 1 'two.ids: not a .npy file, as numpy.save writes it, but a text file'
	run hm-npy2rec --ids two.ids --column x=nothere.npy -o no.hmr
	expect 1 'nothere.npy: cannot open: No such file'
	head -c 150 train.npy >cut.npy
	run hm-npy2rec --ids train.ids --column x=cut.npy -o no.hmr
	expect 1 'cut.npy: it is cut'
	cat train.npy train.npy >both.npy
	run hm-npy2rec --ids train.ids --column x=both.npy -o no.hmr
	expect 1 'bytes follow the array'
	run hm-npy2rec --ids two.ids --column "x=$N/U.npy" -o no.hmr
	expect 1 'U.npy: column "x": it holds texts; a column is made of numbers'
	run hm-npy2rec --ids two.ids --column "x=$N/lef4-scalar-C-2.npy" -o no.hmr
	expect 1 'it is one number'
	run hm-npy2rec --ids two.ids --column "label=$(echo "$N"/lef4-2x3x4-C-*)" -o no.hmr
	expect 1 "its elements are F32, and labels are integers: save y.astype\('i4'\)"
	run hm-npy2rec --ids two.ids --column "label=$(echo "$N"/lei8-2x3x4-C-*)" -o no.hmr
	expect 1 'it has 3 dimensions, and labels are one number each'
	run hm-npy2rec --ids two.ids --column "image_feature=$(echo "$N"/lef4-2x3x4-C-*)" -o no.hmr
	expect 1 'column "image_feature" is F32 3x4; hm-encode makes it as a vector of floats'
	run hm-npy2rec --ids train.own.hmr --column text_feature=train.npy -o no.hmr
	expect 1 'train.own.hmr: column "text_feature" exists already \(--replace to replace it\)'
	[ ! -e no.hmr ]
	hm-npy2rec --ids train.own.hmr --replace --column text_feature=train.npy,encoder=Z | hm-view --schema >seen
	grep -q '"encoder":"Z","name":"text_feature"' seen && [ "$(grep -o '"name":' seen | wc -l)" = 5 ]
}

@test "numbers that are not finite, labels that are none" {
	npy '<f4' 2,2 '\x00\x00\x80\x3f\x00\x00\x80\x3f\x00\x00\x80\x3f\x00\x00\xc0\x7f' >nan.npy
	npy '<f8' 2, '\x00\x00\x00\x00\x00\x00\xf0\x3f\x9c\x75\x00\x88\x3c\xe4\x37\x7e' >huge.npy
	npy '>f2' 2, '\x3c\x00\xfc\x00' >inf.npy
	run hm-npy2rec --ids two.ids --column x=nan.npy -o no.hmr
	expect 1 'two.ids: record 1 \(id b\): column "x": number 1 is not finite: nan'
	run hm-npy2rec -q --ids two.ids --column x=huge.npy -o no.hmr
	expect 1 'two.ids: record 1 \(id b\): column "x": number 0 is beyond the range of F32: 1e\+300'
	run hm-npy2rec --ids two.ids --column x=inf.npy -o no.hmr
	expect 1 'number 0 is not finite: -inf'
	[ ! -e no.hmr ]
	{ npy '<f8' 1,300 '' && head -c 2392 /dev/zero && printf '\0\0\0\0\0\0\xf0\x3f'; } >wide.npy # a row of many
	[ "$(echo a | hm-npy2rec -q --ids - --column x=wide.npy | hm-view --full)" = "{\"id\":\"a\",\"x\":[$(printf '0,%.0s' {1..299})1]}" ]
	run hm-npy2rec --on-error skip --ids two.ids --column x=nan.npy -o skip.hmr
	expect 0 'notice: 1 bad record left out'
	hm-view --schema skip.hmr | grep -q '"records":1,"skipped":1'
	run hm-npy2rec --on-error keep --ids two.ids --column x=nan.npy --column "y=$(echo "$N"/lef4-2x3x4-C-*)" -o keep.hmr
	expect 0 'notice: 1 bad record kept'
	[ "$(hm-cat --columns id,x,error keep.hmr | hm-view --full)" = '{"id":"a","x":[1,1],"error":""}
{"id":"b","x":[0,0],"error":"column \"x\": number 1 is not finite: nan"}' ] || fail "$(hm-view --full keep.hmr)"
	# a record that failed before keeps its own reason
	hm-npy2rec -q --on-error keep --ids keep.hmr --column z=inf.npy | hm-view | tail -n 1 | grep -q 'column \\"x\\"'
	npy '<i8' 2, '\x01\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff' >y.npy
	hm-npy2rec --ids two.ids --column label=y.npy | hm-view | tr '\n' ' ' | grep -qF '{"id":"a","label":1} {"id":"b","label":-1}'
	npy '<i8' 2, '\x01\x00\x00\x00\x00\x00\x00\x00\xfe\xff\xff\xff\xff\xff\xff\xff' >y.npy
	run hm-npy2rec --ids two.ids --column label=y.npy -o no.hmr
	expect 1 'column "label": a label is from 0 to 2147483647, or -1 where it is not known'
	npy '<u8' 2, '\x01\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff' >y.npy
	run hm-npy2rec --ids two.ids --column label=y.npy -o no.hmr
	expect 1 'column "label": a label is from 0'
	npy '|b1' 2, '\x00\x01' >y.npy
	hm-npy2rec --ids two.ids --column label=y.npy | hm-view | tail -n 1 | grep -qF '"label":1'
}
