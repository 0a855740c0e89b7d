/* What a batch has done, is doing and has to do: SQLite in WAL mode at <state folder>/batch.db.
 *
 * Written by the supervisor alone (STORE_WRITE, under the lock of the folder); read by any number of others
 * (STORE_READ) while it runs, after it was killed and when it is over. One exception: store_ask appends a
 * request of another terminal, which only the supervisor takes. What a crash leaves behind is always
 * consistent; state changes and chunks are synced to the disk before the call returns, progress and samples
 * are not. The chunk files themselves are the truth about chunks: the store repeats what they say, so that
 * it can be rebuilt from them.
 *
 * A write that fails (a full disk, a read error) leaves the store as it was before, and the Store usable:
 * what it says is behind until the same rows are saved again, and nothing else is lost.
 *
 * One thread per Store; one of mode STORE_WRITE per folder. Everything read from the file is untrusted: a row
 * that cannot be is passed over and counted (store_rows_skipped), names are names of one file in a folder,
 * texts have no control characters; `input` and JSON are as they were saved. Memory: a row at a time,
 * SQLite's cache (512 KiB).
 */
#ifndef RUNBATCH_BATCH_STORE_H
#define RUNBATCH_BATCH_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "worker/message.h"

enum {
    STORE_SCHEMA = 3,
    STORE_SAMPLES_MOST = 20000,
    STORE_EVENTS_MOST = 20000,
    STORE_INPUTS_MOST = 100000,
    STORE_ASIDE_SIZE = 256,
};

typedef struct Store Store;

typedef enum StoreMode {
    STORE_WRITE = 1,
    STORE_READ,
} StoreMode;

/* What store_open had to do. */
typedef enum StoreOpened {
    STORE_FOUND = 1,
    STORE_MADE,     /* there was none */
    STORE_MIGRATED, /* of an older schema */
    STORE_RESCUED,  /* the old one was damaged: set aside under the name `aside`, a new one was made */
} StoreOpened;

typedef enum VideoState {
    VIDEO_NONE = 0,
    VIDEO_QUEUED,    /* to be made */
    VIDEO_RUNNING,   /* a worker has it; after a kill of the supervisor: had it */
    VIDEO_WAITING,   /* to be tried again: for memory, space, time, or alone */
    VIDEO_PAUSED,    /* by the user */
    VIDEO_STOPPED,   /* the run was interrupted */
    VIDEO_DONE,      /* the output is complete under its name */
    VIDEO_FAILED,    /* with a reason */
    VIDEO_SET_ASIDE, /* it ended its worker too often ("poisoned") */
    VIDEO_CANCELLED, /* by the user */
    VIDEO_REFUSED,   /* by the content gate, with a reason */
    VIDEO_STATE_COUNT,
} VideoState;

/* "queued", "running", …, "set_aside": stable, used in JSON. */
const char *video_state_name(VideoState state);
/* VIDEO_NONE when there is none of that name. */
VideoState video_state_from_name(const char *name);

/* A video of this output folder. Strings are owned (video_row_free). The output's name is what identifies it.
 */
typedef struct VideoRow {
    int64_t id;   /* 0: not stored yet */
    char *output; /* name within the output folder */
    char *input;  /* absolute path: others are started elsewhere; empty unknown */
    char *work;   /* name of its work folder within <state folder>/work; NULL: none */
    char *recipe; /* JSON of what it is made from, see batch/recipe.h; NULL unknown (an output found complete)
                   */
    char key[33]; /* its digest; empty unknown */
    VideoState state;
    int position;           /* in the last run's sorted list, from 1 */
    int64_t input_bytes;    /* -1 unknown */
    int64_t frames_total;   /* an estimate; 0 unknown */
    int64_t frames_done;    /* on disk or in the current attempt */
    double fps;             /* of the current attempt */
    double duration_s;      /* of the input; 0 unknown */
    int64_t rss_bytes;      /* of the worker, last sample */
    int64_t peak_rss_bytes; /* of all attempts */
    int64_t worker;         /* process number while it runs */
    double changed_s;       /* wall time of the last change of state */
    int64_t output_bytes;   /* of the finished file */
    int64_t output_mtime_ns;
    VideoResult result; /* all 0 unless VIDEO_DONE */
    Error error;        /* why it failed, waits, was set aside or is made anew; may be empty */
    char note[256];     /* what the user should know: "waits for space: …"; a phrase (report/phrase.h) */
} VideoRow;

