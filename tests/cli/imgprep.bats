# hm-imgprep: what its page promises, hostile images and paths, and that nothing is left behind.

load ../support/bats

setup() {
	T=$BATS_TEST_TMPDIR
	cd "$T"
	mkdir -p root/sub
}

vec() { # NAME FILE.vec: that picture out of the unit tests' vectors, PNG's or those of ../FOLDER/FILE.vec, to standard output
	local line
	line=$(LC_ALL=C grep -abE "^$1 [0-9]+ [0-9]+ [0-9]+ [0-9]+\$" "$ROOT/tests/data/png/$2") || fail "no $1 in $2"
	local head=${line#*:} # its bytes and a newline stand before the file
	tail -c +$((${line%%:*} + ${#head} + 2)) "$ROOT/tests/data/png/$2" | head -c "${line##* }"
}

records() { # IMG...: JSON lines with ids r0, r1, ..., as records
	local i=0
	for p in "$@"; do
		printf '{"id":"r%d","img":"%s","text":"t","label":0}\n' $i "$p"
		i=$((i + 1))
	done | hm-jsonl2rec --img-prefix ''
}

refused() { # IMG REASON: exit 1 naming the record, nothing written
	records good.png "$1" good.png >in.hmr
	rm -f out.hmr
	run timeout 20 hm-imgprep --root root -o out.hmr in.hmr
	expect 1 "^hm-imgprep: error: in.hmr: record 1 \(id r1\): .*$2"
	[ "$(wc -l <<<"$output")" = 1 ] || fail "more than a line: $output"
	[ ! -e out.hmr ] || fail "out.hmr was left behind"
}

@test "pixels are added behind the other columns" {
	vec rgb-997x31 kinds.vec >root/good.png
	records good.png >in.hmr
	hm-imgprep --root root --size 32 -o out.hmr in.hmr
	run hm-view --schema out.hmr
	expect 0 '"name":"label","shape":\[\]\},\{"dtype":"U8","fit":"squash","name":"pixels","shape":\[3,32,32\]\}\]'
	hm-imgprep --root root --size 32 --fit crop -o crop.hmr in.hmr
	run hm-view --schema crop.hmr
	expect 0 '"dtype":"U8","fit":"crop","name":"pixels","offset":"even","shape":\[3,32,32\],"short":36\}'
	[ "$(hm-view out.hmr | grep -o xxh3.*)" != "$(hm-view crop.hmr | grep -o xxh3.*)" ] || fail "both fits gave the same"
}

@test "fit, filter, short and offset: each changes the pixels, and the column says it" {
	vec rgb-997x31 kinds.vec >root/good.png
	records good.png >in.hmr
	while IFS='|' read -r options want; do
		hm-imgprep --root root --size 32 $options -o out.hmr in.hmr
		hm-view --schema out.hmr | grep -o '"dtype":"U8".*' | grep -qF "$want" || fail "$options: $(hm-view --schema out.hmr)"
		hm-view out.hmr | grep -o 'xxh3.*' >>sums
	done <<'T'
|"fit":"squash","name":"pixels","shape":[3,32,32]}
--fit pad|"fit":"pad","name":"pixels","shape":[3,32,32]}
--fit crop|"fit":"crop","name":"pixels","offset":"even","shape":[3,32,32],"short":36}
--fit crop --short 32|"fit":"crop","name":"pixels","offset":"even","shape":[3,32,32],"short":32}
--fit crop --short 33 --crop-offset floor|"fit":"crop","name":"pixels","offset":"floor","shape":[3,32,32],"short":33}
--filter bicubic|"filter":"bicubic","fit":"squash","name":"pixels","shape":[3,32,32]}
--filter bicubic --fit pad|"filter":"bicubic","fit":"pad","name":"pixels","shape":[3,32,32]}
--filter bicubic --fit crop|"filter":"bicubic","fit":"crop","name":"pixels","offset":"even","shape":[3,32,32],"short":32}
T
	[ "$(sort -u sums | wc -l)" = 8 ] || fail "$(cat sums)"
	hm-imgprep --root root --size 32 --filter bicubic --fit crop --crop-offset floor --short 40 in.hmr | hm-view --history >view
	grep -q '"filter":"bicubic","fit":"crop","max-pixels":67108864,"offset":"floor","on-error":"fail","short":40,"size":32' view || fail "$(cat view)"
}

