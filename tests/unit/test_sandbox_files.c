/* Files that a taken-over worker might try to get at. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "sandbox_child.h"

#define CHECK(tries) check_refusals(*state, tries, sizeof(tries) / sizeof(tries)[0])

static int try_open(const char *path, int flags)
{
    const int fd = open(path, flags | O_CLOEXEC, 0600);
    char byte = 0;
    if (fd < 0) {
        return errno;
    }
    return (flags & O_ACCMODE) == O_RDONLY ? result_of(read(fd, &byte, 1)) : result_of(write(fd, "x", 1));
}

static int try_in(const char *folder, const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s-%ld", folder, name, (long)getpid());
    const int failure = try_open(path, O_WRONLY | O_CREAT | O_EXCL);
    (void)unlink(path);
    return failure;
}

/* ---- reading ---- */

static int read_passwd(const World *world)
{
    (void)world;
    return try_open("/etc/passwd", O_RDONLY);
}

static int read_neighbour(const World *world)
{
    return try_open(world->neighbour, O_RDONLY);
}

static int read_other_chunk(const World *world)
{
    return try_open(world->chunk, O_RDONLY);
}

static int read_by_planted_link(const World *world)
{
    return try_open(world->planted, O_RDONLY);
}

static int list_videos(const World *world)
{
    return result_of(open(world->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int read_parent_memory(const World *world)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld/mem", (long)world->parent);
    return result_of(open(path, O_RDONLY | O_CLOEXEC));
}

static int read_parent_environment(const World *world)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld/environ", (long)world->parent);
    return try_open(path, O_RDONLY);
}

static void nothing_else_is_read(void **state)
{
    static const Try tries[] = {
        {"reading /etc/passwd", read_passwd, LANDLOCK, 1, false},
        {"reading another video", read_neighbour, LANDLOCK, 1, false},
        {"reading another video's chunk", read_other_chunk, LANDLOCK, 1, false},
        {"reading by a link in the work folder", read_by_planted_link, LANDLOCK, 1, false},
        {"listing the videos", list_videos, LANDLOCK, 1, false},
        {"reading the supervisor's memory", read_parent_memory, LANDLOCK, 1, false},
        {"reading the supervisor's environment", read_parent_environment, LANDLOCK, 1, false},
    };
    CHECK(tries);
}

/* ---- writing ---- */

static int write_input(const World *world)
{
    return try_open(world->input, O_WRONLY | O_APPEND);
}

static int write_neighbour(const World *world)
{
    return try_open(world->neighbour, O_WRONLY | O_TRUNC);
}

static int write_other_chunk(const World *world)
{
    return try_open(world->chunk, O_WRONLY);
}

static int write_by_planted_link(const World *world)
{
    return try_open(world->planted, O_WRONLY);
}

static int create_in_other_work(const World *world)
{
    return try_in(world->other, "new");
}

static int create_beside_output(const World *world)
{
    return try_in(world->folder, "new");
}

static int create_at_home(const World *world)
{
    (void)world;
    const char *home = getenv("HOME");
    return try_in(home != NULL ? home : "/", ".runbatch-sandbox-test");
}

static int create_in_tmp(const World *world)
{
    (void)world;
    return try_in("/tmp", "runbatch-sandbox-test");
}

static int truncate_neighbour(const World *world)
{
    return result_of(truncate(world->neighbour, 4));
}

static int truncate_input(const World *world)
{
    return result_of(truncate(world->input, 4));
}

static void nothing_else_is_written(void **state)
{
    static const Try tries[] = {
        {"writing to the input", write_input, LANDLOCK, 1, false},
        {"writing to another video", write_neighbour, LANDLOCK, 1, false},
        {"writing to another video's chunk", write_other_chunk, LANDLOCK, 1, false},
        {"writing by a link in the work folder", write_by_planted_link, LANDLOCK, 1, false},
        {"making a file in another work folder", create_in_other_work, LANDLOCK, 1, false},
        {"making a file beside the output", create_beside_output, LANDLOCK, 1, false},
        {"making a file in the home folder", create_at_home, LANDLOCK, 1, false},
        {"making a file in /tmp", create_in_tmp, LANDLOCK, 1, false},
        {"cutting another video", truncate_neighbour, LANDLOCK | SECCOMP, 3, false},
        {"cutting the input", truncate_input, LANDLOCK | SECCOMP, 3, false},
    };
    CHECK(tries);
}

/* ---- names, links, owners ---- */

static const char *work_name(const World *world, const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s-%ld", world->work, name, (long)getpid());
    return path;
}

static int remove_chunk(const World *world)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/spare", world->other);
    return unlink(path) != 0 ? errno : 0;
}

