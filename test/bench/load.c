/* The benchmark's load generator: publishers and subscribers in one process and one epoll loop, closed loop.
 *
 * A bounded number of messages is outstanding at any time, so that no broker needs to drop any. Each payload carries
 * its publisher, a sequence number and the time it was sent; with a pace, the time it was due, so that what a broker
 * that keeps us waiting delays counts as well. Every subscriber checks that it gets each publisher's messages complete,
 * once and in order. After a warm-up, the broker's processor time (and, under qemu, its instructions and system calls)
 * is sampled around the measured messages. Prints one JSON object a line. With `--runs N` the measured messages come N
 * times, each time when a line has been read from standard input: "calm", or "busy" when others keep the broker busy.
 *
 * Exit code: 0 when everything arrived in order, 1 when not, 2 when the run could not be done at all.
 */
#define _GNU_SOURCE /* processor affinity */
#include "measure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IN_SIZE = 128 * 1024, OUT_SIZE = 256 * 1024, PACKET_MAX = 1024 };
enum { CONNACK = 2, PUBLISH = 3, PUBACK = 4, PUBREC = 5, PUBREL = 6, PUBCOMP = 7, SUBACK = 9 };
/* Who gets what: everybody everything; subscriber i what publisher i sends; everybody everything by a `+` filter. */
enum topology { ALL, PAIRS, PLUS };

struct connection {
	int fd;
	int index;
	int publisher;          /* 1 for a publisher, 0 for a subscriber */
	int writable;           /* 0 while the kernel takes no more and EPOLLOUT is awaited */
	uint32_t sent;          /* publisher: messages so far */
	uint32_t acknowledged;  /* publisher: handshakes completed (QoS 0: equal to sent) */
	uint32_t *expected;     /* publisher: the sequence number that each of its `fan` subscribers awaits next */
	uint8_t *in, *out;
	size_t in_length, out_length;
};

static struct {
	int port, publishers, subscribers, idle, qos, version, size, topics, cpu;
	unsigned messages, warmup, batch, window, rate, idle_ms, stall_ms, runs;
	enum topology topology;
	pid_t pid;
	const char *counters;
} option = {.publishers = 1, .subscribers = 1, .version = 4, .size = 64, .topics = 1, .cpu = -1, .messages = 1000,
	    .batch = 1, .window = 1, .stall_ms = 5000, .runs = 1};

static struct connection *publishers, *subscribers, *idlers;
static struct latencies latencies;
static uint64_t received, lost, misplaced; /* misplaced: a sequence number that had passed already */
static uint64_t last_delivery;
/* With a pace: when its first message was due, and the number of the messages before that one. */
static uint64_t pace_start;
static uint32_t pace_base;
static int epoll_fd, measuring;
static unsigned fan; /* subscribers that get each message */

static void die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("load: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(2);
}

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);
	if (!memory) die("out of memory");
	return memory;
}

/* ---- bytes ---- */

static uint8_t *put16(uint8_t *p, unsigned value)
{
	*p++ = (uint8_t)(value >> 8);
	*p++ = (uint8_t)value;
	return p;
}

static uint8_t *put_string(uint8_t *p, const char *text)
{
	size_t length = strlen(text);
	p = put16(p, (unsigned)length);
	memcpy(p, text, length);
	return p + length;
}

/* Writes the fixed header in front of a body that is at least two bytes long. */
static uint8_t *put_header(uint8_t *p, unsigned first, size_t length)
{
	*p++ = (uint8_t)first;
	if (length > 127) *p++ = (uint8_t)(length & 127) | 128;
	*p++ = (uint8_t)(length > 127 ? length >> 7 : length);
	return p;
}

/* ---- connections ---- */

static void watch(struct connection *c, int output)
{
	struct epoll_event event = {.events = EPOLLIN | (output ? EPOLLOUT : 0u), .data.ptr = c};

	if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event) < 0) die("epoll_ctl: %s", strerror(errno));
	c->writable = !output;
}

static void flush(struct connection *c)
{
	size_t done = 0;

	while (done < c->out_length) {
		ssize_t n = write(c->fd, c->out + done, c->out_length - done);
		if (n < 0) {
			if (errno == EINTR) continue;
			if (errno != EAGAIN) die("write: %s", strerror(errno));
			break;
		}
		done += (size_t)n;
	}
	c->out_length -= done;
	memmove(c->out, c->out + done, c->out_length);
	if ((c->out_length == 0) != c->writable) watch(c, c->out_length != 0);
}

