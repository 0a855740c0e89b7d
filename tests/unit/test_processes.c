#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "machine_tree.h"
#include "memory/processes.h"

enum { ENOUGH_MS = 60000 };

/* A process with its parent, in the formats of proc_pid_stat(5) and proc_pid_status(5). `pss_mb` < 0: nobody
 * may know. Its peak is 10 MB more than what it has. */
static void put_process(const char *root, int pid, int parent, const char *name, int uid, int rss_mb,
                        int pss_mb)
{
    char file[64];
    char text[1024];
    const long pages = (long)rss_mb * MB / sysconf(_SC_PAGESIZE);
    (void)snprintf(file, sizeof file, "proc/%d/stat", pid);
    (void)snprintf(text, sizeof text,
                   "%d (%s) S %d %d %d 0 -1 4194304 110 0 0 0 6 11 0 0 20 0 1 0 1859320 5529600 %ld "
                   "18446744073709551615 94588945428480 94588946217885 0 0 0 0 0 0 0 17 1 0 0 0 0 0\n",
                   pid, name, parent, pid, pid, pages);
    tree_put(root, file, text);
    (void)snprintf(file, sizeof file, "proc/%d/status", pid);
    (void)snprintf(
        text, sizeof text,
        "Name:\t%s\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t%d\nPid:\t%d\nPPid:\t%d\n"
        "Uid:\t%d\t%d\t%d\t%d\nVmPeak:\t 9000000 kB\nVmHWM:\t%8d kB\nVmRSS:\t%8d kB\nThreads:\t1\n",
        name, pid, pid, parent, uid, uid, uid, uid, (rss_mb + 10) * 1024, rss_mb * 1024);
    tree_put(root, file, text);
    if (pss_mb >= 0) {
        (void)snprintf(file, sizeof file, "proc/%d/smaps_rollup", pid);
        (void)snprintf(text, sizeof text,
                       "55d0c8a00000-7ffd1b5f1000 ---p 00000000 00:00 0                  [rollup]\n"
                       "Rss:            %8d kB\nPss:            %8d kB\nPss_Dirty:           1 kB\n",
                       rss_mb * 1024, pss_mb * 1024);
        tree_put(root, file, text);
    }
}

static void put_machine(const char *root)
{
    tree_put(root, "proc/meminfo", "MemTotal: 1 kB\n");
    tree_put(root, "proc/100x/stat", "100 (x) S 0 0 0\n");
    tree_put(
        root, "etc/passwd",
        "root:x:0:0:root:/root:/bin/bash\nnopass::7:7::/:/bin/sh\nana:x:1000:1000:Ana:/home/ana:/bin/sh\n");
    put_process(root, 1, 0, "init", 0, 12, 8);
    put_process(root, 50, 1, "runbatch", 1000, 20, 15);
    put_process(root, 60, 50, "rb) S 1 (x", 1000, 900, 800);
    put_process(root, 61, 50, "rb-worker", 1000, 700, 610);
    put_process(root, 62, 61, "helper", 1000, 5, 1);
    put_process(root, 70, 1, "firefox", 1000, 3000, 2500);
    put_process(root, 80, 1, "db\\033[2J\033[2J", 7, 800, -1);
    put_process(root, 90, 1, "kthread", 0, 0, -1);
    put_process(root, 95, 1, "other", 4242, 400, 400);
}

static void a_tree_is_summed(void **state)
{
    const char *root = *state;
    ProcessTable table;
    ProcessTree tree;
    put_machine(root);
    processes_scan(&table, root, ENOUGH_MS, NULL);
    assert_true(table.whole);
    assert_int_equal(table.count, 9);
    processes_read_tree(&table, 50, &tree);
    assert_int_equal(tree.processes, 4);
    assert_int_equal(tree.rss_bytes, 1625 * MB);
    assert_int_equal(tree.pss_bytes, 1426 * MB);
    assert_int_equal(tree.peak_rss_bytes, 1665 * MB);
    assert_true(tree.pss_known);
    processes_read_tree(&table, 61, &tree);
    assert_int_equal(tree.processes, 2);
    processes_read_tree(&table, 1, &tree);
    assert_int_equal(tree.processes, 9);
    assert_false(tree.pss_known);
    assert_int_equal(tree.pss_bytes, (8 + 1426 + 2500 + 800 + 400) * MB);
    processes_read_tree(&table, 63, &tree);
    assert_int_equal(tree.processes, 0);
    assert_false(tree.pss_known);
    assert_true(processes_is_below(&table, 62, 50));
    assert_true(processes_is_below(&table, 50, 50));
    assert_false(processes_is_below(&table, 70, 50));
    assert_false(processes_is_below(&table, 63, 50));
    processes_free(&table);
}

