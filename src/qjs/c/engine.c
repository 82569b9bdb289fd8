/* QuickJS in one unit with the few accessors of engine.h, which need its internal structures. */

#include "absent.h"
#include "list.h"
#include "quickjs.h"

/*
 * The interpreter finds a field that is a plain property of the object or its prototypes without a call, which
 * costs three times the search. All other code of QuickJS keeps the call.
 */
static inline __attribute__((always_inline)) JSValue get_field(JSContext *ctx, JSValueConst object, JSAtom name);
#define JS_GetProperty(ctx, object, name)                           \
	(__builtin_strcmp(__func__, "JS_CallInternal") == 0 ?       \
		 get_field(ctx, object, name) :                     \
		 JS_GetPropertyInternal(ctx, object, name, object, 0))

/* This is a copy in which speed.awk has marked what is hot; all else is for size. */
#pragma clang attribute push(__attribute__((minsize)), apply_to = function)
#include "quickjs.c"
#pragma clang attribute pop

#include "engine.h"

static inline JSValue get_field(JSContext *ctx, JSValueConst object, JSAtom name)
{
	if (likely(JS_VALUE_GET_TAG(object) == JS_TAG_OBJECT)) {
		JSObject *at = JS_VALUE_GET_OBJ(object);
		do {
			JSProperty *property;
			JSShapeProperty *found = find_own_property(&property, at, name);
			if (found) {
				if (unlikely(found->flags & JS_PROP_TMASK))
					break;
				return JS_DupValue(ctx, property->u.value);
			}
			/* Such an object may know of properties that its shape does not name. */
			if (unlikely(at->is_exotic))
				break;
			at = at->shape->proto;
		} while (at);
	}
	return JS_GetPropertyInternal(ctx, object, name, object, 0);
}

bool engine_bytes(JSValueConst value, uint8_t **data, uint32_t *length)
{
	if (JS_VALUE_GET_TAG(value) != JS_TAG_OBJECT)
		return false;
	JSObject *object = JS_VALUE_GET_OBJ(value);
	if (object->class_id != JS_CLASS_UINT8_ARRAY)
		return false;
	/* A detached array has count 0. */
	*data = object->u.array.u.uint8_ptr;
	*length = object->u.array.count;
	return true;
}

bool engine_text_get(JSContext *ctx, JSValueConst value, engine_text *text)
{
	int tag = JS_VALUE_GET_TAG(value);
	if (tag == JS_TAG_STRING) {
		text->held = JS_DupValue(ctx, value);
	} else if (tag == JS_TAG_STRING_ROPE) {
		text->held = js_linearize_string_rope(ctx, JS_DupValue(ctx, value));
		if (JS_IsException(text->held))
			return false;
	} else {
		JS_ThrowTypeError(ctx, "not a string");
		return false;
	}
	JSString *string = JS_VALUE_GET_STRING(text->held);
	text->length = string->len;
	text->latin1 = string->is_wide_char ? NULL : string->u.str8;
	text->utf16 = string->is_wide_char ? string->u.str16 : NULL;
	return true;
}

void engine_text_release(JSContext *ctx, engine_text *text)
{
	JS_FreeValue(ctx, text->held);
}

JSValue engine_array(JSContext *ctx, const JSValue *values, size_t count)
{
	JSValue array = js_allocate_fast_array(ctx, (int64_t)count);
	if (!JS_IsException(array) && count > 0) {
		JSObject *object = JS_VALUE_GET_OBJ(array);
		memcpy(object->u.array.u.values, values, count * sizeof *values);
		/* Its length. */
		object->prop[0].u.value = JS_NewInt32(ctx, (int32_t)count);
	}
	return array;
}

size_t engine_heap(JSRuntime *rt)
{
	return rt->malloc_state.malloc_size;
}

/* Takes the property `name` of `object`, which it frees. */
static void take_away(JSContext *ctx, JSValue object, const char *name)
{
	JSAtom atom = JS_NewAtom(ctx, name);
	JS_DeleteProperty(ctx, object, atom, 0);
	JS_FreeAtom(ctx, atom);
	JS_FreeValue(ctx, object);
}

JSContext *engine_context_new(JSRuntime *rt)
{
	JSContext *ctx = JS_NewContextRaw(rt);
	if (!ctx)
		return NULL;
	JS_AddIntrinsicBaseObjects(ctx);
	JS_AddIntrinsicDate(ctx);
	JS_AddIntrinsicRegExp(ctx);
	JS_AddIntrinsicJSON(ctx);
	JS_AddIntrinsicMapSet(ctx);
	JS_AddIntrinsicTypedArrays(ctx);
	JS_AddIntrinsicPromise(ctx);
	for (size_t i = 0; i < countof(absent_math); i++)
		take_away(ctx, JS_GetPropertyStr(ctx, ctx->global_obj, "Math"), absent_math[i]);
	take_away(ctx, JS_DupValue(ctx, ctx->class_proto[JS_CLASS_STRING]), "normalize");
	return ctx;
}
