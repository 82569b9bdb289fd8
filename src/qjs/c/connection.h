/* A connection, as its lifecycle (connection.c), its input (input.c) and its output (output.c) share it. */

#ifndef CONNECTION_H
#define CONNECTION_H

#include "host.h"

enum {
	/* Octets of the one buffer that all connections read into, and of output before it is offered early. */
	SHARED_SIZE = 65536,
	/* Milliseconds that output may take after close(). */
	LINGER = 5000,
};

typedef enum connection_state {
	/* Open. */
	CONNECTION_OPEN,
	/* After close(), or the peer's end: output is still to go out. */
	CONNECTION_FLUSHING,
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

	/* Output, oldest first; of its octets the first `sending` are with libuv, in `request`. */
	chunk *first, *last;
	size_t buffered;
	size_t sending;
	struct list_head dirty;
	uv_write_t request;

	/* In the list of all connections, and of those that are flushing. */
	struct list_head link;
	struct list_head lingering;
	uint64_t deadline;
};

/* connection.c */
/* Reads no more, and ends the connection when its output has gone. */
void connection_finish(connection *connection);
/* Ends the connection at once because of `error`, or 0. No JavaScript runs. */
void connection_end(connection *connection, int error);

/* input.c */
void input_start(connection *connection);
/* Frees what input holds. */
void input_release(connection *connection);
/* Reads and drops what has arrived already, as closing a socket with unread input would reset it. */
void input_discard(connection *connection);
void input_setup(void);
void input_teardown(void);

/* output.c */
/* Copies octets to the output of an open connection, which may be ending afterwards. */
void output_write(connection *connection, const uint8_t *data, uint32_t length);
/* Octets that the system has not taken. */
size_t output_buffered(const connection *connection);
/* Frees what output holds. */
void output_release(connection *connection);
void output_setup(void);
void output_stop(void);
void output_teardown(void);

#endif
