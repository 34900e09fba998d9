/*
 * spool-runner: owns the queue.
 *
 * Two processes, so that a scheduler with a million messages delays nobody who
 * brings a new one, and so that stopping delivery does not stop reception:
 *	--intake	names and commits new messages (intake.c)
 *	--schedule	decides what goes when, where and how often (schedule.c)
 *
 * Trust: receivers face the network and are hostile, so are their files.
 * Crash: either may die at any instruction; spool-layout/README tells why
 * nothing that was promised is lost.
 */
#include "base/base.h"

#include "intake.h"
#include "schedule.h"
#include "service/service.h"

int
main(int argc, char **argv)
{
	static const char *const modes[] = { "intake", "schedule", NULL };
	struct service svc;

	service_init_modes(&svc, "spool-runner", modes, argc, argv);
	service_settings(&svc, "delivery");
	service_warm_up(&svc);
	if (strcmp(svc.mode, "intake") == 0)
		return intake_run(&svc);
	return schedule_run(&svc);
}
