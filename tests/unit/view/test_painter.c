/* The painter's bytes, given to an invented terminal, make it show the canvas, whatever it
 * showed before. */
#include "base/rng.h"
#include "view/tui/painter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WIDTH = 23, HEIGHT = 7, CELLS = WIDTH * HEIGHT };

/* Three kinds of words: '<' attributes '>', '[' colour ']', '{' all off '}' and "[]" for the
 * terminal's own colour; '(' row ';' column ')' moves. */
struct screen {
    struct {
        uint32_t rune;
        char attributes[8], colour[8];
    } cells[CELLS];
    char attributes[8], colour[8];
    int y, x; /* x is WIDTH behind the last column: where that is, nobody knows */
    int moves;
};

static int move(struct buf *out, int y, int x)
{
    return buf_printf(out, "(%d;%d)", y, x);
}

static struct painter make_painter(void)
{
    return (struct painter){
        .styles = {[STYLE_BOLD] = {.attributes = "<b>"},
                   [STYLE_TITLE] = {.attributes = "<b>", .colour = "[1]"},
                   [STYLE_GOOD] = {.colour = "[2]"},
                   [STYLE_WARN] = {.colour = "[3]"},
                   [STYLE_BANNER] = {.attributes = "<r>", .colour = "[3]", .solid = true}},
        .normal = "{}",
        .no_colour = "[]",
        .move = move,
    };
}

static uint32_t read_rune(const char **at)
{
    unsigned char c = (unsigned char)*(*at)++;
    uint32_t rune = c < 0x80 ? c : c < 0xe0 ? c & 0x1f : c & 0x0f;
    for (int more = c < 0x80 ? 0 : c < 0xe0 ? 1 : 2; more > 0; more--) {
        rune = rune << 6 | ((unsigned char)*(*at)++ & 0x3f);
    }
    return rune;
}

static const char *read_word(const char *at, char end, char *dst)
{
    const char *last = strchr(at, end);
    assert_non_null(last);
    assert_true(last - at < 8);
    memcpy(dst, at, (size_t)(last - at));
    dst[last - at] = '\0';
    return last + 1;
}

static void write_rune(struct screen *screen, uint32_t rune)
{
    assert_in_range(screen->x, 0, WIDTH - 1);
    int at = screen->y * WIDTH + screen->x++;
    screen->cells[at].rune = rune;
    memcpy(screen->cells[at].attributes, screen->attributes, sizeof(screen->attributes));
    memcpy(screen->cells[at].colour, screen->colour, sizeof(screen->colour));
}

static void tell(struct screen *screen, const struct painter *painter, struct buf *text)
{
    assert_int_equal(buf_append(text, "", 1), 0);
    for (const char *at = text->ptr; *at != '\0';) {
        switch (*at) {
        case '<':
            assert_string_equal(screen->attributes, "");
            at = read_word(at + 1, '>', screen->attributes);
            break;
        case '[':
            at = read_word(at + 1, ']', screen->colour);
            break;
        case '{':
            screen->attributes[0] = screen->colour[0] = '\0';
            at += 2;
            break;
        case '(':
            assert_int_equal(sscanf(at, "(%d;%d)", &screen->y, &screen->x), 2);
            assert_true(!painter->moves_plainly ||
                        (screen->attributes[0] == '\0' && screen->colour[0] == '\0'));
            at = strchr(at, ')') + 1;
            screen->moves++;
            break;
        default:
            write_rune(screen, read_rune(&at));
        }
    }
    text->len = 0;
}

static bool shows(const struct screen *screen, int at, const struct painter *painter,
                  struct cell cell)
{
    const struct painter_style *style = &painter->styles[cell.style];
    char attributes[16], colour[16];
    snprintf(attributes, sizeof(attributes), "<%s>", screen->cells[at].attributes);
    snprintf(colour, sizeof(colour), "[%s]", screen->cells[at].colour);
    bool styled = strcmp(style->attributes, attributes[1] == '>' ? "" : attributes) == 0 &&
                  strcmp(style->colour, colour[1] == ']' ? "" : colour) == 0;
    bool seen = cell.rune != ' ' || style->solid || strchr(attributes, 'r') != NULL;
    return screen->cells[at].rune == cell.rune && (styled || !seen);
}

static void assert_shows(const struct screen *screen, const struct painter *painter,
                         const struct canvas *canvas, int cells)
{
    for (int i = 0; i < cells; i++) {
        if (!shows(screen, i, painter, canvas->cells[i])) {
            fail_msg("cell %d,%d is wrong", i / WIDTH, i % WIDTH);
        }
    }
    assert_string_equal(screen->attributes, "");
    assert_string_equal(screen->colour, "");
}

