check_PROGRAMS += t/unit/smtp-command t/unit/smtp-data t/unit/smtp-path t/unit/smtp-reply
t_unit_smtp_command_SOURCES = t/unit/smtp-command.c t/unit/exact.h t/unit/tap.h
t_unit_smtp_data_SOURCES = t/unit/smtp-data.c t/unit/tap.h
t_unit_smtp_path_SOURCES = t/unit/smtp-path.c t/unit/exact.h t/unit/tap.h
t_unit_smtp_reply_SOURCES = t/unit/smtp-reply.c t/unit/exact.h t/unit/tap.h
