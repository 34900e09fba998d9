# t/unit/spool.mk
