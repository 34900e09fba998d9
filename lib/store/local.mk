libpillarbox_a_SOURCES += lib/store/folder.h lib/store/mailbox.h lib/store/maildir.h lib/store/quota.h
libpillarbox_a_SOURCES += lib/store/maildir_deliver.c lib/store/maildir_deliver.h
