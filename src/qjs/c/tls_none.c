/* In a build without TLS: no contexts, and so no connections with it. */

#include "tls.h"

tls_context *tls_context_of(JSValueConst value)
{
	JS_ThrowTypeError(host.ctx, "no TLS context");
	return NULL;
}

tls_context *tls_context_hold(tls_context *context)
{
	return context;
}

void tls_context_release(tls_context *context)
{
}

void tls_start(connection *connection, tls_context *context, const char *name, uint64_t limit, tls_done *done,
	       void *owner)
{
	CHECK(!"TLS");
}

int tls_count(const void *owner)
{
	return 0;
}

bool tls_make_room(const void *owner)
{
	return false;
}

void tls_forget_owner(const void *owner)
{
}

void tls_forget(connection *connection)
{
}

JSValue tls_facts(connection *connection)
{
	return JS_NULL;
}

const char *tls_peer(const connection *connection, int *port)
{
	return NULL;
}

uv_buf_t tls_place(const connection *connection)
{
	return uv_buf_init(NULL, 0);
}

void tls_received(connection *connection, size_t count)
{
}

bool tls_ended(connection *connection, int error)
{
	return false;
}

bool tls_resume(connection *connection)
{
	return false;
}

bool tls_goes_on(const connection *connection)
{
	return false;
}

int tls_encrypt(connection *connection, const uint8_t *data, size_t length)
{
	return UV_ENOTSUP;
}

bool tls_say_end(connection *connection)
{
	return false;
}

void tls_broken(connection *connection, int error)
{
}

void tls_release(connection *connection)
{
}

/* tlsContext(options): is never called */
static JSValue tls_context_create(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	return host_throw(UV_ENOTSUP);
}

static const JSCFunctionListEntry functions[] = {
	JS_PROP_INT32_DEF("hasTls", 0, 0),
	JS_CFUNC_DEF("tlsContext", 1, tls_context_create),
};

const host_module tls_module = { functions, COUNT(functions), NULL, NULL, NULL };
