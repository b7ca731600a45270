#include "origin/body.h"

struct body body_of_text(struct text *text)
{
    return (struct body){.text = text, .left = text->len};
}

struct body body_of_media(const struct stream_rendition *rendition, uint64_t at, uint64_t len)
{
    return (struct body){.rendition = rendition, .at = at, .left = len};
}

struct body body_of_block(struct span block)
{
    return (struct body){.block = block, .left = BODY_ENDLESS};
}

static int peek_media(struct body *body, struct blob_cache *blobs, struct body_piece *out)
{
    const struct stream_rendition *rendition = body->rendition;
    if (body->at < rendition->init_bytes) {
        *out = (struct body_piece){.ptr = (const char *)rendition->init + body->at,
                                   .len = rendition->init_bytes - body->at,
                                   .fd = -1};
        return 0;
    }
    uint64_t number = (body->at - rendition->init_bytes) / rendition->whole_bytes;
    if (body->blob == NULL || body->blob->number != number) {
        blob_release(blobs, body->blob);
        body->blob = blob_cache_get(blobs, rendition, number);
        if (body->blob == NULL) {
            return -1;
        }
    }
    uint64_t offset = body->at - stream_segment_offset(rendition, number);
    *out = (struct body_piece){.ptr = (const char *)body->blob->map + offset,
                               .len = body->blob->len - offset,
                               .fd = body->blob->fd,
                               .offset = offset};
    return 0;
}

int body_peek(struct body *body, struct blob_cache *blobs, uint64_t most,
              struct body_piece *out)
{
    if (body->rendition != NULL) {
        if (peek_media(body, blobs, out) != 0) {
            return -1;
        }
    } else if (body->text != NULL && body->text->len > 0) {
        *out = (struct body_piece){
            .ptr = body->text->bytes + body->at, .len = body->text->len - body->at, .fd = -1};
    } else {
        size_t at = body->at % body->block.len;
        *out = (struct body_piece){
            .ptr = body->block.ptr + at, .len = body->block.len - at, .fd = -1};
    }
    most = most < body->left ? most : body->left;
    if (out->len > most) {
        out->len = (size_t)most;
    }
    return 0;
}

void body_advance(struct body *body, struct blob_cache *blobs, size_t n)
{
    body->at += n;
    if (body->left != BODY_ENDLESS) {
        body->left -= n;
    }
    if (body->text != NULL && body->at == body->text->len && body->left > 0) {
        /* The true bytes are over; from now on the block repeats. */
        text_release(body->text);
        body->text = NULL;
        body->at = 0;
    }
    if (body->left == 0) {
        body_release(body, blobs);
    }
}

void body_release(struct body *body, struct blob_cache *blobs)
{
    text_release(body->text);
    blob_release(blobs, body->blob);
    *body = (struct body){0};
}
