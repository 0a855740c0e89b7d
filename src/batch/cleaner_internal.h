/* Shared by cleaner.c (removing, the queue), cleaner_find.c (what there is to remove) and cleaner_old.c (what
 * goes by its age). */
#ifndef RUNBATCH_BATCH_CLEANER_INTERNAL_H
#define RUNBATCH_BATCH_CLEANER_INTERNAL_H

#include <limits.h>

#include "batch/cleaner.h"

enum { CLEAN_NO_LIMIT = INT_MAX, CLEAN_DAY_S = 86400 };

/* Of our files in a work folder. */
typedef enum CleanScope {
    CLEAN_SCOPE_ALL = 0,
    CLEAN_SCOPE_PARTS, /* that have not got their final name */
    CLEAN_SCOPE_LOST,  /* that no worker goes on from: these, and frame files */
} CleanScope;

/* A walk through a work folder. */
typedef struct CleanWalk {
    bool remove;
    CleanScope scope;
    int budget; /* how many files may still be removed */
    int files;  /* of the scope, that were seen and not removed */
    int64_t bytes;
    int chunks;  /* under their final name, of any scope */
    int foreign; /* things that are not ours, or that cannot be removed */
    int failure; /* errno of what could not be removed; 0 none */
} CleanWalk;

/* -1: there is none, or it is a link. */
int cleaner_open_folder(int parent, const char *name);
int cleaner_open_work(const char *state_dir);

/* False: there is no such folder (a link is none). Removes the folder itself when nothing is left in it. */
bool cleaner_walk(int work, const char *name, CleanWalk *walk);

/* The same for a folder of frame files; one of another user is none. */
bool cleaner_walk_frames(const char *path, CleanWalk *walk);

/* Removes the folder that all work folders lie in, if none does. */
void cleaner_drop_empty(const char *state_dir);

/* Takes path and output over. */
void clean_list_add(CleanList *list, const CleanItem *item);

/* ---- cleaner_old.c ---- */

void cleaner_find_old_logs(const char *state_dir, double wall_s, CleanList *list);
/* Of any age. */
void cleaner_find_stores(const char *state_dir, CleanList *list);

#endif
