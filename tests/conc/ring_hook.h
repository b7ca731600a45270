/* Puts a call between any two steps of src/stats/ring.c; the compiler is told to include this
 * before it (see meson.build). The test defines the function. */
#ifndef TESTS_CONC_RING_HOOK_H
#define TESTS_CONC_RING_HOOK_H

void ring_hook(void);
#define SHOAL_RING_HOOK() ring_hook()

#endif
