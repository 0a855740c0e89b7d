#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "doctor/apart.h"
#include "doctor/checks.h"
#include "infer/known_model.h"
#include "machine_tree.h"

enum { LIMIT_MS = 60000 };

/* ---- helpers ---- */

/* The first check of that name whose figure is that text; the first of the name for NULL. */
static const Check *find(const Checkup *checkup, const char *name, const char *key, const char *value)
{
    for (size_t i = 0; i < checkup->count; i++) {
        const Check *check = &checkup->items[i];
        const char *text = key != NULL ? json_string_value(json_object_get(check->figures, key)) : NULL;
        if (strcmp(check->name, name) == 0 && (key == NULL || (text != NULL && strcmp(text, value) == 0))) {
            return check;
        }
    }
    fail_msg("there is no check %s", name);
    return NULL;
}

static int64_t number_of(const Check *check, const char *key)
{
    assert_true(json_is_integer(json_object_get(check->figures, key)));
    return (int64_t)json_integer_value(json_object_get(check->figures, key));
}

static void begin(Settings *settings, DoctorConfig *config, const char *root)
{
    settings_defaults(settings);
    *config = (DoctorConfig){.settings = settings, .root = root, .gpu_library = "/nowhere/libnvidia-ml.so.1"};
}

/* ---- memory ---- */

static void every_limit_and_the_one_that_counts_are_told(void **state)
{
    (void)state;
    Settings settings;
    DoctorConfig config;
    Checkup found = {0};
    begin(&settings, &config, tree_recorded("v2_host"));
    check_memory(&config, &found);
    const Check *scope = find(&found, "memory_group", "group", "/user.slice/user-1000.slice/run-r7.scope");
    assert_int_equal(number_of(scope, "limit_bytes"), 4 * GB);
    assert_int_equal(number_of(scope, "oom_kills"), 1);
    assert_int_equal(scope->level, CHECK_WARNING);
    assert_non_null(strstr(scope->advice, "1 so far"));
    const Check *slice = find(&found, "memory_group", "group", "/user.slice");
    assert_int_equal(number_of(slice, "limit_bytes"), 12 * GB); /* memory.high */
    const Check *counts = find(&found, "memory_limit", "group", "/user.slice/user-1000.slice/run-r7.scope");
    assert_int_equal(number_of(counts, "total_bytes"), 4 * GB);
    /* all of its tasks waited 10 % of the time */
    assert_int_equal(find(&found, "memory_pressure", NULL, NULL)->level, CHECK_WARNING);
    assert_int_equal(number_of(find(&found, "machine_memory", NULL, NULL), "total_bytes"),
                     32768000 * INT64_C(1024));
    checkup_free(&found);
    settings_free(&settings);
}

static void memory_is_short_from_the_mark_on(void **state)
{
    Settings settings;
    DoctorConfig config;
    Checkup found = {0};
    begin(&settings, &config, *state);
    tree_put(*state, "proc/meminfo", "MemTotal: 1000000 kB\nMemFree: 1 kB\nMemAvailable: 151000 kB\n");
    check_memory(&config, &found);
    assert_int_equal(find(&found, "memory_limit", NULL, NULL)->level, CHECK_OK);
    assert_int_equal(find(&found, "memory_groups", NULL, NULL)->level, CHECK_OK);
    assert_false(
        json_is_true(json_object_get(find(&found, "memory_pressure", NULL, NULL)->figures, "known")));
    checkup_free(&found);
    assert_false(check_memory_is_short(&config));
    tree_put(*state, "proc/meminfo", "MemTotal: 1000000 kB\nMemFree: 1 kB\nMemAvailable: 150000 kB\n");
    check_memory(&config, &found);
    const Check *check = find(&found, "memory_limit", NULL, NULL);
    assert_int_equal(check->level, CHECK_WARNING);
    assert_non_null(strstr(check->advice, "--memory-high"));
    assert_true(check_memory_is_short(&config));
    checkup_free(&found);
    settings_free(&settings);
}

static void a_machine_that_tells_nothing_is_an_error(void **state)
{
    Settings settings;
    DoctorConfig config;
    Checkup found = {0};
    begin(&settings, &config, *state);
    check_memory(&config, &found);
    assert_int_equal(find(&found, "machine_memory", NULL, NULL)->level, CHECK_ERROR);
    checkup_free(&found);
    settings_free(&settings);
}

