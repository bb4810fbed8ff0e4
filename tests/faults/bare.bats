# Machines that lack what others have: no /proc, as in a bare chroot. The tools give the same bytes there.

load ../support/bats
load room

setup_file() {
	bash "$ROOT/tests/faults/inputs.sh" "$BATS_FILE_TMPDIR/in"
}

setup() {
	cd "$BATS_FILE_TMPDIR"
}

# In $fs, with /proc and without it.
outputs() { # FOLDER
	mkdir "$1" && cd "$1"
	for pass in 1 2; do
		hm-cat -q -o x.hmr "$in/train.rec.hmr"
		hm-cat -q "$in/train.rec.hmr" >y.hmr
		hm-encode -q --device ref --image "$in/tiny.st" --text "$in/tiny.st" --cache cache -o e.hmr "$in/few.raw.hmr"
		hm-fuse-train -q --device ref --epochs 1 --log log --checkpoint ck$pass -o m.st "$in/train.f.hmr"
		hm-view -q --npy image_feature=a.npy --npy label=b.npy "$in/dev.f.hmr"
	done
	refute compgen -G ".*.tmp" # no hidden file is left
	cd ..
}

without_proc() {
	outputs with
	mount -t tmpfs none /proc
	refute [ -e /proc/self ]
	outputs without
	for f in x.hmr y.hmr e.hmr m.st a.npy b.npy ck1 ck2; do cmp "with/$f" "without/$f"; done
}

@test "no /proc: outputs, new ones and replaced ones, a cache, a training with checkpoint and log" {
	export in=$BATS_FILE_TMPDIR/in
	room size=64m without_proc
}