void video_row_free(VideoRow *row);

/* One try at a video. */
typedef struct AttemptRow {
    int64_t id;
    int64_t video;
    int64_t run;
    int number;         /* of this video, from 1, over all runs */
    double began_s;     /* wall time */
    double ended_s;     /* 0: not ended, or killed with its supervisor */
    char ended[32];     /* "done", "failed", "stopped", "paused", "cancelled", "" not ended */
    Error error;        /* empty unless failed */
    char decision[256]; /* what the ladder made of it: "again, from chunk 3, alone", …: a phrase */
    int64_t frames;     /* made by this attempt; until it ends: in chunks, as the next two */
    int chunks;         /* made by this attempt */
    int chunks_reused;
    int threads;
    int64_t peak_rss_bytes;
    int64_t estimate_bytes; /* of its memory, before it began; 0 unknown */
} AttemptRow;

/* A run of runbatch on this folder. */
typedef struct RunRow {
    int64_t id;
    double began_s;
    double ended_s; /* 0: runs, or was killed */
    int64_t process;
    char host[64];
    char version[32];
    char state[32]; /* "running", "paused", "waiting_for_space", "waiting_for_memory", "stopping", "over" */
    char note[256]; /* why it waits, with figures, or stops; a phrase */
    int planned;
    char *options; /* JSON of the settings; paths are absolute; owned */
} RunRow;

typedef enum RequestKind {
    REQUEST_NONE = 0,
    REQUEST_PAUSE,
    REQUEST_CONTINUE,
    REQUEST_CANCEL,
} RequestKind;

typedef struct Request {
    int64_t id;
    RequestKind kind;
    char *output; /* name of the output; NULL: all. Owned */
} Request;

/* ---- open ---- */

/* STORE_WRITE: makes, migrates or rescues (the state folder too); `how` and `aside` (the damaged file's new
 * name in the folder, empty otherwise) may be NULL. After STORE_MADE and STORE_RESCUED call store_rebuild.
 * STORE_READ: STATUS_AGAIN when there is no store; reads what a killed writer left behind, and where nothing
 * can be written. A store of a newer schema is ERROR_ENVIRONMENT and left as it is. */
Status store_open(Store **store, const char *state_dir, StoreMode mode, StoreOpened *how,
                  char aside[STORE_ASIDE_SIZE], Error *err);
/* The last to close moves the log into the file. Copes with NULL. */
void store_close(Store **store);

/* How many rows read so far could not be. */
int64_t store_rows_skipped(const Store *store);

/* Whether it can be the name of an output or of a work folder: of one file in a folder, at most 255 bytes,
 * no dot in front, no control character. */
bool store_is_name(const char *name);

/* Whether `name` is that of a damaged store that was set aside, or of a log of it; `wall_s`: when that was.
 */
bool store_is_aside(const char *name, double *wall_s);

/* After the store was lost, or where there was none: each folder in <state folder>/work whose output has no
 * row becomes a row (VIDEO_STOPPED, with recipe and key from the folder's own note, see recipe_note);
 * `videos`: how many. What is no folder with a name that an output can have is not ours and left alone.
 * Finished outputs get no row: whether they are complete is to be asked the probe. Opens no video. Synced. */
Status store_rebuild(Store *store, const char *state_dir, int *videos, Error *err);

/* ---- written by the supervisor ---- */

/* Several writes as one: much cheaper, and all or nothing. May not be nested. store_commit gives the first
 * failure among them, so they need not be asked one by one; the numbers that writes filled in (id) are void
 * then. It syncs where `sync` or one of the writes asks for it. In STORE_READ: several reads that see one
 * state. */
void store_begin(Store *store);
Status store_commit(Store *store, bool sync, Error *err);

/* Requests that nobody took before this run are dropped. Synced, as the next two. */
Status store_run_begin(Store *store, const RunRow *run, int64_t *id, Error *err);
Status store_run_state(Store *store, int64_t run, const char *state, const char *note, Error *err);
Status store_run_end(Store *store, int64_t run, Error *err);

/* The row of that output; STATUS_AGAIN when there is none. The caller frees it. */
Status store_video_find(Store *store, const char *output, VideoRow *row, Error *err);
/* Inserts or, where that output has a row, replaces all its columns; fills row->id. Synced. */
Status store_video_save(Store *store, VideoRow *row, Error *err);
/* Only frames_done, fps, rss and peak, of the row with that id; not synced. */
Status store_video_progress(Store *store, const VideoRow *row, Error *err);

