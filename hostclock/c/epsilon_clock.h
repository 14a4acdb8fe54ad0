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
 * allocates, and epsilon_now makes no system call but once in a second: then it looks whether the file was replaced, by a
 * daemon that was restarted, and whether the machine was suspended.
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
	EPSILON_OTHER_BOOT,    /* it is from before the machine was started last */
	EPSILON_COUNTER,       /* it is about a counter that this process cannot read, or reads otherwise */
	EPSILON_UNSYNCHRONIZED,/* there is no answer: not yet, or not since a disruption */
	EPSILON_FAULTY,        /* there is none: the counter contradicts the daemon's sources */
	EPSILON_TOO_WIDE,      /* the interval is wider than the daemon allows */
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
	enum epsilon_result refusal;
	int hardware;
	unsigned up;
	uint64_t from, span, max_width; /* span: up to the next look */
	uint64_t second, whole;         /* a second, and all of the record's span, in raw units */
	struct epsilon_line_ lower, upper;
	uint64_t suspended_least, suspended_most;
	int suspension_known, disrupted;
	uint64_t boot[2];
	int64_t monotonic, boottime; /* offsets of this process's time namespace */
	int64_t looked;
	dev_t device;
	ino_t inode;
	char path[256];
};

static inline uint64_t epsilon_load_(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }

