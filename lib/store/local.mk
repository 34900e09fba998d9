libpillarbox_a_SOURCES += lib/store/folder.h lib/store/mailbox.h lib/store/maildir.h lib/store/quota.h
