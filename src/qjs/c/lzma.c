/*
 * Unpacks LZMA: a range decoder whose bits are predicted by what came before them, and which describes octets or
 * repetitions of earlier ones.
 */

#include "lzma.h"

enum {
	PROBABILITY_BITS = 11,
	HALF = 1 << (PROBABILITY_BITS - 1),
	ADAPT = 5,
	TOP = 1 << 24,
	/* States remember what the last steps were: these are of octets, the others of repetitions. */
	STATES = 12,
	LITERAL_STATES = 7,
	DISTANCE_SLOTS = 64,
	FIRST_MODELLED_SLOT = 4,
	MODELLED_SLOTS = 14,
	LENGTH_STATES = 4,
	SHORTEST = 2,
	/* The most that we pack with: bits of the position, of it and of the octet before for octets. */
	POSITION_BITS = 2,
	LITERAL_BITS = 4
};

typedef uint16_t probability;

typedef struct length_model {
	probability is_long, is_longest;
	probability low[1 << POSITION_BITS][8], middle[1 << POSITION_BITS][8], high[256];
} length_model;

/* All probabilities, which begin as one half. */
struct lzma_model {
	/* Whether there is a repetition; from a distance that there was before; not from that of the last, of the one before
	   it, …; of more than one octet. */
	probability is_match[STATES][1 << POSITION_BITS], is_old[STATES], is_older[3][STATES],
		is_long[STATES][1 << POSITION_BITS];
	probability literal[1 << LITERAL_BITS][0x300];
	probability slot[LENGTH_STATES][DISTANCE_SLOTS], distance[115], aligned[16];
	length_model length, old_length;
};

typedef struct decoder {
	const uint8_t *at, *end;
	uint32_t range, code;
	bool is_cut;
} decoder;

/* It stays in registers only where it is one function with all that takes bits. */
#define WITH_BITS static inline __attribute__((always_inline))

WITH_BITS void fill(decoder *decoder)
{
	if (decoder->range < TOP) {
		decoder->range <<= 8;
		decoder->code <<= 8;
		if (decoder->at < decoder->end)
			decoder->code |= *decoder->at++;
		else
			decoder->is_cut = true;
	}
}

WITH_BITS uint32_t decode_bit(decoder *decoder, probability *one)
{
	fill(decoder);
	uint32_t before = *one;
	uint32_t bound = (decoder->range >> PROBABILITY_BITS) * before;
	if (decoder->code < bound) {
		decoder->range = bound;
		*one = (probability)(before + (((1 << PROBABILITY_BITS) - before) >> ADAPT));
		return 0;
	}
	decoder->range -= bound;
	decoder->code -= bound;
	*one = (probability)(before - (before >> ADAPT));
	return 1;
}

/* A number of `bits` bits, the highest first. */
WITH_BITS uint32_t decode_tree(decoder *decoder, probability *tree, int bits)
{
	uint32_t at = 1;
	for (int i = 0; i < bits; i++)
		at = at << 1 | decode_bit(decoder, &tree[at]);
	return at - (1u << bits);
}

/* The same, the lowest first. */
WITH_BITS uint32_t decode_reverse(decoder *decoder, probability *tree, int bits)
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
WITH_BITS uint32_t decode_direct(decoder *decoder, int bits)
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

WITH_BITS uint32_t decode_length(decoder *decoder, length_model *model, uint32_t position)
{
	probability *tree = model->low[position];
	int bits = 3;
	uint32_t base = SHORTEST;
	if (decode_bit(decoder, &model->is_long)) {
		tree = model->middle[position];
		base += 8;
		if (decode_bit(decoder, &model->is_longest)) {
			tree = model->high;
			bits = 8;
			base += 8;
		}
	}
	return base + decode_tree(decoder, tree, bits);
}

