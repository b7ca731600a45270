#include "media/unicode.h"

#include <stdlib.h>
#include <string.h>

/* The tables hold what version 14 of the character database says. What has once been assigned
 * never changes its form C (the stability policy), so a newer version can only add to them. */

struct range {
    uint32_t first, last;
};

/* Characters that never stand in form C. Hangul apart, these and the pairs below are all. */
static const struct range never_in_c[] = {
    {0x0340, 0x0341},   {0x0343, 0x0344}, {0x0374, 0x0374},   {0x037e, 0x037e},
    {0x0387, 0x0387},   {0x0958, 0x095f}, {0x09dc, 0x09dd},   {0x09df, 0x09df},
    {0x0a33, 0x0a33},   {0x0a36, 0x0a36}, {0x0a59, 0x0a5b},   {0x0a5e, 0x0a5e},
    {0x0b5c, 0x0b5d},   {0x0f43, 0x0f43}, {0x0f4d, 0x0f4d},   {0x0f52, 0x0f52},
    {0x0f57, 0x0f57},   {0x0f5c, 0x0f5c}, {0x0f69, 0x0f69},   {0x0f73, 0x0f73},
    {0x0f75, 0x0f76},   {0x0f78, 0x0f78}, {0x0f81, 0x0f81},   {0x0f93, 0x0f93},
    {0x0f9d, 0x0f9d},   {0x0fa2, 0x0fa2}, {0x0fa7, 0x0fa7},   {0x0fac, 0x0fac},
    {0x0fb9, 0x0fb9},   {0x1f71, 0x1f71}, {0x1f73, 0x1f73},   {0x1f75, 0x1f75},
    {0x1f77, 0x1f77},   {0x1f79, 0x1f79}, {0x1f7b, 0x1f7b},   {0x1f7d, 0x1f7d},
    {0x1fbb, 0x1fbb},   {0x1fbe, 0x1fbe}, {0x1fc9, 0x1fc9},   {0x1fcb, 0x1fcb},
    {0x1fd3, 0x1fd3},   {0x1fdb, 0x1fdb}, {0x1fe3, 0x1fe3},   {0x1feb, 0x1feb},
    {0x1fee, 0x1fef},   {0x1ff9, 0x1ff9}, {0x1ffb, 0x1ffb},   {0x1ffd, 0x1ffd},
    {0x2000, 0x2001},   {0x2126, 0x2126}, {0x212a, 0x212b},   {0x2329, 0x232a},
    {0x2adc, 0x2adc},   {0xf900, 0xfa0d}, {0xfa10, 0xfa10},   {0xfa12, 0xfa12},
    {0xfa15, 0xfa1e},   {0xfa20, 0xfa20}, {0xfa22, 0xfa22},   {0xfa25, 0xfa26},
    {0xfa2a, 0xfa6d},   {0xfa70, 0xfad9}, {0xfb1d, 0xfb1d},   {0xfb1f, 0xfb1f},
    {0xfb2a, 0xfb36},   {0xfb38, 0xfb3c}, {0xfb3e, 0xfb3e},   {0xfb40, 0xfb41},
    {0xfb43, 0xfb44},   {0xfb46, 0xfb4e}, {0x1d15e, 0x1d164}, {0x1d1bb, 0x1d1c0},
    {0x2f800, 0x2fa1d},
};

/* A mark, its combining class, and the letters with which it makes one character. */
struct mark {
    uint32_t code;
    uint8_t class;
    const char *letters;
};

