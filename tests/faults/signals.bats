# What signals, kills and files that are cut leave: no hidden file, one line.

load ../support/bats

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	${CC:-cc} -D_GNU_SOURCE -shared -fPIC -o fault.so "$BATS_TEST_DIRNAME/filefaults.c" -ldl
	hm-synth -q --train 24 --dev 6 --test 6 data
	hm-jsonl2rec -q data/train.jsonl | hm-imgprep -q --root data/img --size 48 | hm-tokenize -q --vocab data/vocab.txt -o all.hmr
	hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o features.hmr all.hmr
	hm-fuse-train -q --fusion late --epochs 1 -o head.safetensors features.hmr
	hm-fuse-train -q --fusion late --image init:resnet-tiny --text init:bert-tiny --vocab data/vocab.txt --epochs 1 -o whole.safetensors all.hmr
}

setup() {
	cd "$BATS_FILE_TMPDIR"
	rm -rf dir && mkdir dir
}

hidden() { find dir -name '.*.tmp' | wc -l; }

# Starts `hm-cat -o dir/out.hmr` where files have names from the start, fed half of its input; $pid.
start_writing() {
	rm -f feed && mkfifo feed
	LD_PRELOAD=$PWD/fault.so FILEFAULT=notmpfile "$@" hm-cat -q -j2 --block-size 1 -o dir/out.hmr feed 3>&- 2>err &
	pid=$!
	exec 8>feed
	head -c 60000 all.hmr >&8
	until [ "$(hidden)" = 1 ]; do kill -0 $pid && sleep 0.01 || fail "ended: $(cat err)"; done
}

@test "signals that end a tool remove its hidden file, and the tool dies of them" {
	for signal in HUP INT QUIT TERM ALRM USR1 USR2 XCPU; do
		echo old >dir/out.hmr
		start_writing env --default-signal=INT,QUIT
		kill -s $signal $pid
		wait $pid && status=0 || status=$?
		exec 8>&-
		[ "$status" = $((128 + $(kill -l $signal))) ] || fail "$signal: status $status, $(cat err)"
		[ "$(hidden)" = 0 ] || fail "$signal: $(ls -A dir)"
		[ "$(cat dir/out.hmr)" = old ]
		[ ! -s err ]
	done
}

@test "a signal that the parent ignores, as nohup does, ends nothing" {
	start_writing env --ignore-signal=HUP
	kill -s HUP $pid
	tail -c +60001 all.hmr >&8
	exec 8>&-
	wait $pid
	hm-view --verify dir/out.hmr >/dev/null
	[ "$(hidden)" = 0 ]
}

@test "what a kill leaves is removed by the next run that writes the same file" {
	for fault in kill notmpfile; do
		cp all.hmr dir/out.hmr
		if [ $fault = kill ]; then
			run env LD_PRELOAD="$PWD/fault.so" FILEFAULT=kill hm-cat -q -o dir/out.hmr features.hmr
			expect 137
		else
			start_writing env
			kill -s KILL $pid
			wait $pid || true
			exec 8>&-
		fi
		[ "$(hidden)" = 1 ] || fail "$fault: $(ls -A dir)"
		cmp dir/out.hmr all.hmr
		touch dir/.other.hmr.0123456789abcdef0.tmp dir/.out.hmr.0123456789abcdef0.tmp # not known to be dead
		hm-cat -q -o dir/out.hmr features.hmr
		[ "$(hidden)" = 2 ] || fail "$fault: $(ls -A dir)"
		rm dir/.*.tmp
	done
}

@test "a file that is cut while it is mapped: one line that names it, exit 1, nothing left" {
	cut_file() { # BYTES CALL...: FILE in the call is the file that is cut
		local to=$1 file
		shift
		for file in whole.safetensors array.npy head.safetensors; do [[ $* == *"$file"* ]] && break; done
		cp "$file" keep
		run env LD_PRELOAD="$PWD/fault.so" FILEFAULT=notmpfile,cut CUT_FILE="$PWD/$file" CUT_TO="$to" "$@" 2>&1 </dev/null
		mv keep "$file"
		expect 1 "^hm-[a-z0-9-]*: error: .*$file: "
		[ "$(grep -c . <<<"$output")" = 1 ] || fail "$*: $output"
		[ "$(hidden)" = 0 ] || fail "$*: $(ls -A dir)"
		[ ! -e dir/out ] || fail "$*: has an output"
	}
	hm-view --npy image_feature=array.npy features.hmr
	picture=data/img/$(ls data/img | head -n 1)
	seq 24 >ids
	for to in 0 4096; do
		cut_file $to hm-encode -q --image whole.safetensors -o dir/out all.hmr
		cut_file $to hm-fuse-train -q --fusion late --image whole.safetensors --epochs 1 -o dir/out all.hmr
		cut_file $to hm-score -q --model whole.safetensors --csv dir/out all.hmr
		cut_file $to hm-bundle -q --image whole.safetensors --text whole.safetensors -o dir/out head.safetensors
		cut_file $to hm-view --verify whole.safetensors -o dir/out
		cut_file $to hm-classify -q whole.safetensors "$picture" words
	done
	cut_file 0 hm-npy2rec -q --ids ids --column a=array.npy -o dir/out
}
