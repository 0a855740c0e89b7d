/* What the store of an output folder says, read at one moment: what all views and requests go by.
 *
 * Reads only, and needs nobody's leave: a batch that runs, was killed, is over, or never was. What follows
 * from the rows (the state of the run, progress, the time left) is pure. One thread. Memory: a row per video,
 * without its recipe; where its history is asked for, its attempts and 1 KB for the curve of its memory.
 */
#ifndef RUNBATCH_BATCH_SNAPSHOT_H
#define RUNBATCH_BATCH_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "batch/store.h"
#include "memory/curve.h"

typedef enum RunState {
    RUN_NONE = 0, /* nothing was ever run here */
    RUN_STARTING, /* somebody holds the folder, and tells nothing yet */
    RUN_RUNNING,
    RUN_PAUSED,
    RUN_WAITING_FOR_SPACE,
    RUN_WAITING_FOR_MEMORY,
    RUN_STOPPING,
    RUN_KILLED, /* it never ended, and nobody holds the folder */
    RUN_OVER,
    RUN_STATE_COUNT,
} RunState;

/* "none", "running", …: stable, used in JSON. */
const char *run_state_name(RunState state);

/* What the rows and the lock say together. `holder`: of the lock, 0 unknown. Pure. */
RunState run_state_of(const RunRow *run, bool held, long holder);

typedef struct VideoView {
    VideoRow row;        /* without its recipe */
    VideoState state;    /* row.state, but VIDEO_STOPPED for one that a run which was killed had */
    int chunks;          /* on disk, without a gap from the first on */
    int64_t chunk_bytes; /* of them */
    int64_t chunk_frames;
    bool chunks_end; /* the last of them is the video's last */
    AttemptRow *attempts;
    size_t attempt_count;
    MemoryCurve *memory; /* of its workers in the last run that it had some in; NULL unknown */
    int64_t memory_run;  /* that run */
} VideoView;

typedef struct Snapshot {
    double wall_s; /* when it was taken */
    char *state_dir;
    char *output_dir;
    RunState run_state;
    long holder; /* of the lock: a process, 0 none or unknown */
    bool has_run;
    RunRow run;
    VideoView *videos; /* by position */
    size_t count;
    MemoryCurve machine; /* used of what there is, in the last run; without points: unknown */
} Snapshot;

/* Whether a batch is at work, or waits to be, and takes requests. */
bool snapshot_is_live(const Snapshot *snapshot);

/* Fills `snapshot`, which must be freed on success only; a folder without a store is RUN_NONE and no error.
 * With `history`: attempts and memory over time. */
Status snapshot_take(const char *output_dir, bool history, Snapshot *snapshot, Error *err);
void snapshot_free(Snapshot *snapshot);

/* How the whole stands. */
typedef struct Standing {
    int counts[VIDEO_STATE_COUNT]; /* by VideoView.state */
    int unfinished;                /* neither done nor failed, set aside or cancelled */
    double share; /* 0..1 of the work on those that are done or can still be; by input size */
    double eta_s; /* -1 unknown */
} Standing;

Standing snapshot_standing(const Snapshot *snapshot);

/* Whether row.error is about the state it is in, and no earlier story. */
bool video_view_has_reason(const VideoView *video);

/* 0..1; -1 where the number of frames is unknown. */
double video_view_share(const VideoView *video);

/* How long its worker needs to the end of its chunk, in seconds; -1 unknown. */
double video_view_chunk_left_s(const VideoView *video, double chunk_seconds);

#endif
