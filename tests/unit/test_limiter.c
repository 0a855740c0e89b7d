#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "machine_tree.h"
#include "memory/limiter.h"
#include "memory/oom_score.h"

static bool is_sanitized(void)
{
    const char *name = getenv("RUNBATCH_SANITIZER");
    return name != NULL && name[0] != '\0';
}

/* A limiter of this machine that makes groups; without one the test is skipped. */
static Limiter *with_groups(void)
{
    if (is_sanitized()) {
        skip(); /* each page has others beside it that count */
    }
    Limiter *limiter = limiter_new(&(LimiterConfig){.root = "/"});
    const LimiterFindings *findings = limiter_findings(limiter);
    if (findings->means != LIMITER_GROUP) {
        print_message("no control groups here: obstacle %d, errno %d\n", (int)findings->obstacle,
                      findings->number);
        limiter_free(&limiter);
        skip();
    }
    return limiter;
}

/* A child that is bound as a worker is, when it runs already, touches `bytes` and ends with 0, or 1 when they
 * were refused. Its wait status. */
static int take(const Limiter *limiter, Limit *limit, size_t bytes)
{
    int bound[2];
    char byte = 0;
    assert_int_equal(pipe(bound), 0);
    const pid_t child = fork();
    if (child == 0) {
        if (read(bound[0], &byte, 1) != 1) {
            _exit(2);
        }
        char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (size_t i = 0; memory != MAP_FAILED && i < bytes; i += 4096) {
            ((volatile char *)memory)[i] = 1;
        }
        _exit(memory == MAP_FAILED);
    }
    const bool in_group = limit->group.folder != NULL;
    const int number = limiter_bind(limiter, limit, child);
    assert_int_equal(limit->group.folder != NULL, in_group && number == 0);
    assert_int_equal(write(bound[1], &byte, 1), 1);
    (void)close(bound[0]);
    (void)close(bound[1]);
    int status = -1;
    (void)waitpid(child, &status, 0);
    return status;
}

static void a_group_stops_what_goes_over_its_limit(void **state)
{
    (void)state;
    Limiter *limiter = with_groups();
    Limit limit;
    limiter_begin(limiter, 32 * MB, &limit);
    assert_non_null(limit.group.folder);
    assert_int_equal(limit.data_bytes, 0);
    assert_int_equal(take(limiter, &limit, 16 * MB), 0);
    assert_int_equal(group_oom_kills(&limit.group), 0);
    assert_false(group_was_full(&limit.group));
    assert_int_equal(take(limiter, &limit, 64 * MB), SIGKILL);
    assert_int_equal(group_oom_kills(&limit.group), 1);
    assert_true(group_was_full(&limit.group));
    char *folder = text_duplicate(limit.group.folder);
    limiter_end(limiter, &limit);
    assert_null(limit.group.folder);
    limiter_free(&limiter);
    assert_false(file_is_folder(folder));
    memory_free(folder);
}

/* The group is gone, or must not be joined: the rest holds. */
static void who_cannot_join_is_held_by_the_rest(void **state)
{
    (void)state;
    if (is_sanitized()) {
        skip(); /* its shadow memory counts for RLIMIT_DATA */
    }
    Limiter *limiter = with_groups();
    if (limiter == NULL) {
        skip();
    }
    Limit limit;
    limiter_begin(limiter, 32 * MB, &limit);
    assert_non_null(limit.group.folder);
    (void)close(limit.group.procs);
    limit.group.procs = open("/dev/full", O_WRONLY | O_CLOEXEC);
    char *folder = text_duplicate(limit.group.folder);
    assert_int_equal(take(limiter, &limit, (size_t)limit_data_bytes(32 * MB) + 32 * MB), 1 << 8);
    assert_null(limit.group.folder);
    assert_int_equal(limit.data_bytes, limit_data_bytes(32 * MB));
    assert_false(file_is_folder(folder));
    limiter_end(limiter, &limit);
    limiter_free(&limiter);
    memory_free(folder);
}