static uint8_t *room(struct connection *c, size_t length)
{
	if (c->out_length + length > OUT_SIZE) die("the broker takes no more input");
	return c->out + c->out_length;
}

static void read_exactly(int fd, uint8_t *to, size_t length)
{
	while (length) {
		ssize_t n = read(fd, to, length);
		if (n <= 0) die("the broker closed a connection that was being set up");
		to += n;
		length -= (size_t)n;
	}
}

/* Reads one packet of the expected type (blocking) and returns its body's length; the body is in `body`. */
static size_t expect(int fd, unsigned type, uint8_t *body)
{
	uint8_t byte;
	size_t length = 0;
	int shift = 0;

	read_exactly(fd, &byte, 1);
	if (byte >> 4 != type) die("packet type %u came where %u was due", byte >> 4, type);
	do {
		read_exactly(fd, &byte, 1);
		length |= (size_t)(byte & 127) << shift;
		shift += 7;
	} while (byte & 128);
	if (length > PACKET_MAX) die("a packet of %zu bytes", length);
	read_exactly(fd, body, length);
	return length;
}

static void send_all(int fd, const uint8_t *from, size_t length)
{
	if (write(fd, from, length) != (ssize_t)length) die("write: %s", strerror(errno));
}

static void open_connection(struct connection *c, const char *name, int index, const char *filter)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)option.port)};
	uint8_t packet[PACKET_MAX], body[PACKET_MAX], *p;
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
	char id[64];
	size_t length;
	int one = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0)
		die("connect to port %d: %s", option.port, strerror(errno));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	c->index = index;
	c->writable = 1;

	snprintf(id, sizeof id, "%s-%d", name, index);
	p = put_string(body, "MQTT");
	*p++ = (uint8_t)option.version;
	*p++ = 2; /* clean session */
	p = put16(p, 600);
	if (option.version == 5) *p++ = 0;
	p = put_string(p, id);
	length = (size_t)(p - body);
	p = put_header(packet, 0x10, length);
	memcpy(p, body, length);
	send_all(c->fd, packet, (size_t)(p - packet) + length);
	if (expect(c->fd, CONNACK, body) < 2 || body[1]) die("%s was refused: code %u", id, body[1]);

	if (filter) {
		p = put16(body, 1);
		if (option.version == 5) *p++ = 0;
		p = put_string(p, filter);
		*p++ = (uint8_t)option.qos;
		length = (size_t)(p - body);
		p = put_header(packet, 0x82, length);
		memcpy(p, body, length);
		send_all(c->fd, packet, (size_t)(p - packet) + length);
		length = expect(c->fd, SUBACK, body);
		if (length < 3 || body[length - 1] != option.qos) die("the subscription of %s was refused", id);
	}
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0) die("epoll_ctl: %s", strerror(errno));
}

static void open_all(void)
{
	char filter[64];
	int i;

	for (i = 0; i < option.subscribers; i++) {
		struct connection *c = &subscribers[i];
		if (option.topology == PAIRS) snprintf(filter, sizeof filter, "bench/pair/%d", i);
		else strcpy(filter, option.topology == PLUS ? "bench/+/value" : "bench/all/value");
		c->in = allocate(1, IN_SIZE);
		c->out = allocate(1, OUT_SIZE);
		open_connection(c, "subscriber", i, filter);
	}
	for (i = 0; i < option.publishers; i++) {
		struct connection *c = &publishers[i];
		c->publisher = 1;
		c->expected = allocate(fan, sizeof *c->expected);
		c->in = allocate(1, IN_SIZE);
		c->out = allocate(1, OUT_SIZE);
		open_connection(c, "publisher", i, NULL);
	}
	for (i = 0; i < option.idle; i++) open_connection(&idlers[i], "idle", i, NULL);
}

/* ---- publishing ---- */

static void put_publish(struct connection *c)
{
	char topic[64];
	size_t length;
	uint8_t *start, *p;
	uint64_t now = option.rate && measuring ? pace_start + (uint64_t)(c->sent - pace_base) * 1000000000u / option.rate
						: now_ns();
	uint32_t index = (uint32_t)c->index;

	if (option.topology == PAIRS) snprintf(topic, sizeof topic, "bench/pair/%d", c->index);
	else if (option.topology == PLUS) snprintf(topic, sizeof topic, "bench/%u/value", c->sent % (unsigned)option.topics);
	else strcpy(topic, "bench/all/value");
	length = 2 + strlen(topic) + (option.qos ? 2 : 0) + (option.version == 5) + (size_t)option.size;
	start = room(c, length + 5);
	p = put_header(start, 0x30u | (unsigned)option.qos << 1, length);
	p = put_string(p, topic);
	if (option.qos) p = put16(p, 1 + c->sent % 60000);
	if (option.version == 5) *p++ = 0;
	memcpy(p, &index, 4);
	memcpy(p + 4, &c->sent, 4);
	memcpy(p + 8, &now, 8);
	memset(p + 16, 'x', (size_t)option.size - 16);
	c->out_length += (size_t)(p - start) + (size_t)option.size;
	c->sent++;
	if (!option.qos) c->acknowledged++;
}

