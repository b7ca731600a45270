#include "view/report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NAMES_TRIED = 16, /* of files beside; those of processes that were killed may be left */
};

static int refuse(struct err *err, const char *path, int error)
{
    return err_set(err, ERR_START, path, error == ENOSPC ? "make room on the disk" : NULL,
                   "cannot be written: %s", strerror(error));
}

/* Returns 0 or an errno. */
static int write_all(int fd, struct span rest)
{
    while (rest.len > 0) {
        ssize_t written = write(fd, rest.ptr, rest.len);
        if (written < 0 && errno != EINTR) {
            return errno;
        }
        rest = span_skip(rest, written > 0 ? (size_t)written : 0);
    }
    return 0;
}

static int save_in_place(const struct buf *text, const char *path, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        return err_set(err, ERR_START, path, "choose a folder that exists and can be written",
                       "cannot be opened for writing: %s", strerror(errno));
    }
    int error = write_all(fd, buf_span(text));
    if (close(fd) < 0 && error == 0) {
        error = errno;
    }
    return error == 0 ? 0 : refuse(err, path, error);
}

static int save_to_stdout(const struct buf *text, struct err *err)
{
    bool failed = fwrite(text->ptr, 1, text->len, stdout) < text->len || fflush(stdout) != 0;
    return failed ? refuse(err, "standard output", errno) : 0;
}

/* Opens a new file in the folder of `path`, its name in `beside`. Returns -1 when there is none
 * to be had. */
static int open_beside(const char *path, char beside[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    int fd = -1;
    errno = EEXIST;
    for (unsigned i = 0; i < NAMES_TRIED && fd < 0 && errno == EEXIST; i++) {
        int len = snprintf(beside, PATH_MAX, "%.*s.%s.%d.%u", (int)(name - path), path, name,
                           (int)getpid(), i);
        if (len >= PATH_MAX) {
            return -1;
        }
        fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    return fd;
}

/* Fills the new file and gives it the mode of the old one; on the disk before it takes the
 * other's place, so that a machine that dies does not leave an empty one. Returns 0 or an
 * errno. */
static int fill(int fd, const struct buf *text, const struct stat *old)
{
    int error = write_all(fd, buf_span(text));
    if (error == 0 && old != NULL && fchmod(fd, old->st_mode & 07777) < 0) {
        error = errno;
    }
    if (error == 0 && fsync(fd) < 0 && errno != EINVAL) { /* EINVAL: not for such a file */
        error = errno;
    }
    if (close(fd) < 0 && error == 0) {
        error = errno;
    }
    return error;
}

/* What stands at `path` now is replaced; `old` is NULL where nothing does. Returns 1 when that
 * is not possible here, with everything as it was. */
static int replace(const struct buf *text, const char *path, const struct stat *old,
                   struct err *err)
{
    char beside[PATH_MAX];
    int fd = open_beside(path, beside);
    if (fd < 0) {
        return errno == ENOSPC ? refuse(err, path, errno) : 1;
    }
    if (old != NULL && fchown(fd, (uid_t)-1, old->st_gid) < 0) {
        close(fd);
        unlink(beside);
        return 1;
    }
    int error = fill(fd, text, old);
    if (error != 0) {
        unlink(beside);
        return refuse(err, path, error);
    }
    if (rename(beside, path) == 0) {
        return 0;
    }
    unlink(beside); /* a mount point, or another's file in a folder where only owners move */
    return 1;
}

/* Whether a new file may take the place of this one without anything else changing. */
static bool is_replaceable(const char *path, const struct stat *old)
{
    return S_ISREG(old->st_mode) && old->st_nlink == 1 && old->st_uid == geteuid() &&
           access(path, W_OK) == 0;
}

int report_save(const struct buf *text, const char *path, struct err *err)
{
    if (strcmp(path, "-") == 0) {
        return save_to_stdout(text, err);
    }
    struct stat old, link;
    bool exists = stat(path, &old) == 0;
    char *real = exists ? realpath(path, NULL) : NULL;
    int status = 1;
    if (exists && real != NULL && is_replaceable(real, &old)) {
        status = replace(text, real, &old, err);
    } else if (!exists && lstat(path, &link) < 0) {
        status = replace(text, path, NULL, err);
    }
    free(real);
    return status <= 0 ? status : save_in_place(text, path, err);
}
