/* Shared by cleaner.c (removing, the queue) and cleaner_find.c (what there is to remove). */
#ifndef RUNBATCH_BATCH_CLEANER_INTERNAL_H
#define RUNBATCH_BATCH_CLEANER_INTERNAL_H

#include <limits.h>

#include "batch/cleaner.h"

enum { CLEAN_NO_LIMIT = INT_MAX };

/* A walk through a work folder. */
typedef struct CleanWalk {
    bool remove;
    bool parts_only; /* remove just files that have not got their final name */
    int budget;      /* how many files may still be removed */
    int files;       /* ours that were seen and not removed */
    int64_t bytes;
    int chunks;  /* of them: under their final name */
    int foreign; /* things that are not ours, or that cannot be removed */
    int failure; /* errno of what could not be removed; 0 none */
} CleanWalk;

/* -1: there is none, or it is a link. */
int cleaner_open_folder(int parent, const char *name);
int cleaner_open_work(const char *state_dir);

/* False: there is no such folder (a link is none). Removes the folder itself when nothing is left in it. */
bool cleaner_walk(int work, const char *name, CleanWalk *walk);

#endif
