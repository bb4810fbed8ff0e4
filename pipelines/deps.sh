#!/bin/sh
# deps.sh PACKAGE...: installs the Debian packages that are missing, after it has said which they are. Without root it
# prints the line to run and stops with 2. A package that the release does not have (libdnnl-dev on Ubuntu 22.04)
# is named and left out. HM_DEPS=no in the environment: nothing is looked for, what is needed is there already.
set -eu
[ "${HM_DEPS:-}" != no ] || exit 0
missing=
for p in "$@"; do
	dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null; then
	echo "hm's build, tests and demo need what Debian calls:$missing" >&2
	echo "This machine has no apt-get: install them with its own package manager, then run make with HM_DEPS=no" >&2
	exit 2
fi
if [ "$(id -u)" != 0 ]; then
	echo "packages are missing; as root, run:" >&2
	echo "  apt-get update && apt-get install -y --no-install-recommends$missing" >&2
	echo "or run make with HM_DEPS=no to do without them" >&2
	exit 2
fi
echo "hm's build, tests and demo need packages that are not installed here. As you are root, apt-get now installs them and"
echo "what they depend on (Ctrl-C stops it; make with HM_DEPS=no installs nothing):$missing"
echo "apt-get update"
apt-get update -qq
have=
for p in $missing; do
	if apt-cache show "$p" >/dev/null 2>&1; then
		have="$have $p"
	elif [ "$p" = libdnnl-dev ]; then
		echo "libdnnl-dev does not exist on this release: building with ONEDNN=0 (slow encoders)"
	else
		echo "package $p does not exist on this release" >&2
		exit 2
	fi
done
[ -n "$have" ] || exit 0
echo "apt-get install -y --no-install-recommends$have"
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $have >/dev/null