/* How many of a publisher's messages have been through the whole flow: at the slowest subscriber, and acknowledged. */
static uint32_t completed(const struct connection *c)
{
	uint32_t least = c->acknowledged;
	unsigned i;

	for (i = 0; i < fan; i++) least = c->expected[i] < least ? c->expected[i] : least;
	return least;
}

static void publish(struct connection *c, uint32_t goal)
{
	uint32_t limit = completed(c) + option.window;

	while (c->sent < goal && c->writable) {
		unsigned batch = goal - c->sent < option.batch ? goal - c->sent : option.batch, i;
		if (c->sent + batch > limit) return;
		for (i = 0; i < batch; i++) put_publish(c);
		flush(c);
	}
}

/* ---- receiving ---- */

static void put_acknowledgement(struct connection *c, unsigned type, const uint8_t *packet_id)
{
	uint8_t *p = room(c, 4);
	p[0] = (uint8_t)(type << 4 | (type == PUBREL ? 2u : 0u));
	p[1] = 2;
	p[2] = packet_id[0];
	p[3] = packet_id[1];
	c->out_length += 4;
}

static void on_publish(struct connection *c, unsigned first, const uint8_t *body, size_t length, uint64_t now)
{
	unsigned qos = first >> 1 & 3;
	size_t at = 2 + ((size_t)body[0] << 8 | body[1]);
	const uint8_t *packet_id = body + at;
	uint32_t publisher, sequence, *expected;
	uint64_t sent;

	if (qos) at += 2;
	if (option.version == 5) at += 1u + body[at]; /* a broker adds no long properties here */
	if (at + (size_t)option.size != length) die("a message of another size");
	memcpy(&publisher, body + at, 4);
	memcpy(&sequence, body + at + 4, 4);
	memcpy(&sent, body + at + 8, 8);
	if (publisher >= (uint32_t)option.publishers) die("a message of a publisher that does not exist");
	if (qos != (unsigned)option.qos) die("a message came with QoS %u", qos);

	if (option.topology == PAIRS && (int)publisher != c->index) die("a message came to the wrong subscriber");

	expected = &publishers[publisher].expected[option.topology == PAIRS ? 0 : c->index];
	if (sequence < *expected) {
		misplaced++;
	} else {
		/* What was skipped is lost; it counts as delivered, so that the flow goes on. */
		lost += sequence - *expected;
		*expected = sequence + 1;
		received++;
		last_delivery = now;
		if (measuring) latency_add(&latencies, now - sent);
	}
	if (qos) put_acknowledgement(c, qos == 1 ? PUBACK : PUBREC, packet_id);
}

static void on_packet(struct connection *c, unsigned first, const uint8_t *body, size_t length, uint64_t now)
{
	unsigned type = first >> 4;

	if (type == PUBLISH && !c->publisher) on_publish(c, first, body, length, now);
	else if (type == PUBREL && !c->publisher) put_acknowledgement(c, PUBCOMP, body);
	else if (type == PUBREC && c->publisher) put_acknowledgement(c, PUBREL, body);
	else if ((type == PUBACK || type == PUBCOMP) && c->publisher) c->acknowledged++;
	else die("unexpected packet type %u", type);
}

static void on_input(struct connection *c)
{
	uint64_t now;
	size_t at = 0;
	ssize_t n;

	if (!c->in) die("the broker spoke to an idle client or closed its connection");
	n = read(c->fd, c->in + c->in_length, IN_SIZE - c->in_length);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
	if (n <= 0) die("the broker closed a connection: %s", n < 0 ? strerror(errno) : "end of stream");
	c->in_length += (size_t)n;
	now = now_ns();
	for (;;) {
		size_t header = 2, length, left = c->in_length - at;
		const uint8_t *p = c->in + at;
		if (left < 2) break;
		length = p[1] & 127;
		if (p[1] & 128) {
			if (left < 3) break;
			if (p[2] & 128) die("a packet longer than any that was sent");
			length |= (size_t)p[2] << 7;
			header = 3;
		}
		if (left < header + length) break;
		on_packet(c, p[0], p + header, length, now);
		at += header + length;
	}
	c->in_length -= at;
	memmove(c->in, c->in + at, c->in_length);
	if (c->out_length) flush(c);
}

