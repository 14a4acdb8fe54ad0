/* Tries a path that is not there five times beside a VMClock page, and asks whether a counter was disrupted whose
 * CLOCK_BOOTTIME cannot be read. It prints how often the page is still mapped, and the answer. */
#include <stdio.h>
#include <string.h>
#include <time.h>

static int denied(clockid_t id, struct timespec *now) { return id == CLOCK_BOOTTIME ? -1 : clock_gettime(id, now); }
#define clock_gettime denied
#include "epsilon_clock.h"

int main(int count, char **arguments)
{
	static uint64_t words[EPSILON_BYTES_ / 8];
	struct epsilon_clock c;
	struct epsilon_interval i;
	char line[512];
	int try, mapped = 0;
	FILE *maps;

	if (count != 2)
		return 1;
	for (try = 0; try < 5; try++)
		if (epsilon_open_vmclock(&c, "/nowhere", arguments[1]) == EPSILON_OK && epsilon_now(&c, &i) == EPSILON_OK)
			return 2;
	maps = fopen("/proc/self/maps", "r");
	while (maps && fgets(line, sizeof line, maps))
		mapped += strstr(line, arguments[1]) != 0;
	if (maps)
		fclose(maps);
	memset(&c, 0, sizeof c);
	c.words = words;
	c.record[1] = (uint64_t)1 << 35; /* BOOTTIME is to be compared */
	printf("%d %d\n", mapped, epsilon_disrupted_(&c));
	return 0;
}
