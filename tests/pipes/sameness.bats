# Pipes and files, any number of threads, whole or in branches: the same bytes.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 40 --dev 8 --test 8 data
}

setup() {
	cd "$BATS_FILE_TMPDIR"
}

IMGPREP=(hm-imgprep -q --root data/img --size 48)
TOKENIZE=(hm-tokenize -q --vocab data/vocab.txt)
ENCODE=(hm-encode -q --image init:resnet-tiny --text init:bert-tiny)

@test "a pipe and a chain of files give the same bytes" {
	hm-jsonl2rec data/train.jsonl | "${IMGPREP[@]}" | "${TOKENIZE[@]}" | "${ENCODE[@]}" >pipe.hmr
	hm-jsonl2rec -o 1.hmr data/train.jsonl
	"${IMGPREP[@]}" -o 2.hmr 1.hmr
	"${TOKENIZE[@]}" -o 3.hmr 2.hmr
	"${ENCODE[@]}" -o 4.hmr 3.hmr
	cmp pipe.hmr 4.hmr
	hm-view --verify pipe.hmr
}

@test "the number of threads changes no byte of any tool" {
	for b in 1M 20K; do
		hm-jsonl2rec -j 1 --block-size $b -o a1.hmr data/train.jsonl
		hm-jsonl2rec -j 4 --block-size $b -o a4.hmr data/train.jsonl
		cmp a1.hmr a4.hmr
		"${IMGPREP[@]}" -j 1 --block-size $b -o b1.hmr a1.hmr
		"${IMGPREP[@]}" -j 4 --block-size $b -o b4.hmr a1.hmr
		cmp b1.hmr b4.hmr
		"${TOKENIZE[@]}" -j 1 --block-size $b -o c1.hmr b1.hmr
		"${TOKENIZE[@]}" -j 4 --block-size $b -o c4.hmr b1.hmr
		cmp c1.hmr c4.hmr
		"${ENCODE[@]}" -j 1 --block-size $b -o d1.hmr c1.hmr
		"${ENCODE[@]}" -j 4 --block-size $b -o d4.hmr c1.hmr
		cmp d1.hmr d4.hmr
		hm-cat -j 1 --block-size $b -o e1.hmr c1.hmr
		hm-cat -j 4 --block-size $b -o e4.hmr c1.hmr
		cmp e1.hmr e4.hmr
	done
}

@test "neither time nor place nor names of files are in a stream" {
	mkdir -p elsewhere
	cp -r data elsewhere/other
	hm-jsonl2rec data/dev.jsonl | hm-imgprep -q --root data/img --size 32 >here.hmr
	(cd elsewhere && hm-jsonl2rec -j 3 -o x.hmr other/dev.jsonl && hm-imgprep -j 3 -q --root "$PWD/other/img" --size 32 -o ../there.hmr x.hmr)
	cmp here.hmr there.hmr
}

@test "branches joined by id give the columns of the pipe" {
	hm-jsonl2rec -o rec.hmr data/train.jsonl
	"${IMGPREP[@]}" rec.hmr | hm-encode -q --image init:resnet-tiny -o image.hmr
	"${TOKENIZE[@]}" rec.hmr | hm-encode -q --text init:bert-tiny -o text.hmr
	"${IMGPREP[@]}" -o pixels.hmr rec.hmr
	"${TOKENIZE[@]}" -o tokens.hmr rec.hmr
	"${ENCODE[@]}" -o joined.hmr pixels.hmr tokens.hmr
	hm-jsonl2rec data/train.jsonl | "${IMGPREP[@]}" | "${TOKENIZE[@]}" | "${ENCODE[@]}" >pipe.hmr
	for f in pipe joined; do
		hm-cat --no-pg --columns id,label,image_feature,text_feature -o $f.cut.hmr $f.hmr
		hm-cat --no-pg --columns id,image_feature -o $f.image.hmr $f.hmr
		hm-cat --no-pg --columns id,text_feature -o $f.text.hmr $f.hmr
	done
	cmp pipe.cut.hmr joined.cut.hmr
	hm-cat --no-pg --columns id,image_feature image.hmr | cmp - pipe.image.hmr
	hm-cat --no-pg --columns id,text_feature text.hmr | cmp - pipe.text.hmr
}

@test "a stream without records passes through every tool" {
	hm-jsonl2rec --allow-empty /dev/null | "${IMGPREP[@]}" | "${TOKENIZE[@]}" | "${ENCODE[@]}" | hm-cat >empty.hmr
	hm-view --verify empty.hmr
	[ "$(hm-view empty.hmr | wc -c)" = 0 ]
	hm-view --schema empty.hmr | grep -q '"records":0'
}

@test "a file is never its own output, also through a pipe's end" {
	hm-jsonl2rec -o own.hmr data/dev.jsonl
	cp own.hmr want.hmr
	run "${TOKENIZE[@]}" -o own.hmr own.hmr
	expect 2 '-o own.hmr is an input of the same call'
	run bash -c '"$@" -o own.hmr <own.hmr' bash "${TOKENIZE[@]}"
	expect 2 '-o own.hmr is an input of the same call'
	cmp own.hmr want.hmr
}

@test "--no-pg leaves out the history and nothing else" {
	hm-jsonl2rec data/dev.jsonl | "${TOKENIZE[@]}" --no-pg >bare.hmr
	[ "$(hm-view --history bare.hmr | tr -d '[:space:]')" = '[]' ]
	hm-view --schema bare.hmr | grep -q '"vocab":"[0-9a-f]\{32\}"'
}

@test "training and scoring from a pipe is training and scoring from files" {
	hm-jsonl2rec data/train.jsonl | "${IMGPREP[@]}" | "${TOKENIZE[@]}" | "${ENCODE[@]}" -o train.hmr
	hm-jsonl2rec data/dev.jsonl | "${IMGPREP[@]}" | "${TOKENIZE[@]}" | "${ENCODE[@]}" -o dev.hmr
	hm-fuse-train -q --fusion late --epochs 2 -j 2 -o file.safetensors train.hmr
	hm-fuse-train -q --fusion late --epochs 2 -j 2 -o pipe.safetensors <train.hmr
	cmp file.safetensors pipe.safetensors
	hm-score -j 1 --model file.safetensors --csv file.csv -o file.hmr dev.hmr >file.txt
	hm-cat dev.hmr | hm-score -j 4 --model file.safetensors --csv pipe.csv -o pipe.hmr >pipe.txt
	cmp file.csv pipe.csv
	cmp file.txt pipe.txt
	hm-view --verify file.hmr
	hm-view --verify pipe.hmr
}