/* ---- the loop ---- */

static int finished(uint32_t goal)
{
	int i;

	for (i = 0; i < option.publishers; i++) {
		if (completed(&publishers[i]) < goal) return 0;
	}
	return 1;
}

/* Runs until each publisher has sent `goal` messages (since the start) and all have arrived. With `rate`, each sends at
   a fixed pace instead of as fast as its window allows. Returns 0 when nothing arrives any more. */
static int run(uint32_t goal, unsigned rate)
{
	const uint64_t stall = (uint64_t)option.stall_ms * 1000000u;
	struct epoll_event events[256];
	int i, n;

	pace_start = now_ns();
	pace_base = option.publishers ? publishers[0].sent : 0;
	while (!finished(goal)) {
		uint32_t due = goal;
		uint64_t wait = stall;
		if (rate) {
			uint64_t past = now_ns() - pace_start, ticks = 1 + past * rate / 1000000000u;
			if (pace_base + ticks < goal) {
				due = pace_base + (uint32_t)ticks;
				wait = ticks * 1000000000u / rate + 1 - past;
			}
		}
		for (i = 0; i < option.publishers; i++) publish(&publishers[i], due);
		n = epoll_pwait2(epoll_fd, events, 256, &(struct timespec){(time_t)(wait / 1000000000u), (long)(wait % 1000000000u)}, NULL);
		if (n < 0 && errno != EINTR) die("epoll_pwait2: %s", strerror(errno));
		if (n == 0 && wait == stall) return 0;
		for (i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;
			if (events[i].events & EPOLLOUT) flush(c);
			if (events[i].events & ~(unsigned)EPOLLOUT) on_input(c);
		}
	}
	return 1;
}

static void pause_ms(unsigned ms)
{
	struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
	nanosleep(&t, NULL);
}

static void report(const struct sample *before, const struct sample *after, double seconds, uint64_t published,
		   uint64_t delivered)
{
	printf("{\"published\":%llu,\"delivered\":%llu,\"seconds\":%.6f,\"lost\":%llu,\"misplaced\":%llu,"
	       "\"p50_ns\":%llu,\"p99_ns\":%llu,\"cpu_ns\":%llu,\"user_ticks\":%llu,\"sys_ticks\":%llu,"
	       "\"rss_kb\":%llu,\"peak_kb\":%llu,\"instructions\":%llu,\"syscalls\":%llu,\"clock_reads\":%llu,"
	       "\"longest_turn\":%llu}\n",
	       (unsigned long long)published, (unsigned long long)delivered, seconds, (unsigned long long)lost,
	       (unsigned long long)misplaced, (unsigned long long)latency_at(&latencies, 0.5),
	       (unsigned long long)latency_at(&latencies, 0.99), (unsigned long long)(after->cpu_ns - before->cpu_ns),
	       (unsigned long long)(after->user - before->user), (unsigned long long)(after->sys - before->sys),
	       (unsigned long long)after->rss_kb, (unsigned long long)after->peak_kb,
	       (unsigned long long)(after->instructions - before->instructions),
	       (unsigned long long)(after->syscalls - before->syscalls),
	       (unsigned long long)(after->clock_reads - before->clock_reads),
	       (unsigned long long)turn_longest(before, after));
	fflush(stdout);
}

static unsigned number(const char *name, const char *text)
{
	char *end;
	unsigned long value = strtoul(text ? text : "", &end, 10);
	if (!text || !*text || *end || value > 100000000) die("option %s wants a number", name);
	return (unsigned)value;
}

