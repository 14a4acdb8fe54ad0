/*
 * Read the host's clock that epsilon serve publishes: docs/segment.md has the layout.
 *
 *	struct epsilon_clock clock;
 *	struct epsilon_interval now;
 *	if (epsilon_open(&clock, "/run/epsilon/clock") != EPSILON_OK) ...
 *	if (epsilon_now(&clock, &now) == EPSILON_OK)
 *		... true time is in [now.earliest, now.latest], nanoseconds since 1970, UTC with leap seconds smeared from noon to noon
 *	epsilon_close(&clock);
 *
 * For Linux on x86-64 and arm64, with GCC or Clang. A clock is for one thread: let each have its own. Nothing here
 * allocates, and epsilon_now makes no system call that reading the counter does not need, but for some when the daemon has
 * published and once in a second. Then it looks whether the file was replaced, by a daemon that was restarted, and whether
 * the counter was disrupted: by a suspend, by a change of the kernel's clocksource, and by the processor's counter running
 * at another rate. The marker of a VMClock device is compared in each call, and where the daemon watches one that this
 * process cannot read there is no answer (epsilon_open_vmclock).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef EPSILON_CLOCK_H
#define EPSILON_CLOCK_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

enum epsilon_result {
	EPSILON_OK = 0,
	EPSILON_SYSTEM,        /* errno says what; ENOENT: nobody publishes a clock there */
	EPSILON_FOREIGN,       /* the file is no segment, or a record in it makes no sense */
	EPSILON_VERSION,       /* its layout is too new or too old for this header */
	EPSILON_OTHER_BOOT,    /* it is from before the machine was started last, or this process is in a container with a boot id of its own */
	EPSILON_COUNTER,       /* it is about a counter that this process cannot read, or reads otherwise */
	EPSILON_UNSYNCHRONIZED,/* there is no answer: not yet, or not since a disruption */
	EPSILON_FAULTY,        /* there is none: the counter contradicts the daemon's sources */
	EPSILON_TOO_WIDE,      /* the interval is wider than the daemon allows */
	EPSILON_OWNER,         /* somebody could have written the file whom there is no reason to trust */
	EPSILON_VMCLOCK,       /* the daemon watches a VMClock device, and this process cannot read it: let it, or see epsilon_open_vmclock */
};

struct epsilon_interval {
	int64_t earliest, latest;
};

#define EPSILON_WORDS_ 512
#define EPSILON_BYTES_ 4096
#define EPSILON_RECORD_ 41

struct epsilon_line_ {
	uint64_t at, time, rate, until, after;
};

struct epsilon_clock {
	const uint64_t *words; /* mapped */
	uint64_t generation;   /* that what follows was decoded from */
	const uint64_t *marker_at; /* where the hypervisor's marker is; 0 if the record has none, or it is not watched */
	uint64_t marker;           /* which has to be this */
	enum epsilon_result refusal;
	int hardware, disrupted;
	unsigned up;
	uint64_t from, span, max_width; /* span: up to the next look */
	uint64_t second, whole;         /* a second, and all of the record's span, in raw units */
	struct epsilon_line_ lower, upper;
	uint64_t record[EPSILON_RECORD_]; /* as it was published */
	uint64_t boot[2];
	int64_t monotonic, boottime; /* offsets of this process's time namespace */
	const uint64_t *vmclock;     /* the device, mapped; 0 if it cannot be read, or is not to be */
	int unwatched;               /* it is not to be */
	int64_t looked;
	dev_t device;
	ino_t inode;
	char path[256];
};

static inline uint64_t epsilon_load_(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }

/* epsilon_try_ reads a clock of the kernel, and returns whether it can be read. */
static inline int epsilon_try_(clockid_t id, int64_t *now)
{
	struct timespec ts;
	if (clock_gettime(id, &ts) != 0)
		return 0;
	*now = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	return 1;
}

static inline int64_t epsilon_clock_(clockid_t id)
{
	int64_t now = 0;
	(void)epsilon_try_(id, &now);
	return now;
}

