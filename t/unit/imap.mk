# t/unit/imap.mk
check_PROGRAMS += t/unit/imap-grammar
t_unit_imap_grammar_SOURCES = t/unit/imap-grammar.c t/unit/tap.h
