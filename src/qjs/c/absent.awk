# Takes out of quickjs.c what no program of ours calls of the language's own objects, so that the linker drops it; fails when
# one is not there. scripts/bundle.ts refuses programs that ask for it, by the list below.

BEGIN {
	absent["object"] = "setPrototypeOf defineProperties getOwnPropertySymbols groupBy isExtensible preventExtensions" \
		" getOwnPropertyDescriptor getOwnPropertyDescriptors defineProperty freeze seal isSealed isFrozen"
	absent["object_proto"] = "__defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__ propertyIsEnumerable" \
		" hasOwnProperty isPrototypeOf"
	absent["array_proto"] = "concat with reduceRight findLast findLastIndex toReversed toSorted toSpliced"
	absent["typed_array_base_proto"] = "with reduceRight findLast findLastIndex toReversed toSorted"
	absent["string"] = "fromCodePoint"
	absent["string_proto"] = "substr substring toWellFormed matchAll anchor big blink bold fixed fontcolor fontsize" \
		" italics link small strike sub sup"
	absent["number_proto"] = "toExponential toPrecision"
	absent["promise"] = "withResolvers"
	absent["regexp_proto"] = "[Symbol.matchAll]"
	absent["reflect"] = "apply construct defineProperty deleteProperty get getOwnPropertyDescriptor getPrototypeOf has" \
		" isExtensible ownKeys preventExtensions set setPrototypeOf"
	absent["map"] = "groupBy"
	absent["async_generator_proto"] = "next return throw"
	absent["global"] = "decodeURI encodeURI unescape"
	absent["date"] = "parse"
	absent["date_proto"] = "toUTCString toGMTString toDateString toTimeString toLocaleString toLocaleDateString" \
		" toLocaleTimeString getYear setTime setMilliseconds setUTCMilliseconds setSeconds setUTCSeconds setMinutes" \
		" setUTCMinutes setHours setUTCHours setDate setUTCDate setMonth setUTCMonth setYear setFullYear setUTCFullYear"
	absent["bigint"] = "asUintN asIntN"
	for (table in absent) {
		count = split(absent[table], names, " ")
		for (i = 1; i <= count; i++)
			left[table, names[i]] = 1
	}
	# Generators that are asynchronous, and dates that are given as texts.
	left["async generators"] = left["texts of dates"] = 1
}

/^static const JSCFunctionListEntry js_[a-z_]+_funcs\[\]/ {
	table = $4
	sub(/^js_/, "", table)
	sub(/_funcs\[\]$/, "", table)
}

/^\};/ {
	table = ""
}

table in absent && match($0, /"[^"]+"/) {
	name = substr($0, RSTART + 1, RLENGTH - 2)
	if (index(" " absent[table] " ", " " name " ")) {
		delete left[table, name]
		next
	}
}

/class_array\[JS_CLASS_ASYNC_GENERATOR_FUNCTION\]\.call = js_async_generator_function_call;/ {
	delete left["async generators"]
	next
}

/dv = js_Date_parse\(ctx, JS_UNDEFINED, 1, / {
	delete left["texts of dates"]
	sub(/js_Date_parse\(.*/, "JS_ThrowTypeError(ctx, \"dates are not read\");")
}

{ print }

END {
	for (entry in left) {
		sub(SUBSEP, " ", entry)
		print "absent.awk: quickjs.c has not: " entry >"/dev/stderr"
		failed = 1
	}
	exit failed
}
