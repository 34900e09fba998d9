# t/unit/smtp.mk
