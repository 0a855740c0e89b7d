/* Who holds memory: a process with all its descendants, and the biggest holders of the machine.
 *
 * A scan reads /proc/PID/stat of every process that can be seen, some 10 us each, within a limit on time;
 * trees and holders are found in it. `root` stands for "/". In a container only its own processes can be
 * seen. Not for every 250 ms: one known process is read by meminfo_read_process. Worst case: 1.5 MiB for the
 * table. A table belongs to one thread.
 */
#ifndef RUNBATCH_MEMORY_PROCESSES_H
#define RUNBATCH_MEMORY_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* More are not looked at. */
enum { PROCESSES_MAX = 65536 };

typedef struct ProcessEntry {
    pid_t pid;
    pid_t parent;
    int64_t rss_bytes;
} ProcessEntry;

typedef struct ProcessTable {
    const char *root;
    ProcessEntry *entries; /* by pid */
    size_t count;
    size_t capacity;
    bool whole; /* false: time or room was up */
} ProcessTable;

typedef struct ProcessTree {
    size_t processes;  /* the first one counts; 0: it is gone */
    int64_t rss_bytes; /* memory that processes share counts in each of them */
    int64_t pss_bytes; /* shared memory is divided among those who share it */
    bool pss_known;    /* false: of some the resident set had to stand in (no right, before Linux 4.14) */
    int64_t peak_rss_bytes; /* the sum of the peaks: the tree's own is no larger */
} ProcessTree;

enum { PROCESSES_NAME_BYTES = 64, PROCESSES_USER_BYTES = 64 };

typedef struct ProcessHolder {
    pid_t pid;
    bool ours;                       /* the supervisor or one of its descendants */
    char name[PROCESSES_NAME_BYTES]; /* of the program; control characters are replaced here and below */
    char user[PROCESSES_USER_BYTES]; /* as in /etc/passwd below the root, otherwise the number */
    int64_t rss_bytes;
} ProcessHolder;

/* `now_ms`: NULL for clock_now_ms. `root` must outlive the table. */
void processes_scan(ProcessTable *table, const char *root, int64_t limit_ms, int64_t (*now_ms)(void));

/* Whether `pid` is `ancestor` or descends from it. */
bool processes_is_below(const ProcessTable *table, pid_t pid, pid_t ancestor);

void processes_read_tree(const ProcessTable *table, pid_t pid, ProcessTree *tree);

/* The biggest first; how many, at most `room`. `supervisor`: 0 for none. */
size_t processes_find_holders(const ProcessTable *table, pid_t supervisor, ProcessHolder *holders,
                              size_t room);

/* As `name` of ProcessHolder; "?" when it is gone. Reads one file. */
void processes_name(const char *root, pid_t pid, char name[PROCESSES_NAME_BYTES]);

/* Those of these names (comm; closed by NULL) that nobody looks after any more: their parent is neither the
 * same program nor the one at `program` (this one's path; /proc/PID/exe cannot be read of a process that has
 * locked itself in). The parent of one whose parent ended is init. */
typedef struct ProcessOrphan {
    ProcessHolder holder;
    int64_t age_s; /* -1 unknown */
} ProcessOrphan;

size_t processes_find_orphans(const ProcessTable *table, const char *const *names, const char *program,
                              ProcessOrphan *orphans, size_t room);

/* False: it is gone, or has no memory any more. `ours` is not told. */
bool processes_describe(const char *root, pid_t pid, ProcessHolder *holder);

void processes_free(ProcessTable *table);

#endif
