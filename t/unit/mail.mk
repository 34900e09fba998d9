# t/unit/mail.mk
