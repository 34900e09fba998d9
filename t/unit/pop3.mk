# t/unit/pop3.mk
check_PROGRAMS += t/unit/pop3-grammar
t_unit_pop3_grammar_SOURCES = t/unit/pop3-grammar.c t/unit/tap.h
