# t/unit/imap.mk
