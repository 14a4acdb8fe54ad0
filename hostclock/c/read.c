/* Prints one interval for each line that it reads, between two readings of CLOCK_MONOTONIC_RAW. Its arguments are the path of
 * the clock and of the VMClock device ("-" for none), and a number: then it prints how many nanoseconds a read takes in the
 * quickest of so many times a hundred. */
#include <stdio.h>
#include <stdlib.h>

#include "epsilon_clock.h"

int main(int argc, char **argv)
{
	struct epsilon_clock clock;
	struct epsilon_interval now = {0, 0};
	const char *path = argc > 1 ? argv[1] : "/run/epsilon/clock";
	enum epsilon_result result = argc > 2 ? epsilon_open_vmclock(&clock, path, strcmp(argv[2], "-") ? argv[2] : 0) : epsilon_open(&clock, path);
	if (result != EPSILON_OK) {
		printf("open %d\n", result);
		return 1;
	}
	if (argc > 3) {
		long batch, i, batches = atol(argv[3]);
		int64_t best = INT64_MAX, plain = INT64_MAX, sum = 0, began, took;
		for (batch = 0; batch < batches; batch++) {
			began = epsilon_clock_(CLOCK_MONOTONIC_RAW);
			for (i = 0; i < 100; i++)
				if (epsilon_now(&clock, &now) != EPSILON_OK)
					return 1;
			took = epsilon_clock_(CLOCK_MONOTONIC_RAW) - began;
			best = took < best ? took : best;
			began = epsilon_clock_(CLOCK_MONOTONIC_RAW);
			for (i = 0; i < 100; i++)
				sum += epsilon_clock_(CLOCK_REALTIME);
			took = epsilon_clock_(CLOCK_MONOTONIC_RAW) - began;
			plain = took < plain ? took : plain;
		}
		printf("%.1f ns, and clock_gettime(CLOCK_REALTIME) %.1f ns%s\n", best / 100.0, plain / 100.0, sum ? "" : "!");
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