/* As a batch would find it: alone in its group of version 2. A child of ours would not be. */
static void limits_are_proved_by_the_process_itself(void **state)
{
    Settings settings;
    DoctorConfig config;
    Checkup found = {0};
    char *own = text_format("%ld\n", (long)getpid());
    begin(&settings, &config, *state);
    tree_put(*state, "proc/self/cgroup", "0::/run.scope\n");
    tree_put(*state, "proc/self/mountinfo", "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    tree_put(*state, "sys/fs/cgroup/run.scope/cgroup.controllers", "memory\n");
    tree_put(*state, "sys/fs/cgroup/run.scope/cgroup.subtree_control", "");
    tree_put(*state, "sys/fs/cgroup/run.scope/cgroup.procs", own);
    doctor_examine(&config, &found);
    const Check *check = find(&found, "memory_enforcement", NULL, NULL);
    assert_int_equal(check->group, CHECK_LIMITS);
    assert_null(strstr(check->text, "other programs are in the one")); /* this kernel's files are missing */
    checkup_free(&found);
    tree_put(*state, "sys/fs/cgroup/run.scope/cgroup.procs", "77\n");
    check_limits(&config, &found);
    assert_non_null(strstr(found.items[0].text, "other programs are in the one"));
    assert_non_null(strstr(found.items[0].advice, "systemd-run"));
    checkup_free(&found);
    memory_free(own);
    settings_free(&settings);
}

static void holders_are_named_where_memory_is_short(void **state)
{
    Settings settings;
    DoctorConfig config;
    Checkup found = {0};
    begin(&settings, &config, *state);
    tree_put(*state, "proc/77/stat", "77 (hog) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 1 200000 0\n");
    tree_put(*state, "proc/77/status", "Name:\thog\033[2J\nUid:\t7\t7\t7\t7\nVmRSS:\t  800000 kB\n");
    tree_put(*state, "proc/meminfo", "MemTotal: 1000000 kB\nMemFree: 1 kB\nMemAvailable: 900000 kB\n");
    check_processes(&config, &found);
    const Check *check = find(&found, "memory_holder", NULL, NULL);
    assert_int_equal(check->level, CHECK_OK);
    assert_int_equal(number_of(check, "process"), 77);
    assert_int_equal(number_of(check, "rss_bytes"), 800000 * INT64_C(1024));
    checkup_free(&found);
    tree_put(*state, "proc/meminfo", "MemTotal: 1000000 kB\nMemFree: 1 kB\nMemAvailable: 100000 kB\n");
    check_processes(&config, &found);
    assert_int_equal(find(&found, "memory_holder", NULL, NULL)->level, CHECK_WARNING);
    checkup_free(&found);
    tree_put(*state, "proc/meminfo", "MemTotal: 100000000 kB\nMemFree: 1 kB\nMemAvailable: 100000 kB\n");
    check_processes(&config, &found);
    assert_string_equal(found.items[0].name, "memory_holders");
    checkup_free(&found);
    settings_free(&settings);
}

/* ---- cards ---- */

static void cards_and_who_holds_them_are_told(void **state)
{
    Settings settings;
    DoctorConfig config;
    Checkup found = {0};
    begin(&settings, &config, *state);
    config.gpu_library = getenv("RUNBATCH_FAKE_NVML");
    char *cards = path_join(*state, "gpu");
    tree_put(*state, "gpu",
             "device 24576 23000 NVIDIA GeForce RTX 3090\nprocess 0 77 512\nprocess 0 78 -1\n");
    tree_put(*state, "proc/77/status", "Name:\tollama\nUid:\t7\t7\t7\t7\nVmRSS:\t  800000 kB\n");
    assert_int_equal(setenv("RUNBATCH_FAKE_GPU", cards, 1), 0);
    assert_true(check_has_card(&config));
    check_gpu(&config, &found);
    assert_int_equal(find(&found, "video_memory", "model", "NVIDIA GeForce RTX 3090")->level, CHECK_WARNING);
    assert_int_equal(number_of(find(&found, "video_memory_holder", "program", "ollama"), "used_bytes"),
                     512 * MB);
    const Check *other = find(&found, "video_memory_holder", "program", "unknown");
    assert_int_equal(number_of(other, "process"), 78);
    assert_true(json_is_null(json_object_get(other->figures, "used_bytes")));
    checkup_free(&found);
    tree_put(*state, "gpu", "device 24576 1000 X\n");
    check_gpu(&config, &found);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.items[0].level, CHECK_OK);
    checkup_free(&found);
    tree_put(*state, "gpu", "device 24576 1000 X\nfail nvmlInit_v2 18\n"); /* versions do not match */
    check_gpu(&config, &found);
    assert_int_equal(find(&found, "video_cards", NULL, NULL)->level, CHECK_WARNING);
    checkup_free(&found);
    memory_free(cards);
    settings_free(&settings);
}

