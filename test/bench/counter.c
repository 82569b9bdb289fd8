/* A plugin for qemu's user mode: counts the guest's instructions and system calls.
 *
 *   qemu-mips -plugin file=counter.so,out=FILE program
 *
 * The counters lie in FILE, shared memory, so that others read them while the guest runs: nothing has to be stopped,
 * signalled or parsed. An instruction counts when its translated block is entered. Counts are exact for a guest of
 * one thread.
 *
 * The declarations below are what the plugin needs of version 1 of qemu's documented TCG plugin interface (qemu 4.2
 * to 8.2); Debian packages no header of it.
 */
#include "measure.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

struct qemu_plugin_tb;
struct qemu_info;
enum { ADD_U64 = 0 }; /* qemu_plugin_op */

typedef void (*on_translation)(uint64_t id, struct qemu_plugin_tb *block);
typedef void (*on_syscall)(uint64_t id, unsigned vcpu, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
			   uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, on_translation callback);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int operation, void *counter, uint64_t value);
void qemu_plugin_register_vcpu_syscall_cb(uint64_t id, on_syscall callback);

EXPORT int qemu_plugin_version = 1;

/* The big-endian MIPS number (o32) of epoll_pwait, with which each turn of the guest's event loop ends. */
enum { EPOLL_PWAIT = 4313 };

static struct counters *counters;
/* Instructions when the present turn of the loop began. */
static uint64_t turn_start;

static void translated(uint64_t id, struct qemu_plugin_tb *block)
{
	(void)id;
	qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_U64, &counters->instructions, qemu_plugin_tb_n_insns(block));
}

static void called(uint64_t id, unsigned vcpu, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
		   uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8)
{
	(void)id, (void)a1, (void)a2, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
	counters->syscalls++;
	if (number >= 0 && number < COUNTER_SYSCALLS) counters->syscall[number]++;
	/* The loop is the first thread's; instructions of others count with its. */
	if (number == EPOLL_PWAIT && vcpu == 0) {
		counters->turn[turn_bucket(counters->instructions - turn_start)]++;
		turn_start = counters->instructions;
	}
}

EXPORT int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int count, char **argument)
{
	void *map;
	int fd;

	(void)info;
	if (count != 1 || strncmp(argument[0], "out=", 4)) {
		fputs("counter: the argument out=FILE is needed\n", stderr);
		return -1;
	}
	fd = open(argument[0] + 4, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof *counters) < 0) {
		perror(argument[0] + 4);
		return -1;
	}
	map = mmap(NULL, sizeof *counters, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED) {
		perror("counter: mmap");
		return -1;
	}
	counters = map;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_vcpu_syscall_cb(id, called);
	return 0;
}
