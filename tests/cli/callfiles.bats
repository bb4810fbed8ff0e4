# No output of a call is an input or another output of it: exit 2 before anything is read, nothing is touched.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	hm-synth -q --train 12 --dev 8 --test 8 data
	hm-jsonl2rec -o ids.hmr data/train.jsonl
	hm-imgprep -q --root data/img --size 32 ids.hmr | hm-tokenize -q --vocab data/vocab.txt -o raw.hmr
	hm-encode -q --image init:resnet-tiny --text init:bert-tiny --keep -o all.hmr raw.hmr
	hm-fuse-train -q --epochs 1 --val all.hmr --log log.jsonl -o model.safetensors all.hmr
	hm-score -q --model model.safetensors --csv pred.csv all.hmr >/dev/null
	echo 'a,b,kind' >pairs.csv
	printf '{"name":"model","lr":0.01}\n{"name":"other","lr":0.02}\n' >sweep.jsonl
}

setup() {
	mkdir "$BATS_TEST_TMPDIR/d"
	cp -r "$BATS_FILE_TMPDIR"/* "$BATS_TEST_TMPDIR/d"
	cd "$BATS_TEST_TMPDIR/d"
}

# Exit 2, one sentence (PATTERN) and "see … --help", nothing in the folder is another one.
refuses() { # CALL [PATTERN]
	before=$(find . -type f -exec cksum {} + | sort; find . | sort)
	run bash -c "$1 2>&1 >/dev/null"
	[ "$status" = 2 ] || fail "$1: exit status $status: $output"
	[ "${#lines[@]}" = 2 ] || fail "$1: $output"
	grep -qE -- "${2:-is an input of the same call \(.*\): write to another file\$}" <<<"${lines[0]}" || fail "$1: $output"
	[ "$before" = "$(find . -type f -exec cksum {} + | sort; find . | sort)" ] || fail "$1: a file was touched"
}

# What must work: exit 0.
works() { # CALL
	run bash -c "$1 2>&1 >/dev/null"
	[ "$status" = 0 ] || fail "$1: exit status $status: $output"
}

@test "an output that is an input: every option that names an output, against operands" {
	while read -r call; do
		refuses "$call"
	done <<-'END'
		hm-cat -o all.hmr all.hmr
		hm-cat -o all.hmr ids.hmr all.hmr
		hm-cat --stats all.hmr -o new all.hmr
		hm-jsonl2rec -o data/dev.jsonl data/train.jsonl data/dev.jsonl
		hm-imgprep --root data/img -o ids.hmr ids.hmr
		hm-tokenize --vocab data/vocab.txt -o ids.hmr ids.hmr
		hm-encode --image init:resnet-tiny --replace -o all.hmr all.hmr
		hm-view -o all.hmr all.hmr
		hm-view --npy label=all.hmr all.hmr
		hm-view --npy label=new --npy text_feature=all.hmr all.hmr
		hm-view --sheet all.hmr all.hmr
		hm-lint --json ids.hmr ids.hmr
		hm-lint --pairs ids.hmr ids.hmr
		hm-score --csv pred.csv pred.csv
		hm-score --json pred.csv pred.csv
		hm-score --roc pred.csv pred.csv
		hm-score --calibration pred.csv pred.csv
		hm-score --errors 3 --sheet all.hmr --model model.safetensors all.hmr
		hm-score --model model.safetensors --replace -o all.hmr all.hmr
		hm-fuse-train -o all.hmr all.hmr
		hm-fuse-train -o new --last all.hmr all.hmr
		hm-fuse-train -o new --log all.hmr all.hmr
		hm-fuse-train -o new --checkpoint all.hmr --resume all.hmr
		hm-report -o . report.csv
	END
}

@test "an output that is an input: against options that name inputs" {
	cp pred.csv report.csv
	while read -r call; do
		refuses "$call"
	done <<-'END'
		hm-fuse-train -o all.hmr --val all.hmr raw.hmr
		hm-fuse-train -o all.hmr --val raw.hmr --val all.hmr raw.hmr
		hm-fuse-train -o model.safetensors --init model.safetensors all.hmr
		hm-fuse-train -o model.safetensors --image model.safetensors all.hmr
		hm-fuse-train -o new --last model.safetensors --text model.safetensors all.hmr
		hm-fuse-train -o sweep.jsonl --sweep sweep.jsonl all.hmr
		hm-encode --image model.safetensors -o model.safetensors raw.hmr
		hm-encode --text model.safetensors -o model.safetensors raw.hmr
		hm-tokenize --vocab data/vocab.txt -o data/vocab.txt ids.hmr
		hm-tokenize --vocab data -o data/vocab.txt ids.hmr
		hm-score --model model.safetensors --csv model.safetensors all.hmr
		hm-score --threshold fit:pred.csv --csv pred.csv report.csv
		hm-score --pairs pairs.csv --csv pairs.csv pred.csv
		hm-score --expect data/train.jsonl --json data/train.jsonl pred.csv
	END
	works "hm-score -q --threshold 0.4 --csv 0.4 pred.csv" # a number names no file
	works "hm-tokenize -q --vocab data -o data/new.hmr ids.hmr"
	works "hm-tokenize -q --vocab data -o data/new.hmr ids.hmr" # it lies there now, and is not read
}

@test "weights and vocabularies in folders, through links as a hub's cache has them" {
	mkdir -p weights blobs
	cp model.safetensors blobs/123
	ln -s ../blobs/123 weights/model.safetensors
	refuses "hm-encode --image weights -o weights/model.safetensors raw.hmr"
	refuses "hm-encode --image weights -o blobs/123 raw.hmr"
	refuses "hm-fuse-train --text weights -o blobs/123 all.hmr"
}

@test "the pages of a report and the models of a sweep are outputs too" {
	cp pred.csv report.csv
	runs() { printf '{"title":"t","data":"d","rows":[{"name":"a","title":"A","part":1,"runs":[{"seed":1,"predictions":"%s"}]}]}' "$1"; }
	runs report.csv >runs.json
	refuses "hm-report runs.json" '^hm-report: error: report.csv is an input of the same call'
	mkdir pages
	runs pred.csv >runs.json
	ln pred.csv pages/report.md
	refuses "hm-report -o pages runs.json" 'pages/report.md is an input of the same call'
	rm pages/report.md
	works "hm-report -o pages runs.json"
	mkdir heads
	cp model.safetensors heads/model.safetensors
	refuses "hm-fuse-train --sweep sweep.jsonl --init heads/model.safetensors -o heads all.hmr" 'heads/model.safetensors is an input'
	cp all.hmr heads/other.safetensors
	refuses "hm-fuse-train --sweep sweep.jsonl -o heads heads/other.safetensors" 'heads/other.safetensors is an input'
	works "hm-fuse-train -q --epochs 1 --sweep sweep.jsonl -o heads all.hmr"
	works "hm-fuse-train -q --epochs 1 --sweep sweep.jsonl -o heads all.hmr" # its own older models are replaced
}

@test "two outputs of one path" {
	while read -r call; do
		refuses "$call" 'name the same file'
	done <<-'END'
		hm-score --csv x --json x pred.csv
		hm-score --roc x --calibration x pred.csv
		hm-score --csv x --json ./x pred.csv
		hm-score --csv data/../x --json x pred.csv
		hm-score --model model.safetensors --csv x -o x all.hmr
		hm-lint --json x --pairs x ids.hmr
		hm-cat -o x --stats x ids.hmr
		hm-view --npy label=x --npy text_feature=x all.hmr
		hm-fuse-train -o x --log x all.hmr
		hm-fuse-train -o x --checkpoint x all.hmr
		hm-fuse-train -o x --checkpoint y --last ./y all.hmr
		hm-fuse-train -o x --stats x all.hmr
	END
	refuses "hm-view --npy token_ids=x --npy label=x.offsets.npy all.hmr" 'x.offsets.npy are the same file'
	cp all.hmr x.offsets.npy
	refuses "hm-view --npy token_ids=x x.offsets.npy" 'x.offsets.npy is an input of the same call'
	refuses "hm-lint --json - --pairs - ids.hmr" 'standard output can take one of --pairs and --json'
}

@test "by device and inode, not by name" {
	ln ids.hmr hard.hmr
	ln -s ids.hmr soft.hmr
	ln -s "$PWD/soft.hmr" softer.hmr
	ln -s new dangling
	ln -s data folder
	for out in ./ids.hmr "$PWD/ids.hmr" data/../ids.hmr hard.hmr soft.hmr softer.hmr; do
		refuses "hm-cat -o $out ids.hmr"
		refuses "hm-cat -o ids.hmr $out"
		refuses "hm-score --csv $out --json ids.hmr pred.csv" 'name the same file'
	done
	refuses "hm-score --csv dangling --json new pred.csv" 'name the same file'
	refuses "hm-score --csv folder/x --json data/x pred.csv" 'name the same file'
	cp ids.hmr copy.hmr
	works "hm-cat -q -o copy.hmr ids.hmr"
	works "hm-score -q --csv data/x --json x pred.csv"
}

@test "standard input and output that are files" {
	refuses "hm-cat -o ids.hmr <ids.hmr"
	refuses "hm-cat -o ids.hmr - <ids.hmr"
	cp ids.hmr was.hmr
	run bash -c 'hm-cat ids.hmr >>ids.hmr'
	expect 2 'standard output is an input of the same call \(ids.hmr\)'
	run bash -c 'hm-score pred.csv --csv out.csv >out.csv'
	expect 2 'standard output and --csv out.csv are the same file'
	run bash -c 'hm-cat <ids.hmr >>ids.hmr'
	expect 2
	cmp ids.hmr was.hmr
	for out in '' '-o /dev/stdout' '-o /dev/fd/1' '-o -'; do
		rm -f x.hmr
		# shellcheck disable=SC2086
		hm-cat -q $out ids.hmr >x.hmr
		cmp <(hm-view x.hmr) <(hm-view ids.hmr)
	done
	for call in 'hm-cat --stats /dev/stdout ids.hmr' 'hm-cat -o - --stats /dev/stdout ids.hmr' \
		'hm-cat -o /dev/fd/1 --stats /dev/stdout ids.hmr'; do
		rm -f x.hmr
		run bash -c "$call >x.hmr"
		expect 2 'standard output and --stats /dev/stdout are the same file|-o and --stats name the same file'
	done
	refuses "hm-cat -o ids.hmr /dev/stdin <ids.hmr"
	works "hm-view -q <ids.hmr -o new <ids.hmr"
}

@test "devices, pipes, - and what is read and written by design go on" {
	works "hm-cat -q -o /dev/null --stats /dev/null ids.hmr"
	works "hm-score -q --csv - --json /dev/null --stats /dev/null pred.csv"
	mkfifo fifo
	cat fifo >through &
	works "cat ids.hmr | hm-cat -q -o fifo -"
	wait
	cmp <(hm-view through) <(hm-view ids.hmr)
	exec 9<>fifo # a reader that stays
	works "hm-score -q --csv fifo --json fifo pred.csv"
	exec 9>&-
	works "hm-score -q --threshold fit:pred.csv pred.csv" # read twice is no harm
	works "hm-fuse-train -q --epochs 1 --val all.hmr --checkpoint state -o m all.hmr"
	works "hm-fuse-train -q --epochs 1 --val all.hmr --checkpoint state --resume -o m all.hmr"
	works "hm-encode -q --image m --text m --replace -o n.hmr all.hmr || true"
}
