# t/unit/config.mk
