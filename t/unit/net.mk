# t/unit/net.mk
