# t/unit/store.mk
