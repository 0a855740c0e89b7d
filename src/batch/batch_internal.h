/* The state of a running batch, shared by the files that run it, each with one part of a video's way:
 * supervisor.c (the loop, signals), items.c (which there are), outputs.c (what is there already), choosing.c,
 * starting.c, listening.c, ending.c (a worker's life), watching.c (space, time), governing.c (memory),
 * requests.c (of other terminals), record.c (the store).
 */
#ifndef RUNBATCH_BATCH_BATCH_INTERNAL_H
#define RUNBATCH_BATCH_BATCH_INTERNAL_H

#include <poll.h>

#include "batch/clash.h"
#include "batch/cleaner.h"
#include "batch/lock.h"
#include "batch/past_memory.h"
#include "batch/probe.h"
#include "batch/recipe.h"
#include "batch/retry.h"
#include "batch/runner.h"
#include "batch/signals.h"
#include "batch/space.h"
#include "batch/store.h"
#include "batch/supervisor.h"
#include "memory/governor.h"
#include "memory/gpu.h"
#include "memory/leak.h"
#include "memory/planner.h"

typedef enum ItemState {
    ITEM_NEW = 0, /* whether its output is complete is not known yet */
    ITEM_ASKED,   /* the probe is working on it */
    ITEM_READY,   /* to be made */
    ITEM_RUNNING,
    ITEM_WAITING, /* to be tried again, at a time or when there is something */
    ITEM_SETTLED, /* done, skipped, failed, set aside or cancelled */
} ItemState;

/* What is wanted of a running video, by the user where nothing else is said. */
typedef enum Wish {
    WISH_NONE = 0,
    WISH_PAUSE,
    WISH_CANCEL,
    WISH_REQUEUE, /* nobody's: it makes room */
    WISH_RENEW,   /* nobody's: its worker leaks */
} Wish;

/* What is known of a video from its first attempt until it is settled. */
typedef struct Video {
    VideoReport report;
    VideoRow row; /* as it stands, or should stand, in the store */
    AttemptRow attempt;
    Retry retry;
    RetryDecision decision; /* ITEM_WAITING: what it waits for */
    int64_t due_ms;
    int64_t available_bytes; /* memory, shortly before its worker died for want of it */
    bool over_limit;         /* of memory: its last worker was over its own, while there may be plenty */
    bool has_deadline;       /* it waits for space until then, fails after */
    int64_t deadline_ms;
    Wish wish;
    char leaves_for[256]; /* a phrase: why it ends with its chunk, with WISH_REQUEUE and WISH_RENEW */
    bool began;           /* frames of it were written in this run */
    bool ready;           /* for its next attempt: row.recipe, row.key and clean_first are of ready_ms */
    int64_t ready_ms;
    bool recipe_known;
    FileId temporary; /* the unfinished output, as it was made */
    bool unsaved;     /* the store does not have its row as it is */
    bool clean_first; /* what is in its work folder is of no use */
    bool cleaning;    /* and was given to the cleaner */
    int64_t chunk_bytes;
    int64_t reused_frames; /* of this attempt's frames_done */
    SpaceNeed need;        /* while it runs: what it may still write */
    int64_t started_ms;
    int64_t used_before_bytes;
} Video;

typedef struct Item {
    ItemState state;
    VideoState before; /* its row's state when the batch began */
    bool paused;
    bool released;        /* goes on while all others are paused */
    unsigned char passed; /* how often others went before it */
    unsigned char kind;   /* of `past`; 0: not known */
    float length_s;       /* of the video; 0: not known */
    int64_t memory_bytes; /* its worker's estimate, not corrected; 0: not known */
    Video *video;         /* NULL before its first attempt and when it is settled */
} Item;

typedef enum BatchPause {
    BATCH_GOES_ON = 0,
    BATCH_PAUSED_BY_USER,
    BATCH_WAITS_FOR_SPACE,
    BATCH_WAITS_FOR_MEMORY,
} BatchPause;

typedef struct Sample {
    int64_t video; /* row; 0: the machine */
    double wall_s;
    int64_t rss_bytes;
    int64_t limit_bytes;
} Sample;

