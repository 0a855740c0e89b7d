#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
#include "batch/lock.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/runbatch-lock-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char *path = path_join(folder, "lock");
    (void)unlink(path);
    memory_free(path);
    return rmdir(folder);
}

static void a_look_tells_who_holds_it(void **state)
{
    (void)state;
    long holder = -1;
    assert_false(lock_is_held("/nowhere/at/all", &holder));
    assert_false(lock_is_held(folder, &holder));
    assert_int_equal(holder, 0);
    Lock lock;
    assert_int_equal(lock_take(&lock, folder, NULL), STATUS_OK);
    assert_true(lock_is_held(folder, &holder));
    assert_int_equal(holder, getpid());
    Lock second;
    Error err = {0};
    assert_int_equal(lock_take(&second, folder, &err), STATUS_FAILED);
    assert_int_equal(err.class_, ERROR_ENVIRONMENT);
    lock_release(&lock);
    assert_false(lock_is_held(folder, &holder));
}

/* The folder may be anybody's: what a link in it leads to must not be emptied. */
static void a_link_is_no_lock(void **state)
{
    (void)state;
    char *path = path_join(folder, "lock");
    char *mine = path_join(folder, "mine");
    FILE *file = fopen(mine, "w");
    assert_non_null(file);
    assert_true(fputs("precious", file) >= 0);
    assert_int_equal(fclose(file), 0);
    (void)unlink(path);
    assert_int_equal(symlink(mine, path), 0);
    Lock lock;
    Error err = {0};
    assert_int_equal(lock_take(&lock, folder, &err), STATUS_FAILED);
    assert_int_equal(file_size(mine), 8);
    assert_int_equal(unlink(mine), 0);
    assert_int_equal(unlink(path), 0);
    memory_free(mine);
    memory_free(path);
}

/* A pipe that nobody writes to must not be waited for. */
static void a_pipe_holds_nobody_up(void **state)
{
    (void)state;
    char *path = path_join(folder, "lock");
    long holder = -1;
    (void)unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(lock_is_held(folder, &holder));
    assert_int_equal(unlink(path), 0);
    memory_free(path);
}

/* Somebody who looks holds it for a moment: that keeps nobody from taking it. */
static void one_who_looks_is_no_holder(void **state)
{
    (void)state;
    char *path = path_join(folder, "lock");
    const int looker = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0666);
    memory_free(path);
    assert_true(looker >= 0);
    assert_int_equal(flock(looker, LOCK_SH), 0);
    const pid_t child = fork();
    if (child == 0) { /* has the open file too, and gives it up soon */
        (void)usleep(15000);
        (void)flock(looker, LOCK_UN);
        _exit(0);
    }
    assert_true(child > 0);
    Lock lock;
    assert_int_equal(lock_take(&lock, folder, NULL), STATUS_OK);
    lock_release(&lock);
    (void)close(looker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_look_tells_who_holds_it),
        cmocka_unit_test(a_link_is_no_lock),
        cmocka_unit_test(a_pipe_holds_nobody_up),
        cmocka_unit_test(one_who_looks_is_no_holder),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
