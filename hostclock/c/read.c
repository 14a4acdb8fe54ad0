/* Prints one interval for each line that it reads, between two readings of CLOCK_MONOTONIC_RAW; with a number of reads as
 * second argument it prints how many nanoseconds one takes. */
#include <stdio.h>
#include <stdlib.h>

#include "epsilon_clock.h"

int main(int argc, char **argv)
{
	struct epsilon_clock clock;
	struct epsilon_interval now = {0, 0};
	enum epsilon_result result = epsilon_open(&clock, argc > 1 ? argv[1] : "/run/epsilon/clock");
	if (result != EPSILON_OK) {
		printf("open %d\n", result);
		return 1;
	}
	if (argc > 2) {
		long i, n = atol(argv[2]);
		int64_t begin = epsilon_clock_(CLOCK_MONOTONIC_RAW), plain;
		for (i = 0; i < n; i++)
			if (epsilon_now(&clock, &now) != EPSILON_OK)
				return 1;
		begin = epsilon_clock_(CLOCK_MONOTONIC_RAW) - begin;
		plain = epsilon_clock_(CLOCK_MONOTONIC_RAW);
		for (i = 0; i < n; i++)
			now.earliest += epsilon_clock_(CLOCK_REALTIME);
		plain = epsilon_clock_(CLOCK_MONOTONIC_RAW) - plain;
		printf("%.1f ns, clock_gettime(CLOCK_REALTIME) %.1f ns\n", (double)begin / n, (double)plain / n);
		return 0;
	}
	while (getchar() != EOF) {
		long long before = epsilon_clock_(CLOCK_MONOTONIC_RAW);
		result = epsilon_now(&clock, &now);
		printf("%d %lld %lld %lld %lld\n", result, before, (long long)now.earliest, (long long)now.latest,
		       (long long)epsilon_clock_(CLOCK_MONOTONIC_RAW));
		fflush(stdout);
	}
	epsilon_close(&clock);
	return 0;
}
