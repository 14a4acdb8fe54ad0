/* Prints with what a clock refuses that has to: its arguments are the path and the reason, "tsc" for a process that may not
 * read the processor's counter, and "time" for one whose time namespace is not that of its children. It ends with 77 where
 * this cannot be brought about. */
#include <sched.h>
#include <stdio.h>

#include "epsilon_clock.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

int main(int argc, char **argv)
{
	struct epsilon_clock clock;
	if (argc != 3)
		return 2;
	if (strcmp(argv[2], "time") == 0) {
		if (unshare(CLONE_NEWTIME) != 0)
			return 77;
		printf("%d\n", epsilon_open(&clock, argv[1]));
		return 0;
	}
	if (epsilon_open(&clock, argv[1]) != EPSILON_OK)
		return 2;
	if (prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0) != 0)
		return 77;
	epsilon_decode_(&clock); /* and no more: other clocks may be that counter too */
	(void)prctl(PR_SET_TSC, PR_TSC_ENABLE, 0, 0, 0);
	printf("%d\n", clock.refusal);
	return 0;
}
