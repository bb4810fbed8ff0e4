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
	rm -rf disk before before.list log states
	mkdir disk
}

# CALL...: runs it in disk/, recorded; then states/1, 2, ... and states/end lie beside.
record() {
	cp -a disk before
	(cd disk && find . -printf '%i %y %P\n') >before.list
	(cd disk && export DISK_LOG=$PLACE/log LD_PRELOAD=$PLACE/record.so && "$@")
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
			if cmp -s "$state/$file" "disk/$file"; then
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
	diff <(cd disk && find . -type f | grep -vxE "\./($1)" | sort | xargs md5sum) \
		<(cd states/end && find . -type f ! -name '.*.tmp' | grep -vxE "\./($1)" | sort | xargs md5sum)
}

@test "-o, --stats: a new file, an old one; with unnamed files and without" {
	for DISK_NAMED in '' 1; do
		[ -n "$DISK_NAMED" ] && export DISK_NAMED || unset DISK_NAMED
		for old in 0 1; do
			setup
			[ $old = 0 ] || cp dev.hmr disk/out.hmr
			[ $old = 0 ] || echo old >disk/stats
			record hm-cat -q --stats stats -o out.hmr ../train.hmr
			old_or_new none
		done
	done
	setup
	unset DISK_NAMED
	cp dev.hmr disk/f.npy
	record hm-view -q --npy image_feature=f.npy --npy text=t.npy ../train.hmr
	old_or_new none
}

# OPTION...: a training whose log is in another folder than its model.
train() {
	hm-fuse-train -q --fusion late --epochs 3 --checkpoint run --log logs/log.jsonl --stats stats -o model.st "$@" \
		--val "$PLACE/dev.hmr" "$PLACE/train.hmr"
}

# Where there is a new model, the whole log is there.
log_is_first() { # MODEL
	local state news=0
	for state in states/*; do
		cmp -s "$state/$1" "disk/$1" || continue
		cmp "$state/logs/log.jsonl" disk/logs/log.jsonl
		((++news))
	done
	((news > 0))
}

@test "a training: model, last, checkpoint and log; it goes on from every state to the same bytes" {
	hm-fuse-train -q --fusion late --epochs 1 -o old.st dev.hmr
	mkdir disk/logs
	cp old.st disk/model.st
	record train
	old_or_new 'run|run.seconds|logs/log.jsonl'
	log_is_first model.st
	setup
	mkdir disk/logs
	cp old.st disk/model.st
	cp old.st disk/last.st
	record train --last last.st
	old_or_new 'run|run.seconds|logs/log.jsonl'
	log_is_first model.st
	log_is_first last.st
	cmp states/end/run disk/run
	for state in $(some 12); do
		cd "$PLACE/$state"
		[ -e run ] && resume=--resume || resume=
		train $resume --last last.st >err 2>&1 || fail "$state: $(cat err)"
		cmp model.st "$PLACE/disk/model.st"
		cmp last.st "$PLACE/disk/last.st"
		cmp logs/log.jsonl "$PLACE/disk/logs/log.jsonl"
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
	encode disk/cache --no-pg -o /dev/null dev.raw.hmr # older entries
	record hm-encode -q --image init:resnet-tiny --text init:bert-tiny --cache cache --no-pg -o out.hmr ../train.raw.hmr
	cmp disk/out.hmr right.hmr
	cmp states/end/out.hmr right.hmr
	for state in $(some 16); do
		encode $state/cache --no-pg -o again.hmr train.raw.hmr 2>&1
		cmp again.hmr right.hmr
	done
}
