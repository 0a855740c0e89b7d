/* What the sandbox leaves possible, what it says where the kernel lacks a layer, and its limits. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/log.h"
#include "sandbox_child.h"
#include "worker/sandbox_job.h"

enum { NEWEST_ABI = 7 };

/* ---- what a job does ---- */

static bool can_read(const char *path)
{
    char bytes[16];
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const bool good = fd >= 0 && read(fd, bytes, sizeof bytes) > 0;
    (void)close(fd);
    return good;
}

/* As chunks and outputs are written. */
static bool can_write(const char *path, int flags)
{
    const int fd = open(path, O_RDWR | O_CLOEXEC | flags, 0666);
    const bool good = fd >= 0 && write(fd, "chunk", 5) == 5 && ftruncate(fd, 4) == 0 &&
                      sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE) == 0 && fsync(fd) == 0 &&
                      lseek(fd, 0, SEEK_SET) == 0;
    (void)close(fd);
    return good && can_read(path);
}

static bool can_sync(const char *folder)
{
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool good = fd >= 0 && fsync(fd) == 0;
    (void)close(fd);
    return good;
}

static int use_files(const World *world)
{
    char part[256];
    char chunk[256];
    char frames[256];
    char frame[320];
    (void)snprintf(part, sizeof part, "%s/chunk-000000.part", world->work);
    (void)snprintf(chunk, sizeof chunk, "%s/chunk-000000.rbc", world->work);
    (void)snprintf(frames, sizeof frames, "%s/frames", world->work);
    (void)snprintf(frame, sizeof frame, "%s/000001.png", frames);
    const bool steps[] = {
        can_read(world->input),
        can_write(world->temporary, O_TRUNC),
        can_write(world->temporary, O_CREAT), /* as FFmpeg opens it */
        can_write(part, O_CREAT | O_EXCL),
        rename(part, chunk) == 0 && can_sync(world->work) && can_read(chunk),
        unlink(chunk) == 0,
        mkdir(frames, 0777) == 0 && can_write(frame, O_CREAT),
        unlink(frame) == 0 && rmdir(frames) == 0,
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (!steps[i]) {
            return (int)i + 1;
        }
    }
    return 0;
}

static int use_libraries(const World *world)
{
    const time_t now = time(NULL);
    struct tm local;
    const iconv_t conversion = iconv_open("UTF-8", "SHIFT_JIS"); /* loads a library */
    const bool steps[] = {
        conversion != (iconv_t)-1 && iconv_close(conversion) == 0,
        dlopen("libgcc_s.so.1", RTLD_NOW) != NULL,
        can_read("/proc/self/status") && can_read("/proc/self/maps"),
        can_read("/proc/cpuinfo") && can_read("/sys/devices/system/cpu/possible"),
        can_read("/dev/urandom"),
        localtime_r(&now, &local) != NULL,
        send(world->socket[1], "{}\n", 3, MSG_NOSIGNAL) == 3,
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (!steps[i]) {
            return (int)i + 1;
        }
    }
    return 0;
}

static void *run_thread(void *argument)
{
    const World *world = argument;
    void *memory = malloc(1 << 20);
    const bool good = memory != NULL && pthread_setname_np(pthread_self(), "rb-test") == 0 &&
                      can_read(world->input) && open(world->neighbour, O_RDONLY | O_CLOEXEC) < 0;
    free(memory);
    return good ? argument : NULL;
}

static int use_threads(const World *world)
{
    enum { THREADS = 32 };
    pthread_t threads[THREADS];
    int failures = 0;
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, run_thread, (void *)(uintptr_t)world) != 0) {
            return i + 1;
        }
    }
    for (int i = 0; i < THREADS; i++) {
        void *result = NULL;
        failures += pthread_join(threads[i], &result) != 0 || result == NULL;
    }
    return failures;
}

static int end_by_abort(const World *world)
{
    (void)world;
    abort();
}

static void a_job_can_work(void **state)
{
    static const int all[] = {LANDLOCK, SECCOMP, BOTH};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (has_layers(all[i])) {
            assert_int_equal(outcome(*state, all[i], 0, use_files), 0);
            assert_int_equal(outcome(*state, all[i], 0, use_libraries), 0);
            assert_int_equal(outcome(*state, all[i], 0, end_by_abort), -SIGABRT);
        }
    }
    if (has_layers(LANDLOCK)) {
        assert_int_equal(outcome(*state, LANDLOCK, 0, use_threads), 0);
    }
    if (has_layers(BOTH)) {
        assert_int_equal(outcome(*state, BOTH, 0, use_threads), 0);
    }
}