static inline int64_t epsilon_clock_(clockid_t id)
{
	struct timespec ts;
	if (clock_gettime(id, &ts) != 0)
		return 0;
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
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

static inline void epsilon_suspension_(struct epsilon_clock *c)
{
	int64_t before, boot, after, moved = c->boottime - c->monotonic;
	if (!c->suspension_known)
		return;
	moved -= (int64_t)(epsilon_load_(&c->words[7]) - epsilon_load_(&c->words[6]));
	before = epsilon_clock_(CLOCK_MONOTONIC);
	boot = epsilon_clock_(CLOCK_BOOTTIME);
	after = epsilon_clock_(CLOCK_MONOTONIC);
	if (boot - after > (int64_t)c->suspended_most + moved || boot - before < (int64_t)c->suspended_least + moved)
		c->disrupted = 1;
}

/* epsilon_decode_ takes the present record. */
static inline void epsilon_decode_(struct epsilon_clock *c)
{
	uint64_t w[EPSILON_RECORD_], generation, raw, span;
	const uint64_t *slot;
	int i, attempt;
	unsigned counter;

	for (attempt = 0;; attempt++) {
		generation = epsilon_load_(&c->words[8]);
		slot = c->words + 16 + (generation & 1) * 64;
		for (i = 0; i < EPSILON_RECORD_; i++)
			w[i] = epsilon_load_(&slot[i]);
		if (epsilon_load_(&c->words[8]) == generation)
			break;
		if (attempt == 1000)
			return; /* what was decoded last still holds */
	}
	c->generation = generation;
	c->span = 0;
	counter = w[1] >> 8 & 0xff;
	c->hardware = counter != 1;
	c->up = (unsigned)w[6];
	if (generation == 0 || w[0] != generation || (w[1] & 0xff) > 4 || counter < 1 || counter > 3 || (w[1] >> 24 & 0xff) != 1) {
		c->refusal = EPSILON_FOREIGN;
		return;
	}
	if (counter != 1 && counter != EPSILON_HARDWARE_) {
		c->refusal = EPSILON_COUNTER;
		return;
	}
	if (counter == 1 && c->monotonic != (int64_t)epsilon_load_(&c->words[6])) {
		c->refusal = EPSILON_COUNTER; /* of another time namespace */
		return;
	}
	c->suspension_known = w[1] >> 35 & 1;
	c->suspended_least = w[32], c->suspended_most = w[33];
	c->disrupted = 0;
	if (!(w[1] >> 32 & 1)) {
		c->refusal = (w[1] & 0xff) == 3 ? EPSILON_FAULTY : EPSILON_UNSYNCHRONIZED;
		return;
	}
	c->max_width = w[4];
	c->from = w[7];
	epsilon_decode_line_(&c->lower, w + 8);
	epsilon_decode_line_(&c->upper, w + 13);
	if (w[6] > 60 || w[5] >> 61 == 0) {
		c->refusal = EPSILON_FOREIGN;
		return;
	}
	span = (uint64_t)1 << 61 >> c->up;
	if (c->from - c->lower.at > span || c->from - c->upper.at > span || c->lower.until - c->from > span || c->upper.until - c->from > span) {
		c->refusal = EPSILON_FOREIGN;
		return;
	}
	c->whole = span;
	c->second = (uint64_t)(((unsigned __int128)1000000000 << (64 - c->up)) / w[5]);
	raw = epsilon_read_(c);
	if (raw - c->from > span) {
		c->refusal = EPSILON_UNSYNCHRONIZED; /* the counter went back */
		return;
	}
	c->refusal = EPSILON_OK;
	epsilon_suspension_(c);
}

/* epsilon_map_ maps the file at the path, if this process may read what is in it. */
static inline enum epsilon_result epsilon_map_(struct epsilon_clock *c)
{
	struct stat s;
	const uint64_t *w;
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
	if (!S_ISREG(s.st_mode) || s.st_size < EPSILON_BYTES_ || s.st_mode & 022) {
		munmap(mapped, EPSILON_BYTES_);
		return EPSILON_FOREIGN;
	}
	w = (const uint64_t *)mapped;
	versions = epsilon_load_(&w[1]);
	if (epsilon_load_(&w[0]) != 0x4b434f4c43535045 || epsilon_load_(&w[2]) != EPSILON_BYTES_)
		result = EPSILON_FOREIGN;
	else if ((uint32_t)versions > 1 || (uint32_t)(versions >> 32) < 1)
		result = EPSILON_VERSION;
	else if (epsilon_load_(&w[3]) != c->boot[0] || epsilon_load_(&w[4]) != c->boot[1])
		result = EPSILON_OTHER_BOOT;
	if (result != EPSILON_OK) {
		munmap(mapped, EPSILON_BYTES_);
		return result;
	}
	if (c->words)
		munmap((void *)(uintptr_t)c->words, EPSILON_BYTES_);
	c->words = w;
	c->device = s.st_dev, c->inode = s.st_ino;
	epsilon_decode_(c);
	return EPSILON_OK;
}

static inline enum epsilon_result epsilon_identify_(struct epsilon_clock *c)
{
	char text[64] = "", name[16];
	unsigned char *boot = (unsigned char *)c->boot;
	long long seconds;
	long nanoseconds;
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
	f = fopen("/proc/self/timens_offsets", "re");
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
	return EPSILON_OK;
}

/* epsilon_look_ looks at the host, as often as once a second: see the package comment of hostclock. */
static inline void epsilon_look_(struct epsilon_clock *c, int64_t now)
{
	struct stat s;
	c->looked = now;
	if (stat(c->path, &s) == 0 && (s.st_dev != c->device || s.st_ino != c->inode))
		(void)epsilon_map_(c); /* if that fails, what was there before still holds */
	epsilon_suspension_(c);
}

/* epsilon_open opens the clock that is published at a path. */
static inline enum epsilon_result epsilon_open(struct epsilon_clock *c, const char *path)
{
	enum epsilon_result result;
	memset(c, 0, sizeof *c);
	if (strlen(path) >= sizeof c->path) {
		errno = ENAMETOOLONG;
		return EPSILON_SYSTEM;
	}
	strcpy(c->path, path);
	result = epsilon_identify_(c);
	if (result == EPSILON_OK)
		result = epsilon_map_(c);
	c->looked = epsilon_clock_(CLOCK_MONOTONIC_RAW);
	return result;
}

/* epsilon_close ends it. */
static inline void epsilon_close(struct epsilon_clock *c)
{
	if (c->words)
		munmap((void *)(uintptr_t)c->words, EPSILON_BYTES_);
	c->words = 0;
}

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
	if (raw - c->from > c->whole)
		return EPSILON_UNSYNCHRONIZED; /* the counter went back */
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
	if (raw - c->from > c->span)
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
