# A loss of power at any moment: the calls that change files are recorded, and for each moment the states are made in which
# what was not synced is there or lost (diskrecord.c, diskstates.c). Every file is then the old one or the new one, whole;
# what a tool has said is done is certain; a training goes on from each of them, and a cache gives no wrong feature.

load ../support/bats

# In memory, if there is such a place: all that is made here is synced, and made often.
setup_file() {
	[ -w /dev/shm ] && place=/dev/shm || place=$BATS_FILE_TMPDIR
	PLACE=$(mktemp -d "$place/hm-crash-XXXXXX")
	export PLACE
	cd "$PLACE"
	${CC:-cc} -O1 -Wall -Werror -D_GNU_SOURCE -shared -fPIC -o record.so "$BATS_TEST_DIRNAME/diskrecord.c" -lpthread
	${CC:-cc} -O1 -Wall -Werror -D_GNU_SOURCE -o diskstates "$BATS_TEST_DIRNAME/diskstates.c"
	hm-synth -q --train 24 --dev 8 --test 6 data
	for part in train dev; do
		hm-jsonl2rec -q data/$part.jsonl | hm-imgprep -q --root data/img --size 32 | hm-tokenize -q --vocab data/vocab.txt -o $part.raw.hmr
		hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o $part.hmr $part.raw.hmr
	done
}

teardown_file() { rm -rf "$PLACE"; }

setup() {
	cd "$PLACE"
	rm -rf work before before.list log states
	mkdir work
}

# CALL...: runs it in work/, recorded; then states/1, 2, ... and states/end lie beside.
record() {
	cp -a work before
	(cd work && find . -printf '%i %y %P\n') >before.list
	(cd work && DISK_LOG=$PWD/../log LD_PRELOAD=$PWD/../record.so "$@")
	./diskstates log before states
	[ -s log ]
}

# The states that are tried: all with ALL=1, else at most MOST, chosen by the commit's number.
some() { # MOST
	local all=(states/*) commits each
	commits=$(git -C "$ROOT" rev-list --count HEAD 2>/dev/null || echo 0)
	each=$([ -n "${ALL:-}" ] && echo 1 || echo $(((${#all[@]} + $1 - 1) / $1)))
	for ((i = commits % each; i < ${#all[@]}; i += each)); do echo "${all[i]}"; done
}

# Every file of every state is that of before or that of after, or not there if it was not there before; but for FILES, which
# are judged otherwise, and hidden ones. states/end is what is there now.
old_or_new() { # FILES (pattern)
	local state file old=0 new=0
	for state in states/*; do
		while read -r file; do
			if cmp -s "$state/$file" "work/$file"; then
				((++new))
			elif cmp -s "$state/$file" "before/$file"; then
				((++old))
			else
				fail "$state: $file is neither the old nor the new one"
			fi
		done < <(cd "$state" && find . -type f ! -name '.*.tmp' -printf '%P\n' | grep -vxE "$1")
		while read -r file; do
			[ -e "$state/$file" ] || fail "$state: $file is gone"
		done < <(cd before && find . -type f -printf '%P\n')
	done
	((new > 0))
	[ -z "$(ls before)" ] || ((old > 0))
	diff <(cd work && find . -type f | grep -vxE "\./($1)" | sort | xargs md5sum) \
		<(cd states/end && find . -type f ! -name '.*.tmp' | grep -vxE "\./($1)" | sort | xargs md5sum)
}

@test "-o, --stats: a new file, an old one; with unnamed files and without" {
	for DISK_NAMED in '' 1; do
		[ -n "$DISK_NAMED" ] && export DISK_NAMED || unset DISK_NAMED
		for old in 0 1; do
			setup
			[ $old = 0 ] || cp dev.hmr work/out.hmr
			[ $old = 0 ] || echo old >work/stats
			record hm-cat -q --stats stats -o out.hmr ../train.hmr
			old_or_new none
		done
	done
	setup
	unset DISK_NAMED
	cp dev.hmr work/f.npy
	record hm-view -q --npy image_feature=f.npy --npy text=t.npy ../train.hmr
	old_or_new none
}

train() { # OPTION...
	hm-fuse-train -q --fusion late --epochs 3 --checkpoint run --log log.jsonl --last last.st --stats stats -o model.st "$@" --val ../../dev.hmr ../../train.hmr
}

@test "a training: model, last, checkpoint and log; it goes on from every state to the same bytes" {
	(mkdir -p old/x && cd old/x && rm -rf * && hm-fuse-train -q --fusion late --epochs 1 -o model.st ../../dev.hmr && cp model.st last.st)
	cp old/x/*.st work
	record hm-fuse-train -q --fusion late --epochs 3 --checkpoint run --log log.jsonl --last last.st --stats stats -o model.st \
		--val ../dev.hmr ../train.hmr
	old_or_new 'run|run.seconds|log.jsonl'
	for state in states/*; do # where there is a model, its log is there
		! cmp -s $state/model.st work/model.st || cmp $state/log.jsonl work/log.jsonl
		! cmp -s $state/last.st work/last.st || cmp $state/log.jsonl work/log.jsonl
	done
	cmp states/end/run work/run
	for state in $(some 12); do
		(
			cd $state
			[ -e run ] && resume=--resume || resume=
			train $resume >err 2>&1 || fail "$state: $(cat err)"
			cmp model.st ../../work/model.st
			cmp last.st ../../work/last.st
			cmp log.jsonl ../../work/log.jsonl
		)
	done
}

@test "a sweep: its folder, models and table" {
	printf '{"name":"a","lr":0.1}\n{"name":"b","lr":0.01}\n' >sweep.jsonl
	record hm-fuse-train -q --fusion late --epochs 1 --sweep ../sweep.jsonl -o swept ../train.hmr
	old_or_new none
}

@test "a cache: a feature that is not whole is computed again" {
	encode() { hm-encode -q --image init:resnet-tiny --text init:bert-tiny --cache "$1" "${@:2}"; }
	hm-encode -q --image init:resnet-tiny --text init:bert-tiny --no-pg -o right.hmr train.raw.hmr
	encode work/cache --no-pg -o /dev/null dev.raw.hmr # older entries
	record hm-encode -q --image init:resnet-tiny --text init:bert-tiny --cache cache --no-pg -o out.hmr ../train.raw.hmr
	cmp work/out.hmr right.hmr
	cmp states/end/out.hmr right.hmr
	for state in $(some 16); do
		encode $state/cache --no-pg -o again.hmr train.raw.hmr 2>&1
		cmp again.hmr right.hmr
	done
}
