#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine_tree.h"
#include "memory/cgroup.h"

typedef struct Read {
    CgroupPlace place;
    CgroupLevel levels[CGROUP_LEVELS];
    size_t count;
} Read;

static Read *read_groups(const char *root, pid_t pid, int version)
{
    static Read result;
    assert_int_equal(cgroup_find(root, pid, &result.place), version != 0);
    assert_int_equal(result.place.version, version);
    result.count = cgroup_read(&result.place, result.levels);
    return &result;
}

static void assert_name(const Read *read, size_t level, const char *expected)
{
    char name[256];
    assert_true(level < read->count);
    cgroup_name(&read->place, &read->levels[level], name, sizeof name);
    assert_string_equal(name, expected);
}

static void a_machine_without_groups_has_none(void **state)
{
    (void)state;
    const Read *read = read_groups(tree_recorded("plain_host"), 0, 0);
    assert_int_equal(read->count, 0);
    assert_int_equal(cgroup_oom_kills(&read->place), -1);
    assert_int_equal(read_groups("/nowhere", 0, 0)->count, 0);
}

static void groups_of_version_2_are_read_up_to_the_top(void **state)
{
    (void)state;
    const Read *read = read_groups(tree_recorded("v2_host"), 0, 2);
    assert_int_equal(read->count, 4);
    assert_name(read, 0, "/user.slice/user-1000.slice/run-r7.scope");
    assert_name(read, 1, "/user.slice/user-1000.slice");
    assert_name(read, 2, "/user.slice");
    assert_name(read, 3, "/");
    const CgroupLevel *scope = &read->levels[0];
    assert_int_equal(scope->max_bytes, 4 * GB);
    assert_int_equal(scope->high_bytes, -1);
    assert_int_equal(scope->limit_bytes, 4 * GB);
    assert_int_equal(scope->used_bytes, 3 * GB);
    assert_int_equal(scope->reclaimable_bytes, 896 * MB);
    assert_int_equal(scope->anonymous_bytes, 2 * GB);
    assert_int_equal(scope->swap_limit_bytes, GB);
    assert_int_equal(scope->swap_used_bytes, 64 * MB);
    assert_int_equal(scope->oom_kills, 1);
    assert_int_equal(cgroup_available(scope), GB + 896 * MB);
    const CgroupLevel *user = &read->levels[1];
    assert_int_equal(user->limit_bytes, -1);
    assert_int_equal(user->used_bytes, -1); /* it cannot limit, so it is not asked */
    assert_int_equal(cgroup_available(user), -1);
    const CgroupLevel *slice = &read->levels[2];
    assert_int_equal(slice->max_bytes, -1);
    assert_int_equal(slice->high_bytes, 12 * GB);
    assert_int_equal(slice->limit_bytes, 12 * GB);
    assert_int_equal(slice->swap_limit_bytes, -1);
    assert_int_equal(cgroup_available(slice), 5 * GB);
    assert_int_equal(slice->oom_kills, 3);
    assert_int_equal(read->levels[3].limit_bytes, -1);
    assert_int_equal(cgroup_oom_kills(&read->place), 1);
    Pressure pressure;
    cgroup_pressure(&read->place, scope, &pressure);
    assert_true(pressure.known && pressure.full.total_us == 555);
    cgroup_pressure(&read->place, user, &pressure);
    assert_false(pressure.known);
}

static void another_process_has_its_own_group(void **state)
{
    (void)state;
    const Read *read = read_groups(tree_recorded("v2_host"), 812, 2);
    assert_int_equal(read->count, 3);
    assert_name(read, 0, "/system.slice/ssh.service");
    assert_int_equal(read->levels[0].limit_bytes, -1);
    assert_int_equal(read->levels[0].used_bytes, 20 * MB); /* the process's own group always is */
    (void)read_groups(tree_recorded("v2_host"), 813, 0);
}

static void a_container_sees_its_group_as_the_top(void **state)
{
    (void)state;
    const Read *read = read_groups(tree_recorded("v2_container"), 0, 2);
    assert_int_equal(read->count, 1);
    assert_name(read, 0, "/");
    assert_int_equal(read->levels[0].limit_bytes, 2 * GB);
    assert_int_equal(cgroup_available(&read->levels[0]), 912 * MB);
    assert_int_equal(read->levels[0].swap_limit_bytes, 0);
    assert_int_equal(cgroup_oom_kills(&read->place), 5);
}

