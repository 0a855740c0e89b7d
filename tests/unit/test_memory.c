#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "memory/meminfo.h"

/* A folder that stands for /proc. */
static char *root;

static void put(const char *name, const char *content)
{
    char *path = path_join(root, name);
    char *folder = path_folder(path);
    assert_int_equal(folder_make(folder, NULL), STATUS_OK);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
    memory_free(folder);
    memory_free(path);
}

static int make_root(void **state)
{
    (void)state;
    char template[] = "/tmp/runbatch-test-XXXXXX";
    root = text_duplicate(mkdtemp(template));
    return 0;
}

static int remove_root(void **state)
{
    (void)state;
    static const char *const names[] = {"meminfo", "42/status", "42", ""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = path_join(root, names[i]);
        (void)remove(path);
        memory_free(path);
    }
    memory_free(root);
    return 0;
}

/* Recorded on Linux 6.1 with 16 GB, shortened. */
static void a_recorded_machine_is_read(void **state)
{
    (void)state;
    put("meminfo", "MemTotal:       16340644 kB\n"
                   "MemFree:          412080 kB\n"
                   "MemAvailable:    7663128 kB\n"
                   "Buffers:          301020 kB\n"
                   "Cached:          6853352 kB\n");
    MemoryReading reading;
    assert_int_equal(memory_read(root, &reading, NULL), STATUS_OK);
    assert_int_equal(reading.total_bytes, 16340644LL * 1024);
    assert_int_equal(reading.available_bytes, 7663128LL * 1024);
    assert_int_equal(reading.used_bytes, (16340644LL - 7663128LL) * 1024);
    assert_true(memory_used_percent(&reading) > 53.1 && memory_used_percent(&reading) < 53.2);
}

static void an_old_kernel_has_no_available(void **state)
{
    (void)state;
    put("meminfo", "MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 20 kB\nCached: 80 kB\nSwapCached: 7 kB\n");
    MemoryReading reading;
    assert_int_equal(memory_read(root, &reading, NULL), STATUS_OK);
    assert_int_equal(reading.available_bytes, 200 * 1024);
}

static void damaged_readings_are_errors_or_bounded(void **state)
{
    (void)state;
    MemoryReading reading;
    Error err = {0};
    assert_int_equal(memory_read("/nowhere", &reading, &err), STATUS_FAILED);
    assert_true(error_is_set(&err));
    static const char *const bad[] = {"",
                                      "MemTotal:\n",
                                      "MemTotal: -5 kB\n",
                                      "MemTotal: 99999999999999999999 kB\n",
                                      "XMemTotal: 7 kB\n",
                                      "MemTotal 7 kB\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        put("meminfo", bad[i]);
        assert_int_equal(memory_read(root, &reading, NULL), STATUS_FAILED);
        assert_true(memory_used_percent(&reading) < 0.001);
    }
    put("meminfo", "MemTotal: 100 kB\nMemAvailable: 200 kB\n");
    assert_int_equal(memory_read(root, &reading, NULL), STATUS_OK);
    assert_int_equal(reading.used_bytes, 0);
}

static void a_process_is_read(void **state)
{
    (void)state;
    put("42/status", "Name:\tVmRSS: 1 kB\nState:\tS (sleeping)\nVmHWM:\t  830000 kB\nVmRSS:\t  812032 kB\n");
    ProcessMemory memory;
    assert_int_equal(memory_read_process(root, 42, &memory, NULL), STATUS_OK);
    assert_int_equal(memory.rss_bytes, 812032LL * 1024);
    assert_int_equal(memory.peak_rss_bytes, 830000LL * 1024);
    put("42/status", "Name:\tgone\nState:\tZ (zombie)\n");
    assert_int_equal(memory_read_process(root, 42, &memory, NULL), STATUS_OK);
    assert_int_equal(memory.rss_bytes, 0);
    assert_int_equal(memory_read_process(root, 43, &memory, NULL), STATUS_FAILED);
}

static void this_machine_is_read(void **state)
{
    (void)state;
    MemoryReading reading;
    ProcessMemory memory;
    assert_int_equal(memory_read("/proc", &reading, NULL), STATUS_OK);
    assert_true(reading.total_bytes > reading.used_bytes);
    assert_int_equal(memory_read_process("/proc", 0, &memory, NULL), STATUS_OK);
    assert_true(memory.rss_bytes > 0 && memory.peak_rss_bytes >= memory.rss_bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_recorded_machine_is_read, make_root, remove_root),
        cmocka_unit_test_setup_teardown(an_old_kernel_has_no_available, make_root, remove_root),
        cmocka_unit_test_setup_teardown(damaged_readings_are_errors_or_bounded, make_root, remove_root),
        cmocka_unit_test_setup_teardown(a_process_is_read, make_root, remove_root),
        cmocka_unit_test(this_machine_is_read),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
