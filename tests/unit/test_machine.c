#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine_tree.h"
#include "memory/machine.h"

static MemoryReading read_machine(const char *root)
{
    static Machine machine;
    MemoryReading reading;
    machine_open(&machine, root);
    assert_int_equal(machine_read(&machine, &reading, NULL), STATUS_OK);
    assert_int_equal(reading.used_bytes, reading.total_bytes - reading.available_bytes);
    return reading;
}

static void without_groups_the_machine_limits(void **state)
{
    (void)state;
    const MemoryReading reading = read_machine(tree_recorded("plain_host"));
    assert_int_equal(reading.total_bytes, 16340644 * KB);
    assert_int_equal(reading.available_bytes, 7663128 * KB);
    assert_string_equal(reading.group, "");
    assert_int_equal(reading.least_limit_bytes, 16340644 * KB);
    assert_true(memory_used_percent(&reading) > 53.1 && memory_used_percent(&reading) < 53.2);
    assert_int_equal(reading.swap_total_bytes, 2097148 * KB);
    assert_int_equal(reading.swap_free_bytes, 2000000 * KB);
    assert_false(reading.pressure.known);
    assert_false(reading.group_pressure.known);
}

static void the_level_with_the_least_available_limits(void **state)
{
    (void)state;
    const MemoryReading reading = read_machine(tree_recorded("v2_host"));
    assert_string_equal(reading.group, "/user.slice/user-1000.slice/run-r7.scope");
    assert_int_equal(reading.total_bytes, 4 * GB);
    assert_int_equal(reading.available_bytes, GB + 896 * MB);
    assert_int_equal(reading.machine_total_bytes, 32768000 * KB);
    assert_int_equal(reading.machine_available_bytes, 20000000 * KB);
    assert_int_equal(reading.swap_total_bytes, GB);
    assert_int_equal(reading.swap_free_bytes, GB - 64 * MB);
    assert_int_equal(reading.pressure.full.total_us, 65432);
    assert_int_equal(reading.group_pressure.full.total_us, 555);
}

static void containers_are_limited_by_their_group(void **state)
{
    (void)state;
    MemoryReading reading = read_machine(tree_recorded("v2_container"));
    assert_string_equal(reading.group, "/");
    assert_int_equal(reading.total_bytes, 2 * GB);
    assert_int_equal(reading.swap_total_bytes, 0);
    assert_int_equal(reading.group_pressure.some.total_us, 4711);
    reading = read_machine(tree_recorded("v1_container"));
    assert_string_equal(reading.group, "/kubepods/pod7/4f2a");
    assert_int_equal(reading.total_bytes, 3 * GB);
    reading = read_machine(tree_recorded("hybrid"));
    assert_string_equal(reading.group, "/runner/build");
    assert_int_equal(reading.total_bytes, 700 * MB);
    assert_int_equal(reading.available_bytes, 250 * MB);
}

/* The limit of a group may be larger than what the machine has left. */
static void a_wide_group_leaves_it_to_the_machine(void **state)
{
    const char *root = *state;
    tree_put(root, "proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 100000 kB\n");
    tree_put(root, "proc/self/cgroup", "0::/a\n");
    tree_put(root, "proc/self/mountinfo", "34 25 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    tree_put(root, "sys/fs/cgroup/a/memory.max", "204800000\n");
    tree_put(root, "sys/fs/cgroup/a/memory.current", "4096\n");
    MemoryReading reading = read_machine(root);
    assert_string_equal(reading.group, "");
    assert_int_equal(reading.total_bytes, 1000000 * KB);
    assert_int_equal(reading.least_limit_bytes, 204800000);
    tree_put(root, "sys/fs/cgroup/a/memory.current", "104800000\n");
    reading = read_machine(root);
    assert_string_equal(reading.group, "/a");
    assert_int_equal(reading.available_bytes, 100000000);
    /* a limit that nothing can keep is reached, and not unknown */
    tree_put(root, "sys/fs/cgroup/a/memory.high", "0\n");
    reading = read_machine(root);
    assert_string_equal(reading.group, "/a");
    assert_true(memory_used_percent(&reading) > 99.0);
    assert_int_equal(reading.least_limit_bytes, 1);
}

static void what_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    Machine machine;
    MemoryReading reading;
    Error err = {0};
    machine_open(&machine, "/nowhere");
    assert_int_equal(machine_read(&machine, &reading, &err), STATUS_FAILED);
    assert_string_equal(err.file, "/nowhere/proc/meminfo");
    assert_int_equal(reading.total_bytes, 0);
    assert_true(memory_used_percent(&reading) < 0.001);
}

static void this_machine_is_read_again_and_again(void **state)
{
    (void)state;
    Machine machine;
    machine_open(&machine, "/");
    for (int i = 0; i < 100; i++) {
        MemoryReading reading;
        assert_int_equal(machine_read(&machine, &reading, NULL), STATUS_OK);
        assert_true(reading.total_bytes > 0 && reading.total_bytes <= reading.machine_total_bytes);
        assert_true(reading.available_bytes <= reading.machine_available_bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_groups_the_machine_limits),
        cmocka_unit_test(the_level_with_the_least_available_limits),
        cmocka_unit_test(containers_are_limited_by_their_group),
        TREE_TEST(a_wide_group_leaves_it_to_the_machine),
        cmocka_unit_test(what_cannot_be_read_is_an_error),
        cmocka_unit_test(this_machine_is_read_again_and_again),
    };
    return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
