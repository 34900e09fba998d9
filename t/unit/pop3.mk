# t/unit/pop3.mk
