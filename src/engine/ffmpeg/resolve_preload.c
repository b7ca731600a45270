/* --resolve for ffmpeg, which has no such option: a library that is preloaded into it and
 * answers getaddrinfo for the names listed in SHOAL_RESOLVE, a line of "HOST PORT ADDRESS"
 * triples apart by spaces, port 0 being any. Names in playlists are resolved in the same way,
 * so it holds for segments too. It does nothing in a static binary.
 *
 * The rest of Shoal is not linked into it. */
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef int getaddrinfo_function(const char *node, const char *service,
                                 const struct addrinfo *hints, struct addrinfo **result);

/* The next word of the line, of at most size - 1 bytes; NULL at the end. */
static const char *next_word(const char *at, char *word, size_t size)
{
    at += strspn(at, " ");
    size_t len = strcspn(at, " ");
    if (len == 0 || len >= size) {
        return NULL;
    }
    memcpy(word, at, len);
    word[len] = '\0';
    return at + len;
}

/* Looks a name and port up in the list. Returns whether it is there. */
static int find(const char *node, const char *service, char *address, size_t size)
{
    const char *at = getenv("SHOAL_RESOLVE");
    char host[256];
    char port[16];
    while (at != NULL && (at = next_word(at, host, sizeof host)) != NULL &&
           (at = next_word(at, port, sizeof port)) != NULL &&
           (at = next_word(at, address, size)) != NULL) {
        int port_fits =
            strcmp(port, "0") == 0 || (service != NULL && strcmp(port, service) == 0);
        if (port_fits && strcasecmp(host, node) == 0) {
            return 1;
        }
    }
    return 0;
}

__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **result)
{
    getaddrinfo_function *next = NULL;
    /* POSIX's way to a function pointer out of dlsym, which C itself has not. */
    *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
    char address[64];
    if (next == NULL) {
        return EAI_FAIL;
    }
    if (node == NULL || !find(node, service, address, sizeof address)) {
        return next(node, service, hints, result);
    }
    struct addrinfo numeric = {.ai_family = AF_UNSPEC};
    if (hints != NULL) {
        numeric = *hints;
        numeric.ai_family = AF_UNSPEC;
    }
    numeric.ai_flags |= AI_NUMERICHOST;
    return next(address, service, &numeric, result);
}