static void read_options(char **argument)
{
	for (; *argument; argument += 2) {
		const char *name = *argument, *value = argument[1];
		if (!strcmp(name, "--port")) option.port = (int)number(name, value);
		else if (!strcmp(name, "--publishers")) option.publishers = (int)number(name, value);
		else if (!strcmp(name, "--subscribers")) option.subscribers = (int)number(name, value);
		else if (!strcmp(name, "--idle")) option.idle = (int)number(name, value);
		else if (!strcmp(name, "--idle-ms")) option.idle_ms = number(name, value);
		else if (!strcmp(name, "--qos")) option.qos = (int)number(name, value);
		else if (!strcmp(name, "--version")) option.version = (int)number(name, value);
		else if (!strcmp(name, "--size")) option.size = (int)number(name, value);
		else if (!strcmp(name, "--topics")) option.topics = (int)number(name, value);
		else if (!strcmp(name, "--messages")) option.messages = number(name, value);
		else if (!strcmp(name, "--warmup")) option.warmup = number(name, value);
		else if (!strcmp(name, "--batch")) option.batch = number(name, value);
		else if (!strcmp(name, "--window")) option.window = number(name, value);
		else if (!strcmp(name, "--rate")) option.rate = number(name, value);
		else if (!strcmp(name, "--runs")) option.runs = number(name, value);
		else if (!strcmp(name, "--stall-ms")) option.stall_ms = number(name, value);
		else if (!strcmp(name, "--pid")) option.pid = (pid_t)number(name, value);
		else if (!strcmp(name, "--cpu")) option.cpu = (int)number(name, value);
		else if (!strcmp(name, "--counters") && value) option.counters = value;
		else if (!strcmp(name, "--topology") && value && !strcmp(value, "all")) option.topology = ALL;
		else if (!strcmp(name, "--topology") && value && !strcmp(value, "pairs")) option.topology = PAIRS;
		else if (!strcmp(name, "--topology") && value && !strcmp(value, "plus")) option.topology = PLUS;
		else die("unknown option or value: %s %s", name, value ? value : "");
	}
	if (option.port < 1 || option.port > 65535) die("--port N is needed");
	if (option.qos > 2 || (option.version != 4 && option.version != 5)) die("no such QoS or version");
	if (option.size < 16 || option.size > 900) die("--size is from 16 to 900");
	if (option.batch < 1 || option.window < option.batch || option.window > 1000 || option.topics < 1)
		die("1 <= batch <= window <= 1000 and 1 <= topics must hold");
	if (option.topology == PAIRS && option.publishers != option.subscribers) die("pairs need equal numbers");
}

/* Sends and measures messages; returns whether all arrived, once and in order. */
static int measure(const struct counters *counters, unsigned tries)
{
	struct sample before, after;
	uint64_t received_before = received, wanted, start;
	int complete;

	memset(&latencies, 0, sizeof latencies);
	sample_take(&before, option.pid, counters, tries);
	measuring = 1;
	start = now_ns();
	last_delivery = 0;
	complete = lost == 0 && run((option.publishers ? publishers[0].sent : 0) + option.messages, option.rate);
	if (option.idle_ms) pause_ms(option.idle_ms);
	if (!last_delivery || option.idle_ms) last_delivery = now_ns();
	sample_take(&after, option.pid, counters, tries);
	measuring = 0;

	wanted = (uint64_t)option.messages * (unsigned)option.publishers * fan;
	if (!complete && received - received_before < wanted && lost < wanted - (received - received_before))
		lost = wanted - (received - received_before);
	report(&before, &after, (double)(last_delivery - start) / 1e9, (uint64_t)option.messages * (unsigned)option.publishers,
	       received - received_before);
	return !lost && !misplaced && complete;
}

int main(int count, char **argument)
{
	const struct counters *counters = NULL;
	struct rlimit files = {4096, 4096};
	char line[64];
	unsigned i;

	(void)count;
	read_options(argument + 1);
	if (option.cpu >= 0) {
		cpu_set_t set;
		CPU_ZERO(&set);
		CPU_SET((unsigned)option.cpu, &set);
		sched_setaffinity(0, sizeof set, &set); /* a wish only: a machine with one processor refuses */
	}
	if (option.counters && !(counters = counters_open(option.counters))) die("cannot map %s", option.counters);
	setrlimit(RLIMIT_NOFILE, &files);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0) die("epoll_create1: %s", strerror(errno));
	publishers = allocate((size_t)option.publishers, sizeof *publishers);
	subscribers = allocate((size_t)option.subscribers, sizeof *subscribers);
	idlers = allocate((size_t)option.idle, sizeof *idlers);
	fan = option.topology == PAIRS ? 1 : (unsigned)option.subscribers;
	open_all();

	if (option.warmup && !run(option.warmup, 0)) lost++;
	for (i = 0; i < option.runs; i++) {
		if (option.runs > 1 && !fgets(line, sizeof line, stdin)) return 2;
		/* A broker that others keep busy will not be found at rest. */
		if (!measure(counters, option.runs > 1 && !strcmp(line, "busy\n") ? 2 : 100)) return 1;
	}
	return 0;
}
