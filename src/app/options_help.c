#include "app/options.h"

#include <string.h>

enum {
    HELP_COLUMN = 30, /* where the words of an option begin */
    HELP_WIDTH = 79,
};

/* Prints words wrapped between the columns; the cursor stands at `column`. Ends the line. */
static void print_wrapped(const char *text, unsigned indent, unsigned column, FILE *out)
{
    struct span rest = span_from_string(text);
    while (rest.len > 0) {
        struct span word = span_cut(&rest, ' ');
        if (column > indent && column + 1 + word.len > HELP_WIDTH) {
            fputc('\n', out);
            column = 0;
        } else if (column > indent) {
            fputc(' ', out);
            column++;
        }
        for (; column < indent; column++) {
            fputc(' ', out);
        }
        fwrite(word.ptr, 1, word.len, out);
        column += (unsigned)word.len;
    }
    fputc('\n', out);
}

static void print_option(const struct option *option, FILE *out)
{
    char head[128], text[512];
    char letter[8] = "   ";
    if (option->letter != '\0') {
        snprintf(letter, sizeof letter, "-%c,", option->letter);
    }
    const char *argument = option_argument(option);
    int len = snprintf(head, sizeof head, "  %s --%s%s%s", letter, option->name,
                       argument != NULL ? " " : "", argument != NULL ? argument : "");
    fputs(head, out);
    if (len + 2 > HELP_COLUMN) {
        fputc('\n', out);
        len = 0;
    }
    if (option->fallback != NULL) {
        snprintf(text, sizeof text, "%s [%s]", option->help, option->fallback);
    } else {
        snprintf(text, sizeof text, "%s", option->help);
    }
    print_wrapped(text, HELP_COLUMN, (unsigned)len, out);
}

void options_print_help(const struct option_command *command, FILE *out)
{
    fprintf(out, "Usage: shoal %s %s\n\n", command->name, command->synopsis);
    print_wrapped(command->summary, 0, 0, out);
    const struct option *option = command->options;
    if (option->name != NULL) {
        fputs("\nOptions:\n", out);
    }
    for (; option->name != NULL || option->help != NULL; option++) {
        if (option->name == NULL) {
            fprintf(out, "\n%s:\n", option->help);
        } else {
            print_option(option, out);
        }
    }
    fputs("  -h, --help                  Show this and exit.\n", out);
    if (command->help_tail != NULL) {
        fprintf(out, "\n%s", command->help_tail);
    }
}