#if defined(__x86_64__)
#define EPSILON_HARDWARE_ 2
static inline uint64_t epsilon_ticks_(void)
{
	uint32_t low, high;
	__asm__ volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory"); /* not before an earlier load */
	return (uint64_t)high << 32 | low;
}
#elif defined(__aarch64__)
#define EPSILON_HARDWARE_ 3
static inline uint64_t epsilon_ticks_(void)
{
	uint64_t ticks;
	__asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks) : : "memory");
	return ticks;
}
#else
#define EPSILON_HARDWARE_ 0
static inline uint64_t epsilon_ticks_(void) { return 0; }
#endif

static inline uint64_t epsilon_read_(const struct epsilon_clock *c)
{
	return c->hardware ? epsilon_ticks_() : (uint64_t)epsilon_clock_(CLOCK_MONOTONIC_RAW);
}

static inline int64_t epsilon_straight_(const struct epsilon_line_ *l, uint64_t raw, unsigned up)
{
	return (int64_t)(l->time + (uint64_t)(((unsigned __int128)((raw - l->at) << up) * l->rate) >> 64));
}

/* epsilon_bend_ makes of a line whose rate has ended by raw what it is from there on. */
static inline void epsilon_bend_(struct epsilon_line_ *l, uint64_t raw, unsigned up)
{
	if (raw - l->at <= l->until - l->at)
		return;
	if (l->after == l->rate) { /* it does not bend, and is rounded once */
		l->until = raw + ((uint64_t)1 << 60 >> up);
		return;
	}
	l->time = (uint64_t)epsilon_straight_(l, l->until, up) + (l->after > l->rate);
	l->at = l->until;
	l->until = raw + ((uint64_t)1 << 60 >> up); /* not again */
	l->rate = l->after;
}

static inline void epsilon_decode_line_(struct epsilon_line_ *l, const uint64_t *w)
{
	l->at = w[0], l->time = w[1], l->rate = w[2], l->until = w[3], l->after = w[4];
}

static inline int epsilon_has_(const struct epsilon_clock *c, int bit) { return (int)(c->record[1] >> bit & 1); }

/* epsilon_ran_ returns whether the processor's counter has run at another rate than in the record. */
static inline int epsilon_ran_(const struct epsilon_clock *c, int64_t monotonic)
{
	const uint64_t *w = c->record;
	uint64_t before, after, best_before = 0, best_after = 0;
	int64_t raw = 0, best = 0, elapsed, slack, least, most;
	struct epsilon_line_ ticks = {w[34], 0, w[39], 0, 0};
	unsigned up = (unsigned)w[40];
	double low, high;
	int i;
	for (i = 0; i < 3; i++) { /* an interrupt widens what is between */
		before = epsilon_ticks_();
		if (!epsilon_try_(CLOCK_MONOTONIC_RAW, &raw))
			return 0;
		after = epsilon_ticks_();
		if (i == 0 || after - before < best_after - best_before)
			best_before = before, best = raw, best_after = after;
	}
	elapsed = best - ((int64_t)w[36] + monotonic);
	if (elapsed < 0 || (int64_t)(best_before - w[35]) < 0)
		return 1; /* it went back */
	slack = 2 * ((up ? (int64_t)(w[39] >> (64 - up)) : 0) + 1) + 3; /* each by a tick, and by rounding */
	if (elapsed <= slack)
		return 0;
	least = epsilon_straight_(&ticks, best_before, up) - epsilon_straight_(&ticks, w[35], up) - slack;
	most = epsilon_straight_(&ticks, best_after, up) + slack;
	memcpy(&low, &w[37], sizeof low);
	memcpy(&high, &w[38], sizeof high);
	return (double)(least - elapsed) / (double)elapsed > high || (double)(most - elapsed) / (double)elapsed < low;
}

/* epsilon_disrupted_ returns whether something has happened to the counter since the record that this process can see. What
 * cannot be read counts as unchanged. */
