#!/bin/sh
# lint: what tools say about manual pages, shell scripts and C.
#	sh t/lint.sh SOURCES BUILD
# A tool that is not there is named and left out; what one finds is an error.
set -u
src=$1 build=$2
failed=0
cd "$src" || exit 2

has()
{
	command -v "$1" >/dev/null 2>&1 && return 0
	echo "lint: $1 is not installed: left out"
	return 1
}

check()
{
	echo "lint: $1"
	"$@" || failed=1
}

has mandoc && check mandoc -Tlint -Wwarning man/*.[18] "$build/man/mailconfig.5"
has shellcheck && check shellcheck -S warning -e SC1090,SC1091 bootstrap .ci/run t/lint.sh \
	etc/init.d/pillarbox etc/tcpserver/*/run
has cppcheck && check cppcheck --quiet --error-exitcode=1 --enable=warning,portability --inline-suppr \
	--suppress=missingIncludeSystem --std=c11 -j2 -D_GNU_SOURCE -D__x86_64__ -DPB_LIBEXECDIR='""' -DPB_SYSCONFDIR='""' \
	-DPB_LOCALSTATEDIR='""' -DPB_RUNSTATEDIR='""' -Ilib -I"$build" lib bin
exit $failed
