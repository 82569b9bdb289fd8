/* What the load generator measures: see measure.h. */
#include "measure.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void latency_add(struct latencies *l, uint64_t ns)
{
	unsigned exponent, index;

	if (ns < 32) {
		index = (unsigned)ns;
	} else {
		exponent = 63u - (unsigned)__builtin_clzll(ns);
		index = (exponent - 4) * 32 + (unsigned)((ns >> (exponent - 5)) & 31);
	}
	l->bucket[index]++;
	l->count++;
}

uint64_t latency_at(const struct latencies *l, double part)
{
	uint64_t seen = 0, wanted = (uint64_t)((double)l->count * part);
	unsigned i;

	for (i = 0; i < 64 * 32; i++) {
		seen += l->bucket[i];
		if (l->bucket[i] && seen >= wanted) {
			return i < 32 ? i : (uint64_t)(32 + i % 32) << (i / 32 - 1);
		}
	}
	return 0;
}

const struct counters *counters_open(const char *path)
{
	void *map;
	int fd = open(path, O_RDONLY);

	if (fd < 0) return NULL;
	map = mmap(NULL, sizeof(struct counters), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	return map == MAP_FAILED ? NULL : map;
}

/* Time on a processor of all threads so far, in ns. A running thread's is brought up to date only when it is
   scheduled out, so this is exact for a broker that sleeps. */
static uint64_t cpu_ns(pid_t pid)
{
	char path[300];
	unsigned long long ns;
	uint64_t sum = 0;
	struct dirent *entry;
	FILE *file;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (!dir) return 0;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.') continue;
		snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)pid, entry->d_name);
		file = fopen(path, "r");
		if (!file) continue;
		if (fscanf(file, "%llu", &ns) == 1) sum += ns;
		fclose(file);
	}
	closedir(dir);
	return sum;
}

static void proc_read(struct sample *s, pid_t pid)
{
	char path[64], line[1024];
	unsigned long long user, sys, kb;
	char *rest;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	if (file) {
		if (fgets(line, sizeof line, file) && (rest = strrchr(line, ')')) &&
		    sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &sys) == 2) {
			s->user = user;
			s->sys = sys;
		}
		fclose(file);
	}
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	file = fopen(path, "r");
	if (file) {
		while (fgets(line, sizeof line, file)) {
			if (sscanf(line, "VmRSS: %llu", &kb) == 1) s->rss_kb = kb;
			if (sscanf(line, "VmHWM: %llu", &kb) == 1) s->peak_kb = kb;
		}
		fclose(file);
	}
}

/* The big-endian MIPS numbers (o32) of gettimeofday, clock_gettime and clock_gettime64. On a router the kernel's vDSO
   answers these in the program; qemu's user mode has none and makes system calls of them. */
static const unsigned clock_syscalls[] = {4078, 4263, 4403};

void sample_take(struct sample *s, pid_t pid, const struct counters *c, unsigned most)
{
	const struct timespec pause = {0, 5000000};
	uint64_t before, after = c ? *(volatile const uint64_t *)&c->instructions : 0;
	uint64_t cpu_before, cpu_after = pid ? cpu_ns(pid) : 0;
	unsigned i, tries = 0;

	memset(s, 0, sizeof *s);
	/* Quiet: neither the counters nor the clock of its threads moved in a pause. A broker that never rests (a
	   runtime's helper threads) is sampled after so many pauses all the same. */
	do {
		before = after;
		cpu_before = cpu_after;
		nanosleep(&pause, NULL);
		after = c ? *(volatile const uint64_t *)&c->instructions : 0;
		cpu_after = pid ? cpu_ns(pid) : 0;
	} while ((after != before || cpu_after != cpu_before) && ++tries < most);
	s->cpu_ns = cpu_after;
	if (pid) proc_read(s, pid);
	if (c) {
		s->instructions = c->instructions;
		s->syscalls = c->syscalls;
		for (i = 0; i < sizeof clock_syscalls / sizeof *clock_syscalls; i++)
			s->clock_reads += c->syscall[clock_syscalls[i]];
		memcpy(s->turn, c->turn, sizeof s->turn);
	}
}

uint64_t turn_longest(const struct sample *before, const struct sample *after)
{
	unsigned i;

	for (i = TURN_BUCKETS; i-- > 0;) {
		if (after->turn[i] != before->turn[i]) return turn_length(i);
	}
	return 0;
}
