# t/unit/check.mk