static int remove_output(const World *world)
{
    const int failure = result_of(unlink(world->temporary));
    if (failure == 0) { /* for those who come after */
        (void)close(open(world->temporary, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    }
    return failure;
}

static int rename_output(const World *world)
{
    char name[256];
    (void)snprintf(name, sizeof name, "%s/other-name", world->folder);
    const int failure = result_of(rename(world->temporary, name));
    (void)rename(name, world->temporary);
    return failure;
}

static int take_neighbour(const World *world)
{
    const char *name = work_name(world, "taken");
    const int failure = result_of(rename(world->neighbour, name));
    (void)rename(name, world->neighbour);
    return failure;
}

static int replace_neighbour(const World *world)
{
    char kept[256];
    const char *name = work_name(world, "new");
    (void)snprintf(kept, sizeof kept, "%s.kept", world->neighbour);
    (void)close(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    (void)link(world->neighbour, kept);
    const int failure = result_of(rename(name, world->neighbour));
    (void)rename(kept, world->neighbour);
    (void)unlink(name);
    return failure;
}

static int link_neighbour(const World *world)
{
    const char *name = work_name(world, "hard");
    const int failure = result_of(link(world->neighbour, name));
    (void)unlink(name);
    return failure;
}

static int link_by_name(const World *world)
{
    const char *name = work_name(world, "soft");
    const int failure = result_of(symlink("/etc", name));
    (void)unlink(name);
    return failure;
}

static int make_fifo(const World *world)
{
    const char *name = work_name(world, "fifo");
    const int failure = result_of(mkfifo(name, 0600));
    (void)unlink(name);
    return failure;
}

static int change_mode(const World *world)
{
    return result_of(chmod(world->neighbour, 0644));
}

static int make_setuid(const World *world)
{
    const int failure = result_of(chmod(world->temporary, 04755));
    (void)chmod(world->temporary, 0644);
    return failure;
}

static int change_owner(const World *world)
{
    return result_of(chown(world->neighbour, geteuid(), getegid()));
}

static int change_times(const World *world)
{
    return result_of(utimes(world->neighbour, NULL));
}

static void names_and_owners_stay(void **state)
{
    const World *world = *state;
    char spare[256];
    (void)snprintf(spare, sizeof spare, "%s/spare", world->other);
    static const Try tries[] = {
        {"removing the output", remove_output, LANDLOCK, 1, false},
        {"giving the output a name", rename_output, LANDLOCK, 1, false},
        {"taking another video away", take_neighbour, LANDLOCK, 1, false},
        {"replacing another video", replace_neighbour, LANDLOCK, 1, false},
        {"linking another video into the work folder", link_neighbour, LANDLOCK | SECCOMP, 1, false},
        {"a link by name", link_by_name, LANDLOCK | SECCOMP, 1, false},
        {"a fifo", make_fifo, LANDLOCK | SECCOMP, 1, false},
        {"changing a file's mode", change_mode, SECCOMP, 1, false},
        {"making the output run as its owner", make_setuid, SECCOMP, 1, false},
        {"changing a file's owner", change_owner, SECCOMP, 1, false},
        {"changing a file's times", change_times, SECCOMP, 1, false},
    };
    CHECK(tries);
    const int fd = open(spare, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    if (has_layers(LANDLOCK)) {
        assert_int_equal(outcome(world, LANDLOCK, 0, remove_chunk), EACCES);
    }
    assert_int_equal(outcome(world, OUTSIDE, 0, remove_chunk), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_else_is_read),
        cmocka_unit_test(nothing_else_is_written),
        cmocka_unit_test(names_and_owners_stay),
    };
    return cmocka_run_group_tests_name("sandbox_files", tests, world_open, world_close);
}
