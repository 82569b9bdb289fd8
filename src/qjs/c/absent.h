/*
 * What no program of ours uses stays out of the binary. This comes before quickjs.c, in which the names below lead to
 * functions of ours, so that the linker drops those of the libraries; engine_context_new takes away what JavaScript
 * would call them by. scripts/bundle.ts refuses programs that ask for it.
 */

#ifndef ABSENT_H
#define ABSENT_H

#include <math.h>
#include <stdio.h>

#include "cutils.h"
#include "libregexp.h"
#include "libunicode.h"

static double absent_of_one(double number)
{
	return NAN;
}

static double absent_of_two(double one, double other)
{
	return NAN;
}

/* Its tables would be a hundredth of a packed program. Powers of two and square roots are exact. */
static double small_pow(double base, double exponent)
{
	if (exponent == 0.5)
		return sqrt(base);
	if (exponent != trunc(exponent) || fabs(exponent) > 1 << 20)
		return exp(exponent * log(base));
	double power = 1;
	for (uint32_t left = (uint32_t)fabs(exponent); left > 0; left >>= 1) {
		if (left & 1)
			power *= base;
		base *= base;
	}
	return exponent < 0 ? 1 / power : power;
}

#define pow small_pow
#define acos absent_of_one
#define acosh absent_of_one
#define asin absent_of_one
#define asinh absent_of_one
#define atan absent_of_one
#define atan2 absent_of_two
#define atanh absent_of_one
#define cbrt absent_of_one
#define cos absent_of_one
#define cosh absent_of_one
#define expm1 absent_of_one
#define hypot absent_of_two
#define log10 absent_of_one
#define log1p absent_of_one
#define log2 absent_of_one
#define sin absent_of_one
#define sinh absent_of_one
#define tan absent_of_one
#define tanh absent_of_one
static const char *const absent_math[] = { "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "cos", "cosh",
					   "expm1", "hypot", "log10", "log1p", "log2", "sin", "sinh", "tan", "tanh" };

/* Literals come compiled with the program. */
static uint8_t *absent_compiler(int *length, char *message, int size, const char *pattern, size_t pattern_length, int flags,
				void *opaque)
{
	snprintf(message, size, "regular expressions are compiled ahead of time");
	return NULL;
}
#define lre_compile absent_compiler

static int absent_normalize(uint32_t **out, const uint32_t *from, int length, UnicodeNormalizationEnum form, void *opaque,
			    void *(*reallocate)(void *opaque, void *old, size_t size))
{
	return -1;
}
#define unicode_normalize absent_normalize

#endif