clip_folder() { # what transformers writes for CLIP
	mkdir -p clip
	cat >clip/preprocessor_config.json <<'T'
{"crop_size": {"height": 32, "width": 32}, "do_center_crop": true, "do_convert_rgb": true, "do_normalize": true, "do_rescale": true,
 "do_resize": true, "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_processor_type": "CLIPImageProcessor",
 "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3, "size": {"shortest_edge": 32}}
T
}

@test "--like takes the numbers of a folder, the call's own come first, and a notice says which" {
	vec rgb-997x31 kinds.vec >root/good.png
	records good.png >in.hmr
	clip_folder
	run hm-imgprep --root root --like clip -o like.hmr in.hmr
	expect 0 '^hm-imgprep: notice: from clip/preprocessor_config.json: --size 32 --fit crop --filter bicubic --short 32 --crop-offset floor$'
	hm-imgprep --root root --size 32 --fit crop --filter bicubic --crop-offset floor -o same.hmr in.hmr
	cmp like.hmr same.hmr
	run hm-imgprep --root root --like clip/preprocessor_config.json --fit squash -o like.hmr in.hmr
	expect 0 'config.json: --size 32 --filter bicubic; from the call: --fit squash$'
	hm-imgprep --root root --size 32 --filter bicubic -o same.hmr in.hmr
	cmp like.hmr same.hmr
	run hm-imgprep --root root --like clip --size 48 --crop-offset even -o like.hmr in.hmr
	expect 0 '--fit crop --filter bicubic; from the call: --size 48 --crop-offset even; which makes --short 48$'
	hm-imgprep --root root --size 48 --fit crop --filter bicubic -o same.hmr in.hmr
	cmp like.hmr same.hmr
	[ -z "$(hm-imgprep -q --root root --like clip -o like.hmr in.hmr 2>&1)" ]
	refute grep -q clip <<<"$(hm-view --history like.hmr)" # numbers, and no path
	# of several files that of the whole processor counts, as in transformers; then Hugging Face's; alone, open_clip's
	sed 's/.*/{"image_processor":&/; $s/$/}/' <(tr -d '\n' <clip/preprocessor_config.json; echo) | sed 's/: 32/: 24/g' >clip/processor_config.json
	run hm-imgprep --root root --like clip -o like.hmr in.hmr
	expect 0 'from clip/processor_config.json: --size 24'
	rm clip/processor_config.json
	echo '{"model_cfg":{"vision_cfg":{"image_size":40}},"preprocess_cfg":{"resize_mode":"longest"}}' >clip/open_clip_config.json
	run hm-imgprep --root root --like clip -o like.hmr in.hmr
	expect 0 'from clip/preprocessor_config.json: --size 32'
	rm clip/preprocessor_config.json
	run hm-imgprep --root root --like clip/ --fit crop -o like.hmr in.hmr
	expect 0 'from clip/open_clip_config.json: --size 40 --filter bicubic --crop-offset even; from the call: --fit crop; which makes --short 40$'
	run hm-imgprep --root root --like clip -o like.hmr in.hmr
	expect 0 'from clip/open_clip_config.json: --size 40 --fit pad --filter bicubic$'
}

@test "--like refuses what it cannot do, in one line that names file and key" {
	vec rgb-997x31 kinds.vec >root/good.png
	records good.png >in.hmr
	clip_folder
	no() { # FILE REASON
		run timeout 20 hm-imgprep --root root --like "$1" -o out.hmr in.hmr
		expect 1 "^hm-imgprep: error: $2"
		[ "$(wc -l <<<"$output")" = 1 ] || fail "more than a line: $output"
		[ ! -e out.hmr ] || fail "out.hmr was left behind"
	}
	no none 'none: cannot open: No such file or directory'
	no root 'root: the folder has neither a preprocessor_config.json nor an open_clip_config.json$'
	sed 's/"resample": 3/"resample": 1/' clip/*.json >x.json
	no x.json 'x.json: "resample" is neither 2 \(bilinear\) nor 3 \(bicubic\)$'
	# an int is DeiT's both sides, and CLIP's shortest edge
	type() { printf '{"image_processor_type":"%s","size":256,"crop_size":224,"do_center_crop":true,"resample":3}\n' "$1" >x.json; }
	type DeiTImageProcessor
	no x.json 'x.json: "size" makes pictures 256 high and wide before 224 are cut out, which hm-imgprep cannot do'
	type BitImageProcessor
	hm-imgprep -q --root root --like x.json -o out.hmr in.hmr
	rm out.hmr
	# classes with rules of their own, and what a class does unless its file says no
	type LevitImageProcessor
	no x.json 'x.json: "image_processor_type" is "LevitImageProcessor", which has rules of its own that hm-imgprep does not know \(--size, '
	echo '{"image_processor_type":"DeiTImageProcessor","size":{"height":32,"width":32},"resample":3}' >x.json
	no x.json 'x.json: there is no "do_center_crop", and what "image_processor_type" names crops unless that is false$'
	echo '{"image_processor_type":"SiglipImageProcessor","size":32,"resample":3}' >x.json
	no x.json 'x.json: "size" is a shortest edge without a true "do_center_crop", which makes no square$'
	sed 's/"do_resize": true/"do_resize": false/' clip/*.json >x.json
	no x.json 'x.json: "do_resize" is false'
	head -c 100 clip/preprocessor_config.json >x.json
	no x.json 'x.json: invalid JSON'
	head -c 300K /dev/zero >x.json
	no x.json 'x.json: larger than the 262144 bytes allowed here$'
	no root/good.png 'root/good.png: invalid JSON'
	run hm-imgprep --root root --like clip/preprocessor_config.json -o clip/preprocessor_config.json in.hmr
	expect 2 '-o .*clip/preprocessor_config.json'
	run hm-imgprep --root root --like clip --short 31 -o out.hmr in.hmr
	expect 2 '--short 31 is less than --size 32'
	run hm-imgprep --root root --like clip --fit squash --short 32 -o out.hmr in.hmr
	expect 2 '--short is of --fit crop, and this is --fit squash'
}

@test "-o replaces no picture" {
	hm-synth -q --train 1 --dev 1 --test 1 toy
	local png
	png=$(echo toy/img/*.png | cut -d' ' -f1)
	cp "$png" was.png
	hm-jsonl2rec -o in.hmr toy/train.jsonl
	ln -s "$png" link
	for out in "$png" link; do
		run hm-imgprep --root toy/img -o "$out" in.hmr
		expect 2 "^hm-imgprep: error: -o $out is a picture, which records would replace: write to another file"
		cmp "$png" was.png
	done
	hm-imgprep --root toy/img -o out.hmr in.hmr
	hm-imgprep --root toy/img -o out.hmr in.hmr
}

@test "-o replaces no JPEG and no WebP file" {
	vec 420-13x11 ../jpeg/kinds.vec >root/good.jpg
	vec lossy-13x11 ../webp/kinds.vec >root/good.webp
	records good.jpg good.webp >in.hmr
	for out in root/good.jpg root/good.webp; do
		cp $out was
		run hm-imgprep --root root -o $out in.hmr
		expect 2 "-o $out is a picture, which records would replace: write to another file"
		cmp $out was
	done
}

@test "PNG, JPEG and WebP are told by their bytes, and one run reads all" {
	vec rgb-997x31 kinds.vec >root/a.png
	vec 420-33x18 ../jpeg/kinds.vec >root/b.jpg
	vec 422-progressive ../jpeg/kinds.vec >root/c.jpeg
	vec cmyk ../jpeg/colours.vec >root/d.jpg
	vec lossy-33x18 ../webp/kinds.vec >root/e.webp
	vec lossless-alpha-33x18 ../webp/kinds.vec >root/f.webp
	vec part-2 ../webp/kinds.vec >root/g.webp
	local i
	for i in a.png b.jpg c.jpeg d.jpg e.webp f.webp g.webp; do cp root/$i root/${i%.*}.x; done
	records a.png b.jpg c.jpeg d.jpg e.webp f.webp g.webp >named.hmr
	records a.x b.x c.x d.x e.x f.x g.x >other.hmr
	for i in 1 3; do hm-imgprep --root root --size 16 -j $i -o $i.hmr named.hmr; done
	cmp 1.hmr 3.hmr
	hm-imgprep --root root --size 16 -o other.out other.hmr
	for i in 1.hmr other.out; do hm-view $i | grep -o '"pixels".*' >$i.view; done
	cmp 1.hmr.view other.out.view
	[ "$(sort -u 1.hmr.view | wc -l)" = 7 ]
	# one pixel is the picture itself: 444-1x1 as Pillow has it
	vec 444-1x1 ../jpeg/kinds.vec >root/one.jpg
	vec lossless-1x1 ../webp/kinds.vec >root/one.webp
	records one.jpg one.webp | hm-imgprep --root root --size 1 | hm-view --full >view
	[ "$(grep -cE '"pixels":\[\[\[[0-9]+\]\],\[\[[0-9]+\]\],\[\[[0-9]+\]\]\]' view)" = 2 ]
}

@test "JPEG that is not read says why; the caps are PNG's" {
	vec rgb-997x31 kinds.vec >root/good.png
	while IFS='|' read -r name want; do
		vec "$name" ../jpeg/refusals.vec >root/bad.png
		refused bad.png "bad.png: $want"
	done <<'T'
arithmetic|an arithmetic-coded JPEG file, which is not read \(jpegtran FILE converts it\)$
lossless|a lossless JPEG file, which is not read$
12-bits|a JPEG file of 12 bits per sample, and only 8 are read$
wide|the picture is 16385x14 pixels, the limits are 16384 per side \(--max-side\) and 64M in all \(--max-pixels\)$
T
	vec large ../webp/refusals.vec >root/bad.png
	refused bad.png 'bad.png: the picture is 20000x15 pixels, the limits are 16384 per side'
}

@test "--damaged read: what there is, counted, named with -v, noted in the history" {
	vec rgb-997x31 kinds.vec >root/good.png
	vec no-iend damaged.vec >root/cut.png
	vec 420-no-end ../jpeg/damaged.vec >root/cut.jpg
	vec text refusals.vec >root/text.png
	vec lossy-cut-31 ../webp/refusals.vec >root/cut.webp
	records good.png cut.png cut.jpg text.png cut.webp >in.hmr
	refused cut.png 'cut.png: the PNG file is cut off after [0-9]+ bytes \(hm-imgprep --damaged read reads what there is\)$'
	refused cut.jpg 'cut.jpg: the JPEG file is cut off after [0-9]+ bytes \(hm-imgprep --damaged read reads what there is\)$'
	refused cut.webp 'cut.webp: the WebP file is cut off after 31 bytes$'
	records good.png cut.png cut.jpg text.png cut.webp >in.hmr
	run hm-imgprep --root root --size 4 --damaged read -o out.hmr in.hmr
	expect 1 'record 3 \(id r3\): text.png: a text file'
	[ ! -e out.hmr ]
	run hm-imgprep -v --root root --size 4 --damaged read --on-error skip -o out.hmr in.hmr
	expect 0 'in.hmr: record 1 \(id r1\): cut.png: the PNG file is cut off after [0-9]+ bytes'
	expect 0 'in.hmr: record 2 \(id r2\): cut.jpg: the JPEG file is cut off after [0-9]+ bytes'
	expect 0 'notice: 2 records left out because of the image \(-v names them\)$'
	refute grep -q warning <<<"$output"
	expect 0 'notice: 2 images are damaged and read as far as they go \(-v names them\)$'
	hm-view out.hmr >view
	[ "$(wc -l <view)" = 3 ]
	hm-view --history out.hmr | grep -q '"damaged":"read"'
	for how in skip keep; do # none at all: most likely the wrong folder
		run hm-imgprep -q --root . --size 4 --on-error $how -o out.hmr in.hmr
		expect 0 '^hm-imgprep: warning: no record has an image that could be read: do their paths begin in \.\?$'
	done
	# the rows of cut.png are all there; without the switch it is bad, and whole files are the same with it
	records good.png >whole.hmr
	hm-imgprep --root root --size 4 -o a.hmr whole.hmr
	run hm-imgprep --root root --size 4 --damaged read -o b.hmr whole.hmr
	expect 0 '^$'
	refute grep -q damaged <<<"$(hm-view --history a.hmr)"
	cmp <(hm-view a.hmr) <(hm-view b.hmr)
	run hm-imgprep --root root --size 4 --on-error skip -o out.hmr in.hmr
	expect 0 'notice: 4 records left out'
	run hm-imgprep --root root --damaged yes -o out.hmr in.hmr
	expect 2 'fail\|read'
}

@test "a small picture, value by value" {
	vec palette-short oddities.vec >root/good.png
	records good.png | hm-imgprep --root root --size 1 --fit squash | hm-view --full >view
	grep -qE '"pixels":\[\[\[[0-9]+\]\],\[\[[0-9]+\]\],\[\[[0-9]+\]\]\]' view || fail "$(cat view)"
}

@test "the bytes do not depend on -j, nor on pipe or file" {
	hm-synth -q --train 40 --dev 1 --test 1 data
	hm-jsonl2rec -o in.hmr data/train.jsonl
	for j in 1 2 4; do hm-imgprep --root data/img -j $j -o $j.hmr in.hmr; done
	cmp 1.hmr 2.hmr && cmp 1.hmr 4.hmr
	hm-jsonl2rec data/train.jsonl | hm-imgprep --root data/img >pipe.hmr
	hm-view pipe.hmr >a && hm-view 1.hmr >b && cmp a b
	[ "$(wc -l <a)" = 40 ]
}

@test "the first fault in the order of the input is reported, whatever -j" {
	vec rgb-997x31 kinds.vec >root/good.png
	records good.png none.png good.png | head -c -20 >cut.hmr
	for j in 1 2 4; do
		run hm-imgprep --root root -j $j -o out.hmr cut.hmr
		expect 1 'cut.hmr: record 1 \(id r1\): none.png: '
		run hm-imgprep --root root -j $j --on-error skip -o out.hmr cut.hmr
		expect 1 'cut.hmr: the stream ends without its end mark'
		[ ! -e out.hmr ] || fail "out.hmr was left behind"
	done
}

@test "damaged and foreign files" {
	vec rgb-997x31 kinds.vec >root/good.png
	: >root/bad.png
	refused bad.png 'bad.png: an empty file'
	vec text refusals.vec >root/bad.png
	refused bad.png 'bad.png: a text file \("this is no picture"\), not a picture'
	head -c 200 root/good.png >root/bad.png
	refused bad.png 'bad.png: the PNG file is cut off in chunk IDAT'
	vec pixels-2-31 refusals.vec >root/bad.png
	refused bad.png '65536x32768 pixels'
	vec bomb refusals.vec >root/bad.png
	refused bad.png 'cannot hold 8000x8000 pixels'
	refused none.png 'No such file'
	refused sub 'not a regular file'
	refused good.png/x 'Not a directory'
	refused "" 'path is empty'
	truncate -s 300M root/bad.png
	refused bad.png 'the file is larger than 256M'
}

@test "what is no readable image is named by its first bytes, whatever its name, and the message says what helps" {
	vec rgb-997x31 kinds.vec >root/good.png
	while IFS='|' read -r bytes want; do
		printf "$bytes" >root/bad.png
		refused bad.png "bad.png: $want"
	done <<'T'
\xff\xd8\xff\xe0\0\x10JFIF\0|the JPEG file is cut off inside its tables, after 11 bytes$
\xff\xd8\xff\xe1\0\x04Exif\0|the JPEG file is cut off inside its tables
RIFF\x1a\0\0\0WEBPVP8L|the WebP file is cut off after 16 bytes$
GIF89a\1\0\1\0|a GIF file, and only PNG, JPEG and WebP are read \(magick FILE png:NEW converts it\)$
BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\1\0|a BMP file, and only PNG, JPEG and WebP are read
II*\0\10\0\0\0|a TIFF file, and only PNG, JPEG and WebP are read
\0\0\0\x1cftypavif\0\0\0\0mif1|an AVIF file, and only PNG, JPEG and WebP are read
\0\0\0\x1cftypheic\0\0\0\0mif1|a HEIC file, and only PNG, JPEG and WebP are read
%%PDF-1.4|a PDF file, and only PNG, JPEG and WebP are read \(pdftoppm
<svg xmlns="x"/>|an SVG file, and only PNG, JPEG and WebP are read \(rsvg-convert
<!DOCTYPE html><html>404</html>|an HTML page \("<!DOCTYPE html><html>404</html>"\), not a picture
version https://git-lfs.github.com/spec/v1\noid sha256:0\n|a Git LFS pointer \(git lfs pull fetches it\)$
{"message": "Not Found"}|a JSON text
404: Not Found|a text file \("404: Not Found"\), not a picture
\x1f\x8b\x08\0|a gzip file, not a picture \(gzip -dc unpacks it\)
\0\0\0\0\0\0\0\0|a file of NUL bytes only
\x89PNG\n\x1a\n\0\0\0\x0d|a PNG file with changed bytes
\x89PNG\r|the PNG file is cut off after 5 bytes
\1\2\3\4\5|not a picture of a known kind \(its first bytes are 01 02 03 04 05\)
T
	# a PNG file of another name is one
	cp root/good.png root/photo.jpg
	records photo.jpg | hm-imgprep --root root -o out.hmr
}

@test "large images: the message names both options, and with them the image is read" {
	vec rgb-997x31 kinds.vec >root/good.png
	records good.png >in.hmr
	run hm-imgprep --root root --max-pixels 30K -o out.hmr in.hmr
	expect 1 'the picture is 997x31 pixels, the limits are 16384 per side \(--max-side\) and 30K in all \(--max-pixels\)$'
	run hm-imgprep --root root --max-side 996 -o out.hmr in.hmr
	expect 1 'the limits are 996 per side \(--max-side\) and 64M in all \(--max-pixels\)$'
	[ ! -e out.hmr ]
	hm-imgprep --root root --max-side 997 --max-pixels 30907 -o out.hmr in.hmr
	hm-view --history out.hmr | grep -q '"max-pixels":30907,"max-side":997'
	hm-imgprep --root root -o out.hmr in.hmr
	refute grep -q max-side <<<"$(hm-view --history out.hmr)"
	run hm-imgprep --root root --max-side 262145 -o out.hmr in.hmr
	expect 2 '--max-side takes an integer from 1 to 262144'
	# a header that promises more than the default side, and --max-side that lets it pass to the next check
	vec side-16385 refusals.vec >root/bad.png
	refused bad.png '16385x1 pixels, the limits are 16384 per side'
	run hm-imgprep --root root --max-side 17000 -o out.hmr in.hmr
	expect 1 'record 1 .*bad.png: rows are missing'
}

@test "memory stays within the caps" {
	vec bomb refusals.vec >root/bad.png
	records bad.png bad.png bad.png bad.png >in.hmr
	hm-imgprep -q --root root --on-error keep --stats stats -o out.hmr in.hmr
	[ -n "$SAN" ] || [ "$(grep -oE '"peak_memory_bytes":[0-9]+' stats | cut -d: -f2)" -lt 100000000 ] || fail "$(cat stats)"
}

@test "paths that leave the root" {
	vec rgb-997x31 kinds.vec >root/good.png
	cp root/good.png outside.png
	refused ../outside.png 'upward'
	refused sub/../../outside.png 'upward'
	ln -s ../outside.png root/link.png
	refused link.png 'a symbolic link leads out of the root folder \(--follow-symlinks allows it\)'
	ln -s .. root/dir
	refused dir/outside.png 'symbolic link'
	ln -s "$(realpath root)/good.png" root/absolute.png
	refused absolute.png 'symbolic link'
	records link.png dir/outside.png absolute.png | hm-imgprep --follow-symlinks --root root | hm-view >view
	[ "$(wc -l <view)" = 3 ]
	# as huggingface_hub lays a data set out: snapshots/REV/ of links to blobs/
	mkdir -p hub/blobs hub/snapshots/rev/img
	cp root/good.png hub/blobs/h1
	ln -s ../../../blobs/h1 hub/snapshots/rev/img/1.png
	records 1.png >in.hmr
	run hm-imgprep --root hub/snapshots/rev/img -o out.hmr in.hmr
	expect 1 'follow-symlinks'
	hm-imgprep --follow-symlinks --root hub/snapshots/rev/img -o out.hmr in.hmr
	ln -s ../good.png root/sub/inside.png
	records sub/inside.png | hm-imgprep --root root >out.hmr
}

@test "a FIFO and a device are errors, not waits" {
	vec rgb-997x31 kinds.vec >root/good.png
	mkfifo root/fifo.png
	refused fifo.png 'not a regular file'
	ln -s /dev/zero root/zero.png
	records zero.png >in.hmr
	run timeout 20 hm-imgprep --follow-symlinks --root root -o out.hmr in.hmr
	expect 1 'record 0 \(id r0\): zero.png: not a regular file'
	mkfifo input
	(exec 3>input && sleep 0.1) &
	run timeout 20 hm-imgprep --root root input
	expect 1 'input'
	wait
}

@test "a path that leads nowhere: what it may have been meant as" {
	vec rgb-997x31 kinds.vec >root/good.png
	refused https://example.org/1.png 'cannot open: No such file or directory \(this is a URL, and only files are read\)$'
	ln -s gone.png root/sub/link.png
	refused sub/link.png 'No such file or directory \(it is a symbolic link to a file that is missing\)$'
	refused none.png 'No such file or directory$'
}

@test "a fault of the machine ends the run, whatever --on-error says" {
	vec rgb-997x31 kinds.vec >root/good.png
	ln -s /proc/self/mem root/mem.png # is there, and its first page cannot be read
	records good.png mem.png good.png >in.hmr
	for what in fail skip keep; do
		run hm-imgprep --root root --follow-symlinks --on-error $what -o out.hmr in.hmr
		expect 1 '^hm-imgprep: error: in.hmr: record 1 \(id r1\): mem.png: cannot read: Input/output error$'
		[ ! -e out.hmr ]
	done
}

@test "--on-error skip counts, keep marks" {
	vec rgb-997x31 kinds.vec >root/good.png
	vec text refusals.vec >root/bad.png
	records good.png bad.png good.png none.png >in.hmr
	run hm-imgprep --root root --on-error skip -o skip.hmr in.hmr
	expect 0 'notice: 2 records left out'
	run hm-view --schema skip.hmr
	expect 0 '"records":2,"skipped":2'
	[ "$(hm-view skip.hmr | grep -c error)" = 0 ]
	hm-imgprep -q --root root --size 2 --on-error keep -o keep.hmr in.hmr
	hm-view --full keep.hmr >view
	[ "$(grep -c '"error":""' view)" = 2 ]
	grep -q '"id":"r1".*"pixels":\[\[\[0,0\],\[0,0\]\],\[\[0,0\],\[0,0\]\],\[\[0,0\],\[0,0\]\]\].*"error":"bad.png: a text file (' view
	grep -q '"id":"r3".*"error":"none.png: cannot open: No such file or directory"' view
	# skipped twice: the counts add up
	records bad.png good.png | hm-imgprep -q --root root --on-error skip |
		hm-imgprep -q --root root --replace --on-error skip | hm-view --schema >view
	grep -q '"records":1,"skipped":1' view || fail "$(cat view)"
}

@test "a record that comes with an error gets no work and travels on" {
	vec rgb-997x31 kinds.vec >root/good.png
	vec text refusals.vec >root/bad.png
	records good.png bad.png | hm-imgprep -q --root root --on-error keep -o keep.hmr
	rm root/bad.png
	hm-imgprep --root root --replace -o again.hmr keep.hmr
	for f in keep again; do hm-view $f.hmr | grep -oE '"(xxh3|error)":"[^"]*"' | sort >$f; done
	cmp keep again
	grep -q '"error":"bad.png: a text file (' again
}

@test "an existing column is not overwritten silently" {
	vec rgb-997x31 kinds.vec >root/good.png
	records good.png | hm-imgprep --root root --size 8 -o out.hmr
	run hm-imgprep --root root -o again.hmr out.hmr
	expect 1 'out.hmr: column "pixels" exists already'
	[ ! -e again.hmr ]
	hm-imgprep --root root --replace --size 9 -o again.hmr out.hmr
	run hm-view --schema again.hmr
	expect 0 '"shape":\[3,9,9\]'
}

@test "an input that was cut is exit 1 and leaves nothing" {
	vec rgb-997x31 kinds.vec >root/good.png
	records good.png good.png >in.hmr
	head -c -1 in.hmr >cut.hmr
	run hm-imgprep --root root -o out.hmr cut.hmr
	expect 1 '^hm-imgprep: error: cut.hmr: '
	[ ! -e out.hmr ]
	run bash -c 'hm-imgprep -q --root root cut.hmr | hm-view'
	expect 1 'hm-view: error'
}

@test "the README claims no more than the page" {
	grep -q "bit-equal to Pillow 13's for every kind of PNG but 16-bit grey" "$ROOT/README.md"
	grep -q 'Grey of 16 bits is its high 8 bits here' "$ROOT/man/hm-imgprep.1"
}

@test "no records is a legal stream" {
	hm-jsonl2rec --allow-empty </dev/null | hm-imgprep --root root | hm-view --schema >view
	grep -q '"records":0' view
}

@test "history holds what changes the pixels, and no path" {
	vec rgb-997x31 kinds.vec >root/good.png
	records good.png | hm-imgprep --root root --size 8 --fit crop -j 1 | hm-view --history >view
	grep -q '"fit":"crop".*"size":8' view || fail "$(cat view)"
	! grep -qE 'root|jobs' view
}

@test "wrong calls" {
	run hm-imgprep
	expect 2 '^hm-imgprep: error: --root DIR is required'
	run hm-imgprep --root root --fit stretch
	expect 2 'squash\|crop'
	run hm-imgprep --root root --size 0
	expect 2 'from 1 to 4096'
	run hm-imgprep --root root --filter lanczos
	expect 2 'bilinear\|bicubic'
	run hm-imgprep --root root --short 256 -o out.hmr </dev/null
	expect 2 '^hm-imgprep: error: --short is of --fit crop, and this is --fit squash'
	run hm-imgprep --root root --fit pad --crop-offset floor -o out.hmr </dev/null
	expect 2 '--crop-offset is of --fit crop, and this is --fit pad'
	run hm-imgprep --root root --fit crop --short 223 -o out.hmr </dev/null
	expect 2 '--short 223 is less than --size 224'
	run hm-imgprep --root root --fit crop --short 8192 -o out.hmr </dev/null
	expect 2 'from 1 to 8191'
	run hm-imgprep --root nowhere -o out.hmr </dev/null
	expect 1 'nowhere: cannot open the folder'
	run hm-imgprep --root root -o out.hmr </dev/null
	expect 1 'the input is empty'
	printf '{"id":"a","img":"x","text":"","label":0}\n' | hm-jsonl2rec | hm-cat --columns id,text >in.hmr
	run hm-imgprep --root root -o out.hmr in.hmr
	expect 1 'in.hmr: there is no column "img"'
	[ ! -e out.hmr ]
}
