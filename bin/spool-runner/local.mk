pkglibexec_PROGRAMS += prog/spool-runner
prog_spool_runner_SOURCES = bin/spool-runner/main.c \
	bin/spool-runner/append.c bin/spool-runner/append.h \
	bin/spool-runner/bounce.c bin/spool-runner/bounce.h \
	bin/spool-runner/change.c bin/spool-runner/change.h \
	bin/spool-runner/deliverer.c bin/spool-runner/deliverer.h \
	bin/spool-runner/destination.c bin/spool-runner/destination.h \
	bin/spool-runner/expander.c bin/spool-runner/expander.h \
	bin/spool-runner/helper.c bin/spool-runner/helper.h \
	bin/spool-runner/hold.c bin/spool-runner/hold.h \
	bin/spool-runner/intake.c bin/spool-runner/intake.h \
	bin/spool-runner/meter.c bin/spool-runner/meter.h \
	bin/spool-runner/throttle.c bin/spool-runner/throttle.h \
	bin/spool-runner/notice.c bin/spool-runner/notice.h bin/spool-runner/queue.c bin/spool-runner/queue.h \
	bin/spool-runner/queue_ready.c bin/spool-runner/queue_ready.h \
	bin/spool-runner/quarantine.c bin/spool-runner/quarantine.h \
	bin/spool-runner/rank.c bin/spool-runner/rank.h \
	bin/spool-runner/receiver.c bin/spool-runner/receiver.h \
	bin/spool-runner/receiver_direct.c bin/spool-runner/receiver_private.h \
	bin/spool-runner/retry.c bin/spool-runner/retry.h \
	bin/spool-runner/round.c bin/spool-runner/round.h \
	bin/spool-runner/round_bounce.c bin/spool-runner/round_bounce.h \
	bin/spool-runner/round_jobs.c bin/spool-runner/round_jobs.h \
	bin/spool-runner/round_lines.c bin/spool-runner/round_lines.h \
	bin/spool-runner/round_log.c bin/spool-runner/round_log.h \
	bin/spool-runner/round_outcome.c bin/spool-runner/round_outcome.h \
	bin/spool-runner/runner.c bin/spool-runner/runner.h \
	bin/spool-runner/schedule.c bin/spool-runner/schedule.h \
	bin/spool-runner/schedule_place.c bin/spool-runner/schedule_serve.c \
	bin/spool-runner/space.c bin/spool-runner/space.h

# Brings messages to intake in tests (t/queue/*.t).
noinst_PROGRAMS += t/tool/intake-put
t_tool_intake_put_SOURCES = t/tool/intake-put.c

check_PROGRAMS += t/unit/runner-retry t/unit/runner-queue
check_PROGRAMS += t/unit/runner-owners t/unit/runner-destination t/unit/policy-priority t/unit/directory-sending t/unit/policy-throttle
t_unit_policy_throttle_SOURCES = t/unit/policy-throttle.c t/unit/tap.h
t_unit_policy_priority_SOURCES = t/unit/policy-priority.c t/unit/tap.h
t_unit_directory_sending_SOURCES = t/unit/directory-sending.c t/unit/tap.h
t_unit_runner_destination_SOURCES = t/unit/runner-destination.c bin/spool-runner/destination.c t/unit/tap.h
t_unit_runner_owners_SOURCES = t/unit/runner-owners.c bin/spool-runner/expander.c bin/spool-runner/deliverer.c t/unit/tap.h
t_unit_runner_owners_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/bin/spool-runner
t_unit_runner_retry_SOURCES = t/unit/runner-retry.c bin/spool-runner/retry.c t/unit/tap.h
t_unit_runner_queue_SOURCES = t/unit/runner-queue.c bin/spool-runner/queue.c \
	bin/spool-runner/queue_ready.c t/unit/tap.h
dist_man_MANS += man/spool-runner.8

# Makes a queue of any size (t/queue/many.t, t/bench/million.sh).
noinst_PROGRAMS += t/tool/queue-fill
t_tool_queue_fill_SOURCES = t/tool/queue-fill.c
