# t/unit/imap.mk
check_PROGRAMS += t/unit/imap-grammar
t_unit_imap_grammar_SOURCES = t/unit/imap-grammar.c t/unit/tap.h

# Driven by t/imap/silence.t
noinst_PROGRAMS += t/tool/imap-serve-at-will
t_tool_imap_serve_at_will_SOURCES = $(prog_imap_serve_SOURCES) t/tool/clock-at-will.c
t_tool_imap_serve_at_will_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_ms -Wl,--wrap=poll -Wl,--wrap=__poll_chk
