# Marks what of quickjs.c is for speed: engine.c has everything compiled for size but these functions, which a message
# passes through, and but the inline functions that these have in them. Prints the source with them outside of the region
# of that attribute; fails when one is not there. Atomics go, which want functions of 64 bits that a 32-bit machine may not have:
# there is one thread. The code of functions is read by engine.c.

BEGIN {
	list = list "JS_CallInternal JS_CallFree JS_Call js_call_c_function JS_InvokeFree JS_GetPropertyInternal"
	list = list " JS_SetPropertyInternal JS_GetPropertyValue JS_SetPropertyValue JS_TryGetPropertyInt64 find_own_property"
	list = list " find_own_property1 add_property JS_NewObjectFromShape JS_NewObjectProtoClass js_create_from_ctor"
	list = list " JS_CallConstructorInternal js_create_array __JS_FreeValueRT free_object js_free_shape js_free_shape0"
	list = list " js_dup_shape js_closure2 js_closure free_var_ref get_var_ref close_var_refs js_bytecode_function_finalizer"
	list = list " js_array_finalizer js_map_get js_map_set js_map_has js_map_delete map_find_record map_hash_key"
	list = list " map_add_record map_delete_record js_map_iterator_next js_array_iterator_next js_for_of_start js_for_of_next"
	list = list " JS_IteratorNext JS_IteratorNext2 JS_GetIterator2 JS_GetIterator js_create_iterator_result"
	list = list " js_create_array_iterator js_typed_array_get_length js_typed_array_subarray js_typed_array_set"
	list = list " js_typed_array_fill js_typed_array_indexOf js_string_charCodeAt js_sub_string JS_ConcatString"
	list = list " JS_ConcatString1 JS_ConcatString2 js_alloc_string js_alloc_string_rt js_new_string8_len JS_ValueToAtom"
	list = list " JS_NewAtomStr __JS_NewAtom __JS_FreeAtom __JS_AtomFromUInt32 JS_AtomToValue js_string_memcmp"
	list = list " js_string_compare js_malloc_rt js_free_rt js_malloc js_free"
	list = list " js_mallocz_rt js_mallocz js_realloc_rt js_realloc mark_children gc_decref gc_decref_child gc_scan"
	list = list " gc_scan_incref_child gc_scan_incref_child2 gc_free_cycles js_trigger_gc JS_MarkValue js_add_slow"
	list = list " js_binary_arith_slow js_binary_logic_slow js_relational_slow js_strict_eq2 js_shr_slow js_not_slow"
	list = list " js_unary_arith_slow js_eq_slow JS_ToInt32Free JS_ToFloat64Free __JS_ToFloat64Free JS_ToNumberHintFree"
	list = list " JS_ToBoolFree JS_ToInt64Clamp JS_ToInt32Clamp JS_ToInt64SatFree JS_ToInt32SatFree JS_ToInt32 js_math_min_max"
	list = list " js_math_imul js_array_push js_array_lastIndexOf JS_DefineProperty JS_CreateProperty JS_DefinePropertyValue"
	list = list " expand_fast_array resize_properties js_clone_shape js_shape_prepare_update add_shape_property"
	list = list " find_hashed_shape_prop find_hashed_shape_proto js_shape_hash_link js_shape_hash_unlink js_array_includes"
	list = list " js_array_indexOf async_func_resume js_async_function_resume JS_ExecutePendingJob"
	list = list " set_value JS_DupAtom free_property free_gc_object js_strict_eq_slow add_fast_array_element JS_RunGCInternal"
	count = split(list, names, " ")
	for (i = 1; i <= count; i++)
		found[names[i]] = 0
}

# A declaration begins in the first column; its name is the first word before a parenthesis.
!inside && /^[A-Za-z_]/ && match($0, /[A-Za-z_0-9]+\(/) {
	name = substr($0, RSTART, RLENGTH - 1)
	if (name in found || /^static (force_)?inline /) {
		if (name in found)
			found[name]++
		inside = 1
		body = 0
		print "#pragma clang attribute pop"
	}
}

# engine.c has the code of functions elsewhere (split.h).
/^static int JS_ReadFunctionBytecode\(/ {
	reader = 1
}

# So it has each number that describes one: eleven, four of each variable with a description, three of each that it takes from around
# it, and those for debuggers. There are no descriptions, and nothing for debuggers.
/^static JSValue JS_ReadFunctionTag\(/ {
	description = 1
}

description && /bc_get_[a-z0-9_]+\(s, / {
	if (numbers < 11 || (numbers >= 15 && numbers < 18))
		sub(/\(s, /, "(column(s, " (numbers < 11 ? numbers + 0 : numbers - 4) "), ")
	numbers++
}

reader && /^ *if \(unlikely\(s->buf_end - s->ptr < bc_len\)\)$/ {
	getline
	code++
	next
}

reader && sub(/\(uint8_t \*\)s->ptr;$/, "next_code(bc_len);") {
	code++
}

reader && /^ *s->ptr \+= bc_len;$/ {
	code++
	next
}

reader && sub(/if \(bc_get_buf\(s, bc_buf, bc_len\)\)$/, "if (!memcpy(bc_buf, next_code(bc_len), bc_len))") {
	code++
}

# It is in the machine's byte order.
reader && /^ *if \(is_be\(\)\)$/ {
	getline
	code++
	next
}

# Fields of an object that is made.
/^ *CASE\(OP_define_field\):$/ {
	field = 1
}

field && sub(/JS_DefinePropertyValue\(/, "define_field(") {
	field = 0
	fields++
}

/^\}/ {
	reader = description = 0
}

$0 == "#define CONFIG_ATOMICS" {
	atomics++
	next
}

{ print }

inside {
	if (/\{ *$/)
		body = 1
	if (body ? /^\}/ : /; *$/) {
		inside = 0
		print "#pragma clang attribute push(__attribute__((minsize)), apply_to = function)"
	}
}

END {
	for (name in found)
		if (!found[name]) {
			print "speed.awk: quickjs.c has no function " name >"/dev/stderr"
			failed = 1
		}
	if (!atomics) {
		print "speed.awk: quickjs.c has no CONFIG_ATOMICS" >"/dev/stderr"
		failed = 1
	}
	if (code != 5 || numbers != 23) {
		print "speed.awk: quickjs.c reads the code of functions in another way" >"/dev/stderr"
		failed = 1
	}
	if (fields != 1) {
		print "speed.awk: quickjs.c defines fields in another way" >"/dev/stderr"
		failed = 1
	}
	exit failed
}