typedef struct Batch {
    const Settings *settings;
    const Plan *plan;
    BatchHooks hooks;
    json_t *settings_json;
    int64_t input_bytes;
    Item *items; /* one per item of the plan */
    size_t settled;
    size_t fresh;  /* the first item that was never taken to be started; those before are in `again` */
    size_t *again; /* items before `fresh` that are to be started (again), by their place */
    size_t again_count;
    size_t *by_output; /* all items by the name of their output */
    Runner *runners;
    size_t slots;
    size_t running;
    size_t in_lot;        /* videos of the present lot that were started (--lot-size) */
    struct pollfd *files; /* scratch of the loop */
    Probe probe;
    size_t probe_item; /* what the probe works on */
    size_t probe_next; /* the first item it was not asked about */
    RecipeBook *book;  /* NULL: cannot be made; the workers will tell why */
    Cleaner cleaner;
    size_t *tidy; /* items whose frame files are to be removed */
    size_t tidy_count;
    Signals signals;
    TextList unguarded; /* what the sandbox lacks here, a line each */
    Limiter *limiter;   /* NULL: workers have no limits */
    int64_t limits_ms;  /* when they were looked at */
    Statistics statistics;
    int64_t began_ms;
    int64_t now_ms; /* of this turn of the loop */
    int64_t ticked_ms;
    int64_t sampled_ms; /* 0: never */
    int64_t asked_ms;   /* for requests */
    Machine machine;
    MemoryReading memory;
    Governor governor;
    GovernorState memory_state; /* as it was told */
    bool own_limit;             /* what counts is --max-total-memory, not the machine */
    Gpu *gpu;                   /* NULL: none, or none is wanted */
    GpuReading card;
    int64_t card_most_bytes; /* that one worker was seen to have of it */
    GovernorAdmission admission;
    char memory_text[768]; /* a phrase: why videos wait */
    /* space */
    SpaceVolume volumes[SPACE_PLACES];
    SpaceHistory history;
    bool held; /* running workers are stopped, because a volume is below its reserve */
    int64_t held_ms;
    bool lacks_space; /* the next video is not started for want of it */
    char space_text[256];
    int *followed; /* by video, with several sources: file of what is shared; 0: none yet, -1: cannot be */
    /* choosing */
    PlannerOrder order;
    PastMemory past; /* what workers took */
    /* pauses */
    bool paused; /* all, by the user */
    BatchPause told_pause;
    int64_t told_pause_ms;
    /* the end */
    bool stopping;
    Error shared; /* what would fail every video alike, and so ended the batch */
    bool killed;
    /* the store */
    Store *store; /* NULL: cannot be opened (yet) */
    StoreOpened store_how;
    char store_aside[STORE_ASIDE_SIZE];
    Error store_trouble; /* why it cannot be opened */
    int64_t run;
    bool store_warned;
    int64_t store_tried_ms;
    int64_t flushed_ms;
    VideoRow *unsaved; /* of settled videos that could not be saved; a bounded number */
    size_t unsaved_count;
    Sample *samples;
    size_t sample_count;
} Batch;

/* ---- supervisor.c: telling ---- */

void batch_tell(Batch *batch, Event *event);
void batch_tell_video(Batch *batch, EventKind kind, const Video *video, const char *text);
/* `video` may be NULL. */
void batch_warn(Batch *batch, const Video *video, const char *text);
/* Tells the workers to stop, and that the batch ends because of `text`. `level`: ERROR for a failure. */
void batch_begin_stopping(Batch *batch, LogLevel level, const char *text);

/* ---- items.c ---- */

void items_open(Batch *batch);
void items_close(Batch *batch);
/* The item with that output (a name), plan->count when there is none. */
size_t items_find(const Batch *batch, const char *output);
/* The item's video, made where there is none: with its row of the store, or a new one. */
Video *items_video(Batch *batch, size_t index);
void items_forget_video(Batch *batch, size_t index);
/* The item is done with; frees its video. */
void items_settle(Batch *batch, size_t index);
/* It is to be started (again): puts it among those that are taken first. */
void items_again(Batch *batch, size_t index);
void items_leave_again(Batch *batch, size_t index);

/* ---- frames.c: the files of --frame-store disk that a worker left ---- */

