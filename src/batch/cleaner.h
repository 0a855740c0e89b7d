/* What batches leave behind and nobody needs any more: found, told, removed.
 *
 * Ours are, by place and name:
 *  - work folders, <state folder>/work/<name of an output that the store knows>, and in them chunk-NNNNNN.rbc
 *    and .part, recipe.json, frames/frame-NNNNNNNN.png and .jpg;
 *  - <state folder>/logs/NAME.log, older than 30 days, and the oldest while all are above 64 MB;
 *  - <state folder>/batch.db.damaged-TIME, a store that was set aside: by itself after 30 days;
 *  - unfinished outputs, <output folder>/.NAME.runbatch-part;
 *  - frame files in the --temp-dir of a run that the store knows, in the folder of an output that it knows.
 *
 * Of a work folder that may still be gone on from goes what no worker goes on from: chunks without their
 * final name, and frame files.
 *
 * Everything else is foreign: it stays, and so does the folder it lies in. Folders are entered by descriptor,
 * links are never followed. Never an output. One thread.
 */
#ifndef RUNBATCH_BATCH_CLEANER_H
#define RUNBATCH_BATCH_CLEANER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "batch/store.h"

enum { CLEANER_DAYS = 30, CLEANER_LOG_BYTES = 64 * 1024 * 1024, CLEANER_STEP = 32 };

/* ---- what there is to remove ---- */

typedef enum CleanKind {
    CLEAN_NONE = 0,
    CLEAN_WORK,       /* a video's work folder */
    CLEAN_PARTS,      /* what a worker that was killed left in a work folder that stays */
    CLEAN_FRAMES,     /* its folder of frame files in a --temp-dir */
    CLEAN_UNFINISHED, /* an unfinished output of a run that was killed */
    CLEAN_LOG,
    CLEAN_STORE, /* a damaged store that was set aside */
} CleanKind;

/* "work", "parts", …: stable, used in JSON. */
const char *clean_kind_name(CleanKind kind);

typedef struct CleanItem {
    CleanKind kind;
    char *path;
    char *output;    /* name of the video's output; NULL for logs and stores */
    int64_t bytes;   /* of our files in it */
    int files;       /* how many */
    bool foreign;    /* a folder with something in it that is not ours: that stays */
    const char *why; /* "finished", "cancelled", "abandoned", …; static, not translated */
} CleanItem;

/* Zero-initialise; free with clean_list_free. */
typedef struct CleanList {
    CleanItem *items;
    size_t count;
    int64_t bytes;
} CleanList;

void clean_list_free(CleanList *list);

/* Why the work folder of a video is of no use any more; NULL: its chunks may still be gone on from. Looks
 * whether its input is still there. Abandoned is what nobody has touched for CLEANER_DAYS, and a video whose
 * input is gone (not when the folder of the input is gone or empty: that is a disk that is not mounted). */
const char *cleaner_reason(const VideoRow *row, double wall_s);

/* Lists all that cleaner_remove would remove, with sizes. Changes nothing. The store may be NULL: then only
 * logs and stores that were set aside. */
Status cleaner_find(const char *output_dir, const char *state_dir, Store *store, double wall_s,
                    CleanList *list, Error *err);

/* Bytes and number of our files in a video's work folder; 0 when there is none. */
int64_t cleaner_work_bytes(const char *state_dir, const char *output, int *files);

/* Whether a video's work folder holds a chunk that is whole. */
bool cleaner_has_chunks(const char *state_dir, const char *output);

/* Removes one item; what cannot be removed is an error, what is gone already is none. Only with the folder's
 * lock held, but for logs and stores. */
Status cleaner_remove(const char *state_dir, const CleanItem *item, Error *err);

/* ---- in the background of a batch ---- */

/* A queue of work folders and logs, emptied a few files at a time. Zero-initialise. */
typedef struct Cleaner {
    const char *state_dir; /* must outlive it */
    TextList work;         /* names of work folders */
    size_t work_done;
    TextList logs;
    size_t logs_done;
} Cleaner;

void cleaner_open(Cleaner *cleaner, const char *state_dir);
void cleaner_close(Cleaner *cleaner);

/* Calls back for the name of every work folder there is. */
void cleaner_each_work(const char *state_dir, void (*visit)(void *context, const char *output),
                       void *context);
void cleaner_add_work(Cleaner *cleaner, const char *output);
/* Looks through the logs once. */
void cleaner_add_old_logs(Cleaner *cleaner, double wall_s);
/* At once: there are few. Stores that were set aside more than CLEANER_DAYS ago. */
void cleaner_remove_old_stores(const char *state_dir, double wall_s);

/* Whether that work folder still waits to be removed. */
bool cleaner_waits_for(const Cleaner *cleaner, const char *output);
bool cleaner_is_idle(const Cleaner *cleaner);

/* Removes at most CLEANER_STEP files. The name of a work folder that was done with by this, NULL otherwise
 * (valid until the next call); `stays`: something foreign is in it, or it cannot be removed. */
const char *cleaner_step(Cleaner *cleaner, bool *stays);

/* Removes what a worker that died was just writing: a chunk or frame file without its final name. */
void cleaner_drop_parts(const char *state_dir, const char *output);

#endif