static const struct mark marks[] = {
    {0x0300, 230,
     "AEINOUWYaeinouwy¨ÂÊÔÜâêôüĂăĒēŌōƠơƯưΑΕΗΙΟΥΩαεηιουωϊϋЕИеиἀἁἈἉἐἑἘἙἠἡἨἩἰ"
     "ἱἸἹὀὁὈὉὐὑὙὠὡὨὩ᾿῾"},
    {0x0301, 230,
     "ACEGIKLMNOPRSUWYZacegiklmnoprsuwyz¨ÂÅÆÇÊÏÔÕØÜâåæçêïôõøüĂăĒēŌōŨũƠơƯưΑ"
     "ΕΗΙΟΥΩαεηιουωϊϋϒГКгкἀἁἈἉἐἑἘἙἠἡἨἩἰἱἸἹὀὁὈὉὐὑὙὠὡὨὩ᾿῾"},
    {0x0302, 230, "ACEGHIJOSUWYZaceghijosuwyzẠạẸẹỌọ"},
    {0x0303, 230, "AEINOUVYaeinouvyÂÊÔâêôĂăƠơƯư"},
    {0x0304, 230, "AEGIOUYaegiouyÄÆÕÖÜäæõöüǪǫȦȧȮȯΑΙΥαιυИУиуḶḷṚṛ"},
    {0x0306, 230, "AEGIOUaegiouȨȩΑΙΥαιυАЕЖИУаежиуẠạ"},
    {0x0307, 230, "ABCDEFGHIMNOPRSTWXYZabcdefghmnoprstwxyzŚśŠšſṢṣ"},
    {0x0308, 230, "AEHIOUWXYaehiotuwxyÕõŪūΙΥιυϒІАЕЖЗИОУЧЫЭаежзиоучыэіӘәӨө"},
    {0x0309, 230, "AEIOUYaeiouyÂÊÔâêôĂăƠơƯư"},
    {0x030a, 230, "AUauwy"},
    {0x030b, 230, "OUouУу"},
    {0x030c, 230, "ACDEGHIKLNORSTUZacdeghijklnorstuzÜüƷʒ"},
    {0x030f, 230, "AEIORUaeioruѴѵ"},
    {0x0311, 230, "AEIORUaeioru"},
    {0x0313, 230, "ΑΕΗΙΟΩαεηιορυω"},
    {0x0314, 230, "ΑΕΗΙΟΡΥΩαεηιορυω"},
    {0x031b, 216, "OUou"},
    {0x0323, 220, "ABDEHIKLMNORSTUVWYZabdehiklmnorstuvwyzƠơƯư"},
    {0x0324, 220, "Uu"},
    {0x0325, 220, "Aa"},
    {0x0326, 220, "STst"},
    {0x0327, 202, "CDEGHKLNRSTcdeghklnrst"},
    {0x0328, 202, "AEIOUaeiou"},
    {0x032d, 220, "DELNTUdelntu"},
    {0x032e, 220, "Hh"},
    {0x0330, 220, "EIUeiu"},
    {0x0331, 220, "BDKLNRTZbdhklnrtz"},
    {0x0338, 1, "<=>←→↔⇐⇒⇔∃∈∋∣∥∼≃≅≈≍≡≤≥≲≳≶≷≺≻≼≽⊂⊃⊆⊇⊑⊒⊢⊨⊩⊫⊲⊳⊴⊵"},
    {0x0342, 230, "¨αηιυωϊϋἀἁἈἉἠἡἨἩἰἱἸἹὐὑὙὠὡὨὩ᾿῾"},
    {0x0345, 240, "ΑΗΩάήαηωώἀἁἂἃἄἅἆἇἈἉἊἋἌἍἎἏἠἡἢἣἤἥἦἧἨἩἪἫἬἭἮἯὠὡὢὣὤὥὦὧὨὩὪὫὬὭὮὯὰὴὼᾶῆῶ"},
    {0x0653, 230, "\u0627"},
    {0x0654, 230, "\u0627\u0648\u064a\u06c1\u06d2\u06d5"},
    {0x0655, 220, "\u0627"},
    {0x093c, 7, "\u0928\u0930\u0933"},
    {0x09be, 0, "\u09c7"},
    {0x09d7, 0, "\u09c7"},
    {0x0b3e, 0, "\u0b47"},
    {0x0b56, 0, "\u0b47"},
    {0x0b57, 0, "\u0b47"},
    {0x0bbe, 0, "\u0bc6\u0bc7"},
    {0x0bd7, 0, "\u0b92\u0bc6"},
    {0x0c56, 91, "\u0c46"},
    {0x0cc2, 0, "\u0cc6"},
    {0x0cd5, 0, "\u0cbf\u0cc6\u0cca"},
    {0x0cd6, 0, "\u0cc6"},
    {0x0d3e, 0, "\u0d46\u0d47"},
    {0x0d57, 0, "\u0d46"},
    {0x0dca, 9, "\u0dd9\u0ddc"},
    {0x0dcf, 0, "\u0dd9"},
    {0x0ddf, 0, "\u0dd9"},
    {0x102e, 0, "\u1025"},
    {0x1b35, 0, "\u1b05\u1b07\u1b09\u1b0b\u1b0d\u1b11\u1b3a\u1b3c\u1b3e\u1b3f\u1b42"},
    {0x3099, 8,
     "うかきくけこさしすせそたちつてとはひふへほゝウカキクケコサシスセソタチツテトハヒフヘホワ"
     "ヰヱヲヽ"},
    {0x309a, 8, "はひふへほハヒフヘホ"},
    {0x110ba, 7, "\U00011099\U0001109b\U000110a5"},
    {0x11127, 0, "\U00011131\U00011132"},
    {0x1133e, 0, "\U00011347"},
    {0x11357, 0, "\U00011347"},
    {0x114b0, 0, "\U000114b9"},
    {0x114ba, 0, "\U000114b9"},
    {0x114bd, 0, "\U000114b9"},
    {0x115af, 0, "\U000115b8\U000115b9"},
    {0x11930, 0, "\U00011935"},
};

/* Combining classes of the marks that Latin, Greek and Cyrillic letters take. */
struct order {
    uint32_t first, last;
    uint8_t class;
};

