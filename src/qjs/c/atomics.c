/* MIPS16 has no atomic instructions: GCC calls these functions, which are of the other kind. */

#include <stdint.h>

#ifdef __mips__

/* Compilers keep these names for themselves. */
void atomics_fence(void) __asm__("__sync_synchronize");
uint32_t atomics_add(uint32_t *place, uint32_t number) __asm__("__sync_fetch_and_add_4");
uint32_t atomics_exchange(uint32_t *place, uint32_t old, uint32_t new) __asm__("__sync_val_compare_and_swap_4");

void atomics_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

uint32_t atomics_add(uint32_t *place, uint32_t number)
{
	return __atomic_fetch_add(place, number, __ATOMIC_SEQ_CST);
}

/* Puts `new` in the place of `old`; returns what was there. */
uint32_t atomics_exchange(uint32_t *place, uint32_t old, uint32_t new)
{
	__atomic_compare_exchange_n(place, &old, new, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return old;
}

#endif
