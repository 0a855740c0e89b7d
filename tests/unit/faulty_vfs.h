/* An SQLite file system over the usual one that fails on demand, counts what is synced, and knows what would
 * be on the disk after a power cut: what was synced, and any part of what was written since. Once installed
 * it is the default of this process. */
#ifndef RUNBATCH_TESTS_FAULTY_VFS_H
#define RUNBATCH_TESTS_FAULTY_VFS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct FaultyVfs {
    /* Set by the test. */
    int write_code;      /* 0, or what writing and growing give */
    int sync_code;       /* 0, or what syncing gives */
    int read_code;       /* 0, or what reading gives */
    int writes_to_fault; /* write_code and sync_code hold when so many operations have passed; 0: at once */
    bool no_shared_map;  /* as a network file system without shared memory */
    bool records;        /* keeps what a power cut would leave */
    void (*hook)(void *context); /* before each operation that changes something; may be NULL */
    void *context;
    /* Filled. */
    int syncs;
    int changes;
} FaultyVfs;

extern FaultyVfs faulty_vfs;

void faulty_vfs_install(void);
/* The usual one is the default again; what was recorded is forgotten, all members are zeroed. */
void faulty_vfs_remove(void);

/* Writes into `folder` (there already) the files as a power cut now could leave them; `seed` chooses which of
 * the writes since the last sync got through, whole or in part. */
void faulty_vfs_power_cut(const char *folder, uint32_t seed);

#endif