/* What is read and written does not end a worker: the kernel takes back what it has of files. */
static void file_contents_do_not_count(void **state)
{
    (void)state;
    Limiter *limiter = with_groups();
    enum { FILE_MB = 96 };
    char name[] = "/var/tmp/runbatch-test-XXXXXX";
    const int fd = mkstemp(name);
    assert_true(fd >= 0);
    (void)unlink(name);
    Limit limit;
    limiter_begin(limiter, 32 * MB, &limit);
    const pid_t child = fork();
    if (child == 0) {
        static char block[1 << 20];
        bool fine = write(limit.group.procs, "0", 1) == 1;
        for (int i = 0; i < FILE_MB && fine; i++) {
            fine = write(fd, block, sizeof block) == (ssize_t)sizeof block;
        }
        for (int i = 0; i < FILE_MB && fine; i++) {
            fine = pread(fd, block, sizeof block, (off_t)i * (off_t)sizeof block) == (ssize_t)sizeof block;
        }
        _exit(!fine);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(group_oom_kills(&limit.group), 0);
    (void)close(fd);
    limiter_end(limiter, &limit);
    limiter_free(&limiter);
}

static void what_works_is_found_in_time(void **state)
{
    (void)state;
    enum { TRIES = 5, MOST_MS = 300 };
    int least_ms = INT32_MAX;
    for (int i = 0; i < TRIES; i++) { /* other programs may be busy */
        Limiter *limiter = limiter_new(&(LimiterConfig){.root = "/"});
        const LimiterFindings *findings = limiter_findings(limiter);
        assert_true(findings->means != LIMITER_NOTHING || is_sanitized());
        least_ms = findings->took_ms < least_ms ? findings->took_ms : least_ms;
        limiter_free(&limiter);
    }
    assert_in_range(least_ms, 0, MOST_MS);
}

static void without_groups_the_rest_holds(void **state)
{
    (void)state;
    if (is_sanitized()) {
        skip(); /* its shadow memory counts for RLIMIT_DATA */
    }
    Limiter *limiter = limiter_new(&(LimiterConfig){.root = "/", .without_groups = true});
    const LimiterFindings *findings = limiter_findings(limiter);
    assert_int_equal(findings->means, LIMITER_WATCH);
    assert_int_equal(findings->obstacle, GROUP_NOT_WANTED);
    assert_true(findings->data);
    assert_true(findings->watch);
    Limit limit;
    limiter_begin(limiter, 32 * MB, &limit);
    assert_null(limit.group.folder);
    assert_true(limit.data_bytes > 512 * MB);
    assert_int_equal(take(limiter, &limit, 64 * MB), 0); /* the look is what would end it */
    assert_int_equal(take(limiter, &limit, (size_t)limit.data_bytes + 32 * MB), 1 << 8);
    limiter_end(limiter, &limit);
    limiter_free(&limiter);
    /* nothing wanted: nothing done */
    limiter_begin(NULL, 5, &limit);
    assert_int_equal(limit.bytes, 0);
    assert_false(limit_is_over(&limit, INT64_MAX));
    limiter_end(NULL, &limit);
}

static int make_files(const char *folder)
{
    if (mkdir(folder, 0755) != 0) {
        return errno;
    }
    tree_put(folder, "cgroup.procs", "");
    tree_put(folder, "memory.limit_in_bytes", "");
    return 0;
}

static int remove_files(const char *folder)
{
    char *command = text_format("rm -rf '%s'", folder);
    const int code = system(command);
    memory_free(command);
    return code;
}

/* All files are there and take everything, as in some containers, and nothing is held to. */
static void limits_are_not_believed(void **state)
{
    const char *root = *state;
    static const GroupCalls calls = {make_files, remove_files};
    tree_put(root, "proc/self/cgroup", "4:memory:/\n");
    tree_put(root, "proc/self/mountinfo",
             "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
    tree_put(root, "sys/fs/cgroup/memory/memory.use_hierarchy", "1\n");
    Limiter *limiter = limiter_new(&(LimiterConfig){.root = root, .calls = &calls});
    const LimiterFindings *findings = limiter_findings(limiter);
    assert_int_not_equal(findings->means, LIMITER_GROUP);
    assert_int_equal(findings->obstacle, GROUP_NOT_HELD);
    assert_false(findings->watch); /* this machine has no processes */
    limiter_free(&limiter);
}

static void what_a_process_takes_is_with_its_children(void **state)
{
    const char *root = *state;
    tree_put(root, "proc/7/status",
             "VmRSS: 900 kB\nRssAnon: 100 kB\nRssFile: 780 kB\nRssShmem: 20 kB\nVmSwap: 3 kB\n");
    tree_put(root, "proc/8/status", "RssAnon: 1000 kB\n");
    tree_put(root, "proc/9/status", "RssAnon: 10000 kB\n");
    assert_int_equal(limit_used(root, 7), 123 * KB);
    tree_put(root, "proc/7/task/7/children", "");
    tree_put(root, "proc/7/task/70/children", "8 ");
    tree_put(root, "proc/8/task/8/children", "9 12");
    assert_int_equal(limit_used(root, 7), 11123 * KB);
    tree_put(root, "proc/9/task/9/children", "9 9 9 9"); /* nonsense ends too */
    assert_true(limit_used(root, 7) > 11123 * KB);
    assert_int_equal(limit_used(root, 99), 0);
}

static void over_is_over(void **state)
{
    (void)state;
    Limit limit = {.bytes = 1000};
    assert_false(limit_is_over(&limit, 0));
    assert_false(limit_is_over(&limit, 1000));
    assert_true(limit_is_over(&limit, 1001));
    /* in a group the kernel's count holds; the look is for when it does not */
    char folder[] = "x";
    limit.group.folder = folder;
    assert_false(limit_is_over(&limit, 1050));
    assert_true(limit_is_over(&limit, 1051));
    assert_int_equal(limit_data_bytes(1000), 2000 + 512 * MB);
    assert_int_equal(limit_data_bytes(INT64_MAX / 2), INT64_MAX);
}

static void the_score_goes_up_and_not_down(void **state)
{
    (void)state;
    static const struct {
        int before;
        int after;
    } table[] = {{0, OOM_SCORE_OF_WORKERS}, {499, OOM_SCORE_OF_WORKERS}, {700, 700}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const pid_t child = fork();
        if (child == 0) {
            int score = -1;
            oom_score_raise(table[i].before);
            oom_score_raise(OOM_SCORE_OF_WORKERS);
            FILE *file = fopen("/proc/self/oom_score_adj", "re");
            _exit(file == NULL || fscanf(file, "%d", &score) != 1 || score != table[i].after);
        }
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_stops_what_goes_over_its_limit),
        cmocka_unit_test(file_contents_do_not_count),
        cmocka_unit_test(what_works_is_found_in_time),
        cmocka_unit_test(who_cannot_join_is_held_by_the_rest),
        cmocka_unit_test(without_groups_the_rest_holds),
        TREE_TEST(limits_are_not_believed),
        TREE_TEST(what_a_process_takes_is_with_its_children),
        cmocka_unit_test(over_is_over),
        cmocka_unit_test(the_score_goes_up_and_not_down),
    };
    return cmocka_run_group_tests_name("limiter", tests, NULL, NULL);
}
