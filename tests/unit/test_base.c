#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

static void first_error_wins(void **state)
{
    (void)state;
    Error err = {0};
    assert_int_equal(error_set(&err, ERROR_INPUT, "cannot open", "a.mp4", "it is empty"), STATUS_FAILED);
    error_set(&err, ERROR_SPACE, "cannot write", "b.mp4", "disk full");
    error_advise(&err, "copy %s again", "it");
    char line[512];
    assert_string_equal(error_text(&err, line, sizeof line),
                        "cannot open: a.mp4: it is empty (copy it again)");
    assert_int_equal(err.class_, ERROR_INPUT);
}

static void errno_decides_the_class(void **state)
{
    (void)state;
    Error err = {0};
    error_set_errno(&err, ERROR_ENCODER, "cannot write", "x", ENOSPC);
    assert_int_equal(err.class_, ERROR_SPACE);
    error_clear(&err);
    error_set_errno(&err, ERROR_INPUT, "cannot read", "x", EACCES);
    assert_int_equal(err.class_, ERROR_INPUT);
}

static void every_class_has_its_name(void **state)
{
    (void)state;
    for (int i = 0; i < ERROR_CLASS_COUNT; i++) {
        assert_int_equal(error_class_from_name(error_class_name((ErrorClass)i)), i);
    }
}

static void error_text_cannot_steer_a_terminal(void **state)
{
    (void)state;
    Error err = {0};
    error_set(&err, ERROR_INPUT, "cannot open", "a\033[2J\n.mp4", "why");
    char line[512];
    error_text(&err, line, sizeof line);
    assert_null(strchr(line, '\033'));
    assert_null(strchr(line, '\n'));
}

static void copies_cut_between_characters(void **state)
{
    (void)state;
    char small[6];
    text_copy(small, sizeof small, "abcd\xC3\xA9");
    assert_string_equal(small, "abcd");
    text_copy(small, sizeof small, "abc\xC3\xA9");
    assert_string_equal(small, "abc\xC3\xA9");
}

static void distance_counts_swaps_once(void **state)
{
    (void)state;
    assert_int_equal(text_distance("skip-audio", "skip-aduio"), 1);
    assert_int_equal(text_distance("", "abc"), 3);
    assert_int_equal(text_distance("same", "same"), 0);
}

static void paths_are_taken_apart(void **state)
{
    (void)state;
    char *stem = path_stem("in/clip.v2.mp4");
    char *folder = path_folder("/a");
    char *joined = path_join("in/", "x.mp4");
    char *hidden = path_stem("in/.mp4");
    assert_string_equal(stem, "clip.v2");
    assert_string_equal(folder, "/");
    assert_string_equal(joined, "in/x.mp4");
    assert_string_equal(hidden, ".mp4");
    assert_string_equal(path_extension("a.b/c"), "");
    char *absolute = path_absolute("/a/../b");
    char *relative = path_absolute("in/x.mp4");
    char *here = getcwd(NULL, 0);
    char *there = path_join(here, "in/x.mp4");
    assert_string_equal(absolute, "/a/../b");
    assert_string_equal(relative, there);
    assert_int_equal(relative[0], '/');
    memory_free(absolute);
    memory_free(relative);
    free(here);
    memory_free(there);
    memory_free(stem);
    memory_free(folder);
    memory_free(joined);
    memory_free(hidden);
}

static void publishing_replaces_the_target(void **state)
{
    (void)state;
    char folder[] = "/tmp/runbatch-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *deep = path_join(folder, "a/b");
    char *from = path_join(folder, "a/b/part");
    char *to = path_join(folder, "a/b/done");
    Error err = {0};
    assert_int_equal(folder_make(deep, &err), STATUS_OK);
    assert_int_equal(folder_check_writable(deep, &err), STATUS_OK);
    FILE *file = fopen(from, "w");
    assert_non_null(file);
    fputs("new", file);
    fclose(file);
    assert_int_equal(file_publish(from, to, &err), STATUS_OK);
    assert_false(file_exists(from));
    assert_int_equal(file_size(to), 3);
    assert_int_equal(file_publish(from, to, &err), STATUS_FAILED);
    assert_int_equal(file_size(to), 3);
    char *above = path_join(folder, "a");
    unlink(to);
    rmdir(deep);
    rmdir(above);
    rmdir(folder);
    memory_free(above);
    memory_free(deep);
    memory_free(from);
    memory_free(to);
}

