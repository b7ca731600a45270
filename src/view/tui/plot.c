#include "view/tui/plot.h"

#include <math.h>

static int clamp(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

void plot_bar(const struct area *area, int y, int x, int width, enum style style, double share)
{
    enum { EIGHTHS = 8, FULL = 0x2588 };
    double held = share > 0 ? fmin(share, 1) : 0; /* NAN too is none */
    int filled = (int)(held * width * EIGHTHS + 0.5);
    for (int i = 0; i < width; i++) {
        int part = clamp(filled - i * EIGHTHS, 0, EIGHTHS);
        if (!area->canvas->unicode) {
            part = part >= EIGHTHS / 2 ? EIGHTHS : 0;
        }
        if (part == 0) {
            area_rune(area, y, x + i, STYLE_DIM, 0x2591);
        } else {
            area_rune(area, y, x + i, style, FULL + EIGHTHS - (uint32_t)part);
        }
    }
}

void plot_line(const struct area *area, const double *values, int count, double top)
{
    static const char ascii[] = "_.:-=+*#";
    int first = count > area->width ? count - area->width : 0;
    int offset = area->width - (count - first);
    for (int i = first; i < count; i++) {
        double share = top > 0 ? values[i] / top : 0;
        if (isnan(share)) {
            continue;
        }
        int level = clamp((int)(share * 7.999), 0, 7);
        uint32_t rune =
            area->canvas->unicode ? 0x2581 + (uint32_t)level : (unsigned char)ascii[level];
        area_rune(area, 0, offset + i - first, STYLE_ACCENT, rune);
    }
}

/* The dots of one braille cell: two columns filled from below to `left` and `right` of 4. */
static uint32_t braille(int left, int right)
{
    static const unsigned char lefts[] = {0, 0x40, 0x44, 0x46, 0x47};
    static const unsigned char rights[] = {0, 0x80, 0xa0, 0xb0, 0xb8};
    return 0x2800 + (lefts[left] | (uint32_t)rights[right]);
}

int plot_graph_shows(int width, int count)
{
    return count < 2 * width ? count : 2 * width;
}

/* How many dots of the `height` × 4 a value fills. */
static int dots_of(double value, double top, int height)
{
    if (!(value > 0) || top <= 0) {
        return 0;
    }
    return clamp((int)(value / top * height * 4 + 0.5), 1, height * 4);
}

/* The value at dot column `column` of `columns`, on the straight line between its neighbours.
 */
static double value_at(const double *values, int count, int column, int columns)
{
    if (count == 1) {
        return values[0];
    }
    double at = (double)column * (count - 1) / (columns - 1);
    int before = clamp((int)at, 0, count - 2);
    double left = values[before], right = values[before + 1], share = at - before;
    return share <= 0 ? left : share >= 1 ? right : left + (right - left) * share;
}

void plot_graph(const struct area *area, const double *values, int count, double top)
{
    int columns = 2 * area->width, shown = plot_graph_shows(area->width, count);
    int height = area->height, steps = STYLE_HEIGHT_LAST - STYLE_HEIGHT;
    if (shown < 1) {
        return;
    }
    values += count - shown;
    for (int x = 0; x < area->width; x++) {
        int left = dots_of(value_at(values, shown, 2 * x, columns), top, height);
        int right = dots_of(value_at(values, shown, 2 * x + 1, columns), top, height);
        for (int y = height - 1, below = 0; left > below || right > below; y--, below += 4) {
            int l = clamp(left - below, 0, 4), r = clamp(right - below, 0, 4);
            int step = height > 1 ? (height - 1 - y) * steps / (height - 1) : steps / 2;
            area_rune(area, y, x, (enum style)(STYLE_HEIGHT + step),
                      area->canvas->unicode ? braille(l, r) : '#');
        }
    }
}
