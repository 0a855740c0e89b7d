#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "machine_tree.h"
#include "memory/group.h"

/* ---- a made-up kernel: groups have files, and only empty ones can be removed ---- */

static int make_v1(const char *folder)
{
    if (mkdir(folder, 0755) != 0) {
        return errno;
    }
    tree_put(folder, "cgroup.procs", "");
    tree_put(folder, "memory.limit_in_bytes", "");
    tree_put(folder, "memory.memsw.limit_in_bytes", "");
    return 0;
}

static int make_v2(const char *folder)
{
    if (mkdir(folder, 0755) != 0) {
        return errno;
    }
    tree_put(folder, "cgroup.procs", "");
    tree_put(folder, "memory.max", "");
    tree_put(folder, "memory.swap.max", "");
    tree_put(folder, "memory.oom.group", "");
    return 0;
}

static int make_without_limit(const char *folder)
{
    return mkdir(folder, 0755) == 0 ? 0 : errno;
}

static int make_nothing(const char *folder)
{
    (void)folder;
    return EACCES;
}

static int remove_group(const char *folder)
{
    char *procs = path_join(folder, "cgroup.procs");
    const bool busy = file_size(procs) > 0;
    memory_free(procs);
    char *command = text_format("rm -rf '%s'", folder);
    const int code = busy ? EBUSY : system(command);
    memory_free(command);
    return code;
}

static const GroupCalls calls_v1 = {make_v1, remove_group};
static const GroupCalls calls_v2 = {make_v2, remove_group};

/* What the file in the tree says. */
static void assert_says(const char *root, const char *name, const char *text)
{
    char *path = path_join(root, name);
    char *data = NULL;
    int64_t size = 0;
    assert_int_equal(file_read(path, 4096, &data, &size, NULL), STATUS_OK);
    assert_string_equal(data, text);
    memory_free(data);
    memory_free(path);
}

static bool there(const char *root, const char *name)
{
    char *path = path_join(root, name);
    const bool found = file_is_folder(path);
    memory_free(path);
    return found;
}

