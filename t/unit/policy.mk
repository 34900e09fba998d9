# t/unit/policy.mk