/* Its worker has ended. */
void frames_tidy(Batch *batch, size_t index);
/* A few files; whether there is more to do. */
bool frames_step(Batch *batch);
/* Whether an item's are still being removed: no worker may have it. */
bool frames_wait(const Batch *batch, size_t index);
/* Those of a run that was killed, where it had put them; the store still tells of that run. */
void frames_tidy_killed_run(Batch *batch);

/* ---- outputs.c ---- */

/* Looks at the next existing outputs: by the store, or by asking the probe. */
void batch_ask_about_outputs(Batch *batch);
/* Looks at the output of an item that is new. False: only the probe can tell whether it is complete. */
bool batch_look_at_output(Batch *batch, size_t index);
/* Whether outputs remain to be looked at that need no answer of the probe. */
bool batch_has_outputs_to_ask(const Batch *batch);

/* ---- keys.c: what a video is made from, and whether its chunks are made from the same ---- */

/* Before an attempt: fills row.recipe and row.key. Where that cannot be told and there are chunks, that is a
 * failure; where there are none, the worker may tell more. */
Status keys_find(Batch *batch, size_t index, Error *err);
/* Whether its work folder holds nothing of another recipe (with --restart: of an earlier run) any more; the
 * cleaner does that. */
bool keys_folder_is_clean(Batch *batch, Video *video);

/* ---- choosing.c: which one is started next ---- */

void choosing_open(Batch *batch);
/* What one worker may take of memory at most; 0: no limit. */
int64_t choosing_worker_most(const Batch *batch);
/* Whether nothing but room is missing. */
bool batch_may_start(const Batch *batch, size_t index);
/* Whether one runs that must be alone. */
bool choosing_is_closed(const Batch *batch);
/* Which one is to be started now beside those that run; false: none. */
bool choosing_next(Batch *batch, size_t *index);

/* ---- starting.c ---- */

/* Starts the next videos while there are free slots. */
void batch_start_videos(Batch *batch);

/* What is known of a video's size, and what it may still write. */
SpaceVideo batch_size(const Batch *batch, size_t index);
SpaceNeed batch_need(const Batch *batch, size_t index);
/* The time that a video may wait for space begins, unless it has begun already. */
void batch_lacks_space(const Batch *batch, Video *video);
bool batch_waited_too_long(const Batch *batch, const Video *video);

/* ---- listening.c ---- */

/* Takes what the workers sent, and ends those that ended. */
void batch_listen(Batch *batch);

/* ---- ending.c ---- */

/* After its worker's end, all that it sent is read: what becomes of the video. */
void batch_end_attempt(Batch *batch, Runner *runner);
/* The attempt could not be begun. */
void batch_fail_attempt(Batch *batch, size_t index, const Error *error);
void batch_fail(Batch *batch, size_t index, const Error *error);
void batch_cancel(Batch *batch, size_t index);
/* The batch was stopped: those that wait or are paused are stopped too. */
void batch_stop_rest(Batch *batch);

/* ---- watching.c ---- */

/* Every 250 ms: memory and what the governor says of it, the workers' resident sets, whether they get on, the
 * space on the volumes. */
void batch_watch(Batch *batch);
/* Tells of the batch's pauses: by the user, for want of space or of memory. */
void batch_tell_pause(Batch *batch);

/* ---- governing.c: memory ---- */

void governing_open(Batch *batch);
void batch_read_memory(Batch *batch);
/* Asks the governor with what is read now, and does what it says. */
void batch_govern(Batch *batch);
/* Whether a video that could start waits for memory. */
bool batch_lacks_memory(const Batch *batch);
void batch_fail_for_memory(Batch *batch, size_t index);
/* At a chunk's end. */
void batch_watch_for_leaks(Batch *batch, Runner *runner, const ChunkReport *chunk);
/* A pause waits for the end of the chunk, however long that takes. */
enum { BATCH_CHUNK_GRACE_MS = 6 * 3600 * 1000 };
/* `why`: a phrase. False: it leaves already, for another reason. */
bool batch_end_with_chunk(Batch *batch, Runner *runner, Wish wish, const char *why);

/* ---- governing_text.c: phrases ---- */

enum { GOVERNING_FIGURES = 640 };

/* "91.3 % of 15.5 GB used, 4.1 GB of it ours; most is held by firefox (815) 3.1 GB". `with_holders`
 * looks through the processes where others hold it: not for every 250 ms. */