static void put_v1(const char *root)
{
    tree_put(root, "proc/self/cgroup", "4:memory:/job\n0::/\n");
    tree_put(root, "proc/self/mountinfo",
             "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
    tree_put(root, "sys/fs/cgroup/memory/job/memory.use_hierarchy", "1\n");
}

static void put_v2(const char *root, const char *subtree, const char *processes)
{
    tree_put(root, "proc/self/cgroup", "0::/run.scope\n");
    tree_put(root, "proc/self/mountinfo", "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    tree_put(root, "sys/fs/cgroup/run.scope/cgroup.controllers", "cpu memory pids\n");
    tree_put(root, "sys/fs/cgroup/run.scope/cgroup.subtree_control", subtree);
    tree_put(root, "sys/fs/cgroup/run.scope/cgroup.procs", processes);
}

static void a_group_of_version_1_has_its_limit(void **state)
{
    const char *root = *state;
    GroupHome home;
    Group group;
    put_v1(root);
    assert_true(group_home_open(&home, root, &calls_v1));
    assert_int_equal(group_make(&home, "7", 300000000, &group), 0);
    assert_true(text_starts_with(path_name(group.folder), "runbatch-"));
    assert_true(text_ends_with_nocase(group.folder, "-7"));
    assert_says(group.folder, "memory.limit_in_bytes", "300000000");
    assert_says(group.folder, "memory.memsw.limit_in_bytes", "300000000");
    assert_true(group.procs > 3);
    assert_int_equal(write(group.procs, "0", 1), 1);
    assert_says(group.folder, "cgroup.procs", "0");
    /* what it tells */
    assert_int_equal(group_oom_kills(&group), -1);
    tree_put(group.folder, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
    assert_int_equal(group_oom_kills(&group), 2);
    assert_false(group_was_full(&group));
    tree_put(group.folder, "memory.limit_in_bytes", "299999232\n");
    tree_put(group.folder, "memory.max_usage_in_bytes", "200000000\n");
    assert_false(group_was_full(&group));
    tree_put(group.folder, "memory.max_usage_in_bytes", "299999232\n");
    assert_true(group_was_full(&group));
    /* one with a process in it stays until the end, and longer where it must */
    char *folder = text_duplicate(group.folder);
    group_remove(&home, &group);
    assert_null(group.folder);
    assert_true(file_is_folder(folder));
    tree_put(folder, "cgroup.procs", "");
    group_home_close(&home);
    assert_false(file_is_folder(folder));
    group_remove(&home, &group); /* twice is fine */
    memory_free(folder);
}

static void a_group_that_is_shared_has_none_below_in_version_2(void **state)
{
    const char *root = *state;
    GroupHome home;
    char *processes = text_format("77\n%ld\n", (long)getpid());
    put_v2(root, "", processes);
    memory_free(processes);
    assert_false(group_home_open(&home, root, &calls_v2));
    assert_int_equal(home.obstacle, GROUP_SHARED);
    group_home_close(&home);
    /* of another name space */
    put_v2(root, "", "0\n");
    assert_false(group_home_open(&home, root, &calls_v2));
    assert_int_equal(home.obstacle, GROUP_SHARED);
    group_home_close(&home);
    assert_says(root, "sys/fs/cgroup/run.scope/cgroup.procs", "0\n");
    assert_says(root, "sys/fs/cgroup/run.scope/cgroup.subtree_control", "");
}

static void a_group_of_version_2_below_one_with_the_controller(void **state)
{
    const char *root = *state;
    GroupHome home;
    Group group;
    put_v2(root, "cpu memory\n", "77\n");
    assert_true(group_home_open(&home, root, &calls_v2));
    assert_null(home.seat); /* nobody had to move */
    assert_int_equal(group_make(&home, "1", 1000, &group), 0);
    assert_says(group.folder, "memory.max", "1000");
    assert_says(group.folder, "memory.swap.max", "0");
    assert_says(group.folder, "memory.oom.group", "1");
    tree_put(group.folder, "memory.events", "low 0\nhigh 0\nmax 9\noom 0\noom_kill 1\noom_group_kill 1\n");
    assert_int_equal(group_oom_kills(&group), 1);
    assert_false(group_was_full(&group)); /* it was another's limit */
    tree_put(group.folder, "memory.events", "max 9\noom 1\noom_kill 1\n");
    assert_true(group_was_full(&group));
    group_remove(&home, &group);
    group_home_close(&home);
    assert_says(root, "sys/fs/cgroup/run.scope/cgroup.procs", "77\n");
}

static void alone_in_its_group_it_moves_and_comes_back(void **state)
{
    const char *root = *state;
    GroupHome home;
    char *processes = text_format("%ld\n", (long)getpid());
    put_v2(root, "cpu\n", processes);
    memory_free(processes);
    assert_true(group_home_open(&home, root, &calls_v2));
    assert_non_null(home.seat);
    assert_says(home.seat, "cgroup.procs", "0");
    assert_says(root, "sys/fs/cgroup/run.scope/cgroup.subtree_control", "+memory");
    char *seat = text_duplicate(home.seat);
    tree_put(seat, "cgroup.procs", ""); /* as the kernel's would be when it has left */
    group_home_close(&home);
    assert_false(file_is_folder(seat));
    memory_free(seat);
    assert_says(root, "sys/fs/cgroup/run.scope/cgroup.subtree_control", "-memory");
}

static void what_hinders_is_told(void **state)
{
    const char *root = *state;
    static const GroupCalls refused = {make_nothing, remove_group};
    static const GroupCalls limitless = {make_without_limit, remove_group};
    GroupHome home;
    Group group;
    assert_false(group_home_open(&home, root, NULL));
    assert_int_equal(home.obstacle, GROUP_NO_CONTROLLER);
    group_home_close(&home);
    char *processes = text_format("%ld\n", (long)getpid());
    put_v2(root, "", processes);
    memory_free(processes);
    assert_false(group_home_open(&home, root, &refused));
    assert_int_equal(home.obstacle, GROUP_REFUSED);
    assert_int_equal(home.number, EACCES);
    group_home_close(&home);
    tree_put(root, "sys/fs/cgroup/run.scope/cgroup.controllers", "cpu pids\n");
    assert_false(group_home_open(&home, root, &calls_v2));
    assert_int_equal(home.obstacle, GROUP_NO_CONTROLLER);
    group_home_close(&home);
    put_v1(root);
    assert_true(group_home_open(&home, root, &refused));
    assert_int_equal(group_make(&home, "1", 1000, &group), EACCES);
    assert_null(group.folder);
    group_home_close(&home);
    /* a group whose limit cannot be set is no group */
    assert_true(group_home_open(&home, root, &limitless));
    assert_int_equal(group_make(&home, "1", 1000, &group), ENOENT);
    assert_null(group.folder);
    group_home_close(&home);
    /* groups below would not be held to the limits above */
    tree_put(root, "sys/fs/cgroup/memory/job/memory.use_hierarchy", "0\n");
    assert_false(group_home_open(&home, root, &calls_v1));
    assert_int_equal(home.obstacle, GROUP_REFUSED);
    group_home_close(&home);
}

/* By number and birth: a number may have been given to another process. */
static void groups_of_the_dead_are_removed_and_no_others(void **state)
{
    const char *root = *state;
    static const struct {
        const char *name;
        bool stays;
    } table[] = {
        {"runbatch-40-900-1", false},    {"runbatch-41-900-1", true}, {"runbatch-41-899-1", false},
        {"runbatch-42-900-self", false}, {"runbatch-40-900", true},   {"runbatch-x-900-1", true},
        {"other-40-900-1", true},        {"runbatch-0-900-1", true},
    };
    put_v1(root);
    tree_put(
        root, "proc/41/stat",
        "41 (a) b) S 1 41 41 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 900 3825664 7 18446744073709551615\n");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char *name = text_format("sys/fs/cgroup/memory/job/%s/cgroup.procs", table[i].name);
        tree_put(root, name, "");
        memory_free(name);
    }
    tree_put(root, "sys/fs/cgroup/memory/job/runbatch-43-900-1/cgroup.procs", "77\n");
    GroupHome home;
    assert_true(group_home_open(&home, root, &calls_v1));
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char *name = text_format("sys/fs/cgroup/memory/job/%s", table[i].name);
        if (there(root, name) != table[i].stays) {
            fail_msg("%s %s", name, table[i].stays ? "is gone" : "stays");
        }
        memory_free(name);
    }
    assert_true(there(root, "sys/fs/cgroup/memory/job/runbatch-43-900-1")); /* in use */
    group_home_close(&home);
    assert_true(there(root, "sys/fs/cgroup/memory/job/runbatch-41-900-1"));
}

/* Those of the living, of others, and those with a process in them are not told; nothing is removed. */
static void groups_of_the_dead_are_found_everywhere(void **state)
{
    static const char base[] = "sys/fs/cgroup/memory/";
    static const struct {
        const char *folder;
        const char *processes;
    } groups[] = {
        {"job/runbatch-999999-55-1", ""},         {"other/deep/er/runbatch-999999-55-2", ""},
        {"other/runbatch-999998-55-1", "4711\n"}, {"other/runbatch-77-1859320-1", ""},
        {"other/runbatch-nothing", ""},           {"other", ""},
    };
    const char *root = *state;
    char *folders[8];
    put_v1(root);
    tree_put(root, "proc/77/stat", "77 (runbatch) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1859320 1 1 0\n");
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        char *file = text_format("%s%s/cgroup.procs", base, groups[i].folder);
        tree_put(root, file, groups[i].processes);
        memory_free(file);
    }
    assert_int_equal(group_find_left(root, folders, 1), 1);
    memory_free(folders[0]);
    assert_int_equal(group_find_left(root, folders, 8), 2);
    const size_t first = text_ends_with_nocase(folders[0], "-1") ? 0 : 1;
    assert_true(text_ends_with_nocase(folders[first], "/memory/job/runbatch-999999-55-1"));
    assert_true(text_ends_with_nocase(folders[1 - first], "/memory/other/deep/er/runbatch-999999-55-2"));
    assert_true(file_is_folder(folders[0]) && file_is_folder(folders[1]));
    memory_free(folders[0]);
    memory_free(folders[1]);
    assert_int_equal(group_find_left("/nowhere", folders, 8), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TREE_TEST(a_group_of_version_1_has_its_limit),
        TREE_TEST(a_group_that_is_shared_has_none_below_in_version_2),
        TREE_TEST(a_group_of_version_2_below_one_with_the_controller),
        TREE_TEST(alone_in_its_group_it_moves_and_comes_back),
        TREE_TEST(what_hinders_is_told),
        TREE_TEST(groups_of_the_dead_are_removed_and_no_others),
        TREE_TEST(groups_of_the_dead_are_found_everywhere),
    };
    return cmocka_run_group_tests_name("group", tests, NULL, NULL);
}
