# hm-csv2rec: the records of hm-jsonl2rec, RFC 4180 and what is refused where, delimiters, what an empty cell is, other files named.

load ../support/bats

setup() { cd "$BATS_TEST_TMPDIR"; }

# A table and one row (as for printf) below a good one must fail with PATTERN behind its line; no output may appear.
refuse() { # ROW PATTERN [OPTION...]
	local row=$1 pattern=$2
	shift 2
	printf "id,img,text,label\n1,1.png,a,0\n$row\n" >bad.csv
	run hm-csv2rec "$@" bad.csv -o out.hmr
	expect 1 "^hm-csv2rec: error: bad.csv: line $pattern"
	[ "${#lines[@]}" = 1 ] || fail "more than one line: $output"
	[ ! -e out.hmr ] || fail "an output was left"
	run bash -c 'hm-csv2rec -q bad.csv 2>/dev/null | hm-view --verify'
	expect 1
}

# The records of a table (as for printf), or the message.
records() { # TABLE [OPTION...]
	printf "$1" >t.csv
	shift
	hm-csv2rec -q "$@" -o t.hmr t.csv 2>&1 && hm-view t.hmr
}
gives() { # WANT TABLE [OPTION...]
	got=$(records "${@:2}")
	[ "$got" = "$1" ] || fail "got '$got', wanted '$1'"
}

@test "columns by name, in any order, all others ignored" {
	gives '{"id":"00042","img":"42.png","text":"x","label":1}
{"id":"7","img":"img/7.png","text":" NaN","label":-1}' 'label,zz,text,img,id\n1,,x,img/42.png,00042\n,"1,2", NaN,img//img/7.png,7'
	gives '{"id":"1.png","img":"1.png","text":"x","label":0}' 'name,text,hate\n1.png,x,0\n' --id-field name --img-field name --label-field hate
	gives '{"id":"1","label":2}' ',class\n1,2\n' --id-field '' --no-img --no-text --label-field class # the index of pandas
}

@test "RFC 4180: quotes, doubled quotes, line ends within quotes, CRLF, empty lines, a byte order mark" {
	gives '{"id":"a,\"b\"","img":"1","text":"l1\nl2\r\n\n\"","label":1}
{"id":"b","img":"2","text":"  sp ","label":0}' '\xef\xbb\xbf"id",img,"text",label\r\n\r\n"a,""b""",1,"l1\nl2\r\n\n""",1\r\nb,"2",  sp ,"0"'
	gives '{"id":"1","img":"2","text":"\"\"","label":3}' 'id,img,text,label\n1,2,"""""",3'
}

@test "delimiters: tab, semicolon, bar, any other; the quotes stay the same" {
	for d in ';' '|' ':' ' ' '^' x; do
		{
			printf 'id%simg%scaption%slabel\n' "$d" "$d" "$d"
			printf '1%s1.png%s"a%sb""\t,\n"%s1\n' "$d" "$d" "$d" "$d"
		} >d.txt
		hm-csv2rec --delimiter "$d" --text-field caption -o d.hmr d.txt
		[ "$(hm-view d.hmr)" = '{"id":"1","img":"1.png","text":"a'"$d"'b\"\t,\n","label":1}' ] || fail "$d: $(hm-view d.hmr)"
	done
	gives '{"id":"1","img":"1.png","text":"a,b;c","label":1}' 'id\timg\ttext\tlabel\n1\t1.png\ta,b;c\t1\n' --delimiter tab
	gives '{"id":"1","img":"1.png","text":"a\tb\nc","label":1}' 'id\timg\ttext\tlabel\n1\t1.png\t"a\tb\nc"\t1\n' --delimiter $'\t'
	for d in '' ab '"' $'\n' é tabs; do
		run hm-csv2rec --delimiter "$d" -o out.hmr t.csv
		expect 2 '^hm-csv2rec: error: --delimiter takes tab or one ASCII character'
	done
	hm-view --history t.hmr | grep -q '"delimiter":"tab"'
}

