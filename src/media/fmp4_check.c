#include "media/fmp4_check.h"

void fmp4_check_init(struct fmp4_check *check)
{
    *check = (struct fmp4_check){0};
}

static uint32_t u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool is_type(const uint8_t *header, const char *type)
{
    return memcmp(header + 4, type, 4) == 0;
}

/* Boxes that hold nothing but boxes. */
static bool is_container(const uint8_t *header)
{
    static const char *const types[] = {"moov", "trak", "mdia", "minf", "stbl",
                                        "mvex", "moof", "traf", "dinf", "edts"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (is_type(header, types[i])) {
            return true;
        }
    }
    return false;
}

/* Notes what kinds of boxes come. */
static void note(struct fmp4_check *check)
{
    if (is_type(check->header, "moof")) {
        check->in_moof = true;
    } else if (is_type(check->header, "mdat")) {
        check->fragments += check->in_moof;
        check->in_moof = false;
    } else if (is_type(check->header, "moov")) {
        check->has_moov = true;
    } else if (is_type(check->header, "trun")) {
        check->runs++;
    }
}

/* A header has come whole; `start` is where its box began. */
static const char *open_box(struct fmp4_check *check, uint64_t start, uint64_t size)
{
    if (size == 0) {
        if (check->depth > 0) {
            return "a box without an end inside another";
        }
        note(check);
        check->to_the_end = true;
        return NULL;
    }
    if (size < check->held) {
        return "a box smaller than its header";
    }
    if (size > UINT64_MAX / 2) {
        return "a box too large to be true";
    }
    if (check->depth > 0 && start + size > check->ends[check->depth - 1]) {
        return "a box that leaves its parent";
    }
    note(check);
    if (is_container(check->header) && check->depth < FMP4_CHECK_DEPTH) {
        check->ends[check->depth++] = start + size;
    } else {
        check->skip = size - check->held;
    }
    return NULL;
}

/* Adds header bytes until the size is known. */
static void take_header_byte(struct fmp4_check *check, uint8_t byte)
{
    check->header[check->held++] = byte;
    check->at++;
    uint64_t size = u32(check->header);
    if (check->held < 8 || (size == 1 && check->held < 16)) {
        return;
    }
    if (size == 1) {
        size = (uint64_t)u32(check->header + 8) << 32 | u32(check->header + 12);
        size = size == 0 ? 1 : size;
    }
    check->wrong = open_box(check, check->at - check->held, size);
    check->held = 0;
}

const char *fmp4_check_feed(struct fmp4_check *check, struct span bytes)
{
    while (bytes.len > 0 && check->wrong == NULL) {
        while (check->depth > 0 && check->held == 0 && check->skip == 0 &&
               check->at == check->ends[check->depth - 1]) {
            check->depth--;
        }
        if (check->to_the_end) {
            check->at += bytes.len;
            break;
        }
        if (check->skip > 0) {
            uint64_t n = check->skip < bytes.len ? check->skip : bytes.len;
            check->skip -= n;
            check->at += n;
            bytes.ptr += n;
            bytes.len -= n;
            continue;
        }
        if (check->depth > 0 && check->at == check->ends[check->depth - 1]) {
            check->wrong = "a box header that leaves its parent";
            break;
        }
        take_header_byte(check, (uint8_t)bytes.ptr[0]);
        bytes.ptr++;
        bytes.len--;
    }
    return check->wrong;
}

/* What both ends have in common. */
static void end(struct fmp4_check *check)
{
    while (check->depth > 0 && check->held == 0 && check->skip == 0 &&
           check->at == check->ends[check->depth - 1]) {
        check->depth--;
    }
    if (check->wrong != NULL) {
        return;
    }
    if (check->at == 0) {
        check->wrong = "no box";
    } else if (check->held > 0 || check->skip > 0 || check->depth > 0) {
        check->wrong = "a box cut off by the end";
    }
}

const char *fmp4_check_end_segment(struct fmp4_check *check)
{
    end(check);
    if (check->wrong == NULL && check->fragments == 0) {
        check->wrong = check->in_moof ? "no media data behind the moof box" : "no moof box";
    } else if (check->wrong == NULL && check->in_moof) {
        check->wrong = "no media data behind the last moof box";
    } else if (check->wrong == NULL && check->runs == 0) {
        check->wrong = "no sample";
    }
    return check->wrong;
}

const char *fmp4_check_end_init(struct fmp4_check *check)
{
    end(check);
    if (check->wrong == NULL && !check->has_moov) {
        check->wrong = "no moov box";
    }
    return check->wrong;
}
