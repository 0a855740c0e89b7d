/* The state of a running batch, shared by supervisor.c (loop, signals) and videos.c (one video's way). */
#ifndef RUNBATCH_BATCH_BATCH_INTERNAL_H
#define RUNBATCH_BATCH_BATCH_INTERNAL_H

#include <poll.h>

#include "batch/lock.h"
#include "batch/probe.h"
#include "batch/runner.h"
#include "batch/signals.h"
#include "batch/supervisor.h"

typedef enum ItemState {
    ITEM_NEW = 0, /* whether its output is complete is not known yet */
    ITEM_ASKED,   /* the probe is working on it */
    ITEM_READY,   /* to be made */
    ITEM_RUNNING,
    ITEM_SETTLED, /* done, skipped or failed */
} ItemState;

typedef struct Item {
    ItemState state;
    VideoReport report;
    int64_t started_ms;
    int64_t used_before_bytes;
} Item;

typedef struct Batch {
    const Settings *settings;
    const Plan *plan;
    BatchHooks hooks;
    json_t *settings_json;
    int64_t input_bytes;
    Item *items; /* one per item of the plan */
    size_t settled;
    Runner *runners;
    size_t slots;
    size_t running;
    struct pollfd *files; /* scratch of the loop */
    Probe probe;
    size_t probe_item; /* what the probe works on */
    size_t probe_next; /* the first item it was not asked about */
    Signals signals;
    Statistics statistics;
    int64_t began_ms;
    int64_t now_ms; /* of this turn of the loop */
    int64_t ticked_ms;
    int64_t sampled_ms; /* 0: never */
    MemoryReading memory;
    bool memory_high;
    bool stopping;
    Error shared; /* what would fail every video alike, and so ended the batch */
    bool killed;
    int64_t kill_at_ms;
} Batch;

void batch_tell(const Batch *batch, Event *event);
void batch_tell_video(const Batch *batch, EventKind kind, const Item *item);
void batch_warn(const Batch *batch, const Item *item, const char *text);

/* Tells the workers to stop, and that the batch ends because of `text`. `level`: ERROR for a failure. */
void batch_begin_stopping(Batch *batch, LogLevel level, const char *text);
/* Asks the probe about the next existing output, and takes its answers. */
void batch_ask_about_outputs(Batch *batch);
/* Starts the next videos while there are free slots. */
void batch_start_videos(Batch *batch);
/* Takes what the workers sent, and ends those that ended. */
void batch_listen(Batch *batch);
/* Every 250 ms: the machine's memory, warnings, the workers' resident sets. */
void batch_sample_memory(Batch *batch);

#endif
