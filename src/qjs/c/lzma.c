/*
 * Unpacks LZMA: a range decoder whose bits are predicted by what came before them, and which describes octets or
 * repetitions of earlier ones. What is unpacked is our own: that it is not sound is a broken invariant.
 */

#include <string.h>

#include "host.h"

enum {
	PROBABILITY_BITS = 11,
	HALF = 1 << (PROBABILITY_BITS - 1),
	ADAPT = 5,
	TOP = 1 << 24,
	/* A parameter that scripts/native.sh packs with; the two others are 0. */
	LITERAL_CONTEXT = 3,
	/* States remember what the last steps were: these are of octets, the others of repetitions. */
	STATES = 12,
	LITERAL_STATES = 7,
	DISTANCE_SLOTS = 64,
	FIRST_MODELLED_SLOT = 4,
	MODELLED_SLOTS = 14,
	LENGTH_STATES = 4,
	SHORTEST = 2
};

typedef uint16_t probability;

typedef struct length_model {
	probability is_long, is_longest;
	probability low[8], middle[8], high[256];
} length_model;

/* All probabilities, which begin as one half. */
typedef struct model {
	/* Whether there is a repetition; from a distance that there was before; not from that of the last, of the one before
	   it, …; of more than one octet. */
	probability is_match[STATES], is_old[STATES], is_older[3][STATES], is_long[STATES];
	probability literal[1 << LITERAL_CONTEXT][0x300];
	probability slot[LENGTH_STATES][DISTANCE_SLOTS], distance[115], aligned[16];
	length_model length, old_length;
} model;

typedef struct decoder {
	const uint8_t *at, *end;
	uint32_t range, code;
} decoder;

static void fill(decoder *decoder)
{
	if (decoder->range < TOP) {
		CHECK(decoder->at < decoder->end);
		decoder->range <<= 8;
		decoder->code = decoder->code << 8 | *decoder->at++;
	}
}

static uint32_t decode_bit(decoder *decoder, probability *one)
{
	fill(decoder);
	uint32_t bound = (decoder->range >> PROBABILITY_BITS) * *one;
	if (decoder->code < bound) {
		decoder->range = bound;
		*one += ((1 << PROBABILITY_BITS) - *one) >> ADAPT;
		return 0;
	}
	decoder->range -= bound;
	decoder->code -= bound;
	*one -= *one >> ADAPT;
	return 1;
}

/* A number of `bits` bits, the highest first. */
static uint32_t decode_tree(decoder *decoder, probability *tree, int bits)
{
	uint32_t at = 1;
	for (int i = 0; i < bits; i++)
		at = at << 1 | decode_bit(decoder, &tree[at]);
	return at - (1u << bits);
}

/* The same, the lowest first. */
static uint32_t decode_reverse(decoder *decoder, probability *tree, int bits)
{
	uint32_t at = 1;
	uint32_t number = 0;
	for (int i = 0; i < bits; i++) {
		uint32_t bit = decode_bit(decoder, &tree[at]);
		at = at << 1 | bit;
		number |= bit << i;
	}
	return number;
}

/* Bits of which nothing can be predicted. */
static uint32_t decode_direct(decoder *decoder, int bits)
{
	uint32_t number = 0;
	for (int i = 0; i < bits; i++) {
		fill(decoder);
		decoder->range >>= 1;
		uint32_t bit = decoder->code >= decoder->range;
		if (bit)
			decoder->code -= decoder->range;
		number = number << 1 | bit;
	}
	return number;
}

static uint32_t decode_length(decoder *decoder, length_model *model)
{
	if (!decode_bit(decoder, &model->is_long))
		return decode_tree(decoder, model->low, 3);
	if (!decode_bit(decoder, &model->is_longest))
		return 8 + decode_tree(decoder, model->middle, 3);
	return 16 + decode_tree(decoder, model->high, 8);
}