static void a_container_of_version_1_has_the_limits_it_cannot_see(void **state)
{
    (void)state;
    const Read *read = read_groups(tree_recorded("v1_container"), 0, 1);
    assert_int_equal(read->count, 1);
    assert_name(read, 0, "/kubepods/pod7/4f2a");
    assert_int_equal(read->levels[0].limit_bytes, 3 * GB); /* its own is 8 GB */
    assert_int_equal(cgroup_available(&read->levels[0]), GB + 512 * MB);
    assert_int_equal(read->levels[0].anonymous_bytes, GB);
    assert_int_equal(read->levels[0].oom_kills, 4);
}

static void both_versions_beside_each_other(void **state)
{
    (void)state;
    const Read *read = read_groups(tree_recorded("hybrid"), 0, 1);
    assert_int_equal(read->count, 4);
    assert_name(read, 0, "/runner/build/job");
    assert_name(read, 3, "/");
    assert_int_equal(read->levels[0].limit_bytes, -1);
    assert_int_equal(read->levels[0].swap_limit_bytes, -1);
    assert_int_equal(read->levels[0].oom_kills, 3);
    assert_int_equal(read->levels[1].limit_bytes, 700 * MB);
    assert_int_equal(read->levels[1].used_bytes, 650 * MB);
    assert_int_equal(read->levels[1].reclaimable_bytes, 200 * MB);
    assert_int_equal(read->levels[1].anonymous_bytes, 420 * MB);
    assert_int_equal(read->levels[1].swap_limit_bytes, 300 * MB); /* told together with memory's */
    assert_int_equal(read->levels[1].swap_used_bytes, 50 * MB);
    assert_int_equal(cgroup_available(&read->levels[1]), 250 * MB);
    assert_int_equal(read->levels[2].limit_bytes, -1);
    assert_int_equal(read->levels[3].limit_bytes, -1);
    Pressure pressure;
    cgroup_pressure(&read->place, &read->levels[0], &pressure);
    assert_false(pressure.known);
}

/* ---- made-up ones ---- */

static const char one_mount[] = "34 25 0:29 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n";

static void a_group_that_is_gone_is_its_parent(void **state)
{
    const char *root = *state;
    tree_put(root, "proc/self/cgroup", "0::/a/b/c (deleted)\n");
    tree_put(root, "proc/self/mountinfo", one_mount);
    tree_put(root, "sys/fs/cgroup/a/memory.max", "1048576\n");
    const Read *read = read_groups(root, 0, 2);
    assert_int_equal(read->count, 2);
    assert_name(read, 0, "/a");
    assert_int_equal(read->levels[0].limit_bytes, MB);
    assert_int_equal(cgroup_available(&read->levels[0]), -1); /* its use is not known */
}

static void escapes_in_mounts_are_read(void **state)
{
    const char *root = *state;
    tree_put(root, "proc/self/cgroup", "0::/a b/c\\d\n");
    tree_put(root, "proc/self/mountinfo",
             "40 1 0:41 /a\\040b /mnt/my\\040groups\\134here rw - cgroup2 none\\040x rw\n");
    tree_put(root, "mnt/my groups\\here/c\\d/memory.max", "2097152\n");
    const Read *read = read_groups(root, 0, 2);
    assert_int_equal(read->count, 2);
    assert_name(read, 0, "/a b/c\\d");
    assert_name(read, 1, "/a b");
    assert_int_equal(read->levels[0].limit_bytes, 2 * MB);
}

static void control_characters_do_not_reach_a_terminal(void **state)
{
    const char *root = *state;
    tree_put(root, "proc/self/cgroup", "0::/a\033[2J\n");
    tree_put(root, "proc/self/mountinfo", one_mount);
    tree_put(root, "sys/fs/cgroup/a\033[2J/memory.max", "max\n");
    assert_name(read_groups(root, 0, 2), 0, "/a?[2J");
}

