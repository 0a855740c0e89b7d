/* The records of who is where in each video of a plan (face/record.h), made by workers where they are not
 * there yet. Kept in the state folder, "faces/<input's name>/", and used again as long as the video and the
 * models are the same. One thread; memory: 1 KB a video.
 */
#ifndef RUNBATCH_BATCH_FACE_RECORDS_H
#define RUNBATCH_BATCH_FACE_RECORDS_H

#include "batch/plan.h"

typedef struct FaceRecordFile {
    char *path;
    Error error; /* set: it could not be made */
} FaceRecordFile;

typedef struct FaceRecords {
    FaceRecordFile *items; /* one for each of the plan */
    size_t count;
} FaceRecords;

typedef struct FaceRecordsHooks {
    /* Called as each one is settled: `done` of so many. May be NULL. */
    void (*told)(void *context, const PlanItem *item, const FaceRecordFile *file, size_t done, size_t of);
    void *context;
} FaceRecordsHooks;

/* A video that cannot be looked at has its error, and the others go on; ERROR_MODEL, ERROR_ENVIRONMENT: none
 * can. On failure `records` owns nothing. */
Status face_records_make(const Settings *settings, const Plan *plan, const FaceRecordsHooks *hooks,
                         FaceRecords *records, Error *err);
/* Copes with a zeroed one; leaves it zeroed. */
void face_records_free(FaceRecords *records);

#endif
