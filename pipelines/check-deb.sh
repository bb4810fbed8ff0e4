#!/usr/bin/env bash
# check-deb.sh [--quick] FOLDER: tries the packages that `make deb` wrote into FOLDER: lintian finds nothing; a bare Debian
# system of this machine's release, with nothing but what its package manager needs, installs them without what they
# recommend; the demo runs there as a user (--quick: its first part), and a pipeline from its installed place; a purge
# leaves nothing. Needs root, a network, lintian and mmdebstrap. Ends with `N passed, N failed, 0 skipped`.
set -uo pipefail
export LC_ALL=C.UTF-8
quick=
[ "${1-}" != --quick ] || { quick=--quick; shift; }
[ $# = 1 ] || { echo "usage: check-deb.sh [--quick] FOLDER" >&2; exit 2; }
for t in lintian mmdebstrap; do
	command -v $t >/dev/null || { echo "make check-deb: $t is missing: apt-get install lintian mmdebstrap" >&2; exit 2; }
done
[ "$(id -u)" = 0 ] || { echo "make check-deb: only root can set up a system to install the packages in" >&2; exit 2; }
debs=("$1"/*.deb) hm=$(ls "$1"/hm_*.deb) || exit 2
tmp=$(mktemp -d) root=$tmp/root passed=0 failed=0 start=$SECONDS
trap 'rm -rf "$tmp"' EXIT
. /etc/os-release

step() { # NAME COMMAND...: a line, and on failure all that was printed
	local name=$1 from=$SECONDS
	shift
	if "$@" >"$tmp/log" 2>&1 </dev/null; then
		passed=$((passed + 1))
		echo "ok $name ($((SECONDS - from)) s)"
	else
		failed=$((failed + 1))
		echo "not ok $name ($((SECONDS - from)) s)"
		tail -n 60 "$tmp/log"
	fi
}
end() {
	echo "$passed passed, $failed failed, 0 skipped"
	[ "$failed" = 0 ]
	exit
}
within() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
as_user() { within setpriv --reuid 1000 --regid 1000 --clear-groups sh -euc "cd /srv/user; $1"; }

lint_packages() { lintian --allow-root --fail-on error,warning "${debs[@]}"; }
# This machine's own sources, so that a mirror or a snapshot is used here too.
bare_system() {
	{ cat /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources 2>/dev/null || :; } |
		mmdebstrap --variant=apt --mode=root --skip=cleanup/apt/lists "$VERSION_CODENAME" "$root" - &&
		mkdir -p "$root/srv/user" && chown 1000:1000 "$root/srv/user"
}
everything() { (cd "$root" && find . -xdev -path ./proc -prune -o -path ./tmp -prune -o -path ./srv -prune -o -path ./var/log -prune -o \
	-path ./var/cache -prune -o -path ./var/lib/apt -prune -o -path ./var/lib/dpkg -prune -o -print) | sort; }
install_all() { cp "${debs[@]}" "$root/tmp/" && within sh -c 'apt-get install -y --no-install-recommends /tmp/*.deb make'; }
each_tool() {
	local t n=0
	for t in $(dpkg-deb -c "$hm" | sed -n 's|.* ./usr/bin/||p'); do
		as_user "$t --version | head -n 1" | grep -x "$t $(dpkg-deb -f "$hm" Version | sed 's/-[^-]*$//')" || return 1
		n=$((n + 1))
	done
	[ $n != 0 ]
}
demo() { as_user "/usr/share/hm/pipelines/demo.sh $quick && test -s demo/sheet.png && ls"; }
pipeline() {
	as_user 'hm-synth -q --train 24 --dev 12 --test 4 toy
		make -f /usr/share/hm/pipelines/seed.mk all DATA=toy IMAGE=init:resnet-tiny TEXT=init:bert-tiny EPOCHS=1 SIZE=32 ROWS=all-frozen-cached
		test -s experiment/report.html'
}
purge() { # nothing that the package brought is left, and nothing else came
	within apt-get purge -y $(for f in "${debs[@]}"; do dpkg-deb -f "$f" Package; done) || return
	comm -12 <(printf '%s\n' "${debs[@]}" | xargs -n 1 dpkg-deb -c | sed -n 's|.* \./|./|p' | grep -v '/$' | sort) <(everything) >"$tmp/left"
	everything | comm -13 "$tmp/installed" - >>"$tmp/left"
	everything | grep -E '/(_?hm-[^/]*|hm|hm\..*)$' >>"$tmp/left"
	cat "$tmp/left"
	[ ! -s "$tmp/left" ]
}

step lintian lint_packages
step "bare $PRETTY_NAME" bare_system
[ "$failed" = 0 ] || end
step "install $(basename -a "${debs[@]}" | paste -sd ' ' -)" install_all
everything >"$tmp/installed"
step "every tool" each_tool
step "demo.sh $quick" demo
step "seed.mk from /usr/share/hm" pipeline
step purge purge
echo "$((SECONDS - start)) s"
end
