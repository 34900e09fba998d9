bin_PROGRAMS += prog/mailctl
prog_mailctl_SOURCES = bin/mailctl/main.c bin/mailctl/account.c bin/mailctl/account.h \
	bin/mailctl/args.c bin/mailctl/args.h bin/mailctl/caution.c bin/mailctl/caution.h bin/mailctl/cert.c bin/mailctl/cert.h \
	bin/mailctl/cmd_abuse.c bin/mailctl/cmd_advise.c bin/mailctl/cmd_alias.c bin/mailctl/cmd_block.c bin/mailctl/cmd_check.c bin/mailctl/cmd_domain.c \
	bin/mailctl/cmd_expect.c bin/mailctl/cmd_greylist.c bin/mailctl/cmd_init.c bin/mailctl/cmd_log.c bin/mailctl/cmd_service.c \
	bin/mailctl/cmd_sessions.c bin/mailctl/cmd_settings.c bin/mailctl/cmd_spool.c bin/mailctl/cmd_spool_list.c bin/mailctl/cmd_spool_view.c \
	bin/mailctl/cmd_tls.c bin/mailctl/cmd_tls_show.c bin/mailctl/tls_pairs.c bin/mailctl/tls_pairs.h bin/mailctl/cmd_gateway.c bin/mailctl/cmd_trusted.c bin/mailctl/cmd_try.c bin/mailctl/try_greylist.c bin/mailctl/try.h bin/mailctl/edit_at.c \
	bin/mailctl/cmd_user.c bin/mailctl/commands.c bin/mailctl/commands.h \
	bin/mailctl/ctl.c bin/mailctl/ctl.h bin/mailctl/edit.c bin/mailctl/edit.h \
	bin/mailctl/logs.c bin/mailctl/logs.h bin/mailctl/output.c bin/mailctl/output.h bin/mailctl/queue.c \
	bin/mailctl/queue.h bin/mailctl/queue_select.c bin/mailctl/queue_select.h bin/mailctl/shell.c \
	bin/mailctl/show.c bin/mailctl/show.h bin/mailctl/space.c bin/mailctl/space.h
prog_mailctl_SOURCES += bin/mailctl/cmd_bindings.c bin/mailctl/cmd_bindings_check.c bin/mailctl/cmd_ip_list.c \
	bin/mailctl/cmd_dkim.c bin/mailctl/dkim.h \
	bin/mailctl/cmd_domain_alias.c bin/mailctl/domain_alias.c bin/mailctl/domain_alias.h \
	bin/mailctl/domain_port.c bin/mailctl/domain_port.h bin/mailctl/postmaster.c bin/mailctl/postmaster.h
prog_mailctl_SOURCES += bin/mailctl/cmd_spool_shape.c bin/mailctl/cmd_spool.h bin/mailctl/cmd_quarantine.c \
	bin/mailctl/spool_action.c bin/mailctl/spool_action.h bin/mailctl/spool_choice.c bin/mailctl/spool_choice.h bin/mailctl/cmd_dest.c bin/mailctl/cmd_lockdown.c bin/mailctl/log_select.c bin/mailctl/log_select.h bin/mailctl/route_settings.c \
	bin/mailctl/route_settings.h
prog_mailctl_SOURCES += bin/mailctl/cmd_explain.c bin/mailctl/story.c bin/mailctl/story.h bin/mailctl/story_say.c
prog_mailctl_SOURCES += bin/mailctl/cmd_outgoing.c bin/mailctl/cmd_role.c bin/mailctl/role.c bin/mailctl/role.h bin/mailctl/cmd_route.c bin/mailctl/numbered.c bin/mailctl/numbered.h
prog_mailctl_LDADD = $(LDADD) $(READLINE_LIBS)