static inline int epsilon_disrupted_(const struct epsilon_clock *c)
{
	const uint64_t *w = c->record;
	int64_t before = 0, boot = 0, after = 0;
	int64_t monotonic = c->monotonic - (int64_t)epsilon_load_(&c->words[6]), boottime = c->boottime - (int64_t)epsilon_load_(&c->words[7]);
	if (epsilon_has_(c, 35) && epsilon_try_(CLOCK_MONOTONIC, &before) && epsilon_try_(CLOCK_BOOTTIME, &boot) && epsilon_try_(CLOCK_MONOTONIC, &after)) {
		if (boot - after > (int64_t)w[33] + boottime - monotonic || boot - before < (int64_t)w[32] + boottime - monotonic)
			return 1;
	}
	if (w[31] != 0) {
		char name[64];
		uint64_t id = 14695981039346656037u;
		ssize_t n = 0, i;
		int fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource", O_RDONLY | O_CLOEXEC);
		if (fd >= 0) {
			n = read(fd, name, sizeof name);
			close(fd);
		}
		for (i = 0; i < n && name[i] != '\n'; i++)
			id = (id ^ (unsigned char)name[i]) * 1099511628211u;
		if (i > 0 && id != w[31])
			return 1;
	}
	return c->hardware && epsilon_has_(c, 36) && epsilon_ran_(c, monotonic);
}

/* epsilon_permitted_ returns whether this process may read the processor's counter: where it may not, that kills it. */
static inline int epsilon_permitted_(void)
{
	int mode = PR_TSC_ENABLE;
	(void)prctl(PR_GET_TSC, &mode, 0, 0, 0); /* a kernel that does not know this cannot forbid it */
	return mode == PR_TSC_ENABLE;
}

/* epsilon_fits_ returns whether readings of a line do not overflow. */
static inline int epsilon_fits_(const struct epsilon_line_ *l, uint64_t from, uint64_t span)
{
	return from - l->at <= span && l->until - from <= span && l->time + ((uint64_t)1 << 62) <= (uint64_t)1 << 63;
}

/* epsilon_use_ makes the record what is answered from, or returns why there is no answer. */
static inline enum epsilon_result epsilon_use_(struct epsilon_clock *c)
{
	const uint64_t *w = c->record;
	unsigned counter = w[1] >> 8 & 0xff;
	uint64_t span;

	c->span = 0;
	c->marker_at = 0;
	c->hardware = counter != 1;
	if (c->generation == 0 || w[0] != c->generation || (w[1] & 0xff) > 4 || counter < 1 || counter > 3 || (w[1] >> 24 & 0xff) != 1 || w[40] > 63)
		return EPSILON_FOREIGN;
	if (counter != 1 && (counter != EPSILON_HARDWARE_ || !epsilon_permitted_()))
		return EPSILON_COUNTER;
	if (counter == 1 && c->monotonic != (int64_t)epsilon_load_(&c->words[6]))
		return EPSILON_COUNTER; /* of another time namespace */
	if (epsilon_has_(c, 34) && !c->unwatched) {
		if (!c->vmclock)
			return EPSILON_VMCLOCK;
		c->marker_at = &c->vmclock[2], c->marker = w[30];
	}
	if (!epsilon_has_(c, 32))
		return (w[1] & 0xff) == 3 ? EPSILON_FAULTY : EPSILON_UNSYNCHRONIZED;
	if (w[6] > 60 || w[5] >> 61 == 0)
		return EPSILON_FOREIGN;
	c->up = (unsigned)w[6];
	c->max_width = w[4];
	c->from = w[7];
	epsilon_decode_line_(&c->lower, w + 8);
	epsilon_decode_line_(&c->upper, w + 13);
	span = (uint64_t)1 << 61 >> c->up;
	if (!epsilon_fits_(&c->lower, c->from, span) || !epsilon_fits_(&c->upper, c->from, span))
		return EPSILON_FOREIGN;
	c->whole = span;
	c->second = (uint64_t)(((unsigned __int128)1000000000 << (64 - c->up)) / w[5]);
	if (c->disrupted)
		c->disrupted = epsilon_disrupted_(c);
	return EPSILON_OK;
}

