# t/unit/pop3.mk
check_PROGRAMS += t/unit/pop3-grammar
t_unit_pop3_grammar_SOURCES = t/unit/pop3-grammar.c t/unit/tap.h

# Driven by t/pop3/silence.t
noinst_PROGRAMS += t/tool/pop3-serve-at-will
t_tool_pop3_serve_at_will_SOURCES = $(prog_pop3_serve_SOURCES) t/tool/clock-at-will.c
t_tool_pop3_serve_at_will_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_ms -Wl,--wrap=poll -Wl,--wrap=__poll_chk
