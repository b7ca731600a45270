#include "app/options.h"

#include "base/nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *option_memory_keep(struct option_memory *memory, struct span text)
{
    char *copy = malloc(text.len + 1);
    char **texts = realloc(memory->texts, (memory->count + 1) * sizeof *texts);
    if (copy == NULL || texts == NULL) {
        abort();
    }
    if (text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    copy[text.len] = '\0';
    texts[memory->count++] = copy;
    memory->texts = texts;
    return copy;
}

void option_memory_fini(struct option_memory *memory)
{
    for (size_t i = 0; i < memory->count; i++) {
        free(memory->texts[i]);
    }
    free(memory->texts);
    *memory = (struct option_memory){0};
}

void option_settings_add(struct option_settings *settings, const struct option_setting *item)
{
    struct option_setting *items =
        realloc(settings->items, (settings->count + 1) * sizeof *items);
    if (items == NULL) {
        abort();
    }
    items[settings->count++] = *item;
    settings->items = items;
}

static bool is_last(const struct option *option)
{
    return option->name == NULL && option->help == NULL;
}

const struct option *options_find(const struct option_command *command, struct span name)
{
    for (const struct option *option = command->options; !is_last(option); option++) {
        if (option->name != NULL && span_equal(name, span_from_string(option->name))) {
            return option;
        }
    }
    return NULL;
}

const struct option *options_find_letter(const struct option_command *command, char letter)
{
    for (const struct option *option = command->options; !is_last(option); option++) {
        if (option->name != NULL && letter != '\0' && option->letter == letter) {
            return option;
        }
    }
    return NULL;
}

const char *option_argument(const struct option *option)
{
    return option->type->choices != NULL ? option->type->choices() : option->argument;
}

const char *option_what(const struct option *option)
{
    static char what[64];
    snprintf(what, sizeof what, "--%s", option->name);
    return what;
}

int options_unknown(const struct option_command *command, struct span name, const char *what,
                    struct err *err)
{
    const char *words[128];
    size_t count = 0;
    for (const struct option *option = command->options; !is_last(option); option++) {
        if (option->name != NULL && count + 1 < sizeof words / sizeof words[0]) {
            words[count++] = option->name;
        }
    }
    words[count] = NULL;
    const char *nearest = nearest_word(name, words);
    const char *dashes = what[0] == '-' ? "--" : "";
    char hint[160];
    if (nearest != NULL) {
        snprintf(hint, sizeof hint, "did you mean %s%s?", dashes, nearest);
    } else {
        snprintf(hint, sizeof hint, "see shoal %s --help", command->name);
    }
    return err_set(err, ERR_USAGE, what, hint, "unknown option");
}

/* The command line while it is walked. */
struct walk {
    const struct option_command *command;
    int argc;
    char **argv;
    int at;
    struct option_settings settings;
    bool help;
};

static int take_value(struct walk *walk, const struct option *option, const char *attached,
                      struct err *err)
{
    const char *text = attached;
    if (option->type->is_flag) {
        if (attached != NULL) {
            return err_set(err, ERR_USAGE, option_what(option), "leave it out",
                           "takes no value, but got '%s'", attached);
        }
    } else if (text == NULL) {
        if (walk->at + 1 >= walk->argc) {
            char hint[160];
            snprintf(hint, sizeof hint, "write --%s %s", option->name, option_argument(option));
            return err_set(err, ERR_USAGE, option_what(option), hint, "needs a value");
        }
        text = walk->argv[++walk->at];
    }
    option_settings_add(&walk->settings,
                        &(struct option_setting){.option = option, .text = text});
    return 0;
}

static int take_long(struct walk *walk, const char *word, struct err *err)
{
    struct span rest = span_from_string(word + 2);
    struct span name = span_cut(&rest, '=');
    const char *attached = word[2 + name.len] == '=' ? word + 3 + name.len : NULL;
    if (span_equal(name, SPAN("help"))) {
        walk->help = true;
        return 0;
    }
    const struct option *option = options_find(walk->command, name);
    if (option == NULL) {
        char what[80];
        snprintf(what, sizeof what, "--%.*s", (int)(name.len > 60 ? 60 : name.len), name.ptr);
        return options_unknown(walk->command, name, what, err);
    }
    return take_value(walk, option, attached, err);
}

static int take_letters(struct walk *walk, const char *word, struct err *err)
{
    for (const char *letter = word + 1; *letter != '\0'; letter++) {
        const struct option *option = options_find_letter(walk->command, *letter);
        if (option == NULL && *letter == 'h') {
            walk->help = true;
            return 0;
        }
        if (option == NULL) {
            char what[8], hint[80];
            snprintf(what, sizeof what, "-%c", *letter);
            snprintf(hint, sizeof hint, "see shoal %s --help", walk->command->name);
            return err_set(err, ERR_USAGE, what, hint, "unknown option");
        }
        if (!option->type->is_flag) {
            return take_value(walk, option, letter[1] != '\0' ? letter + 1 : NULL, err);
        }
        if (take_value(walk, option, NULL, err) != 0) {
            return -1;
        }
    }
    return 0;
}

static int take_operand(struct walk *walk, const char *word, struct err *err)
{
    for (size_t i = 0; i < walk->settings.count; i++) {
        if (walk->settings.items[i].option == NULL) {
            return err_set(err, ERR_USAGE, walk->command->operand, "give one",
                           "'%s' is one too many, after '%s'", word,
                           walk->settings.items[i].text);
        }
    }
    if (walk->command->operand == NULL) {
        char hint[80];
        snprintf(hint, sizeof hint, "see shoal %s --help", walk->command->name);
        return err_set(err, ERR_USAGE, walk->command->name, hint, "'%s' is not an option",
                       word);
    }
    option_settings_add(&walk->settings, &(struct option_setting){.text = word});
    return 0;
}

static int walk_arguments(struct walk *walk, struct err *err)
{
    bool options_over = false;
    for (walk->at = 1; walk->at < walk->argc && !walk->help; walk->at++) {
        const char *word = walk->argv[walk->at];
        int status;
        if (options_over || word[0] != '-' || word[1] == '\0') {
            status = take_operand(walk, word, err);
        } else if (strcmp(word, "--") == 0) {
            options_over = true;
            status = 0;
        } else if (word[1] == '-') {
            status = take_long(walk, word, err);
        } else {
            status = take_letters(walk, word, err);
        }
        if (status != 0) {
            return -1;
        }
    }
    return 0;
}

static bool settings_have(const struct option_settings *settings, const struct option *option)
{
    for (size_t i = 0; i < settings->count; i++) {
        if (settings->items[i].option == option) {
            return true;
        }
    }
    return false;
}

static int apply(const struct option_command *command, const struct option_setting *setting,
                 void *target, struct option_memory *memory, struct err *err)
{
    if (setting->option == NULL) {
        *(const char **)(void *)((char *)target + command->operand_offset) = setting->text;
        return 0;
    }
    const struct option *option = setting->option;
    struct option_value value = {
        .option = option,
        .text = setting->text,
        .field = (char *)target + option->offset,
        .target = target,
        .memory = memory,
    };
    return option->type->take(&value, err);
}

/* The file's settings, those left out that the command line has. */
static int apply_file(const struct walk *walk, const char *path, void *target,
                      struct option_memory *memory, struct err *err)
{
    struct option_settings file = {0};
    int status = options_read_file(walk->command, path, &file, memory, err);
    for (size_t i = 0; status == 0 && i < file.count; i++) {
        const struct option_setting *setting = &file.items[i];
        if (settings_have(&walk->settings, setting->option)) {
            continue;
        }
        status = apply(walk->command, setting, target, memory, err);
        if (status != 0) {
            snprintf(err->what, sizeof err->what, "%.100s:%u: %.40s", path, setting->line,
                     setting->option == NULL ? "url" : setting->option->name);
        }
    }
    free(file.items);
    return status;
}

static int apply_all(const struct walk *walk, void *target, struct option_memory *memory,
                     struct err *err)
{
    const struct option *config = options_find(walk->command, SPAN("config"));
    const char *path = NULL;
    for (size_t i = 0; i < walk->settings.count; i++) {
        if (config != NULL && walk->settings.items[i].option == config) {
            path = walk->settings.items[i].text;
        }
    }
    if (path != NULL && apply_file(walk, path, target, memory, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < walk->settings.count; i++) {
        if (apply(walk->command, &walk->settings.items[i], target, memory, err) != 0) {
            return -1;
        }
    }
    return 0;
}

int options_read(const struct option_command *command, int argc, char **argv, void *target,
                 struct option_memory *memory, struct err *err)
{
    struct walk walk = {.command = command, .argc = argc, .argv = argv};
    int status = walk_arguments(&walk, err);
    if (status == 0 && walk.help) {
        options_print_help(command, stdout);
        status = 1;
    } else if (status == 0) {
        status = apply_all(&walk, target, memory, err);
        const char *operand =
            command->operand == NULL
                ? NULL
                : *(const char **)(void *)((char *)target + command->operand_offset);
        if (status == 0 && command->operand_needed && operand == NULL) {
            char hint[160];
            snprintf(hint, sizeof hint, "write shoal %s %s", command->name, command->synopsis);
            status = err_set(err, ERR_USAGE, command->operand, hint, "is missing");
        }
    }
    free(walk.settings.items);
    return status;
}