/* epsilon_decode_ takes the present record. */
static inline void epsilon_decode_(struct epsilon_clock *c)
{
	uint64_t w[EPSILON_RECORD_], generation;
	const uint64_t *slot;
	int i, attempt;

	for (attempt = 0; attempt < 1000; attempt++) {
		generation = epsilon_load_(&c->words[8]);
		slot = c->words + 16 + (generation & 1) * 64;
		for (i = 0; i < EPSILON_RECORD_; i++)
			w[i] = epsilon_load_(&slot[i]);
		if (epsilon_load_(&c->words[8]) != generation)
			continue;
		if (w[3] != c->record[3])
			c->disrupted = 1; /* in another epoch, until it has been looked at */
		c->generation = generation;
		memcpy(c->record, w, sizeof w);
		c->refusal = epsilon_use_(c);
		return;
	} /* what was decoded last still holds */
}

/* epsilon_trusted_ returns whether nobody can have written the file whom there is no reason to trust: it belongs to root, to
 * this process's user, or to the owner of a directory that nobody else can write. */
static inline int epsilon_trusted_(const struct epsilon_clock *c, const struct stat *s)
{
	const char *slash = strrchr(c->path, '/');
	char directory[sizeof c->path] = ".";
	struct stat d;
	if (s->st_mode & 022)
		return 0;
	if (s->st_uid == 0 || s->st_uid == geteuid())
		return 1;
	if (slash) {
		memcpy(directory, c->path, (size_t)(slash - c->path) + 1);
		directory[slash - c->path + 1] = 0;
	}
	return stat(directory, &d) == 0 && d.st_uid == s->st_uid && !(d.st_mode & 022);
}

/* epsilon_keeps_ returns whether to go on with what was mapped before: it answers, the next file cannot be used or has no
 * answer yet, and the hypervisor has disrupted nothing between the two. */
static inline int epsilon_keeps_(const struct epsilon_clock *c, const struct epsilon_clock *next)
{
	int usable = next->refusal != EPSILON_FOREIGN && next->refusal != EPSILON_COUNTER && next->refusal != EPSILON_VMCLOCK;
	if (!c->words || c->refusal != EPSILON_OK || c->disrupted)
		return 0;
	if (next->refusal != EPSILON_FOREIGN && epsilon_has_(c, 34) && epsilon_has_(next, 34) && c->record[30] != next->record[30])
		return 0;
	return !usable || (!epsilon_has_(next, 32) && next->record[3] <= 1);
}

/* epsilon_map_ maps the file at the path, if this process may read what is in it. */
static inline enum epsilon_result epsilon_map_(struct epsilon_clock *c)
{
	struct epsilon_clock next = *c;
	struct stat s;
	void *mapped;
	uint64_t versions;
	enum epsilon_result result = EPSILON_OK;
	int fd = open(c->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return EPSILON_SYSTEM;
	mapped = mmap(0, EPSILON_BYTES_, PROT_READ, MAP_SHARED, fd, 0);
	if (fstat(fd, &s) != 0 || mapped == MAP_FAILED) {
		close(fd);
		if (mapped != MAP_FAILED)
			munmap(mapped, EPSILON_BYTES_);
		return EPSILON_SYSTEM;
	}
	close(fd);
	if (!S_ISREG(s.st_mode) || s.st_size < EPSILON_BYTES_) {
		munmap(mapped, EPSILON_BYTES_);
		return EPSILON_FOREIGN;
	}
	next.words = (const uint64_t *)mapped;
	versions = epsilon_load_(&next.words[1]);
	if (!epsilon_trusted_(c, &s))
		result = EPSILON_OWNER;
	else if (epsilon_load_(&next.words[0]) != 0x4b434f4c43535045 || epsilon_load_(&next.words[2]) != EPSILON_BYTES_)
		result = EPSILON_FOREIGN;
	else if ((uint32_t)versions > 1 || (uint32_t)(versions >> 32) < 1)
		result = EPSILON_VERSION;
	else if (epsilon_load_(&next.words[3]) != c->boot[0] || epsilon_load_(&next.words[4]) != c->boot[1])
		result = EPSILON_OTHER_BOOT;
	if (result == EPSILON_OK) {
		next.device = s.st_dev, next.inode = s.st_ino;
		memset(next.record, 0, sizeof next.record);
		next.refusal = EPSILON_UNSYNCHRONIZED;
		epsilon_decode_(&next);
	}
	if (result != EPSILON_OK || epsilon_keeps_(c, &next)) {
		munmap(mapped, EPSILON_BYTES_);
		return result;
	}
	if (c->words)
		munmap((void *)(uintptr_t)c->words, EPSILON_BYTES_);
	*c = next;
	return EPSILON_OK;
}

/* epsilon_watch_ maps the VMClock device at a path, if this process may read it. */
static inline void epsilon_watch_(struct epsilon_clock *c, const char *path)
{
	struct stat s;
	uint64_t *page;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &s) == 0 && (S_ISCHR(s.st_mode) || (S_ISREG(s.st_mode) && s.st_size >= EPSILON_BYTES_))) {
		page = (uint64_t *)mmap(0, EPSILON_BYTES_, PROT_READ, MAP_SHARED, fd, 0);
		if (page != MAP_FAILED && (uint32_t)epsilon_load_(&page[0]) == 0x4b4c4356 && (uint16_t)epsilon_load_(&page[1]) == 1)
			c->vmclock = page;
		else if (page != MAP_FAILED)
			munmap(page, EPSILON_BYTES_);
	}
	close(fd);
}