static void a_card_without_a_driver_is_seen_on_the_bus(void **state)
{
    Settings settings;
    DoctorConfig config;
    Checkup found = {0};
    begin(&settings, &config, *state);
    /* its sound device, and another maker's display */
    tree_put(*state, "sys/bus/pci/devices/0000:01:00.1/vendor", "0x10de\n");
    tree_put(*state, "sys/bus/pci/devices/0000:01:00.1/class", "0x040300\n");
    tree_put(*state, "sys/bus/pci/devices/0000:00:02.0/vendor", "0x8086\n");
    tree_put(*state, "sys/bus/pci/devices/0000:00:02.0/class", "0x030000\n");
    check_gpu(&config, &found);
    assert_int_equal(find(&found, "video_cards", NULL, NULL)->level, CHECK_OK);
    checkup_free(&found);
    tree_put(*state, "sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n");
    tree_put(*state, "sys/bus/pci/devices/0000:01:00.0/class", "0x030200\n");
    check_gpu(&config, &found);
    assert_int_equal(find(&found, "video_cards", NULL, NULL)->level, CHECK_WARNING);
    checkup_free(&found);
    settings_free(&settings);
}

/* ---- models ---- */

static void put_model(const char *folder, const KnownModel *model)
{
    char *path = path_join(folder, model->files[0]);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(ftruncate(fileno(file), model->bytes), 0);
    assert_int_equal(fclose(file), 0);
    memory_free(path);
}

static void models_are_hashed(void **state)
{
    Settings settings;
    DoctorConfig config;
    Checkup found = {0};
    begin(&settings, &config, *state);
    settings.models_dir = text_duplicate(*state);
    for (size_t i = 0; i < known_model_count; i++) {
        if (strcmp(known_models[i].name, "facemesh") == 0 || strcmp(known_models[i].name, "iris") == 0) {
            put_model(*state, &known_models[i]); /* the right size, all zeros */
        }
    }
    tree_put(*state, "fr_detect.onnx", "short");
    check_models(&config, &found);
    assert_int_equal(found.count, 7); /* the default ones */
    const Check *check = find(&found, "model", "model", "facemesh");
    assert_int_equal(check->level, CHECK_ERROR);
    assert_string_equal(json_string_value(json_object_get(check->figures, "state")), "wrong");
    assert_true(json_is_string(json_object_get(check->figures, "sha256")));
    assert_non_null(strstr(check->advice, "setup.sh"));
    check = find(&found, "model", "model", "iris"); /* that nothing uses */
    assert_int_equal(check->level, CHECK_WARNING);
    check = find(&found, "model", "model", "fr_detect");
    assert_true(json_is_null(json_object_get(check->figures, "sha256")));
    check = find(&found, "model", "model", "blazeface_back");
    assert_int_equal(check->level, CHECK_ERROR);
    assert_string_equal(json_string_value(json_object_get(check->figures, "state")), "missing");
    assert_non_null(strstr(check->advice, "setup.sh"));
    /* the embedder is for the reference face alone */
    assert_int_equal(find(&found, "model", "model", "fr_feature")->level, CHECK_WARNING);
    checkup_free(&found);
    settings.many_faces = false;
    check_models(&config, &found);
    assert_int_equal(find(&found, "model", "model", "fr_feature")->level, CHECK_ERROR);
    checkup_free(&found);
    settings_free(&settings);
}

/* ---- space ---- */

static void space_is_judged_by_the_reserve(void **state)
{
    Settings settings;
    DoctorConfig config;
    Checkup found = {0};
    begin(&settings, &config, "/");
    memory_free(settings.output_dir);
    settings.output_dir = path_join(*state, "not/there/yet");
    settings.disk_reserve = (Share){.percent = 100};
    check_space(&config, &found);
    assert_int_equal(found.count, 1); /* both places are on one volume */
    assert_int_equal(found.items[0].level, CHECK_ERROR);
    assert_string_equal(json_string_value(json_object_get(found.items[0].figures, "places")), "output, work");
    checkup_free(&found);
    if (access("/dev/shm", W_OK) == 0) {
        settings.disk_reserve = (Share){.bytes = 1};
        settings.temp_dir = text_duplicate("/dev/shm");
        check_space(&config, &found);
        const Check *check = find(&found, "volume", "places", "frames");
        assert_string_equal(json_string_value(json_object_get(check->figures, "file_system")), "tmpfs");
        assert_int_equal(check->level, CHECK_WARNING);
        checkup_free(&found);
    }
    settings_free(&settings);
}

