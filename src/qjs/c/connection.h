/* A connection, as its lifecycle (connection.c), its input (input.c) and its output (output.c) share it. */

#ifndef CONNECTION_H
#define CONNECTION_H

#include "host.h"

enum {
	/* Octets of the one buffer that all connections read into, and of output before it is offered early. */
	SHARED_SIZE = 65536,
	/* Milliseconds from close() to the end, when the peer does not end its side before. */
	LINGER = 5000,
	/* Octets of input that are dropped after close(). */
	DROP_LIMIT = 16 << 20,
};

typedef enum connection_state {
	/* Open. */
	CONNECTION_OPEN,
	/* After close(), or the peer's end: output is still to go out; input is dropped. */
	CONNECTION_FLUSHING,
	/* All output has gone, and the peer was told so: input is dropped until it ends its side, too. */
	CONNECTION_LINGERING,
	/* libuv is closing it; nothing may be read or written. */
	CONNECTION_CLOSING,
	/* libuv has closed it. */
	CONNECTION_CLOSED
} connection_state;

/* Part of a connection's output. */
typedef struct chunk {
	struct chunk *next;
	uint32_t start;
	uint32_t end;
	uint32_t size;
	uint8_t data[];
} chunk;

/* Octets to be sent, oldest first. */
typedef struct chunk_list {
	chunk *first, *last;
	size_t octets;
} chunk_list;

struct connection {
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} uv;
	uint8_t state; /* connection_state */
	bool started;
	bool paused;
	/* The system reports what comes. */
	bool reading;
	/* The peer has ended its side. */
	bool peer_ended;
	bool finalized;
	/* Output is in `dirty` to be flushed at the end of the turn. */
	bool is_dirty;
	/* UV_ code of what broke the connection, or 0. */
	int error;

	/* Its JavaScript object: counted while pinned (not yet closed), and valid until finalized. */
	JSValue self;
	/* What start() was given, and its methods. */
	JSValue handler, on_data, on_drain, on_close;

	/* Input not consumed: small in `tail`; when large, lent to JavaScript as `big_array` over big[big_size]. */
	uint8_t *tail;
	uint32_t tail_size;
	uint8_t *big;
	size_t big_size;
	JSValue big_array;
	/* Where unconsumed input starts and ends, in `tail` (from 0) or `big`. */
	size_t input_start, input_end;

	/* Output for the system; of its octets the first `sending` are with libuv, in `request`. */
	chunk_list output;
	size_t sending;
	/* With TLS, output that has still to become records. */
	struct tls *tls;
	chunk_list plain;
	struct list_head dirty;
	uv_write_t request;

	/* In the list of all connections, and of those that are flushing or lingering. */
	struct list_head link;
	struct list_head lingering;
	uint64_t deadline;
	/* Octets of input dropped. */
	uint32_t dropped;
};

/* connection.c */
/* Begins an orderly end: no more is read by JavaScript, and output goes out. No JavaScript runs. */
void connection_finish(connection *connection);
/* All output of a connection that is flushing has gone: what comes next in its end. */
void connection_flushed(connection *connection);
/* Ends the connection at once because of `error`, or 0. No JavaScript runs. */
void connection_end(connection *connection, int error);

/* input.c */
/* Begins, or goes on, to read; stops. Idempotent. */
void input_start(connection *connection);
void input_stop(connection *connection);
/* Where input is to be put, after what was not consumed; of size 0 when there is no memory. */
uv_buf_t input_place(connection *connection);
/* Gives all input, `count` octets of it new, to JavaScript, and keeps what it leaves. */
void input_deliver(connection *connection, size_t count);
/* The peer has said all; what was written for it still goes out. */
void input_ended(connection *connection);
/* Frees what input holds. */
void input_release(connection *connection);
void input_setup(void);
void input_teardown(void);

/* output.c */
/* Copies octets to the output of an open connection, which may be ending afterwards. */
void output_write(connection *connection, const uint8_t *data, uint32_t length);
/* The same for records, or for what needs none. */
void output_raw(connection *connection, const uint8_t *data, uint32_t length);
/* Sees to it that the connection is flushed at the end of this turn. */
void output_mark(connection *connection);
/* Whether nothing is left to be sent. */
bool output_empty(const connection *connection);
/* Octets that the system has not taken. */
size_t output_buffered(const connection *connection);
/* Frees what output holds. */
void output_release(connection *connection);
/* beforeFlush(callback) */
JSValue output_before_flush(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv);
void output_setup(void);
void output_stop(void);
void output_teardown(void);

#endif