static void the_mount_that_shows_most_is_taken(void **state)
{
    const char *root = *state;
    tree_put(root, "proc/self/cgroup", "0::/a/b\n");
    tree_put(root, "proc/self/mountinfo",
             "40 1 0:41 /a /mnt/part rw - cgroup2 none rw\n"
             "41 1 0:41 / /mnt/hidden rw - cgroup2 none rw\n"
             "42 1 0:41 / /mnt/all rw - cgroup2 none rw\n"
             "43 1 0:41 /other /mnt/other rw - cgroup2 none rw\n"
             "44 1 0:41 /a/b /mnt/less rw - cgroup2 none rw\n");
    tree_put(root, "mnt/all/a/b/memory.max", "5\n");
    tree_put(root, "mnt/hidden/a/b/memory.max", "6\n");
    const Read *read = read_groups(root, 0, 2);
    assert_int_equal(read->count, 3);
    assert_int_equal(read->levels[0].limit_bytes, 5);
}

/* A group outside the name space is told as "/../other", one elsewhere as it is. */
static void what_lies_elsewhere_is_the_mounts_top(void **state)
{
    const char *root = *state;
    static const char *const paths[] = {"0::/../x\n", "0::/elsewhere\n", "0::/..\n", "0::/ab\n"};
    tree_put(root, "proc/self/mountinfo", "34 25 0:29 /a /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    tree_put(root, "sys/fs/cgroup/memory.max", "7\n");
    tree_put(root, "sys/fs/x/memory.max", "8\n");
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        tree_put(root, "proc/self/cgroup", paths[i]);
        const Read *read = read_groups(root, 0, 2);
        assert_int_equal(read->count, 1);
        assert_name(read, 0, "/a");
        assert_int_equal(read->levels[0].limit_bytes, 7);
    }
}

static void a_group_of_version_1_may_leave_those_below_alone(void **state)
{
    const char *root = *state;
    tree_put(root, "proc/self/cgroup", "4:cpu,memory,pids:/a/b\n");
    tree_put(root, "proc/self/mountinfo", "34 25 0:29 / /m rw - cgroup cgroup rw,cpu,memory,pids\n");
    tree_put(root, "m/a/memory.limit_in_bytes", "7\n");
    tree_put(root, "m/a/memory.use_hierarchy", "0\n");
    tree_put(root, "m/a/b/memory.limit_in_bytes", "9\n");
    tree_put(root, "m/a/b/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\n");
    const Read *read = read_groups(root, 0, 1);
    assert_int_equal(read->count, 1);
    assert_int_equal(read->levels[0].limit_bytes, 9);
    assert_int_equal(cgroup_oom_kills(&read->place), -1); /* before Linux 4.13 */
}

static void nonsense_is_no_group(void **state)
{
    const char *root = *state;
    static const char *const groups[] = {"",         ":\n",   "0::\n", "0::relative\n", "4:memoryx:/a\n",
                                         "0:::/a\n", "::::\n"};
    static const char *const mounts[] = {
        "",
        "34\n",
        "34 25 0:29 / /sys/fs/cgroup rw shared:9\n",
        "34 25 0:29 / /sys/fs/cgroup rw - \n",
        "34 25 0:29 / /sys/fs/cgroup rw - cgroup2\n",
        "34 25 0:29 / - cgroup2 cgroup2 rw\n",
        "34 25 0:29 / relative rw - cgroup2 cgroup2 rw\n",
        "34 25 0:29 / \\000/x rw - cgroup2 cgroup2 rw\n",
        "34 25 0:29 / /sys/fs/cgroup rw - tmpfs cgroup2 rw\n",
        "34 25 0:29 / /sys/fs/cgroup rw - cgroup cgroup rw,memory\n",
    };
    tree_put(root, "sys/fs/cgroup/memory.max", "7\n");
    tree_put(root, "proc/self/mountinfo", one_mount);
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        tree_put(root, "proc/self/cgroup", groups[i]);
        (void)read_groups(root, 0, 0);
    }
    tree_put(root, "proc/self/cgroup", "0::/\n");
    for (size_t i = 0; i < sizeof mounts / sizeof mounts[0]; i++) {
        tree_put(root, "proc/self/mountinfo", mounts[i]);
        (void)read_groups(root, 0, 0);
    }
}

