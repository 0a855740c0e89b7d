/* What a batch is going to do, video by video: found before anything runs, pure data after.
 *
 * plan_make looks into the folders, sorts naturally, applies the ranges, names the outputs, and finds
 * clashes, a missing source, an empty folder, a folder that cannot be written. It opens no video (that is a
 * worker's business).
 */
#ifndef RUNBATCH_BATCH_PLAN_H
#define RUNBATCH_BATCH_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "options/settings.h"

/* In the output folder: all that is kept about it. */
#define PLAN_STATE_FOLDER ".runbatch"

typedef struct PlanItem {
    int position; /* of the video in the sorted list, from 1; with several sources more than one have it */
    char *input;  /* path */
    const char *source; /* of Plan.sources; NULL when no processor needs one */
    char *output;       /* path under its finished name */
    char *temporary;    /* path of the unfinished file in the same folder: ".<output name>.runbatch-part" */
    char *folder;       /* outputVideos/.runbatch/work/<output name>: its chunks, while it is not finished */
    char *log;          /* outputVideos/.runbatch/logs/<output stem>.log */
    int64_t size_bytes; /* of the input; -1 when it cannot be read: tried all the same, so that it gets its
                           reason */
    char *clash;        /* why it cannot be made beside others; NULL but where plan_look found a clash */
} PlanItem;

typedef struct Plan {
    TextList sources; /* the source images; none when no processor needs one */
    char *output_dir;
    char *state_dir; /* outputVideos/.runbatch */
    char *people;    /* in it: whom runbatch faces found; NULL without a face map */
    size_t found;    /* outputs that all videos of the folder would have, before the range */
    PlanItem *items;
    size_t count;
    TextList notes; /* what the user should know before it starts: a range that reaches over the end */
} Plan;

/* Makes the output folder where it is missing (not with settings->dry_run). ERROR_USAGE: ranges, the
 * template, clashes of names; ERROR_ENVIRONMENT: what is missing, empty, or cannot be read or written. On
 * failure `plan` owns nothing. */
Status plan_make(const Settings *settings, Plan *plan, Error *err);
/* The same for those who only ask: nothing is made, and a clash is noted with its items, in the user's
 * language, where plan_make fails. */
Status plan_look(const Settings *settings, Plan *plan, Error *err);
/* Copes with a zeroed one; leaves it zeroed. */
void plan_free(Plan *plan);

#endif