static const struct order orders[] = {
    {0x300, 0x314, 230}, {0x315, 0x315, 232}, {0x316, 0x319, 220}, {0x31a, 0x31a, 232},
    {0x31b, 0x31b, 216}, {0x31c, 0x320, 220}, {0x321, 0x322, 202}, {0x323, 0x326, 220},
    {0x327, 0x328, 202}, {0x329, 0x333, 220}, {0x334, 0x338, 1},   {0x339, 0x33c, 220},
    {0x33d, 0x344, 230}, {0x345, 0x345, 240}, {0x346, 0x346, 230}, {0x347, 0x349, 220},
    {0x34a, 0x34c, 230}, {0x34d, 0x34e, 220}, {0x34f, 0x34f, 0},   {0x350, 0x352, 230},
    {0x353, 0x356, 220}, {0x357, 0x357, 230}, {0x358, 0x358, 232}, {0x359, 0x35a, 220},
    {0x35b, 0x35b, 230}, {0x35c, 0x35c, 233}, {0x35d, 0x35e, 234}, {0x35f, 0x35f, 233},
    {0x360, 0x361, 234}, {0x362, 0x362, 233}, {0x363, 0x36f, 230},
};

static int in_range(const void *key, const void *element)
{
    uint32_t code = *(const uint32_t *)key;
    const struct range *r = element;
    return code < r->first ? -1 : code > r->last;
}

static int is_mark(const void *key, const void *element)
{
    uint32_t code = *(const uint32_t *)key;
    const struct mark *m = element;
    return code < m->code ? -1 : code > m->code;
}

static const struct mark *find_mark(uint32_t code)
{
    return code < marks[0].code ? NULL
                                : bsearch(&code, marks, sizeof marks / sizeof marks[0],
                                          sizeof marks[0], is_mark);
}

/* The combining class of a character; what is not known counts as a letter, class 0, which
 * hides faults and never makes one. */
static unsigned class_of(uint32_t code, const struct mark *mark)
{
    if (mark != NULL) {
        return mark->class;
    }
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        if (code >= orders[i].first && code <= orders[i].last) {
            return orders[i].class;
        }
    }
    return 0;
}

/* Letters of the Korean alphabet make syllables by arithmetic (Unicode section 3.12). */
static bool makes_hangul(uint32_t first, uint32_t second)
{
    bool leading = first >= 0x1100 && first <= 0x1112;
    bool open = first >= 0xac00 && first <= 0xd7a3 && (first - 0xac00) % 28 == 0;
    return (leading && second >= 0x1161 && second <= 0x1175) ||
           (open && second > 0x11a7 && second <= 0x11c2);
}

size_t unicode_next(struct span text, size_t at, uint32_t *code)
{
    const unsigned char *s = (const unsigned char *)text.ptr + at;
    size_t left = text.len - at;
    if (s[0] < 0x80) {
        *code = s[0];
        return 1;
    }
    size_t len = s[0] >= 0xc2 && s[0] <= 0xdf   ? 2
                 : s[0] >= 0xe0 && s[0] <= 0xef ? 3
                 : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
                                                : 0;
    if (len == 0 || len > left) {
        return 0;
    }
    uint32_t value = s[0] & (0x7fU >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
        value = value << 6 | (s[i] & 0x3fU);
    }
    bool overlong = (len == 3 && value < 0x800) || (len == 4 && value < 0x10000);
    bool surrogate = value >= 0xd800 && value <= 0xdfff;
    if (overlong || surrogate || value > 0x10ffff) {
        return 0;
    }
    *code = value;
    return len;
}

/* Where the reading of a sequence stands: its letter, and the class of the last mark after it.
 */
struct sequence {
    struct span letter; /* empty: none */
    uint32_t code;      /* of the letter */
    unsigned class;     /* 0: no mark yet */
};

static bool composes(const struct sequence *s, const struct mark *mark, unsigned class)
{
    bool reaches = s->class == 0 || s->class < class;
    return mark != NULL && s->letter.len > 0 && reaches &&
           memmem(mark->letters, strlen(mark->letters), s->letter.ptr, s->letter.len) != NULL;
}

bool unicode_is_not_nfc(struct span text, size_t *at)
{
    struct sequence sequence = {.class = 0};
    size_t len;
    for (size_t i = 0; i < text.len; i += len) {
        uint32_t code = 0;
        len = unicode_next(text, i, &code);
        if (len == 0) {
            len = 1;
            sequence = (struct sequence){.class = 0};
            continue;
        }
        const struct mark *mark = find_mark(code);
        unsigned class = class_of(code, mark);
        bool never = code >= never_in_c[0].first &&
                     bsearch(&code, never_in_c, sizeof never_in_c / sizeof never_in_c[0],
                             sizeof never_in_c[0], in_range) != NULL;
        if (never || composes(&sequence, mark, class) ||
            (class != 0 && class < sequence.class) ||
            (sequence.class == 0 && makes_hangul(sequence.code, code))) {
            *at = i;
            return true;
        }
        if (class == 0) {
            sequence = (struct sequence){.letter = span_of(text.ptr + i, len), .code = code};
        } else {
            sequence.class = class;
        }
    }
    return false;
}
