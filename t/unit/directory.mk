# t/unit/directory.mk