/* Fills id and number. attempt->run 0: not known. Synced. */
Status store_attempt_begin(Store *store, AttemptRow *attempt, Error *err);
/* Replaces what can change; one whose beginning is not in the store is inserted. Synced. */
Status store_attempt_save(Store *store, AttemptRow *attempt, Error *err);

/* Replaces the chunk of that index. Synced. */
Status store_chunk_save(Store *store, int64_t video, const ChunkReport *chunk, Error *err);
Status store_chunks_forget(Store *store, int64_t video, Error *err);

/* What the video of this path (kept as an absolute one) is; size and time are the file's then. Replaces what
 * was known of the path. Once there are more than STORE_INPUTS_MOST the oldest go. Not synced. */
Status store_input_save(Store *store, const char *path, int64_t size, int64_t mtime_ns, const MediaLook *look,
                        Error *err);

/* Memory over time, bounded: once there are STORE_SAMPLES_MOST they are thinned to half as many, each video's
 * by themselves and evenly over its time, the highest of each span stays: its peak is always there. `video`
 * 0: the machine (rss is what is used, limit what there is), which stays 16 times as fine. Not synced. */
Status store_sample(Store *store, int64_t run, int64_t video, double wall_s, int64_t rss_bytes,
                    int64_t limit_bytes, Error *err);
/* An event for later readers; the oldest go when there are more than STORE_EVENTS_MOST. Not synced. */
Status store_event(Store *store, int64_t run, int64_t video, double wall_s, const char *kind,
                   const char *text, Error *err);

/* The next request not taken yet, STATUS_AGAIN when there is none. Cheap when nothing changed. Marks it as
 * taken. The caller frees request->output. */
Status store_take_request(Store *store, Request *request, Error *err);

/* ---- for all ---- */

/* Appends a request, also in STORE_READ (by a connection of its own). `output` NULL: all. Synced. */
Status store_ask(Store *store, RequestKind kind, const char *output, Error *err);

/* What the video of this path was when it was looked at last. STATUS_AGAIN: it never was, or (with a `size`
 * of at least 0) the file had another size or time. */
Status store_input_find(Store *store, const char *path, int64_t size, int64_t mtime_ns, MediaLook *look,
                        Error *err);

typedef struct SampleRow {
    int64_t id;
    int64_t run;
    int64_t video; /* 0: the machine */
    double wall_s;
    int64_t rss_bytes;
    int64_t limit_bytes;
} SampleRow;

typedef struct EventRow {
    int64_t id;
    int64_t run;
    int64_t video; /* 0: none */
    double wall_s;
    char kind[32];
    char *text;
} EventRow;

/* Each is called for every row, in order; the row is the caller's and only there for the time of the call. A
 * false ends it. The callee may read other rows, but not write. */
typedef bool (*StoreVideoVisitor)(void *context, const VideoRow *row);
typedef bool (*StoreAttemptVisitor)(void *context, const AttemptRow *row);
typedef bool (*StoreChunkVisitor)(void *context, const ChunkReport *chunk);
typedef bool (*StoreSampleVisitor)(void *context, const SampleRow *sample);
typedef bool (*StoreRunVisitor)(void *context, const RunRow *run);
typedef bool (*StoreEventVisitor)(void *context, const EventRow *event);
Status store_each_video(Store *store, StoreVideoVisitor visit, void *context, Error *err); /* by position */
Status store_each_attempt(Store *store, int64_t video, StoreAttemptVisitor visit, void *context, Error *err);
Status store_each_chunk(Store *store, int64_t video, StoreChunkVisitor visit, void *context, Error *err);
/* In the order in which they came. `run` 0: of all runs. */
Status store_each_sample(Store *store, int64_t run, StoreSampleVisitor visit, void *context, Error *err);
/* Those behind the event `after` (0: all). */
Status store_each_event(Store *store, int64_t after, StoreEventVisitor visit, void *context, Error *err);
Status store_each_run(Store *store, StoreRunVisitor visit, void *context, Error *err);
/* The last run; STATUS_AGAIN when there was none. The caller frees run->options. */
Status store_last_run(Store *store, RunRow *run, Error *err);

#endif
