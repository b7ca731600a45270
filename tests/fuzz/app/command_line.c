/* The command line of `shoal run` from any words, separated by line feeds: what is accepted is
 * within every bound that the rest of the program relies on. Options that name files or print
 * are left out. */
#include "app/run_options.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS_MAX = 32 };

static bool is_left_out(const char *word)
{
    static const char *const names[] = {"--config",   "--out",    "--csv",
                                        "--failures", "--cacert", "--help",
                                        "--html",     "--bind",   NULL};
    for (unsigned i = 0; names[i] != NULL; i++) {
        if (strncmp(word, names[i], strlen(names[i])) == 0) {
            return true;
        }
    }
    return word[0] == '-' && word[1] != '-';
}

static void check(const struct run_options *options)
{
    uint32_t peak = 0;
    assert(options->stage_count >= 1 && options->stage_count <= PLAN_STAGES_MAX);
    for (unsigned i = 0; i < options->stage_count; i++) {
        assert(options->stages[i].duration_us >= 0);
        assert(options->stages[i].target <= PLAN_VIEWERS_MAX);
        peak = options->stages[i].target > peak ? options->stages[i].target : peak;
    }
    assert(peak >= 1 && options->viewers_limit >= peak);
    assert(options->viewers_limit <= PLAN_VIEWERS_MAX);
    assert(options->threads >= 1 && options->duration_us >= 0);
    assert(options->session_mean_us >= 0 && options->live_offset_us >= -1);
    assert(options->engine != NULL && options->profile != NULL && options->url != NULL);
    struct err err = {0};
    struct plan plan;
    if (peak <= 10000 && plan_init(&plan, options->stages, options->stage_count,
                                   options->arrival, options->seed, &err) == 0) {
        assert(plan_peak(&plan) == peak);
        plan_fini(&plan);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    char *argv[WORDS_MAX + 2] = {(char *)"run"};
    int argc = 1;
    char *rest = text;
    while (rest != NULL && argc <= WORDS_MAX) {
        char *word = strsep(&rest, "\n");
        if (!is_left_out(word)) {
            argv[argc++] = word;
        }
    }
    struct run_options options;
    struct err err = {0};
    int status = run_options_read(argc, argv, &options, &err);
    assert(status == 0 || (status == -1 && err.kind == ERR_USAGE && err.what[0] != '\0'));
    if (status == 0) {
        check(&options);
        run_options_fini(&options);
    }
    free(text);
    return 0;
}