static void long_lines_and_deep_paths_are_bounded(void **state)
{
    const char *root = *state;
    Text path = {0};
    Text mounts = {0};
    for (int i = 0; i < 100; i++) {
        text_append(&path, "/d");
    }
    text_append(&mounts, "1 1 0:1 / / rw - overlay overlay rw,lowerdir=");
    for (int i = 0; i < 2000; i++) {
        text_append(&mounts, "/var/lib/x:");
    }
    text_append(&mounts, "\n");
    text_append(&mounts, one_mount);
    tree_put(root, "proc/self/mountinfo", mounts.data);
    char *line = text_format("0::%s\n", path.data);
    char *file = text_format("sys/fs/cgroup%s/memory.max", path.data);
    tree_put(root, file, "max\n");
    tree_put(root, "proc/self/cgroup", line);
    assert_int_equal(read_groups(root, 0, 2)->count, CGROUP_LEVELS);
    memory_free(line);
    for (int i = 0; i < 2100; i++) {
        text_append(&path, "/d");
    }
    line = text_format("0::%s\n", path.data);
    tree_put(root, "proc/self/cgroup", line);
    (void)read_groups(root, 0, 0);
    memory_free(line);
    memory_free(file);
    text_free(&mounts);
    text_free(&path);
}

static void damaged_numbers_limit_nothing(void **state)
{
    const char *root = *state;
    static const char *const bad[] = {
        "", "max", "-1\n", "x\n", "99999999999999999999\n", "9223372036854771712\n"};
    tree_put(root, "proc/self/cgroup", "0::/\n");
    tree_put(root, "proc/self/mountinfo", one_mount);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tree_put(root, "sys/fs/cgroup/memory.max", bad[i]);
        assert_int_equal(read_groups(root, 0, 2)->levels[0].limit_bytes, -1);
    }
    tree_put(root, "sys/fs/cgroup/memory.max", "0\n");
    tree_put(root, "sys/fs/cgroup/memory.current", "5\n");
    tree_put(root, "sys/fs/cgroup/memory.stat",
             "inactive_file 9223372036854775807\nactive_file 4611686018427387903\n");
    const Read *read = read_groups(root, 0, 2);
    assert_int_equal(read->levels[0].limit_bytes, 0);
    assert_int_equal(cgroup_available(&read->levels[0]), 0);
}

static void a_process_that_moves_is_found_again(void **state)
{
    const char *root = *state;
    CgroupPlace place = {0};
    tree_put(root, "proc/self/cgroup", "0::/a\n");
    tree_put(root, "proc/self/mountinfo", one_mount);
    tree_put(root, "sys/fs/cgroup/a/b/memory.max", "max\n");
    assert_true(cgroup_find_again(root, 0, &place));
    assert_string_equal(place.path, "/a");
    tree_put(root, "proc/self/mountinfo", "");
    assert_true(cgroup_find_again(root, 0, &place)); /* not looked at while it stays */
    tree_put(root, "proc/self/mountinfo", one_mount);
    tree_put(root, "proc/self/cgroup", "0::/a/b\n");
    assert_true(cgroup_find_again(root, 0, &place));
    assert_string_equal(place.path, "/a/b");
    tree_put(root, "proc/self/cgroup", "");
    assert_false(cgroup_find_again(root, 0, &place));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_machine_without_groups_has_none),
        cmocka_unit_test(groups_of_version_2_are_read_up_to_the_top),
        cmocka_unit_test(another_process_has_its_own_group),
        cmocka_unit_test(a_container_sees_its_group_as_the_top),
        cmocka_unit_test(a_container_of_version_1_has_the_limits_it_cannot_see),
        cmocka_unit_test(both_versions_beside_each_other),
        TREE_TEST(a_group_that_is_gone_is_its_parent),
        TREE_TEST(escapes_in_mounts_are_read),
        TREE_TEST(control_characters_do_not_reach_a_terminal),
        TREE_TEST(the_mount_that_shows_most_is_taken),
        TREE_TEST(what_lies_elsewhere_is_the_mounts_top),
        TREE_TEST(a_group_of_version_1_may_leave_those_below_alone),
        TREE_TEST(nonsense_is_no_group),
        TREE_TEST(long_lines_and_deep_paths_are_bounded),
        TREE_TEST(damaged_numbers_limit_nothing),
        TREE_TEST(a_process_that_moves_is_found_again),
    };
    return cmocka_run_group_tests_name("cgroup", tests, NULL, NULL);
}
