check_PROGRAMS += t/unit/policy-greeting
t_unit_policy_greeting_SOURCES = t/unit/policy-greeting.c t/unit/tap.h
