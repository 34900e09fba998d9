# t/unit/store.mk
check_PROGRAMS += t/unit/store-mailbox
t_unit_store_mailbox_SOURCES = t/unit/store-mailbox.c t/unit/tap.h t/unit/tmpdir.h
check_PROGRAMS += t/unit/store-damage t/unit/store-crash t/unit/store-durable
t_unit_store_damage_SOURCES = t/unit/store-damage.c t/unit/tap.h t/unit/tmpdir.h
t_unit_store_crash_SOURCES = t/unit/store-crash.c t/unit/tap.h t/unit/tmpdir.h
t_unit_store_durable_SOURCES = t/unit/store-durable.c t/unit/tap.h t/unit/tmpdir.h t/unit/trace.h
check_PROGRAMS += t/unit/store-folder
t_unit_store_folder_SOURCES = t/unit/store-folder.c t/unit/tap.h t/unit/tmpdir.h