static void durations_read_well(void **state)
{
    (void)state;
    char text[32];
    clock_format_duration(3723.4, text, sizeof text);
    assert_string_equal(text, "1:02:03");
    clock_format_duration(59.6, text, sizeof text);
    assert_string_equal(text, "1:00");
    clock_format_duration(-1.0, text, sizeof text);
    assert_string_equal(text, "-:--");
}

enum { LARGE = 256 << 20, WITHIN = 64 << 20 };

static void ask_in_library(void)
{
    char *text = NULL;
    (void)!asprintf(&text, "%*d", LARGE, 1);
}

static void ask_ourselves(void)
{
    (void)memory_alloc_aligned(LARGE);
}

static void ask_again(void)
{
    void *volatile some = malloc(1);
    void *volatile more = realloc(some, LARGE);
    (void)more;
}

static void ask_aligned(void)
{
    void *some = NULL;
    (void)posix_memalign(&some, 64, LARGE);
}

static void *do_nothing(void *argument)
{
    return argument;
}

static void ask_for_thread(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, LARGE);
    (void)pthread_create(&thread, &attributes, do_nothing, NULL);
}

static void ask_the_impossible(void)
{
    const volatile size_t most = SIZE_MAX;
    void *volatile none = malloc(most);
    none = calloc(most / 2, 4);
    (void)none;
}

/* Its exit code; 0 when `ask` came back. What it said goes to `line`. `what` is limited: RLIMIT_DATA or
 * RLIMIT_AS. */
static int ask_with_little(void (*ask)(void), __rlimit_resource_t what, bool guarded, char *line, size_t size)
{
    int files[2];
    assert_int_equal(pipe(files), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit limit = {WITHIN, WITHIN};
        (void)dup2(files[1], STDERR_FILENO);
        (void)setrlimit(what, &limit);
        if (guarded) {
            memory_guard();
        }
        ask();
        _exit(0);
    }
    (void)close(files[1]);
    const ssize_t length = read(files[0], line, size - 1);
    line[length > 0 ? length : 0] = '\0';
    (void)close(files[0]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void nothing_goes_on_without_memory(void **state)
{
    (void)state;
    static void (*const asks[])(void) = {ask_in_library, ask_ourselves, ask_again, ask_aligned,
                                         ask_for_thread};
    char line[128];
    if (!memory_can_be_guarded()) {
        skip();
    }
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        assert_int_equal(ask_with_little(asks[i], RLIMIT_DATA, true, line, sizeof line),
                         EXIT_OVER_DATA_LIMIT);
        assert_non_null(strstr(line, "bytes more were asked for"));
        assert_int_equal(ask_with_little(asks[i], RLIMIT_AS, true, line, sizeof line), EXIT_OUT_OF_MEMORY);
        assert_int_equal(ask_with_little(asks[i], RLIMIT_DATA, false, line, sizeof line), 0);
    }
    assert_int_equal(ask_with_little(ask_the_impossible, RLIMIT_DATA, true, line, sizeof line), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_error_wins),
        cmocka_unit_test(errno_decides_the_class),
        cmocka_unit_test(every_class_has_its_name),
        cmocka_unit_test(error_text_cannot_steer_a_terminal),
        cmocka_unit_test(copies_cut_between_characters),
        cmocka_unit_test(distance_counts_swaps_once),
        cmocka_unit_test(paths_are_taken_apart),
        cmocka_unit_test(publishing_replaces_the_target),
        cmocka_unit_test(durations_read_well),
        cmocka_unit_test(nothing_goes_on_without_memory),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
