#include "app/run_memory.h"

#include "base/units.h"

uint64_t run_memory_bytes(const struct run_memory *memory)
{
    return memory->player + memory->slot + memory->process +
           (uint64_t)memory->connections * (memory->connection + memory->tls);
}

static int describe_parts(const struct run_memory *memory, struct buf *out)
{
    char text[UNITS_TEXT];
    int failed = buf_printf(out, " (player %s", units_format_count(memory->player, text));
    failed |= buf_printf(out, ", slot %s", units_format_count(memory->slot, text));
    failed |= buf_printf(out, ", %u connection%s of %s", memory->connections,
                         memory->connections == 1 ? "" : "s",
                         units_format_count(memory->connection, text));
    if (memory->tls > 0) {
        failed |= buf_printf(out, " and %s of TLS", units_format_count(memory->tls, text));
    }
    return failed | buf_append_string(out, "), sockets of the kernel apart");
}

int run_memory_describe(const struct run_memory *memory, struct buf *out)
{
    char text[UNITS_TEXT];
    if (memory->process > 0) {
        return buf_printf(out, "a viewer is a process of about %s",
                          units_format_size(run_memory_bytes(memory), text));
    }
    int failed = buf_printf(out, "a viewer at rest takes %s bytes",
                            units_format_count(run_memory_bytes(memory), text));
    return failed | describe_parts(memory, out);
}
