/* What the load generator measures: latencies, and the broker's processor time, memory and instruction counters. */
#ifndef MEASURE_H
#define MEASURE_H

#include <stdint.h>
#include <sys/types.h>

/* The monotonic clock, in nanoseconds. */
uint64_t now_ns(void);

/* Counts latencies in buckets that are 1/32 of a power of two wide: 3 % resolution, any number of samples. */
struct latencies {
	uint64_t count;
	uint64_t bucket[64 * 32];
};
void latency_add(struct latencies *l, uint64_t ns);
/* The value that the fraction `part` of all samples does not exceed, in ns; 0 without samples. */
uint64_t latency_at(const struct latencies *l, double part);

/* The file through which the qemu plugin `counter.c` shares its counters; host byte order, all 64 bits. */
#define COUNTER_SYSCALLS 8192
#define TURN_BUCKETS 256
struct counters {
	uint64_t instructions;
	uint64_t syscalls;
	uint64_t syscall[COUNTER_SYSCALLS]; /* by the guest's system call number */
	/* Turns of the guest's event loop by their instructions: buckets that are 1/8 of a power of two wide. */
	uint64_t turn[TURN_BUCKETS];
};

static inline unsigned turn_bucket(uint64_t instructions)
{
	unsigned exponent;

	if (instructions < 8) return (unsigned)instructions;
	exponent = 63u - (unsigned)__builtin_clzll(instructions);
	return exponent > 33 ? TURN_BUCKETS - 1 : (exponent - 2) * 8 + (unsigned)(instructions >> (exponent - 3) & 7);
}

/* Of a bucket, the fewest instructions. */
static inline uint64_t turn_length(unsigned bucket)
{
	return bucket < 8 ? bucket : (uint64_t)(8 + bucket % 8) << (bucket / 8 - 1);
}

struct sample {
	uint64_t cpu_ns;   /* time on a processor, all threads */
	uint64_t user, sys; /* clock ticks; only good for their proportion */
	uint64_t rss_kb, peak_kb;
	uint64_t instructions, syscalls;
	uint64_t clock_reads; /* among the system calls */
	uint64_t turn[TURN_BUCKETS];
};

/* Opens the plugin's file; NULL when it cannot be mapped. */
const struct counters *counters_open(const char *path);
/* Waits until the broker does nothing, for at most `most` pauses of 5 ms, then samples it. `pid` 0 and `c` NULL leave those
   fields 0. */
void sample_take(struct sample *s, pid_t pid, const struct counters *c, unsigned most);
/* Instructions of the longest turn of the event loop between two samples, rounded down by at most 1/8. */
uint64_t turn_longest(const struct sample *before, const struct sample *after);

#endif
