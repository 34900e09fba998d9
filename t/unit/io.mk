# t/unit/io.mk