/* ---- the system ---- */

static void limits_that_are_too_low_are_told(void **state)
{
    (void)state;
    Settings settings;
    DoctorConfig config;
    Checkup found = {0};
    struct rlimit before;
    begin(&settings, &config, "/");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit few = {.rlim_cur = 64, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    check_system(&config, &found);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    const Check *check = find(&found, "limit", "limit", "open_files");
    assert_int_equal(check->level, CHECK_WARNING);
    assert_int_equal(number_of(check, "soft"), 64);
    assert_int_equal(find(&found, "clock", NULL, NULL)->level, CHECK_OK);
    checkup_free(&found);
    settings_free(&settings);
}

/* ---- apart ---- */

static void find_two(const void *context, Checkup *found)
{
    Check *check = checkup_add(found, CHECK_GPU, "first", CHECK_WARNING,
                               json_pack("{s:i}", "number", *(const int *)context), "a \xFF text");
    check_advise(check, "do that");
    (void)checkup_add(found, CHECK_GPU, "second", CHECK_OK, NULL, "fine");
}

static void crash(const void *context, Checkup *found)
{
    (void)context;
    (void)checkup_add(found, CHECK_GPU, "lost", CHECK_OK, NULL, "-");
    (void)raise(SIGKILL);
}

static void hang(const void *context, Checkup *found)
{
    (void)found;
    (void)context;
    for (;;) {
        (void)pause();
    }
}

static void leave(const void *context, Checkup *found)
{
    (void)found;
    (void)context;
    _exit(0);
}

static void what_a_child_finds_comes_back(void **state)
{
    (void)state;
    const int number = 4711;
    Checkup found = {0};
    apart_do(find_two, &number, CHECK_GPU, LIMIT_MS, &found);
    assert_int_equal(found.count, 2);
    assert_int_equal(number_of(&found.items[0], "number"), 4711);
    assert_int_equal(found.items[0].level, CHECK_WARNING);
    assert_string_equal(found.items[0].text, "a \xEF\xBF\xBD text");
    assert_string_equal(found.items[0].advice, "do that");
    assert_null(found.items[1].advice);
    assert_int_equal(checkup_count(&found, CHECK_OK), 1);
    checkup_free(&found);
}

static void a_child_that_comes_to_grief_is_told(void **state)
{
    (void)state;
    Checkup found = {0};
    apart_do(crash, NULL, CHECK_GPU, LIMIT_MS, &found);
    apart_do(hang, NULL, CHECK_SPACE, 200, &found);
    apart_do(leave, NULL, CHECK_MODELS, LIMIT_MS, &found);
    assert_int_equal(found.count, 3);
    for (size_t i = 0; i < found.count; i++) {
        assert_string_equal(found.items[i].name, "unfinished");
        assert_int_equal(found.items[i].level, CHECK_ERROR);
    }
    assert_int_equal(found.items[0].group, CHECK_GPU);
    assert_int_equal(number_of(&found.items[0], "signal"), SIGKILL);
    assert_non_null(strstr(found.items[1].text, "not found out"));
    assert_int_equal(found.items[2].group, CHECK_MODELS);
    checkup_free(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_limit_and_the_one_that_counts_are_told),
        TREE_TEST(memory_is_short_from_the_mark_on),
        TREE_TEST(a_machine_that_tells_nothing_is_an_error),
        TREE_TEST(limits_are_proved_by_the_process_itself),
        TREE_TEST(holders_are_named_where_memory_is_short),
        TREE_TEST(cards_and_who_holds_them_are_told),
        TREE_TEST(a_card_without_a_driver_is_seen_on_the_bus),
        TREE_TEST(models_are_hashed),
        TREE_TEST(space_is_judged_by_the_reserve),
        cmocka_unit_test(limits_that_are_too_low_are_told),
        cmocka_unit_test(what_a_child_finds_comes_back),
        cmocka_unit_test(a_child_that_comes_to_grief_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
