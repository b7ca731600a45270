/* What a viewer costs this machine in memory, part by part: preflight asks for it before the
 * run, and says it in one line. Pure. */
#ifndef APP_RUN_MEMORY_H
#define APP_RUN_MEMORY_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

/* Of OpenSSL for each TLS connection, as measured with version 3.0 on x86-64: its buffers are
 * let go of while they are empty. */
#define RUN_MEMORY_TLS_BYTES ((size_t)40 << 10)

/* One viewer at rest, in bytes. Zero: it has no such part. */
struct run_memory {
    size_t player;        /* its state machine with what it plays */
    size_t slot;          /* its place in the plan */
    size_t process;       /* of another program that plays for it */
    uint32_t connections; /* that it keeps: one for each playlist it follows */
    size_t connection;    /* each of them, of ours */
    size_t tls;           /* each of them, of OpenSSL */
};

/* All of it. */
uint64_t run_memory_bytes(const struct run_memory *memory);

/* Appends "a viewer at rest takes 1,400 bytes (player 832, …)": no full stop, no line end.
 * Returns 0, or -1 as buf_append does. */
int run_memory_describe(const struct run_memory *memory, struct buf *out);

#endif
