#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine_tree.h"
#include "memory/meminfo.h"
#include "memory/pressure.h"

static void a_recorded_machine_is_read(void **state)
{
    (void)state;
    MemInfo info;
    assert_int_equal(meminfo_read(tree_recorded("plain_host"), &info, NULL), STATUS_OK);
    assert_int_equal(info.total_bytes, 16340644 * KB);
    assert_int_equal(info.available_bytes, 7663128 * KB);
    assert_int_equal(info.swap_total_bytes, 2097148 * KB);
    assert_int_equal(info.swap_free_bytes, 2000000 * KB);
    assert_int_equal(meminfo_oom_kills(tree_recorded("plain_host")), 7);
    assert_int_equal(meminfo_oom_kills("/nowhere"), -1);
}

static void an_old_kernel_has_no_available(void **state)
{
    const char *root = *state;
    tree_put(root, "proc/meminfo",
             "MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 20 kB\nCached: 80 kB\nSwapCached: 7 kB\n");
    MemInfo info;
    assert_int_equal(meminfo_read(root, &info, NULL), STATUS_OK);
    assert_int_equal(info.available_bytes, 200 * KB);
    tree_put(root, "proc/vmstat", "oom_kills_x 9\npgfault 12\n");
    assert_int_equal(meminfo_oom_kills(root), -1);
}

static void damaged_readings_are_errors_or_bounded(void **state)
{
    const char *root = *state;
    MemInfo info;
    Error err = {0};
    assert_int_equal(meminfo_read("/nowhere", &info, &err), STATUS_FAILED);
    assert_true(error_is_set(&err));
    static const char *const bad[] = {"",
                                      "MemTotal:\n",
                                      "MemTotal:\n7 kB\n",
                                      "MemTotal: -5 kB\n",
                                      "MemTotal: 99999999999999999999 kB\n",
                                      "MemTotal: 9007199254740993 kB\n",
                                      "XMemTotal: 7 kB\n",
                                      "MemTotal 7 kB\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tree_put(root, "proc/meminfo", bad[i]);
        assert_int_equal(meminfo_read(root, &info, NULL), STATUS_FAILED);
        assert_int_equal(info.total_bytes, 0);
    }
    tree_put(root, "proc/meminfo", "MemTotal: 100 kB\nMemAvailable: 200 kB\n");
    assert_int_equal(meminfo_read(root, &info, NULL), STATUS_OK);
    assert_int_equal(info.available_bytes, 100 * KB);
}

static void a_process_is_read(void **state)
{
    const char *root = *state;
    tree_put(root, "proc/42/status",
             "Name:\tVmRSS: 1 kB\nState:\tS (sleeping)\nVmHWM:\t  830000 kB\nVmRSS:\t  812032 kB\n");
    ProcessMemory memory;
    assert_int_equal(meminfo_read_process(root, 42, &memory, NULL), STATUS_OK);
    assert_int_equal(memory.rss_bytes, 812032 * KB);
    assert_int_equal(memory.peak_rss_bytes, 830000 * KB);
    /* before those about memory stands a list that has no end */
    Text status = {0};
    text_append(&status, "Name:\tx\nGroups:\t");
    for (int i = 0; i < 20000; i++) {
        text_appendf(&status, "%d ", 1000000000 + i);
    }
    text_append(&status, "\nVmHWM:\t  900 kB\nVmRSS:\t  800 kB\n");
    tree_put(root, "proc/42/status", status.data);
    text_free(&status);
    assert_int_equal(meminfo_read_process(root, 42, &memory, NULL), STATUS_OK);
    assert_int_equal(memory.rss_bytes, 800 * KB);
    assert_int_equal(memory.peak_rss_bytes, 900 * KB);
    tree_put(root, "proc/42/status", "Name:\tgone\nState:\tZ (zombie)\n");
    assert_int_equal(meminfo_read_process(root, 42, &memory, NULL), STATUS_OK);
    assert_int_equal(memory.rss_bytes, 0);
    assert_int_equal(meminfo_read_process(root, 43, &memory, NULL), STATUS_FAILED);
}

static void this_machine_is_read(void **state)
{
    (void)state;
    MemInfo info;
    ProcessMemory memory;
    assert_int_equal(meminfo_read("/", &info, NULL), STATUS_OK);
    assert_true(info.total_bytes > info.available_bytes && info.available_bytes > 0);
    assert_int_equal(meminfo_read_process("/", 0, &memory, NULL), STATUS_OK);
    assert_true(memory.rss_bytes > 0 && memory.peak_rss_bytes >= memory.rss_bytes);
}

static void assert_percent(double value, double expected)
{
    assert_true(value > expected - 0.001 && value < expected + 0.001);
}

static void pressure_is_read(void **state)
{
    (void)state;
    Pressure pressure;
    pressure_read_machine(tree_recorded("v2_host"), &pressure);
    assert_true(pressure.known);
    assert_percent(pressure.some.avg10, 1.53);
    assert_percent(pressure.some.avg60, 0.42);
    assert_int_equal(pressure.some.total_us, 123456);
    assert_percent(pressure.full.avg10, 0.61);
    assert_percent(pressure.full.avg60, 0.20);
    assert_int_equal(pressure.full.total_us, 65432);
    pressure_read_machine(tree_recorded("plain_host"), &pressure);
    assert_false(pressure.known);
}

static void damaged_pressure_is_none(void **state)
{
    const char *root = *state;
    static const char *const bad[] = {
        "",
        "some avg10=1.00 avg60=1.00 avg300=1.00 total=1\n",
        "some avg10=1.00 avg60=1.00 avg300=1.00 total=1\nfull avg10=1.00\n",
        "some avg10=x avg60=1.00 avg300=1.00 total=1\nfull avg10=1.00 avg60=1.00 avg300=1.00 total=1\n",
        "some avg10=100.01 avg60=1.00 avg300=1.00 total=1\nfull avg10=1.00 avg60=1.00 avg300=1.00 total=1\n",
        "some avg10=1.00 avg60=1.00 avg300=1.00 total=-1\nfull avg10=1.00 avg60=1.00 avg300=1.00 total=1\n",
        "some avg10=1.00 avg60=1.00 avg300=1.00 total=1\nfull avg300=1.00\navg10=1.00 avg60=1.00 total=1\n",
    };
    Pressure pressure;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tree_put(root, "proc/pressure/memory", bad[i]);
        pressure_read_machine(root, &pressure);
        assert_false(pressure.known);
    }
    tree_put(
        root, "proc/pressure/memory",
        "some avg10=100.00 avg60=0.05 avg300=1.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=1.00 total=0\n");
    pressure_read_machine(root, &pressure);
    assert_true(pressure.known);
    assert_percent(pressure.some.avg10, 100.0);
    assert_percent(pressure.some.avg60, 0.05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recorded_machine_is_read),
        TREE_TEST(an_old_kernel_has_no_available),
        TREE_TEST(damaged_readings_are_errors_or_bounded),
        TREE_TEST(a_process_is_read),
        cmocka_unit_test(this_machine_is_read),
        cmocka_unit_test(pressure_is_read),
        TREE_TEST(damaged_pressure_is_none),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