@test "rows that break the rules: file, line, field and column" {
	refuse '2,2.png,x' '3: 3 fields where the header has 4$'
	refuse '2' '3: 1 field where the header has 4$'
	refuse '2,2.png,x,1,' '3: 5 fields where the header has 4 \(a field that has a "," stands in quotes\)$'
	refuse '2,2.png,x"y,1' '3: a quote inside a field that does not begin with one \(.*\), in the field "text", at column 10$'
	refuse '2,2.png, "y",1' '3: a quote inside a field'
	refuse '2,2.png,"x"y,1' '3: text after a closing quote .*, in the field "text", at column 12$'
	refuse '2,2.png,"x\ny" z,1' '4: text after a closing quote .*, in the field "text" that begins on line 3, at column 3$'
	refuse '2,2.png,"x,1\n3,3.png,y,0' '3: a quoted field is never closed, in the field "text"$'
	refuse '2,2.png,"a\n\nb",0\n3,3.png,c' '6: 3 fields'
	refuse '2,"2\n.png","x\ny" z,1' '5: text after a closing quote .*, in the field "text" that begins on line 4, at column 3$'
	refuse '2,2.png,caf\xe9,0' '3: not valid UTF-8 text \(iconv -f WINDOWS-1252 -t UTF-8 FILE .*\), at column 12$'
	refuse '2,2.png,"a\ncaf\xe9",0' '4: not valid UTF-8 text .*, at column 4$'
	refuse '2,2.png,a\0b,0' '3: a NUL byte, at column 10$'
	refuse '2,2.png,a\rb,0' "3: a line end of CR alone \(tr '.r' '.n' makes lines of it\)"
	refuse '1,2.png,b,0' '3: the id "1" is on line 2 of bad.csv already, again in the field "id"$'
	refuse 'id,img,text,label' '3: the header again'
}

@test "values: what they must be, and what may be done" {
	refuse ',2.png,x,1' '3: the field "id" is empty \(--id-field names another\)$'
	refuse '2,,x,1' '3: the field "img" is empty \(--img-field names another, --no-img .*\)$'
	refuse '2,2.png,,1' '3: the field "text" is empty \(--null-text empty makes it an empty caption\)$'
	refuse '2,2.png,"",1' '3: the field "text" is empty'
	for l in 1.0 01 -1 +1 1e0 ' 1' '1 ' hateful true NaN NA; do
		refuse "2,2.png,x,$l" "3: the field \"label\" is \"${l/+/.}\", not an integer from 0 \(--labels WORD,WORD,... names the classes from 0\)$"
	done
	refuse '2,2.png,x,2147483648' '3: the field "label" is "2147483648", not an integer of 32 bits$'
	refuse '2,2.png,x,99999999999999999999999' '3: .* not an integer of 32 bits$'
	refuse '2,/data/2.png,x,1' '3: the path "/data/2.png" in the field "img" is absolute \(--img-prefix FOLDER '
	refuse '2,img\\2.png,x,1' '3: the path "img.2.png" in the field "img" has a backslash, .*mlr --csv put'
	printf 'id,img,text,label\n1,1.png,a,maybe\n' >m.csv
	run hm-csv2rec --labels no,yes -o out.hmr m.csv
	expect 1 'm.csv: line 2: the field "label" is "maybe", not one of --labels no,yes$'
}

@test "labels: digits without --labels, words and values with it; an empty cell is no label" {
	labels() { # WORDS LABEL...
		local words=$1 i=0
		shift
		{ echo id,img,text,label; for l in "$@"; do echo "$((i += 1)),a,b,$l"; done; } |
			hm-csv2rec ${words:+--labels "$words"} -o l.hmr 2>err && hm-view l.hmr | grep -oE '"label":-?[0-9]+' | cut -d: -f2 | tr '\n' ' '
	}
	[ "$(labels '' 0 1 '' 2147483647)" = "0 1 -1 2147483647 " ]
	[ "$(labels no,yes yes no '' '""')" = "1 0 -1 -1 " ]
	[ "$(labels 1,2 2 1.0 '"2"' 01 '')" = "1 0 1 0 -1 " ]
	[ "$(labels False,True True False)" = "1 0 " ]
	refute labels false,true True
	refute labels no,yes Yes
	[ "$(labels 'not hateful,"hateful"' '"not hateful"')" = "0 " ]
	hm-view --schema l.hmr | grep -q '"dtype":"I32","name":"label","names":\["not hateful","\\"hateful\\""\]'
}

