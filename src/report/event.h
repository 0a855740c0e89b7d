/* What a batch tells while it runs: plain data, made by the supervisor, drawn by ui and written as JSON.
 *
 * An Event and all it points to are valid only during the call that hands it over. docs/events.md describes
 * every field of the JSON form. One thread.
 */
#ifndef RUNBATCH_REPORT_EVENT_H
#define RUNBATCH_REPORT_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "memory/estimate.h"
#include "memory/machine.h"
#include "report/statistics.h"

typedef enum EventKind {
    EVENT_NONE = 0,
    EVENT_BATCH_STARTED, /* batch */
    EVENT_BATCH_PAUSED,  /* text: why: by the user, or for want of space with figures */
    EVENT_BATCH_RESUMED,
    EVENT_VIDEO_SKIPPED,   /* video: a complete output is there */
    EVENT_VIDEO_STARTED,   /* video: a worker was started for it */
    EVENT_VIDEO_OPENED,    /* video: frames, size, rate and duration are known now */
    EVENT_CHUNK_DONE,      /* video, chunk: it is on the disk */
    EVENT_PROGRESS,        /* video: frames_done, fps, rss */
    EVENT_VIDEO_DONE,      /* video, video->result */
    EVENT_VIDEO_FAILED,    /* video, video->error */
    EVENT_VIDEO_RETRY,     /* video, video->error; text: when and how it is tried again */
    EVENT_VIDEO_WAITING,   /* video; text: what for */
    EVENT_VIDEO_PAUSED,    /* video: by the user */
    EVENT_VIDEO_SET_ASIDE, /* video, video->error: it ended its worker too often */
    EVENT_VIDEO_REFUSED,   /* video, video->error: by the content gate */
    EVENT_VIDEO_CANCELLED, /* video: by the user */
    EVENT_VIDEO_STOPPED,   /* video: not finished, because the batch was interrupted */
    EVENT_MEMORY,          /* memory; video and moment when it belongs to the start or end of a video */
    EVENT_NOTE,            /* text: what holds for the whole batch; level: DEBUG where nobody asked for it */
    EVENT_WARNING,         /* text; video may be NULL */
    EVENT_LOG,             /* level, text; video: a line of a worker's log */
    EVENT_BATCH_STOPPING,  /* text: why (the name of the signal, or what would fail every video) */
    EVENT_BATCH_DONE,      /* statistics */
    EVENT_KIND_COUNT,
} EventKind;

/* What is known of a video so far. */
typedef struct VideoReport {
    int64_t stored; /* number of its row in the store; 0 none */
    int position;   /* in the sorted list, from 1 */
    int ordinal;    /* in this batch, from 1 */
    const char *input;
    const char *output;
    const char *log;
    int64_t size_bytes; /* of the input; -1 unknown */
    int attempt;        /* in this batch, from 1; 0 before the first */
    int chunks;         /* on disk */
    /* from EVENT_VIDEO_OPENED on */
    int width;
    int height;
    int bit_depth;
    double frame_rate;    /* 0 unknown */
    double duration_s;    /* 0 unknown */
    int64_t frames_total; /* an estimate; 0 unknown */
    char codec[32];
    WorkerShape shape;       /* of the current attempt's worker */
    MemoryEstimate estimate; /* of its memory; compare with peak_rss_bytes */
    /* progress */
    int64_t frames_done;
    double fps;             /* over the last few seconds */
    double elapsed_s;       /* since EVENT_VIDEO_STARTED */
    double eta_s;           /* < 0 unknown */
    int64_t rss_bytes;      /* of the worker, sampled */
    int64_t peak_rss_bytes; /* of the worker */
    pid_t worker;
    VideoResult result; /* EVENT_VIDEO_DONE */
    Error error;        /* EVENT_VIDEO_FAILED, _RETRY, _SET_ASIDE, _REFUSED; empty otherwise */
} VideoReport;

typedef struct ChunkNews {
    int index;   /* from 0 */
    bool reused; /* made by an earlier attempt */
    bool last;   /* the video ends with it */
    int64_t first_frame;
    int64_t frames;
    int64_t bytes;
} ChunkNews;

typedef enum MemoryMoment {
    MEMORY_MOMENT_NONE = 0,
    MEMORY_MOMENT_BEFORE,
    MEMORY_MOMENT_AFTER,
} MemoryMoment;

typedef struct Event {
    EventKind kind;
    double wall_s;  /* seconds since the epoch */
    int64_t now_ms; /* clock_now_ms */
    const VideoReport *video;
    /* EVENT_BATCH_STARTED */
    int videos;
    int found;
    int64_t input_bytes;     /* of all videos whose size is known */
    const TextList *sources; /* may be empty, or NULL */
    const char *output_dir;
    /* EVENT_MEMORY */
    MemoryMoment moment;
    MemoryReading memory;
    int64_t difference_bytes; /* MEMORY_MOMENT_AFTER: used now less used before the video */
    /* EVENT_CHUNK_DONE */
    ChunkNews chunk;
    /* EVENT_NOTE, EVENT_WARNING, EVENT_LOG, EVENT_BATCH_STOPPING, _PAUSED, EVENT_VIDEO_RETRY, _WAITING */
    LogLevel level;
    const char *text; /* but for EVENT_LOG it may be a phrase (report/phrase.h) */
    /* EVENT_BATCH_DONE */
    const Statistics *statistics;
} Event;

/* "batch_started", "video_done", … */
const char *event_kind_name(EventKind kind);

/* A new object, always serialisable: text that is not UTF-8 gets U+FFFD for the bytes that are not. */
json_t *event_to_json(const Event *event);

#endif
