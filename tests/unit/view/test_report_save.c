/* Files of a report: the old one or the new one, never a part. */
#include "../skip.h"
#include "view/report.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    LARGE = 300000, /* bytes of a report that does not fit where there is little room */
    NOBODY = 65534,
    CANNOT = 77, /* of a child: this machine does not allow what the test needs */
};

static char folder[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/report_save.XXXXXX");
    umask(022);
    return mkdtemp(folder) == NULL || chmod(folder, 0777) < 0 ? -1 : chdir(folder);
}

static int tear_down(void **state)
{
    (void)state;
    char command[192];
    snprintf(command, sizeof(command), "chmod -R u+w %s; rm -rf %s", folder, folder);
    return chdir("/") < 0 || system(command) != 0 ? -1 : 0;
}

static int save(const char *path, const char *words)
{
    struct buf text;
    struct err err = {0};
    buf_init(&text, 1000);
    assert_int_equal(buf_append_string(&text, words), 0);
    int status = report_save(&text, path, &err);
    buf_release(&text);
    return status;
}

static int save_large(const char *path, struct err *err)
{
    struct buf text;
    char *bytes = calloc(1, LARGE);
    buf_init(&text, LARGE);
    int status = bytes == NULL || buf_append(&text, bytes, LARGE) < 0 ? -2 : 0;
    status = status == 0 ? report_save(&text, path, err) : status;
    buf_release(&text);
    free(bytes);
    return status;
}

static void put(const char *path, const char *words, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(words, file) >= 0 && fclose(file) == 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void assert_holds(const char *path, const char *words)
{
    char text[64] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    text[len] = '\0';
    fclose(file);
    assert_string_equal(text, words);
}

static struct stat facts_of(const char *path)
{
    struct stat facts;
    assert_int_equal(lstat(path, &facts), 0);
    return facts;
}

/* Names in the folder, those that begin with a point too. */
static int count_files(void)
{
    FILE *list = popen("ls -A | wc -l", "r");
    int count = -1;
    assert_non_null(list);
    assert_int_equal(fscanf(list, "%d", &count), 1);
    pclose(list);
    return count;
}

static void test_a_new_file(void **state)
{
    (void)state;
    umask(027);
    assert_int_equal(save("new", "words"), 0);
    assert_holds("new", "words");
    assert_int_equal(facts_of("new").st_mode & 07777, 0640);
    assert_int_equal(count_files(), 1);
    assert_int_equal(save("nowhere/new", "words"), -1);
}

static void test_the_old_one_is_replaced_with_its_mode(void **state)
{
    (void)state;
    put("old", "a good deal longer than what follows", 0604);
    ino_t before = facts_of("old").st_ino;
    int reader = open("old", O_RDONLY);
    char text[8];
    assert_int_equal(save("old", "words"), 0);
    assert_holds("old", "words");
    assert_int_equal(facts_of("old").st_mode & 07777, 0604);
    assert_int_not_equal(facts_of("old").st_ino, before);
    assert_int_equal(read(reader, text, 6),
                     6); /* whoever had it open reads on in the old one */
    assert_memory_equal(text, "a good", 6);
    close(reader);
    assert_int_equal(count_files(), 1);
}

static void test_links_stay_what_they_are(void **state)
{
    (void)state;
    put("target", "old", 0600);
    assert_int_equal(symlink("target", "link"), 0);
    assert_int_equal(save("link", "words"), 0);
    assert_true(S_ISLNK(facts_of("link").st_mode));
    assert_holds("target", "words");
    assert_int_equal(facts_of("target").st_mode & 07777, 0600);

    assert_int_equal(symlink("later", "dangling"), 0);
    assert_int_equal(save("dangling", "words"), 0);
    assert_true(S_ISLNK(facts_of("dangling").st_mode));
    assert_holds("later", "words");

    assert_int_equal(link("target", "twin"), 0);
    assert_int_equal(save("twin", "both"), 0);
    assert_holds("target", "both");
    assert_int_equal(count_files(), 5);
}

static void test_pipes_and_devices_are_written_to(void **state)
{
    (void)state;
    char text[16] = "";
    assert_int_equal(mkfifo("pipe", 0600), 0);
    int reader = open("pipe", O_RDONLY | O_NONBLOCK);
    assert_int_equal(save("pipe", "words"), 0);
    assert_int_equal(read(reader, text, sizeof(text)), 5);
    assert_string_equal(text, "words");
    close(reader);
    assert_true(S_ISFIFO(facts_of("pipe").st_mode));
    assert_int_equal(save("/dev/null", "words"), 0);
    assert_true(S_ISCHR(facts_of("/dev/null").st_mode));
    assert_int_equal(save("/dev/full", "words"), -1);
}

/* Runs `work` in a child and returns its wait status. */
static int in_child(int (*work)(void))
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        _exit(work());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static int save_where_nothing_can_be_put(void)
{
    if (geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) < 0) {
        return CANNOT;
    }
    return save("closed/file", "words") == 0 && save("closed/other", "words") < 0 ? 0 : 1;
}

static void test_a_folder_that_takes_no_files(void **state)
{
    (void)state;
    assert_int_equal(mkdir("closed", 0755), 0);
    put("closed/file", "old", 0666);
    assert_int_equal(chmod("closed", 0555), 0);
    int status = in_child(save_where_nothing_can_be_put);
    if (WEXITSTATUS(status) == CANNOT) {
        SKIP_TEST("no other user to be had");
    }
    assert_int_equal(status, 0);
    assert_holds("closed/file", "words");
}

/* The kernel kills it with a part of the new file written. */
static int die_while_writing(void)
{
    struct rlimit limit = {LARGE / 2, LARGE / 2};
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGXFSZ, SIG_DFL);
    return setrlimit(RLIMIT_FSIZE, &limit) < 0 ? CANNOT : save_large("file", NULL);
}

static void test_killed_in_the_middle(void **state)
{
    (void)state;
    put("file", "old", 0644);
    int status = in_child(die_while_writing);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
    assert_holds("file", "old");
    assert_int_equal(count_files(), 2); /* what it had written lies beside */
    assert_int_equal(save("file", "words"), 0);
    assert_holds("file", "words");
}

static int save_on_a_full_disk(void)
{
    struct err err = {0};
    if ((geteuid() != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) ||
        unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", folder, "tmpfs", 0, "size=64k") < 0 || chdir(folder) < 0) {
        return CANNOT;
    }
    put("file", "old", 0644);
    assert_int_equal(save_large("file", &err), -1);
    assert_non_null(strstr(err.why, strerror(ENOSPC)));
    assert_string_equal(err.hint, "make room on the disk");
    assert_holds("file", "old");
    assert_int_equal(save_large("new", &err), -1);
    assert_int_equal(access("new", F_OK), -1);
    assert_int_equal(count_files(), 1);
    assert_int_equal(save("file", "words"), 0); /* nothing of it takes up room */
    assert_holds("file", "words");
    return 0;
}

static void test_a_full_disk(void **state)
{
    (void)state;
    int status = in_child(save_on_a_full_disk);
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT) {
        SKIP_TEST("no file system of its own to be had");
    }
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_new_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_old_one_is_replaced_with_its_mode, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_links_stay_what_they_are, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pipes_and_devices_are_written_to, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_folder_that_takes_no_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_killed_in_the_middle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_full_disk, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("report_save", tests, NULL, NULL);
}
