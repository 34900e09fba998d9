# t/unit/store.mk
check_PROGRAMS += t/unit/store-mailbox
t_unit_store_mailbox_SOURCES = t/unit/store-mailbox.c t/unit/tap.h t/unit/tmpdir.h
