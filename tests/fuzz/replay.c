/* Runs a fuzz target over every file of the folders and files named on the command line, so
 * that each test run replays the corpora without a fuzzing engine. */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    struct stat status;
    if (fstat(fileno(file), &status) != 0) {
        fclose(file);
        return -1;
    }
    size_t size = (size_t)status.st_size;
    /* A block of exactly the input's size lets the address sanitizer see any over-read. */
    uint8_t *data = malloc(size > 0 ? size : 1);
    if (data == NULL || fread(data, 1, size, file) != size) {
        free(data);
        fclose(file);
        return -1;
    }
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

static int replay_folder(const char *path, unsigned *count)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        perror(path);
        return -1;
    }
    int status = 0;
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        char name[4096];
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (replay_file(name) != 0) {
            status = -1;
        }
        (*count)++;
    }
    closedir(folder);
    return status;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    int status = 0;
    for (int i = 1; i < argc; i++) {
        if (replay_folder(argv[i], &count) != 0) {
            status = 1;
        }
    }
    printf("1..1\n%s 1 - replayed %u inputs\n", status == 0 && count > 0 ? "ok" : "not ok",
           count);
    return status == 0 && count > 0 ? 0 : 1;
}