/* epsilon_offsets_ reads the offsets of this process's time namespace. The kernel shows those that its children will have. */
static inline enum epsilon_result epsilon_offsets_(struct epsilon_clock *c)
{
	char name[16], own[64], children[64];
	long long seconds;
	long nanoseconds;
	ssize_t n, m;
	FILE *f = fopen("/proc/self/timens_offsets", "re");
	if (!f)
		return errno == ENOENT ? EPSILON_OK : EPSILON_SYSTEM; /* a kernel without time namespaces */
	while (fscanf(f, "%15s %lld %ld", name, &seconds, &nanoseconds) == 3) {
		int64_t offset = (int64_t)seconds * 1000000000 + nanoseconds;
		if (strcmp(name, "monotonic") == 0)
			c->monotonic = offset;
		else if (strcmp(name, "boottime") == 0)
			c->boottime = offset;
	}
	fclose(f);
	n = readlink("/proc/self/ns/time", own, sizeof own);
	m = readlink("/proc/self/ns/time_for_children", children, sizeof children);
	return n > 0 && n == m && memcmp(own, children, (size_t)n) == 0 ? EPSILON_OK : EPSILON_COUNTER;
}

static inline enum epsilon_result epsilon_identify_(struct epsilon_clock *c)
{
	char text[64] = "";
	unsigned char *boot = (unsigned char *)c->boot;
	unsigned byte;
	int i, n = 0;
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	if (!f)
		return EPSILON_SYSTEM;
	if (!fgets(text, sizeof text, f))
		text[0] = 0;
	fclose(f);
	for (i = 0; text[i] && n < 16; i++) {
		if (text[i] == '-')
			continue;
		if (sscanf(text + i, "%2x", &byte) != 1)
			break;
		boot[n++] = (unsigned char)byte;
		i++;
	}
	if (n != 16) {
		errno = EINVAL;
		return EPSILON_SYSTEM;
	}
	return epsilon_offsets_(c);
}

/* epsilon_look_ looks at the host, as often as once a second: see the package comment of hostclock. */
static inline void epsilon_look_(struct epsilon_clock *c, int64_t now)
{
	struct stat s;
	c->looked = now;
	if (stat(c->path, &s) == 0 && (s.st_dev != c->device || s.st_ino != c->inode))
		(void)epsilon_map_(c); /* if that fails, what was there before still holds */
	if (c->refusal == EPSILON_OK)
		c->disrupted = epsilon_disrupted_(c);
}

/* epsilon_open_vmclock opens the clock that is published at a path, with the VMClock device at another one; 0 means that none
 * is watched here. Then a migration is noticed by the daemon alone, some milliseconds to 1.5 s after it, and by nobody while
 * there is no daemon: up to then the intervals may be wrong. */