@test "captions and pictures that are not there" {
	printf 'id,img,text\n1,a.png,\n2,a.png,"null"\n' >n.csv
	[ "$(hm-csv2rec -q --null-text empty n.csv | hm-view | grep -o '"text":"[^"]*"' | tr '\n' ' ')" = '"text":"" "text":"null" ' ]
	[ "$(hm-csv2rec -q --no-text n.csv | hm-view | head -1)" = '{"id":"1","img":"a.png","label":-1}' ]
	[ "$(hm-csv2rec -q --no-img --no-text n.csv | hm-view | head -1)" = '{"id":"1","label":-1}' ]
	run hm-csv2rec -q --null-text empty --text-field caption -o u.hmr n.csv
	expect 0 '^hm-csv2rec: warning: no row has the field "caption": every caption is empty'
	run hm-csv2rec -q --null-text empty --img-prefix pics -o u.hmr n.csv
	expect 0 '^hm-csv2rec: warning: --img-prefix pics: no path begins with this folder'
	for call in '--no-img --img-field x' '--no-text --text-field x' '--no-text --null-text empty'; do
		# shellcheck disable=SC2086
		run hm-csv2rec $call -o out.hmr n.csv
		expect 2 '^hm-csv2rec: error: --n'
	done
}

@test "a header that lacks a column: which there are, which may be meant, another delimiter" {
	lacks() { # HEADER PATTERN [OPTION...]
		printf "$1\n1,2,3,4\n" >h.csv
		run hm-csv2rec -q -o out.hmr "${@:3}" h.csv
		expect 1 "^hm-csv2rec: error: h.csv: line 1: $2"
		[ ! -e out.hmr ]
	}
	lacks 'id,img,Text Transcription,label' "the header has no column \"text\" \(did you mean --text-field 'Text Transcription'\?\), it has \"id\", \"img\", \"Text Transcription\", \"label\"$"
	lacks 'ID,img,text,label' 'the header has no column "id" \(did you mean --id-field ID\?\), it has'
	lacks 'id, img,text,label' "the header has no column \"img\" \(did you mean --img-field ' img'\?\)"
	lacks 'id,image_path,text,label' 'the header has no column "img" \(--img-field names another, --no-img is for data without images\)'
	lacks 'id,my_img,text,label' 'the header has no column "img" \(did you mean --img-field my_img\?\)'
	lacks "id,img,it's text,label" ".*\(did you mean --text-field \"it's text\"\?\)"
	lacks 'id,img,text,label' 'the header has no column "hate" \(--label-field names another\), it has' --label-field hate
	lacks 'id,img,text,Label' 'the header has no column "label" \(did you mean --label-field Label\?\)' --labels 0,1
	lacks 'id,img,text,label' 'the header has no column "labl" \(did you mean --keep-field label\?\)' --keep-field labl
	lacks 'id,img,text,id' 'the header has two columns "id"$'
	lacks 'id,img,text,text' 'the header has two columns "text"$' --null-text empty
	lacks 'id\timg\ttext\tlabel' 'the header has no column "id": its fields seem to be separated by tabs, not by commas \(--delimiter tab\)$'
	lacks 'id\timg\ttext, mended\tlabel' '.* separated by tabs, not by commas \(--delimiter tab\)$'
	lacks 'id;img;text;label' ".* separated by ';', not by commas \(--delimiter ';'\)$"
	lacks 'id,img,text,label' '.* separated by commas, not by tabs \(--delimiter ,\)$' --delimiter tab
	gives '{"id":"1","img":"2","text":"3","label":-1}' 'id,img,text,zz,zz\n1,2,3,4,5\n' # two columns of a name that is not asked for
	run hm-csv2rec -o u.hmr t.csv
	expect 0 '^hm-csv2rec: notice: t.csv: line 1: the header has no column "label" .*: its records have no label$'
	run hm-csv2rec --labels no,yes -o v.hmr t.csv
	expect 1 'has no column "label" .*; without --labels and --label-field records have no label$'
}

@test "files that are no UTF-8 table are named, with the command that helps" {
	printf 'id,img,text,label\n1,a.png,a,0\n' >a.csv
	named() { # FILE PATTERN
		run hm-csv2rec --on-error skip -o out.hmr "$1"
		expect 1 "^hm-csv2rec: error: $1: $2"
		[ ! -e out.hmr ]
	}
	gzip -c a.csv >a.gz
	named a.gz 'a gzip file, not text \(gzip -dc unpacks it\)$'
	zstd -qc a.csv >a.zst
	named a.zst 'a zstd file, not text \(zstd -dc unpacks it\)$'
	for to in UTF-16 UTF-16LE UTF-32BE; do
		iconv -f UTF-8 -t $to a.csv >a.$to
		named a.$to "${to%?E} text, not UTF-8 \(iconv -f $to -t UTF-8 converts it\)$"
	done
	printf 'PK\3\4\x14\0\6\0\x08\0\0\0!\0AAAABBBBCCCC\x13\0\0\0[Content_Types].xml' >a.xlsx
	named a.xlsx 'an Office file \(.xlsx, .ods and the like\), not text \(libreoffice --headless --convert-to csv FILE makes text of it\)$'
	printf '{"id":1,"img":"a.png"}\n' >a.jsonl
	named a.jsonl 'line 1: JSON, not a table.s header \(hm-jsonl2rec makes records of JSON lines\)$'
	printf '[\n {"id":1}]\n' >a.json
	named a.json 'line 1: JSON'
	printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n' >lfs.csv
	named lfs.csv 'line 1: a Git LFS pointer, not a table \(git lfs pull fetches the file\)$'
	printf '<!DOCTYPE html>\n<html></html>\n' >page.csv
	named page.csv 'line 1: an HTML page, not a table$'
	hm-csv2rec a.csv -o a.hmr
	named a.hmr 'a stream of records \(.hmr\), not text$'
	: >empty.csv
	named empty.csv 'empty, not even a header: has its producer failed\?$'
	printf 'id,img,text,label\r1,a.png,a,0\r' >mac.csv
	named mac.csv 'line 1: a line end of CR alone'
	run hm-jsonl2rec -o out.hmr a.csv
	expect 1 'the line looks like CSV, .*\(hm-csv2rec makes records of it, and hm-view lines of those\)'
	run hm-cat -o out.hmr a.csv
	expect 1 'a table \(CSV, TSV\): .* hm-csv2rec makes records'
}

@test "kept fields by type" {
	gives '{"id":"k","img":"1.png","text":"c","label":4,"n":-7,"w":0.1,"s":"","t u":"x"}' \
		'id,img,text,label,n,w,s,t u\nk,1.png,c,4,-7,1e-1,,x\n' --keep-field n:i32 --keep-field w:f32 --keep-field s --keep-field 't u:utf8'
	kept() { # CELL TYPE PATTERN
		run records "id,img,text,n\n1,a,b,$1\n" --keep-field "n:$2"
		expect 1 "line 2: the field \"n\" is $3"
	}
	for n in 1.0 007 x ' 1' +1 0x1 1e3 NaN; do
		kept "$n" i32 '".*", not an integer$'
	done
	kept '' i32 'empty, not an integer$'
	kept 2147483648 i32 '"2147483648", not an integer of 32 bits$'
	for n in .5 5. NaN nan inf 0x1p3 1e 1e+ - '1 ' 01.5 1_0 1e39; do
		kept "$n" f32 "\"${n/+/.}\", not a number within a float.s range$"
	done
	kept '' f32 'empty, not a number'
	gives '{"id":"1","img":"a","text":"b","label":-1,"n":-1.5e-07}' 'id,img,text,n\n1,a,b,-0.00000015\n' --keep-field n:f32
	gives '{"id":"1","img":"a","text":"b","label":-1,"n":-2147483648}' 'id,img,text,n\n1,a,b,-2147483648\n' --keep-field n:i32
	run records 'id,img,text\n1,a,b\n' --keep-field zz
	expect 1 'the header has no column "zz", it has'
	run hm-csv2rec --keep-field x:i64 -o out.hmr t.csv
	expect 2 'names no type'
}

@test "skip leaves bad rows out and counts them; where the rows are not known any more, it ends" {
	printf 'id,img,text,label\n1,a,b,0\n2,a,x"y,0\n3,a\n1,a,b,1\n4,a,"p"q,1\n5,a,"l\nl",1\n6,,b,1\n7,a,caf\xe9,0\n8,a,"\xe9\n",1\n9,a,b,1\n' >s.csv
	run hm-csv2rec --on-error skip s.csv -o s.hmr
	expect 0 '7 bad rows left out'
	[ "$(hm-view s.hmr | grep -o '"id":"[0-9]*"' | tr -dc '0-9\n' | tr '\n' ' ')" = '1 5 9 ' ]
	hm-view --schema s.hmr | grep -q '"skipped":7'
	run hm-csv2rec -v --on-error skip s.csv -o s.hmr
	expect 0 's.csv: line 11: not valid UTF-8'
	printf '10,a,"never,1\n11,a,b,0\n' >>s.csv
	run hm-csv2rec --on-error skip s.csv -o t.hmr
	expect 1 'line 14: a quoted field is never closed, in the field "text"$'
	printf '12,a,another" one,1\n' >>s.csv
	run hm-csv2rec --on-error skip s.csv -o t.hmr
	expect 1 'line 16: text after a closing quote .*, in the field "text" that begins on line 14'
	{ echo id,img,text; printf '1,a,"'; head -c 17000000 /dev/zero | tr '\0' a; printf '"\n2,a,b\n'; } >long.csv
	run hm-csv2rec --on-error skip long.csv -o t.hmr
	expect 1 'long.csv: line 2: the row is longer than 16 MiB'
	{ echo id,img,text; printf '1,a,"'; for ((i = 0; i < 17; i++)); do head -c 1000000 /dev/zero | tr '\0' a; echo; done; printf '"\n2,a,b\n'; } >long.csv
	run hm-csv2rec --on-error skip long.csv -o t.hmr
	expect 1 'long.csv: line 2: the row is longer than 16 MiB'
	[ ! -e t.hmr ]
}

@test "memory that runs out is no bad row: skip does not pass over it" {
	[ -z "$SAN" ] || return 0 # a sanitizer needs more memory than the limit
	{ echo id,img,text; printf '1,a,"'; for ((i = 0; i < 15; i++)); do head -c 1000000 /dev/zero | tr '\0' a; echo; done; printf '"\n2,a,b\n'; } >long.csv
	run bash -c 'ulimit -v 40000; hm-csv2rec -q -j1 --on-error skip -o out.hmr long.csv'
	expect 1 '^hm-csv2rec: error: .*out of memory'
	[ ! -e out.hmr ]
}

@test "several files, each with its header; ids of all; shards and limits" {
	printf 'id,img,text,label\n1,a,b,0\n2,a,b,1\n3,a,b,0\n' >1.csv
	printf 'text,label,img,id\nb,1,a,4\nb,0,a,5\n' >2.csv
	ids() { hm-csv2rec "$@" 1.csv 2.csv | hm-view | grep -o '"id":"[0-9]*"' | tr -dc '0-9\n' | tr '\n' ' '; }
	[ "$(ids)" = '1 2 3 4 5 ' ]
	[ "$(ids --shard 1/2)" = '2 4 ' ]
	[ "$(ids --shard 0/2 --limit 2)" = '1 3 ' ]
	[ "$(ids --limit 0)" = '' ]
	run hm-csv2rec -o out.hmr 1.csv - <1.csv
	expect 1 'standard input: line 2: the id "1" is on line 2 of 1.csv already'
	run bash -c 'cat 1.csv 1.csv | hm-csv2rec -o out.hmr'
	expect 1 'standard input: line 5: the header again'
	sed 5,9d 1.csv | sed 's/^2,/1,/' >3.csv
	run hm-csv2rec -o out.hmr 2.csv 3.csv
	expect 1 '3.csv: line 3: the id "1" is on line 2 of 3.csv'
}

@test "the same records as hm-jsonl2rec, to the byte but for the history" {
	json=('a plain one' 'with, commas;' 'a \"quoted\" word' '\"' 'two\nlines' 'tab\there' 'caf\u00e9 \ud83d\ude00' ' spaces ' 'CR\r\nLF')
	csv=('a plain one' '"with, commas;"' '"a ""quoted"" word"' '""""' $'"two\nlines"' $'tab\there' 'café 😀' ' spaces ' $'"CR\r\nLF"')
	echo id,img,label,text,concept >train.csv
	for i in {0..199}; do
		k=$((i % 9)) l=$((i % 3 - 1))
		printf '{"id":%d,"img":"img/%d.png","label":%s,"text":"%s","concept":%d}\n' $i $i "${l/-1/null}" "${json[k]//\\/\\\\}" $((i * 77 - 500)) | sed 's/\\\\/\\/g' >>train.jsonl
		printf '%d,img/%d.png,%s,%s,%d\n' $i $i "${l/-1/}" "${csv[k]}" $((i * 77 - 500)) >>train.csv
	done
	for o in '' '--labels 0,1 --keep-field concept:i32' '--shard 1/3 --limit 20' '--no-text --keep-field concept:f32' '--no-img'; do
		# shellcheck disable=SC2086
		hm-jsonl2rec --no-pg -q $o train.jsonl -o j.hmr
		# shellcheck disable=SC2086
		hm-csv2rec --no-pg -q $o train.csv -o c.hmr
		cmp j.hmr c.hmr || fail "$o"
	done
	[ "$(hm-view c.hmr | wc -l)" = 200 ]
}

@test "the same bytes for any -j, as a file and from a pipe" {
	{ echo id,img,label,text; for i in {1..3000}; do echo "$i,img/$i.png,$((i % 2)),\"caption, number $i\""; done; } >m.csv
	hm-csv2rec -j1 --block-size 4K m.csv -o 1.hmr
	hm-csv2rec -j4 --block-size 4K m.csv -o 4.hmr
	hm-csv2rec -j4 --block-size 4K <m.csv >p.hmr
	cmp 1.hmr 4.hmr
	cmp 1.hmr p.hmr
}

@test "a header alone is an error of the producer; with --allow-empty no records, a legal stream" {
	echo id,img,label,text >header.csv
	run hm-csv2rec -o none.hmr header.csv
	expect 1 '^hm-csv2rec: error: header.csv: has no row: has its producer failed\? \(--allow-empty takes it as no records\)$'
	[ ! -e none.hmr ]
	[ "$(hm-csv2rec --allow-empty header.csv | hm-view --schema | grep -o '"records":.*')" = '"records":0,"skipped":0}' ]
	run hm-csv2rec --allow-empty -o none.hmr /dev/null
	expect 1 'empty, not even a header: has its producer failed\?$'
}

@test "wrong calls" {
	for call in "--shard 2/2" "--keep-field id" "--limit -1" "--nix" "--on-error keep" "--null-text no" "--labels a"; do
		# shellcheck disable=SC2086
		run hm-csv2rec $call -o out.hmr /dev/null
		expect 2 '^see hm-csv2rec --help$'
	done
	run hm-csv2rec nix.csv -o out.hmr
	expect 1 'nix.csv: cannot open'
	run hm-csv2rec . -o out.hmr
	expect 1 'error: .: cannot read'
	[ ! -e out.hmr ]
}