static void the_biggest_holders_are_named(void **state)
{
    const char *root = *state;
    ProcessTable table;
    ProcessHolder holders[4];
    put_machine(root);
    processes_scan(&table, root, ENOUGH_MS, NULL);
    assert_int_equal(processes_find_holders(&table, 50, holders, 4), 4);
    assert_int_equal(holders[0].pid, 70);
    assert_string_equal(holders[0].name, "firefox");
    assert_string_equal(holders[0].user, "ana");
    assert_int_equal(holders[0].rss_bytes, 3000 * MB);
    assert_false(holders[0].ours);
    assert_int_equal(holders[1].pid, 60);
    assert_string_equal(holders[1].name, "rb) S 1 (x");
    assert_true(holders[1].ours);
    assert_int_equal(holders[2].pid, 80);
    assert_string_equal(holders[2].name, "db\\033[2J?[2J");
    assert_string_equal(holders[2].user, "nopass");
    assert_int_equal(holders[3].pid, 61);
    assert_true(holders[3].ours);
    assert_int_equal(processes_find_holders(&table, 0, holders, 0), 0);
    ProcessHolder all[20];
    assert_int_equal(processes_find_holders(&table, 0, all, 20), 8); /* one has no memory */
    assert_false(all[1].ours);
    assert_string_equal(all[4].name, "other");
    assert_string_equal(all[4].user, "4242");
    /* one ends meanwhile, one grew */
    tree_put(root, "proc/70/status", "Name:\tfirefox\nState:\tZ (zombie)\nUid:\t1000\n");
    put_process(root, 61, 50, "rb-worker", 1000, 2000, 610);
    assert_int_equal(processes_find_holders(&table, 50, holders, 4), 3);
    assert_int_equal(holders[0].pid, 61);
    assert_int_equal(holders[0].rss_bytes, 2000 * MB);
    assert_int_equal(holders[1].pid, 60);
    processes_free(&table);
}

static int64_t fake_ms;

static int64_t a_millisecond_a_look(void)
{
    return fake_ms++;
}

static void a_scan_ends_in_time(void **state)
{
    const char *root = *state;
    ProcessTable table;
    put_machine(root);
    processes_scan(&table, root, 5, a_millisecond_a_look);
    assert_false(table.whole);
    assert_int_equal(table.count, 4);
    processes_free(&table);
    processes_scan(&table, root, 0, a_millisecond_a_look);
    assert_false(table.whole);
    assert_int_equal(table.count, 0);
    assert_false(processes_is_below(&table, 60, 50));
    assert_int_equal(processes_find_holders(&table, 50, NULL, 0), 0);
    processes_free(&table);
    processes_scan(&table, "/nowhere", ENOUGH_MS, NULL);
    assert_false(table.whole);
    processes_free(&table);
    processes_free(&table);
}

static void circles_and_nonsense_end(void **state)
{
    const char *root = *state;
    ProcessTable table;
    put_process(root, 5, 6, "a", 0, 1, 1);
    put_process(root, 6, 5, "b", 0, 1, 1);
    put_process(root, 7, 7, "c", 0, 1, 1);
    tree_put(root, "proc/8/stat", "");
    tree_put(root, "proc/9/stat", "9 (x) S 1");
    tree_put(root, "proc/10/stat", "10 x S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1");
    tree_put(root, "proc/99999999999999/stat", "1 (x) S 1");
    processes_scan(&table, root, ENOUGH_MS, NULL);
    assert_int_equal(table.count, 3);
    assert_false(processes_is_below(&table, 5, 7));
    assert_true(processes_is_below(&table, 5, 6));
    assert_false(processes_is_below(&table, 7, 1));
    processes_free(&table);
}

