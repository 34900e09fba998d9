# t/unit/state.mk
