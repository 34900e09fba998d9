# What tests are made of, for `make dist`, and the targets for work on the
# project besides `make check`; INSTALL lists them.
EXTRA_DIST += .ci/run .clang-format bootstrap lib/ROOMS t/FEATURES t/bench/pillarbox.sh t/bench/memory.sh t/bench/blocked.sh
AM_DISTCHECK_CONFIGURE_FLAGS = --enable-short-check

# Every file below t that git knows goes along; t/MANIFEST says which, for a
# package made from an unpacked one.
dist-hook:
	cd '$(srcdir)' && if test -e .git; then git ls-files -- t; else cat t/MANIFEST; fi >'$(abs_builddir)/$(distdir).tests'
	test -s '$(distdir).tests'
	set -e; while read f; do \
		$(MKDIR_P) "$(distdir)/$${f%/*}"; cp -p "$(srcdir)/$$f" "$(distdir)/$$f"; \
	done <'$(distdir).tests'
	mv -f '$(distdir).tests' '$(distdir)/t/MANIFEST'

# Trees for other ways of building lie below this one: asan/, cover/.
OTHER_TREE = CC='$(CC)' PKG_CONFIG='$(PKG_CONFIG)' '$(abs_top_srcdir)/configure' -q

check-asan:
	$(MKDIR_P) asan
	test -f asan/Makefile || { cd asan && $(OTHER_TREE) --enable-sanitize; }
	$(MAKE) -C asan check

# Stops at every file call, replay without what was not synced, power cuts.
CRASH_TESTS = t/crash/stop t/crash/replay t/crash/power t/unit/store-crash '$(top_srcdir)/t/config/crash.t' '$(top_srcdir)/t/crash/live-power.t'
check-crash: all
	$(MAKE) $(AM_MAKEFLAGS) $(check_PROGRAMS)
	$(TEST_ENV) $(PROVE) $(PROVE_FLAGS) $(CRASH_TESTS)

# How much of each room the tests in C run.  Daemons are left out: confined,
# they can write no counters, and they end by _exit.
cover:
	$(MKDIR_P) cover
	test -f cover/Makefile || { cd cover && $(OTHER_TREE) --enable-coverage; }
	$(MAKE) -C cover cover-report
cover-report: all
	$(MAKE) $(AM_MAKEFLAGS) $(check_PROGRAMS)
	find . -name '*.gcda' -exec rm -f {} +
	code=0; $(TEST_ENV) $(PROVE) $(PROVE_FLAGS) $(check_PROGRAMS) || code=$$?; \
	find lib -name '*.gcda' | LC_ALL=C sort | xargs gcov -n -r -s '$(abs_top_srcdir)' 2>/dev/null | \
		$(AWK) -f '$(abs_top_srcdir)/t/cover.awk' && exit $$code
EXTRA_DIST += t/cover.awk

# The benchmark kit is a program of its own: make bench BENCH=PATH/bench LOAD=smtp PEERS=postfix
LOAD = smtp
PEERS =
bench: all
	@test -n '$(BENCH)' || { echo 'make bench BENCH=PATH names the bench program of the mail-server benchmark kit' >&2; exit 2; }
	PB_BIN='$(abs_top_builddir)/prog' '$(BENCH)' $(LOAD) '$(abs_top_srcdir)/t/bench/pillarbox.sh' $(PEERS)

# Rooms, manual pages, shell, C.
lint: all
	$(TEST_ENV) $(PROVE) $(PROVE_FLAGS) '$(top_srcdir)/t/design/rooms.t'
	sh '$(top_srcdir)/t/lint.sh' '$(abs_top_srcdir)' '$(abs_top_builddir)'
EXTRA_DIST += t/lint.sh
# Cost of a look-up in greylist-check's database at 10,000, 1 and 10 million records: make bench-greylist [RECORDS=N]
EXTRA_PROGRAMS = t/bench/greylist-records
t_bench_greylist_records_SOURCES = t/bench/greylist-records.c t/bench/greylist-fill.c t/bench/greylist-fill.h bin/greylist-check/judge.c \
	bin/greylist-check/records.c bin/greylist-check/records_counts.c bin/greylist-check/records_walk.c \
	bin/greylist-check/record_value.c

bench-greylist: t/bench/greylist-records$(EXEEXT)
	@dir=`mktemp -d` && trap 'rm -rf "$$dir"' 0 && t/bench/greylist-records "$$dir" $(RECORDS)

PHONY += bench-greylist check-asan check-crash cover cover-report bench lint