/* How far back a repetition begins, less one. */
WITH_BITS uint32_t decode_distance(decoder *decoder, lzma_model *model, uint32_t length)
{
	uint32_t state = length - SHORTEST < LENGTH_STATES ? length - SHORTEST : LENGTH_STATES - 1;
	uint32_t slot = decode_tree(decoder, model->slot[state], 6);
	if (slot < FIRST_MODELLED_SLOT)
		return slot;
	int bits = (int)(slot >> 1) - 1;
	uint32_t distance = (2 | (slot & 1)) << bits;
	probability *tree = model->aligned;
	if (slot < MODELLED_SLOTS) {
		/* A tree begins at its place 1. */
		tree = model->distance + distance - slot;
	} else {
		distance += decode_direct(decoder, bits - 4) << 4;
		bits = 4;
	}
	return distance + decode_reverse(decoder, tree, bits);
}

/* The next octet; after a repetition, the one that would have come next in it is predicted not to. */
WITH_BITS uint8_t decode_literal(decoder *decoder, probability *tree, bool is_after_match, uint32_t expected)
{
	uint32_t at = 1;
	while (is_after_match && at < 0x100) {
		uint32_t bit = expected >> 7 & 1;
		expected <<= 1;
		uint32_t found = decode_bit(decoder, &tree[((1 + bit) << 8) + at]);
		at = at << 1 | found;
		is_after_match = found == bit;
	}
	while (at < 0x100)
		at = at << 1 | decode_bit(decoder, &tree[at]);
	return (uint8_t)at;
}

size_t lzma_model_size(void)
{
	return sizeof(lzma_model);
}

bool lzma_unpack(lzma_model *model, const uint8_t *packed, size_t packed_length, uint8_t *out, size_t length)
{
	if (packed_length < 6)
		return false;
	uint32_t literal_context = packed[0] % 9;
	uint32_t literal_position = packed[0] / 9 % 5;
	uint32_t position_bits = packed[0] / 45;
	if (position_bits > POSITION_BITS || literal_context + literal_position > LITERAL_BITS)
		return false;
	uint32_t position_mask = (1u << position_bits) - 1;
	uint32_t literal_mask = (1u << literal_position) - 1;
	for (size_t i = 0; i < sizeof *model / sizeof(probability); i++)
		((probability *)model)[i] = HALF;
	decoder decoder = { packed + 6, packed + packed_length, UINT32_MAX, 0, false };
	for (int i = 2; i < 6; i++)
		decoder.code = decoder.code << 8 | packed[i];

	/* The last distances, newest first. */
	uint32_t last = 0, second = 0, third = 0, fourth = 0;
	uint32_t state = 0;
	size_t at = 0;
	while (at < length) {
		uint32_t position = at & position_mask;
		if (!decode_bit(&decoder, &model->is_match[state][position])) {
			uint32_t context = (at & literal_mask) << literal_context;
			if (at > 0)
				context |= out[at - 1] >> (8 - literal_context);
			uint32_t expected = at > last ? out[at - last - 1] : 0;
			out[at++] = decode_literal(&decoder, model->literal[context], state >= LITERAL_STATES, expected);
			state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
			continue;
		}
		bool is_after_literal = state < LITERAL_STATES;
		uint32_t count = 1;
		length_model *lengths = &model->old_length;
		bool is_new = false;
		if (!decode_bit(&decoder, &model->is_old[state])) {
			is_new = true;
			lengths = &model->length;
			fourth = third;
			third = second;
			second = last;
		} else if (!decode_bit(&decoder, &model->is_older[0][state])) {
			if (!decode_bit(&decoder, &model->is_long[state][position]))
				lengths = NULL;
		} else {
			uint32_t distance = second;
			if (decode_bit(&decoder, &model->is_older[1][state])) {
				distance = third;
				if (decode_bit(&decoder, &model->is_older[2][state])) {
					distance = fourth;
					fourth = third;
				}
				third = second;
			}
			second = last;
			last = distance;
		}
		if (!lengths)
			state = is_after_literal ? 9 : 11;
		else {
			count = decode_length(&decoder, lengths, position);
			if (is_new)
				last = decode_distance(&decoder, model, count);
			state = is_new ? (is_after_literal ? 7 : 10) : (is_after_literal ? 8 : 11);
		}
		if (last >= at || count > length - at || decoder.is_cut)
			return false;
		const uint8_t *from = out + at - last - 1;
		for (uint8_t *to = out + at, *end = to + count; to < end;)
			*to++ = *from++;
		at += count;
	}
	return !decoder.is_cut;
}