static inline enum epsilon_result epsilon_open_vmclock(struct epsilon_clock *c, const char *path, const char *vmclock)
{
	enum epsilon_result result;
	memset(c, 0, sizeof *c);
	if (strlen(path) >= sizeof c->path) {
		errno = ENAMETOOLONG;
		return EPSILON_SYSTEM;
	}
	strcpy(c->path, path);
	c->unwatched = !vmclock;
	if (vmclock)
		epsilon_watch_(c, vmclock);
	result = epsilon_identify_(c);
	if (result == EPSILON_OK)
		result = epsilon_map_(c);
	c->looked = epsilon_clock_(CLOCK_MONOTONIC_RAW);
	if (result != EPSILON_OK && c->vmclock) { /* it is opened again with the next try */
		munmap((void *)(uintptr_t)c->vmclock, EPSILON_BYTES_);
		c->vmclock = 0;
	}
	return result;
}

/* epsilon_open opens the clock that is published at a path, with the machine's VMClock device if it has one. */
static inline enum epsilon_result epsilon_open(struct epsilon_clock *c, const char *path)
{
	return epsilon_open_vmclock(c, path, "/dev/vmclock0");
}

/* epsilon_close ends it. */
static inline void epsilon_close(struct epsilon_clock *c)
{
	if (c->words)
		munmap((void *)(uintptr_t)c->words, EPSILON_BYTES_);
	if (c->vmclock)
		munmap((void *)(uintptr_t)c->vmclock, EPSILON_BYTES_);
	c->words = c->vmclock = 0;
}

/* epsilon_moved_ returns whether the hypervisor has disrupted the counter since the record. Call it after the counter was read. */
static inline int epsilon_moved_(const struct epsilon_clock *c) { return c->marker_at && epsilon_load_(c->marker_at) != c->marker; }

static inline enum epsilon_result epsilon_slow_(struct epsilon_clock *c, struct epsilon_interval *i)
{
	int64_t now = epsilon_clock_(CLOCK_MONOTONIC_RAW), earliest, latest;
	uint64_t raw, left;
	if (epsilon_load_(&c->words[8]) != c->generation)
		epsilon_decode_(c);
	if (now - c->looked < 0 || now - c->looked >= 1000000000)
		epsilon_look_(c, now);
	if (c->refusal != EPSILON_OK)
		return c->refusal;
	if (c->disrupted)
		return EPSILON_UNSYNCHRONIZED;
	raw = epsilon_read_(c);
	if (epsilon_moved_(c) || raw - c->from > c->whole)
		return EPSILON_UNSYNCHRONIZED; /* also if the counter went back */
	epsilon_bend_(&c->lower, raw, c->up);
	epsilon_bend_(&c->upper, raw, c->up);
	left = c->lower.until - raw;
	if (c->upper.until - raw < left)
		left = c->upper.until - raw;
	if (left > c->second)
		left = c->second;
	c->whole -= raw - c->from; /* so that raw − from is never more than what is left */
	c->from = raw;
	c->span = left;
	earliest = epsilon_straight_(&c->lower, raw, c->up);
	latest = epsilon_straight_(&c->upper, raw, c->up);
	if ((uint64_t)(latest - earliest) > c->max_width)
		return EPSILON_TOO_WIDE;
	i->earliest = earliest, i->latest = latest;
	return EPSILON_OK;
}

/* epsilon_now stores an interval that contains true time at some moment between the call and the return, or says why
 * there is none, and then stores nothing. */
static inline enum epsilon_result epsilon_now(struct epsilon_clock *c, struct epsilon_interval *i)
{
	uint64_t raw;
	int64_t earliest, latest;
	/* The record first, then the counter. */
	if (epsilon_load_(&c->words[8]) != c->generation || c->span == 0)
		return epsilon_slow_(c, i);
	raw = epsilon_read_(c);
	if (epsilon_moved_(c) || raw - c->from > c->span)
		return epsilon_slow_(c, i);
	earliest = epsilon_straight_(&c->lower, raw, c->up);
	latest = epsilon_straight_(&c->upper, raw, c->up);
	if ((uint64_t)(latest - earliest) > c->max_width)
		return EPSILON_TOO_WIDE;
	i->earliest = earliest, i->latest = latest;
	return EPSILON_OK;
}

#ifdef __cplusplus
}
#endif

#endif
