/* Clocks and timers. A uv_timer_t that has served is kept for the next timer: closing one costs a turn of the loop. */

#include <time.h>

#include "host.h"

typedef struct timer {
	uv_timer_t uv;
	/* In `pending` or in `idle`. */
	struct list_head link;
	JSValue callback;
	/* Its Timer object, not counted; undefined when that is gone. */
	JSValue object;
	uint64_t due;
} timer;

static struct list_head pending = LIST_HEAD_INIT(pending);
static struct list_head idle = LIST_HEAD_INIT(idle);
static uint64_t clock_start;
static JSClassID timer_class;

uint64_t host_clock(void)
{
	return uv_hrtime() / 1000000 - clock_start;
}

/* Takes the timer off its object and its callback, which is the caller's to free. */
static JSValue retire(timer *timer)
{
	JSValue callback = timer->callback;
	uv_timer_stop(&timer->uv);
	if (JS_IsObject(timer->object))
		JS_SetOpaque(timer->object, NULL);
	timer->object = timer->callback = JS_UNDEFINED;
	list_del(&timer->link);
	list_add(&timer->link, &idle);
	return callback;
}

static void on_timer(uv_timer_t *handle)
{
	timer *timer = handle->data;
	uint64_t now = host_clock();
	/* The loop's own idea of time may be a little ahead of ours. */
	if (now < timer->due) {
		uv_timer_start(handle, on_timer, timer->due - now, 0);
		return;
	}
	JSValue callback = retire(timer);
	host_notify(callback, JS_UNDEFINED, 0, NULL);
	JS_FreeValue(host.ctx, callback);
}

/* after(delay, callback): Timer */
static JSValue timer_after(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	int64_t delay;
	if (JS_ToInt64(ctx, &delay, argv[0]) < 0)
		return JS_EXCEPTION;
	if (!JS_IsFunction(ctx, argv[1]))
		return JS_ThrowTypeError(ctx, "not a function");
	if (delay < 0)
		delay = 0;
	JSValue object = JS_NewObjectClass(ctx, timer_class);
	if (JS_IsException(object))
		return object;
	timer *timer;
	if (list_empty(&idle)) {
		timer = host_alloc(sizeof *timer);
		CHECK(uv_timer_init(&host.loop, &timer->uv) == 0);
		timer->uv.data = timer;
	} else {
		timer = list_entry(idle.next, struct timer, link);
		list_del(&timer->link);
	}
	list_add(&timer->link, &pending);
	timer->callback = JS_DupValue(ctx, argv[1]);
	timer->object = object;
	JS_SetOpaque(object, timer);
	timer->due = host_clock() + (uint64_t)delay;
	/* The loop's time is that of the turn's begin. */
	uv_update_time(&host.loop);
	uv_timer_start(&timer->uv, on_timer, (uint64_t)delay, 0);
	return object;
}

static JSValue timer_cancel(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	timer *timer = JS_GetOpaque(this_val, timer_class);
	if (timer)
		JS_FreeValue(ctx, retire(timer));
	return JS_UNDEFINED;
}

static void timer_finalize(JSRuntime *rt, JSValue value)
{
	timer *timer = JS_GetOpaque(value, timer_class);
	if (timer)
		timer->object = JS_UNDEFINED;
}

/* monotonic(): number */
static JSValue clock_monotonic(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	return JS_NewInt64(ctx, (int64_t)host_clock());
}

/* now(): number */
static JSValue clock_now(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	uv_timeval64_t time;
	uv_gettimeofday(&time);
	return JS_NewInt64(ctx, time.tv_sec * 1000 + time.tv_usec / 1000);
}

/* utcOffset(ms): minutes */
static JSValue clock_utc_offset(JSContext *ctx, JSValueConst this_val, int argc, JSValueConst *argv)
{
	int64_t ms;
	if (JS_ToInt64(ctx, &ms, argv[0]) < 0)
		return JS_EXCEPTION;
	time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
	struct tm local;
	if (!localtime_r(&seconds, &local))
		return JS_NewInt32(ctx, 0);
	return JS_NewInt32(ctx, (int32_t)(local.tm_gmtoff / 60));
}

static const JSClassDef timer_def = { "Timer", .finalizer = timer_finalize };

static const JSCFunctionListEntry timer_methods[] = {
	JS_CFUNC_DEF("cancel", 0, timer_cancel),
};

static const JSCFunctionListEntry functions[] = {
	JS_CFUNC_DEF("after", 2, timer_after),
	JS_CFUNC_DEF("monotonic", 0, clock_monotonic),
	JS_CFUNC_DEF("now", 0, clock_now),
	JS_CFUNC_DEF("utcOffset", 1, clock_utc_offset),
};

static void start(void)
{
	clock_start = uv_hrtime() / 1000000;
	host_class(&timer_class, &timer_def, timer_methods, COUNT(timer_methods));
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void stop(void)
{
	while (!list_empty(&pending))
		JS_FreeValue(host.ctx, retire(list_entry(pending.next, timer, link)));
	while (!list_empty(&idle)) {
		timer *timer = list_entry(idle.next, struct timer, link);
		list_del(&timer->link);
		uv_close((uv_handle_t *)&timer->uv, on_closed);
	}
}

const host_module timers_module = { functions, COUNT(functions), start, stop, NULL };
