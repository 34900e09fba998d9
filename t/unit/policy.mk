check_PROGRAMS += t/unit/policy-greeting
t_unit_policy_greeting_SOURCES = t/unit/policy-greeting.c t/unit/tap.h
check_PROGRAMS += t/unit/policy-smtp-in
t_unit_policy_smtp_in_SOURCES = t/unit/policy-smtp-in.c t/unit/tap.h
check_PROGRAMS += t/unit/policy-pattern
t_unit_policy_pattern_SOURCES = t/unit/policy-pattern.c t/unit/tap.h
check_PROGRAMS += t/unit/policy-selector
t_unit_policy_selector_SOURCES = t/unit/policy-selector.c t/unit/tap.h