/* How far back a repetition begins, less one. */
static uint32_t decode_distance(decoder *decoder, model *model, uint32_t length)
{
	uint32_t state = length < LENGTH_STATES ? length : LENGTH_STATES - 1;
	uint32_t slot = decode_tree(decoder, model->slot[state], 6);
	if (slot < FIRST_MODELLED_SLOT)
		return slot;
	int bits = (int)(slot >> 1) - 1;
	uint32_t distance = (2 | (slot & 1)) << bits;
	if (slot < MODELLED_SLOTS)
		/* A tree begins at its place 1. */
		return distance + decode_reverse(decoder, model->distance + distance - slot, bits);
	distance += decode_direct(decoder, bits - 4) << 4;
	return distance + decode_reverse(decoder, model->aligned, 4);
}

/* The next octet; after a repetition, the one that would have come next in it is predicted not to. */
static uint8_t decode_literal(decoder *decoder, probability *tree, bool is_after_match, uint8_t expected)
{
	uint32_t at = 1;
	uint32_t byte = expected;
	while (is_after_match && at < 0x100) {
		uint32_t bit = byte >> 7 & 1;
		byte <<= 1;
		uint32_t found = decode_bit(decoder, &tree[((1 + bit) << 8) + at]);
		at = at << 1 | found;
		is_after_match = found == bit;
	}
	while (at < 0x100)
		at = at << 1 | decode_bit(decoder, &tree[at]);
	return (uint8_t)at;
}

/* A repetition: its length. */
static uint32_t decode_match(decoder *decoder, model *model, uint32_t *state, uint32_t *distances)
{
	bool is_after_literal = *state < LITERAL_STATES;
	if (!decode_bit(decoder, &model->is_old[*state])) {
		memmove(distances + 1, distances, 3 * sizeof *distances);
		uint32_t length = decode_length(decoder, &model->length);
		distances[0] = decode_distance(decoder, model, length);
		*state = is_after_literal ? 7 : 10;
		return length + SHORTEST;
	}
	if (!decode_bit(decoder, &model->is_older[0][*state])) {
		if (!decode_bit(decoder, &model->is_long[*state])) {
			*state = is_after_literal ? 9 : 11;
			return 1;
		}
	} else {
		int which = 1;
		while (which < 3 && decode_bit(decoder, &model->is_older[which][*state]))
			which++;
		uint32_t distance = distances[which];
		memmove(distances + 1, distances, (size_t)which * sizeof *distances);
		distances[0] = distance;
	}
	*state = is_after_literal ? 8 : 11;
	return decode_length(decoder, &model->old_length) + SHORTEST;
}

void lzma_unpack(const uint8_t *packed, size_t packed_length, uint8_t *out, size_t length)
{
	model *model = host_alloc(sizeof *model);
	for (size_t i = 0; i < sizeof *model / sizeof(probability); i++)
		((probability *)model)[i] = HALF;
	decoder decoder = { packed + 5, packed + packed_length, UINT32_MAX, 0 };
	CHECK(packed_length >= 5 && packed[0] == 0);
	for (int i = 1; i < 5; i++)
		decoder.code = decoder.code << 8 | packed[i];

	/* The last distances, newest first. */
	uint32_t distances[4] = { 0, 0, 0, 0 };
	uint32_t state = 0;
	size_t at = 0;
	while (at < length) {
		if (!decode_bit(&decoder, &model->is_match[state])) {
			uint8_t before = at > 0 ? out[at - 1] : 0;
			uint8_t expected = at > distances[0] ? out[at - distances[0] - 1] : 0;
			out[at++] = decode_literal(&decoder, model->literal[before >> (8 - LITERAL_CONTEXT)],
						   state >= LITERAL_STATES, expected);
			state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
			continue;
		}
		uint32_t count = decode_match(&decoder, model, &state, distances);
		CHECK(distances[0] < at && count <= length - at);
		for (; count > 0; count--, at++)
			out[at] = out[at - distances[0] - 1];
	}
	free(model);
}
