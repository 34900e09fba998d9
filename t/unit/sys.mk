# t/unit/sys.mk
