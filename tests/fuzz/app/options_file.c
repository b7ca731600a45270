/* The configuration file from any bytes: read or refused with one line that says where, and
 * every setting that it yields is one of the table with a value that ends. */
#include "app/run_options.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    char path[64];
    if (fd < 0) {
        fd = memfd_create("options", MFD_CLOEXEC);
        assert(fd >= 0);
    }
    assert(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);

    struct option_settings settings = {0};
    struct option_memory memory = {0};
    struct err err = {0};
    int status = options_read_file(&run_command, path, &settings, &memory, &err);
    assert(status == 0 ? err.kind == ERR_NONE : err.kind == ERR_USAGE && err.what[0] != '\0');
    for (size_t i = 0; i < settings.count; i++) {
        const struct option *option = settings.items[i].option;
        assert(settings.items[i].line >= 1);
        assert((settings.items[i].text == NULL) == (option != NULL && option->type->is_flag));
        assert(option == NULL ||
               options_find(&run_command, span_from_string(option->name)) == option);
    }
    free(settings.items);
    option_memory_fini(&memory);
    return 0;
}