/* ---- older kernels, missing layers ---- */

static int read_neighbour(const World *world)
{
    return open(world->neighbour, O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
}

static void every_version_of_landlock_works(void **state)
{
    if (!has_layers(LANDLOCK)) {
        skip();
    }
    for (int abi = 1; abi <= NEWEST_ABI; abi++) {
        assert_int_equal(outcome(*state, LANDLOCK, abi, use_files), 0);
        assert_int_equal(outcome(*state, BOTH, abi, use_files), 0);
        assert_int_equal(outcome(*state, LANDLOCK, abi, read_neighbour), EACCES);
    }
}

static char last_line[512];
static int lines;

static void keep_line(void *context, LogLevel level, const char *line)
{
    (void)context;
    assert_int_equal(level, LOG_LEVEL_INFO);
    (void)snprintf(last_line, sizeof last_line, "%s", line);
    lines++;
}

static int enter_without(SandboxPart missing, bool strict, Error *err)
{
    SandboxFeatures features = sandbox_features();
    features.error[missing] = missing == SANDBOX_LANDLOCK ? EOPNOTSUPP : ENOSYS;
    lines = 0;
    log_set_sink(keep_line, NULL);
    const SandboxConfig config = {.strict = strict, .features = &features};
    const Status status = sandbox_enter(&config, err);
    log_set_sink(NULL, NULL);
    return status;
}

static int go_on_without_landlock(const World *world)
{
    Error err = {0};
    const bool good = enter_without(SANDBOX_LANDLOCK, false, &err) == STATUS_OK && lines == 1 &&
                      strcmp(last_line, "Landlock: not available (switched off when this machine was "
                                        "started): the worker can read and write what you can") == 0;
    return good && read_neighbour(world) == 0 && socket(AF_INET, SOCK_STREAM, 0) < 0 ? 0 : 1;
}

static int go_on_without_filter(const World *world)
{
    Error err = {0};
    const bool good = enter_without(SANDBOX_SECCOMP, false, &err) == STATUS_OK && lines == 1 &&
                      strcmp(last_line, "System call filter: not available (kernel without it): the worker "
                                        "can start programs and use the network as you can") == 0;
    return good && read_neighbour(world) != 0 && socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 0 : 1;
}

static int refuse_without_landlock(const World *world)
{
    (void)world;
    Error err = {0};
    return enter_without(SANDBOX_LANDLOCK, true, &err) == STATUS_FAILED && lines == 0 &&
                   err.class_ == ERROR_ENVIRONMENT && strstr(err.why, "Landlock is not available") != NULL &&
                   strstr(err.todo, "--sandbox auto") != NULL
               ? 0
               : 1;
}

static int refuse_without_filter(const World *world)
{
    (void)world;
    Error err = {0};
    return enter_without(SANDBOX_SECCOMP, true, &err) == STATUS_FAILED && lines == 0 &&
                   err.class_ == ERROR_ENVIRONMENT && strstr(err.why, "seccomp") != NULL
               ? 0
               : 1;
}

static void what_is_missing_is_said(void **state)
{
    if (!has_layers(BOTH)) {
        skip();
    }
    assert_int_equal(outcome(*state, OUTSIDE, 0, go_on_without_landlock), 0);
    assert_int_equal(outcome(*state, OUTSIDE, 0, go_on_without_filter), 0);
    assert_int_equal(outcome(*state, OUTSIDE, 0, refuse_without_landlock), 0);
    assert_int_equal(outcome(*state, OUTSIDE, 0, refuse_without_filter), 0);
}

static void features_are_described(void **state)
{
    (void)state;
    char line[256];
    const SandboxFeatures all = {.landlock_abi = 3};
    assert_true(sandbox_describe(&all, SANDBOX_LANDLOCK, line, sizeof line));
    assert_string_equal(line, "Landlock: available (version 3)");
    assert_true(sandbox_describe(&all, SANDBOX_SECCOMP, line, sizeof line));
    assert_string_equal(line, "System call filter: available");
    const SandboxFeatures none = {.error = {[SANDBOX_LANDLOCK] = ENOSYS, [SANDBOX_SECCOMP] = EPERM}};
    assert_false(sandbox_describe(&none, SANDBOX_LANDLOCK, line, sizeof line));
    assert_string_equal(
        line, "Landlock: not available (kernel without it): the worker can read and write what you can");
    assert_false(sandbox_describe(&none, SANDBOX_SECCOMP, line, sizeof line));
    assert_non_null(strstr(line, "forbidden here, perhaps by a container"));
}

/* ---- threads that are there already ---- */

static void *sleep_on(void *argument)
{
    (void)poll(NULL, 0, -1);
    return argument;
}

static int enter_with_a_thread(const World *world)
{
    (void)world;
    pthread_t thread;
    Error err = {0};
    const SandboxConfig config = {.strict = true};
    if (pthread_create(&thread, NULL, sleep_on, NULL) != 0) {
        return 1;
    }
    return sandbox_enter(&config, &err) == STATUS_FAILED && strstr(err.why, "threads") != NULL ? 0 : 2;
}

static atomic_int go;

static void *open_socket_when_told(void *argument)
{
    while (atomic_load(&go) == 0) {
        (void)sched_yield();
    }
    return socket(AF_INET, SOCK_STREAM, 0) < 0 ? argument : NULL;
}

static int filter_other_threads(const World *world)
{
    pthread_t thread;
    void *result = NULL;
    const SandboxConfig config = {0};
    if (pthread_create(&thread, NULL, open_socket_when_told, (void *)(uintptr_t)world) != 0 ||
        sandbox_enter(&config, NULL) != STATUS_OK) {
        return 1;
    }
    atomic_store(&go, 1);
    return pthread_join(thread, &result) == 0 && result != NULL ? 0 : 2;
}

static void threads_that_are_there_are_told_of(void **state)
{
    if (!has_layers(BOTH)) {
        skip();
    }
    assert_int_equal(outcome(*state, OUTSIDE, 0, filter_other_threads), 0);
    if (!IS_SANITIZED) { /* these have threads of their own */
        assert_int_equal(outcome(*state, OUTSIDE, 0, enter_with_a_thread), 0);
    }
}

/* ---- limits and privileges ---- */

static bool limit_at_most(__rlimit_resource_t resource, rlim_t most)
{
    struct rlimit limit;
    return getrlimit(resource, &limit) == 0 && limit.rlim_max <= most && limit.rlim_cur <= limit.rlim_max;
}

/* As many as the machine has, and some thousands more. */
static rlim_t most_tasks(void)
{
    char *text = NULL;
    int64_t size = 0;
    if (file_read("/proc/loadavg", 4096, &text, &size, NULL) != STATUS_OK) {
        return RLIM_INFINITY;
    }
    const char *slash = strchr(text, '/');
    const rlim_t now = slash != NULL ? (rlim_t)strtol(slash + 1, NULL, 10) : 0;
    memory_free(text);
    return now + 6000;
}

static rlim_t tasks_most;

static int check_limits(const World *world)
{
    (void)world;
    int files = 0;
    while (files < 4096 && open("/dev/urandom", O_RDONLY | O_CLOEXEC) >= 0) {
        files++;
    }
    return errno == EMFILE && files > 128 && files < 256 && limit_at_most(RLIMIT_CORE, 0) &&
                   limit_at_most(RLIMIT_NPROC, tasks_most)
               ? 0
               : 1;
}

static int check_file_sizes(const World *world)
{
    (void)world;
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY ? 0 : 1;
}

static bool has_line(const char *status, const char *name, const char *value)
{
    const char *line = strstr(status, name);
    return line != NULL && strncmp(line + strlen(name), value, strlen(value)) == 0;
}

static int check_status(const World *world)
{
    (void)world;
    char *status = NULL;
    int64_t size = 0;
    if (file_read("/proc/self/status", 1 << 16, &status, &size, NULL) != STATUS_OK) {
        return 1;
    }
    const char *capabilities = strstr(status, "CapPrm:\t");
    const char *inheritable = strstr(status, "CapInh:\t");
    const unsigned long long kept = capabilities != NULL ? strtoull(capabilities + 8, NULL, 16) : ~0ULL;
    const bool good = has_line(status, "NoNewPrivs:\t", "1") && has_line(status, "Seccomp:\t", "2") &&
                      (kept & ~6ULL) == 0 && inheritable != NULL && strtoull(inheritable + 8, NULL, 16) == 0;
    memory_free(status);
    return good ? 0 : 2;
}

static int check_dumpable(const World *world)
{
    (void)world;
    return prctl(PR_GET_DUMPABLE) == 0 ? 0 : 1;
}

static void limits_and_privileges_are_low(void **state)
{
    const int layers = has_layers(BOTH) ? BOTH : LANDLOCK;
    if (!has_layers(layers)) {
        skip();
    }
    tasks_most = most_tasks();
    assert_int_equal(outcome(*state, OUTSIDE, 0, check_limits), 1);
    assert_int_equal(outcome(*state, layers, 0, check_limits), 0);
    assert_int_equal(outcome(*state, layers, 0, check_file_sizes),
                     outcome(*state, OUTSIDE, 0, check_file_sizes));
    assert_int_equal(outcome(*state, LANDLOCK, 0, check_dumpable), 0);
    if (layers == BOTH) {
        assert_int_equal(outcome(*state, BOTH, 0, check_status), 0);
    }
}

/* ---- the worker's own lists ---- */

static int write_by_a_link(const World *world)
{
    char *write[] = {(char *)(uintptr_t)world->planted};
    const SandboxConfig config = {.strict = true, .write = {.items = write, .count = 1}};
    return sandbox_enter(&config, NULL) == STATUS_OK && !can_read(world->neighbour) &&
                   !can_write(world->neighbour, 0)
               ? 0
               : 1;
}

static void a_link_is_not_what_may_be_written(void **state)
{
    if (!has_layers(BOTH)) {
        skip();
    }
    assert_int_equal(outcome(*state, OUTSIDE, 0, write_by_a_link), 0);
}

static int enter_for_job(const World *world, const char *how, const char *models)
{
    Settings settings;
    settings_defaults(&settings);
    memory_free(settings.sandbox);
    settings.sandbox = text_duplicate(how);
    settings.models_dir = text_duplicate(models);
    const Message job = {.kind = MESSAGE_JOB,
                         .input = (char *)(uintptr_t)world->input,
                         .temporary = (char *)(uintptr_t)world->temporary,
                         .folder = (char *)(uintptr_t)world->work};
    Error err = {0};
    const Status status = sandbox_enter_for_job(&job, &settings, &err);
    settings_free(&settings);
    return status == STATUS_OK ? 0 : 1;
}

static int read_linked_model(const World *world)
{
    char link_path[256];
    (void)snprintf(link_path, sizeof link_path, "%s/model.onnx", world->other);
    if (symlink("../neighbour.mp4", link_path) != 0) {
        return 1;
    }
    const bool entered = enter_for_job(world, "strict", world->other) == 0;
    return entered && can_read(link_path) && can_read(world->chunk) && use_files(world) == 0 &&
                   open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0
               ? 0
               : 2;
}

static int read_all_when_off(const World *world)
{
    return enter_for_job(world, "off", world->other) == 0 && can_read("/etc/passwd") && use_files(world) == 0
               ? 0
               : 1;
}

static int read_two_for_probe(const World *world)
{
    Error err = {0};
    const bool entered = sandbox_enter_for_probe("strict", world->input, world->neighbour, &err) == STATUS_OK;
    return entered && can_read(world->input) && can_read(world->neighbour) && !can_read(world->chunk) &&
                   !can_write(world->neighbour, 0)
               ? 0
               : 1;
}

static void a_task_gets_what_it_needs(void **state)
{
    const World *world = *state;
    char link_path[256];
    (void)snprintf(link_path, sizeof link_path, "%s/model.onnx", world->other);
    assert_int_equal(outcome(world, OUTSIDE, 0, read_all_when_off), 0);
    if (!has_layers(BOTH)) {
        skip();
    }
    assert_int_equal(outcome(world, OUTSIDE, 0, read_linked_model), 0);
    assert_int_equal(unlink(link_path), 0);
    assert_int_equal(outcome(world, OUTSIDE, 0, read_two_for_probe), 0);
}

/* ---- what it costs ---- */

static int time_entering(const World *world)
{
    const int64_t began_ms = clock_now_ms();
    const bool entered = enter_for_job(world, "auto", world->other) == 0;
    const int64_t took_ms = clock_now_ms() - began_ms;
    return entered && took_ms < 200 ? (int)took_ms : 200;
}

static void entering_takes_less_than_ten_milliseconds(void **state)
{
    int least = 200;
    for (int i = 0; i < 5; i++) { /* others work on this machine */
        const int took = outcome(*state, OUTSIDE, 0, time_entering);
        least = took < least ? took : least;
    }
    assert_true(least < 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_can_work),
        cmocka_unit_test(every_version_of_landlock_works),
        cmocka_unit_test(what_is_missing_is_said),
        cmocka_unit_test(features_are_described),
        cmocka_unit_test(threads_that_are_there_are_told_of),
        cmocka_unit_test(limits_and_privileges_are_low),
        cmocka_unit_test(a_link_is_not_what_may_be_written),
        cmocka_unit_test(a_task_gets_what_it_needs),
        cmocka_unit_test(entering_takes_less_than_ten_milliseconds),
    };
    return cmocka_run_group_tests_name("sandbox", tests, world_open, world_close);
}