static void a_child_of_ours_is_found(void **state)
{
    (void)state;
    enum { BYTES = 32 << 20 };
    int ready[2];
    int done[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(done), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char byte = 0;
        (void)close(done[1]);
        char *memory =
            mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        _exit(memory == MAP_FAILED || write(ready[1], "x", 1) != 1 || read(done[0], &byte, 1) < 0);
    }
    char byte = 0;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    ProcessTable table;
    ProcessTree tree;
    processes_scan(&table, "/", ENOUGH_MS, NULL);
    assert_true(table.whole);
    assert_true(processes_is_below(&table, child, getpid()));
    processes_read_tree(&table, getpid(), &tree);
    assert_int_equal(tree.processes, 2);
    assert_true(tree.rss_bytes > BYTES && tree.pss_bytes > BYTES && tree.peak_rss_bytes >= tree.rss_bytes);
    processes_free(&table);
    (void)close(done[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    (void)close(done[0]);
    (void)close(ready[0]);
    (void)close(ready[1]);
}

static void put_program(const char *root, int pid, const char *comm, const char *program)
{
    char file[64];
    (void)snprintf(file, sizeof file, "proc/%d/comm", pid);
    tree_put(root, file, comm);
    if (program != NULL) {
        char *path = text_format("%s/proc/%d/exe", root, pid);
        assert_int_equal(symlink(program, path), 0);
        memory_free(path);
    }
}

/* Its own supervisor is whoever runs the same program, or this one where its own cannot be known. */
static void workers_without_a_supervisor_are_found(void **state)
{
    static const char *const names[] = {"rb-worker", "rb-probe", NULL};
    static const char program[] = "/usr/bin/runbatch";
    const char *root = *state;
    ProcessTable table;
    ProcessOrphan orphans[8];
    put_machine(root);
    tree_put(root, "proc/uptime", "18653.90 73000.00\n"); /* a minute after they began */
    put_program(root, 50, "runbatch\n", program);
    put_program(root, 61, "rb-worker\n", NULL); /* locked in */
    put_process(root, 200, 1, "rb-worker", 1000, 300, 300);
    put_program(root, 200, "rb-worker\n", program);
    put_process(root, 201, 70, "rb-probe", 1000, 40, 40); /* a desktop's program adopted it */
    put_program(root, 201, "rb-probe\n", NULL);
    put_program(root, 70, "firefox\n", "/usr/bin/firefox");
    put_process(root, 202, 51, "rb-worker", 1000, 10, 10); /* of another build, replaced meanwhile */
    put_program(root, 202, "rb-worker\n", "/home/ana/rb (deleted)");
    put_process(root, 51, 1, "rb", 1000, 10, 10);
    put_program(root, 51, "rb\n", "/home/ana/rb");
    put_process(root, 203, 95, "rb-worker", 4242, 10, 10); /* whose parent nobody may look at */
    put_program(root, 203, "rb-worker\n", NULL);
    put_process(root, 204, 1, "rb-worker", 1000, 0, 0); /* a zombie */
    put_program(root, 204, "rb-worker\n", NULL);
    put_process(root, 205, 1, "rb-worker2", 1000, 10, 10);
    put_program(root, 205, "rb-worker2\n", program);
    processes_scan(&table, root, ENOUGH_MS, NULL);
    assert_int_equal(processes_find_orphans(&table, names, program, orphans, 8), 2);
    assert_int_equal(orphans[0].holder.pid, 200);
    assert_string_equal(orphans[0].holder.user, "ana");
    assert_int_equal(orphans[0].holder.rss_bytes, 300 * MB);
    assert_int_equal(orphans[0].age_s, 60);
    assert_int_equal(orphans[1].holder.pid, 201);
    assert_int_equal(processes_find_orphans(&table, names, program, orphans, 1), 1);
    /* in a container the supervisor itself may be process 1 */
    put_program(root, 1, "runbatch\n", program);
    assert_int_equal(processes_find_orphans(&table, names, program, orphans, 8), 1);
    assert_int_equal(orphans[0].holder.pid, 201);
    processes_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TREE_TEST(a_tree_is_summed),
        TREE_TEST(workers_without_a_supervisor_are_found),
        TREE_TEST(the_biggest_holders_are_named),
        TREE_TEST(a_scan_ends_in_time),
        TREE_TEST(circles_and_nonsense_end),
        cmocka_unit_test(a_child_of_ours_is_found),
    };
    return cmocka_run_group_tests_name("processes", tests, NULL, NULL);
}
