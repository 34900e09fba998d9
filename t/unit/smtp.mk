check_PROGRAMS += t/unit/smtp-command t/unit/smtp-data t/unit/smtp-path t/unit/smtp-reply
t_unit_smtp_command_SOURCES = t/unit/smtp-command.c t/unit/exact.h t/unit/tap.h
t_unit_smtp_data_SOURCES = t/unit/smtp-data.c t/unit/tap.h
t_unit_smtp_path_SOURCES = t/unit/smtp-path.c t/unit/exact.h t/unit/tap.h
t_unit_smtp_reply_SOURCES = t/unit/smtp-reply.c t/unit/exact.h t/unit/tap.h

# Driven by t/smtp/silence.t
noinst_PROGRAMS += t/tool/smtp-listen-at-will
t_tool_smtp_listen_at_will_SOURCES = $(prog_smtp_listen_SOURCES) t/tool/clock-at-will.c
t_tool_smtp_listen_at_will_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_ms -Wl,--wrap=poll -Wl,--wrap=__poll_chk