/* Changes some cells; now and then many. */
static void scribble(struct canvas *canvas, struct rng *rng)
{
    static const enum style styles[] = {STYLE_PLAIN, STYLE_DIM,  STYLE_BOLD,  STYLE_TITLE,
                                        STYLE_GOOD,  STYLE_WARN, STYLE_BANNER};
    static const uint32_t runes[] = {' ', 'a', 'z', 0xb5, 0x28ff};
    uint64_t count = 1 + rng_below(rng, rng_below(rng, 8) == 0 ? 300 : 20);
    for (uint64_t i = 0; i < count; i++) {
        struct cell *cell = &canvas->cells[rng_below(rng, CELLS)];
        cell->style = styles[rng_below(rng, 7)] & 0xff;
        cell->rune = runes[rng_below(rng, 5)] & 0xffffff;
    }
}

static void play(struct painter *painter)
{
    struct rng rng = rng_make(11, 0);
    struct canvas canvas = {0};
    struct screen screen = {.x = WIDTH};
    struct cell shown[CELLS];
    struct buf text;
    buf_init(&text, 1 << 20);
    assert_int_equal(canvas_reset(&canvas, WIDTH, HEIGHT), 0);
    for (int i = 0; i < CELLS; i++) {
        screen.cells[i].rune = ' ';
    }
    for (int round = 0; round < 2000; round++) {
        scribble(&canvas, &rng);
        assert_int_equal(painter_paint(painter, round == 0 ? NULL : shown, &canvas, &text), 0);
        tell(&screen, painter, &text);
        assert_shows(&screen, painter, &canvas, CELLS - (painter->spares_corner ? 1 : 0));
        if (painter->spares_corner) {
            assert_int_equal(screen.cells[CELLS - 1].rune, ' ');
        }
        memcpy(shown, canvas.cells, sizeof(shown));
    }
    canvas_fini(&canvas);
    buf_release(&text);
}

static void test_any_change_is_shown(void **state)
{
    (void)state;
    struct painter painter = make_painter();
    play(&painter);
}

static void test_a_cursor_that_moves_plainly(void **state)
{
    (void)state;
    struct painter painter = make_painter();
    painter.moves_plainly = true;
    play(&painter);
}

static void test_a_corner_that_scrolls(void **state)
{
    (void)state;
    struct painter painter = make_painter();
    painter.spares_corner = true;
    play(&painter);
}

static void assert_paints(struct painter *painter, const struct cell *shown,
                          const struct canvas *canvas, const char *expected)
{
    struct buf text;
    buf_init(&text, 1 << 16);
    assert_int_equal(painter_paint(painter, shown, canvas, &text), 0);
    assert_int_equal(buf_append(&text, "", 1), 0);
    assert_string_equal(text.ptr, expected);
    buf_release(&text);
}

/* Nothing is said twice: neither a cell, nor a style, nor a move that the next cells make. */
static void test_few_words(void **state)
{
    (void)state;
    struct painter painter = make_painter();
    struct canvas canvas = {.unicode = true};
    struct cell shown[20];
    assert_int_equal(canvas_reset(&canvas, 20, 1), 0);
    struct area area = canvas_area(&canvas);
    assert_paints(&painter, NULL, &canvas, "");
    area_text(&area, 0, 0, STYLE_GOOD, "one two");
    area_text(&area, 0, 16, STYLE_WARN, "four");
    assert_paints(&painter, NULL, &canvas, "(0;0)[2]one two(0;16)[3]four[]");
    memcpy(shown, canvas.cells, sizeof(shown));
    assert_paints(&painter, shown, &canvas, "");
    area_text(&area, 0, 0, STYLE_BOLD, "ONE");
    area_text(&area, 0, 6, STYLE_GOOD, "O");
    assert_paints(&painter, shown, &canvas, "(0;0)<b>ONE(0;6){}[2]O[]");
    area_text(&area, 0, 4, STYLE_BOLD, "TWO");
    assert_paints(&painter, shown, &canvas, "(0;0)<b>ONE TWO{}");
    canvas_fini(&canvas);
}

static void test_where_ecma_moves(void **state)
{
    (void)state;
    static const struct {
        int y, x;
        const char *expected;
    } cases[] = {{0, 0, "\033[1;1H"},
                 {8, 9, "\033[9;10H"},
                 {99, 98, "\033[100;99H"},
                 {998, 1233, "\033[999;1234H"},
                 {65534, 9999, "\033[65535;10000H"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf text;
        buf_init(&text, 64);
        assert_int_equal(painter_move_ecma(&text, cases[i].y, cases[i].x), 0);
        assert_int_equal(buf_append(&text, "", 1), 0);
        assert_string_equal(text.ptr, cases[i].expected);
        buf_release(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_change_is_shown),
        cmocka_unit_test(test_a_cursor_that_moves_plainly),
        cmocka_unit_test(test_a_corner_that_scrolls),
        cmocka_unit_test(test_few_words),
        cmocka_unit_test(test_where_ecma_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
