libpillarbox_a_SOURCES += lib/store/maildir_deliver.c lib/store/maildir_deliver.h
libpillarbox_a_SOURCES += \
	lib/store/folder.c lib/store/folder.h \
	lib/store/index.c lib/store/index.h \
	lib/store/journal.c lib/store/journal.h \
	lib/store/mailbox.c lib/store/mailbox.h lib/store/mailbox_private.h \
	lib/store/mailbox_add.c \
	lib/store/mailbox_cache.c \
	lib/store/mailbox_change.c \
	lib/store/mailbox_log.c \
	lib/store/mailbox_scan.c \
	lib/store/mailbox_view.c \
	lib/store/maildir.c lib/store/maildir.h \
	lib/store/quota.c lib/store/quota.h