void governing_figures(const Batch *batch, const GovernorDecision *decision, bool with_holders, char *buffer,
                       size_t size);
/* "memory is short: FIGURES", … Returns `buffer`. */
const char *governing_state_text(const GovernorDecision *decision, const char *figures, char *buffer,
                                 size_t size);

/* "firefox (815) 3.1 GB", behind a comma where there are some already. */
void governing_add_holder(Text *list, const char *name, pid_t pid, int64_t bytes);

/* ---- video_memory.c: of a graphics card ---- */

/* Where one is wanted; that there is none is told. */
void video_memory_open(Batch *batch);
void video_memory_close(Batch *batch);
/* Against the smaller of the card's memory and --max-video-memory; fills what the workers have of it. All
 * zeros: not known. */
GovernorReading video_memory_read(Batch *batch, GovernorWorker *workers, size_t count);
/* What one more is expected to take: the most that any took, once one is done. 0: no card is watched. */
int64_t video_memory_of_a_video(const Batch *batch);
/* Tells the planner of the card. */
void video_memory_plan(const Batch *batch, PlannerMachine *machine);
/* Who else holds it: "python3 (815) 3.1 GB, …". */
void video_memory_holders(const Batch *batch, Text *list);

/* ---- worker_limits.c: what each worker may take ---- */

/* Where they are wanted: finds out what holds workers to them, and tells. */
void limits_open(Batch *batch);
/* Bytes; 0: no limit. */
int64_t limits_of_worker(const Batch *batch);
/* Every 100 ms: ends workers that are over theirs. */
void batch_watch_limits(Batch *batch);

/* ---- sharing.c: with several sources the faces of a video are followed once ---- */

/* Where the worker of that item finds what is told of the video's faces, or tells it, in new memory that the
 * caller frees; NULL: nothing is shared. */
char *sharing_path(Batch *batch, size_t index);
/* Whether another worker of the same video has to tell first. */
bool sharing_waits(const Batch *batch, size_t index);
void sharing_settled(Batch *batch, size_t index);
void sharing_close(Batch *batch);

/* ---- requests.c ---- */

void batch_take_requests(Batch *batch);

/* ---- record.c: the store; failures are told once, and the batch goes on ---- */

/* STATUS_FAILED only for a store that must not be touched (of a newer runbatch) or cannot be there at all. */
Status record_open(Batch *batch, Error *err);
void record_close(Batch *batch);
/* Every item of the plan gets its row; what earlier runs left behind is given to the cleaner. */
void record_plan(Batch *batch);
/* Of a video that is let go: its row is kept until it can be saved, if it could not be. */
void record_let_go(Batch *batch, Video *video);
/* Fills video->row. */
void record_load(Batch *batch, size_t index, Video *video);
/* Saves the row in this state, with the report's numbers. */
void record_state(Batch *batch, Video *video, VideoState state);
/* The row and a new attempt. */
void record_started(Batch *batch, Video *video);
/* The same once its input is open: length and estimate are known. */
void record_opened(Batch *batch, Video *video);
/* The row, whose error is the attempt's, and the attempt that ended, if one had begun. */
void record_ended(Batch *batch, Video *video, VideoState state, const char *ended, const char *decision);
/* What its input is, for those who plan; not of one that will fail. */
void record_input(Batch *batch, size_t index, const MediaLook *look);
void record_chunk(Batch *batch, Video *video, const ChunkReport *chunk);
void record_no_chunks(Batch *batch, Video *video);
/* Fills report.chunks and chunk_bytes from what the store says. */
void record_count_chunks(Batch *batch, Video *video);
void record_run_state(Batch *batch, const char *state, const char *note);
void record_event(Batch *batch, const Event *event);
/* Memory now; kept until the next flush. */
void record_sample(Batch *batch, int64_t video, int64_t rss_bytes, int64_t limit_bytes);
/* About once a second: progress and samples in one transaction; tries again to open a store. */
void record_flush(Batch *batch);
void record_flush_now(Batch *batch);
void record_forget_unsaved(Batch *batch);
/* The report's numbers into the row. */
void record_fill_progress(Video *video);
/* Tells of a failure of the store, once. */
void record_check(Batch *batch, Status status, const Error *error);

#endif
