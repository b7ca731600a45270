#include "app/lint_decrypt.h"

#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

bool lint_key_is_plain(const struct m3u8_key *key)
{
    return key != NULL && key->method == M3U8_METHOD_AES_128;
}

bool lint_key_get(struct lint_web *web, const struct m3u8 *playlist, const struct m3u8_key *key,
                  struct lint_key *held)
{
    if (held->key == key ||
        (held->key != NULL && held->usable && span_equal(held->key->uri, key->uri))) {
        held->key = key;
        return false;
    }
    char text[URL_MAX];
    struct lint_want want = {.kind = METRIC_KIND_KEY, .limit = 4096};
    struct lint_body body = {.fail = FAIL_CONNECT_FAILED};
    *held = (struct lint_key){.key = key};
    if (m3u8_resolve(playlist, key->uri, text, sizeof text, &want.url) == 0 &&
        lint_web_read(web, &want, &body) == 0) {
        held->len = body.len;
        held->usable = body.len == sizeof held->bytes;
        if (held->usable) {
            memcpy(held->bytes, body.ptr, sizeof held->bytes);
        }
    }
    held->fail = body.fail;
    held->status = body.status;
    lint_body_fini(&body);
    return true;
}

bool lint_decrypt(const struct lint_key *held, uint64_t sequence, struct lint_body *body)
{
    uint8_t iv[16];
    int len = 0, last = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    unsigned char *bytes = (unsigned char *)body->ptr;
    m3u8_key_iv(held->key, sequence, iv);
    bool good = context != NULL && body->len > 0 && body->len % 16 == 0 &&
                body->len < INT_MAX &&
                EVP_DecryptInit_ex(context, EVP_aes_128_cbc(), NULL, held->bytes, iv) == 1 &&
                EVP_DecryptUpdate(context, bytes, &len, bytes, (int)body->len) == 1 &&
                EVP_DecryptFinal_ex(context, bytes + len, &last) == 1;
    EVP_CIPHER_CTX_free(context);
    if (good) {
        body->len = (size_t)len + (size_t)last;
    }
    return good;
}
