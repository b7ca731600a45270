/* The configuration file: a YAML mapping whose keys are option names. Read by libyaml's events,
 * so that the table of options stays the only list of names and every complaint has a line. */
#include "app/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

enum { CONFIG_LIMIT = 1 << 20 }; /* bytes of a file */

struct reader {
    const struct option_command *command;
    const char *path;
    yaml_parser_t parser;
    struct option_settings *out;
    size_t before; /* settings of *out that are not of this file */
    struct option_memory *memory;
    struct err *err;
};

static int complain(const struct reader *reader, size_t line, const char *why)
{
    char what[160];
    snprintf(what, sizeof what, "%.140s:%zu", reader->path, line + 1);
    return err_set(reader->err, ERR_USAGE, what, "write lines such as `viewers: 100`", "%s",
                   why);
}

/* The next event, which the caller deletes. */
static int next_event(struct reader *reader, yaml_event_t *event)
{
    if (yaml_parser_parse(&reader->parser, event) != 1) {
        const char *why = reader->parser.problem;
        return complain(reader, reader->parser.problem_mark.line,
                        why != NULL ? why : "is not YAML");
    }
    if (event->type == YAML_ALIAS_EVENT) {
        size_t line = event->start_mark.line;
        yaml_event_delete(event);
        return complain(reader, line, "aliases are not supported");
    }
    return 0;
}

static struct span scalar_text(const yaml_event_t *event)
{
    return span_of((const char *)event->data.scalar.value, event->data.scalar.length);
}

static int add_scalar(struct reader *reader, const struct option *option,
                      const yaml_event_t *event)
{
    struct span text = scalar_text(event);
    struct option_setting setting = {.option = option,
                                     .line = (unsigned)event->start_mark.line + 1};
    if (memchr(event->data.scalar.value, '\0', text.len) != NULL) {
        return complain(reader, event->start_mark.line, "a value holds a NUL byte");
    }
    if (option != NULL && option->type->is_flag) {
        if (span_equal(text, SPAN("false"))) {
            return 0;
        }
        if (!span_equal(text, SPAN("true"))) {
            return complain(reader, event->start_mark.line, "a flag is true or false");
        }
    } else {
        setting.text = option_memory_keep(reader->memory, text);
    }
    option_settings_add(reader->out, &setting);
    return 0;
}

static int add_list(struct reader *reader, const struct option *option)
{
    for (;;) {
        yaml_event_t event;
        if (next_event(reader, &event) != 0) {
            return -1;
        }
        bool done = event.type == YAML_SEQUENCE_END_EVENT;
        int status = 0;
        if (!done && event.type != YAML_SCALAR_EVENT) {
            status = complain(reader, event.start_mark.line, "a list holds plain values only");
        } else if (!done) {
            status = add_scalar(reader, option, &event);
        }
        yaml_event_delete(&event);
        if (done || status != 0) {
            return status;
        }
    }
}

static int read_value(struct reader *reader, const struct option *option)
{
    yaml_event_t event;
    if (next_event(reader, &event) != 0) {
        return -1;
    }
    int status;
    if (event.type == YAML_SCALAR_EVENT) {
        status = add_scalar(reader, option, &event);
    } else if (event.type == YAML_SEQUENCE_START_EVENT && option != NULL &&
               option->type->repeats) {
        status = add_list(reader, option);
    } else {
        status = complain(reader, event.start_mark.line, "one plain value is wanted here");
    }
    yaml_event_delete(&event);
    return status;
}

/* A second value would win or lose without a word. */
static bool is_set(const struct reader *reader, const struct option *option)
{
    for (size_t i = reader->before; i < reader->out->count; i++) {
        if (reader->out->items[i].option == option) {
            return true;
        }
    }
    return false;
}

static int read_pair(struct reader *reader, const yaml_event_t *key)
{
    if (key->type != YAML_SCALAR_EVENT) {
        return complain(reader, key->start_mark.line, "the name of an option is wanted here");
    }
    struct span name = scalar_text(key);
    if (reader->command->operand != NULL && span_equal(name, SPAN("url"))) {
        return is_set(reader, NULL)
                   ? complain(reader, key->start_mark.line, "url is set already")
                   : read_value(reader, NULL);
    }
    if (span_equal(name, SPAN("config"))) {
        return complain(reader, key->start_mark.line, "config: a file names no other");
    }
    const struct option *option = options_find(reader->command, name);
    if (option == NULL) {
        char what[160];
        snprintf(what, sizeof what, "%.90s:%zu: %.*s", reader->path, key->start_mark.line + 1,
                 (int)(name.len > 40 ? 40 : name.len), name.ptr);
        return options_unknown(reader->command, name, what, reader->err);
    }
    if (is_set(reader, option)) {
        return complain(reader, key->start_mark.line, "the option is set already");
    }
    return read_value(reader, option);
}

static int read_mapping(struct reader *reader)
{
    for (;;) {
        yaml_event_t key;
        if (next_event(reader, &key) != 0) {
            return -1;
        }
        bool done = key.type == YAML_MAPPING_END_EVENT;
        int status = done ? 0 : read_pair(reader, &key);
        yaml_event_delete(&key);
        if (done || status != 0) {
            return status;
        }
    }
}

/* Walks over the start of stream and document to the one mapping; an empty file sets nothing.
 */
static int read_document(struct reader *reader)
{
    for (bool seen = false;;) {
        yaml_event_t event;
        if (next_event(reader, &event) != 0) {
            return -1;
        }
        yaml_event_type_t type = event.type;
        size_t line = event.start_mark.line;
        yaml_event_delete(&event);
        switch (type) {
        case YAML_STREAM_END_EVENT:
        case YAML_NO_EVENT:
            return 0;
        case YAML_MAPPING_START_EVENT:
            if (seen) {
                return complain(reader, line, "a second document is not read");
            }
            seen = true;
            if (read_mapping(reader) != 0) {
                return -1;
            }
            break;
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        default:
            return complain(reader, line, "options by name are wanted here");
        }
    }
}

int options_read_file(const struct option_command *command, const char *path,
                      struct option_settings *out, struct option_memory *memory,
                      struct err *err)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return err_set(err, ERR_USAGE, "--config", NULL, "cannot read '%s': %s", path,
                       strerror(errno));
    }
    int status = -1;
    struct reader reader = {.command = command,
                            .path = path,
                            .out = out,
                            .before = out->count,
                            .memory = memory,
                            .err = err};
    if (fseek(file, 0, SEEK_END) != 0 || ftell(file) > CONFIG_LIMIT) {
        err_set(err, ERR_USAGE, "--config", NULL, "'%s' is larger than 1 MiB or no file", path);
    } else if (yaml_parser_initialize(&reader.parser) != 1) {
        err_set(err, ERR_MACHINE, "--config", NULL, "no memory");
    } else {
        rewind(file);
        yaml_parser_set_input_file(&reader.parser, file);
        status = read_document(&reader);
        yaml_parser_delete(&reader.parser);
    }
    fclose(file);
    return status;
}
