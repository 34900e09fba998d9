# t/unit/service.mk
