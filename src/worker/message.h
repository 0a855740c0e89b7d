/* What supervisor and worker tell each other: one JSON object a line over a socket pair.
 *
 * From the supervisor:
 *   - job {settings, input, output, temporary, source, people, shared, folder, key, memory_bytes}
 *   - stop {grace_ms}
 *   - share {percent}
 *   - probe {input, output}, look {input}: to `worker --probe` only
 *
 * From a worker:
 *   - hello {version, program}: the first one
 *   - started {width, height, …}
 *   - chunk {index, frames, …}
 *   - progress {frames, fps, work}
 *   - log {level, text}
 *   - done {…} or failed {…}: the last one
 *   - probed {complete, why}: the answer to one probe
 *   - looked {width, height, …}: the answer to one look
 *
 * "type" names the kind. The other side's bytes are untrusted: a line is at most MESSAGE_MAX_BYTES long,
 * every number is checked, unknown fields are ignored, an unknown type is an error. Paths are strings, or
 * {"hex": "…"} where their bytes are not UTF-8. A Message belongs to one thread; message_send may be called
 * with a file descriptor from any thread, one at a time.
 */
#ifndef RUNBATCH_WORKER_MESSAGE_H
#define RUNBATCH_WORKER_MESSAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "media/look.h"
#include "memory/estimate.h"
#include "report/statistics.h"

enum { MESSAGE_MAX_BYTES = 128 * 1024, MESSAGE_VERSION = 4 };

typedef enum MessageKind {
    MESSAGE_NONE = 0,
    MESSAGE_HELLO,
    MESSAGE_JOB,
    MESSAGE_PROBE,
    MESSAGE_LOOK,
    MESSAGE_STOP,
    MESSAGE_SHARE,
    MESSAGE_STARTED,
    MESSAGE_CHUNK,
    MESSAGE_PROGRESS,
    MESSAGE_LOG,
    MESSAGE_DONE,
    MESSAGE_FAILED,
    MESSAGE_PROBED,
    MESSAGE_LOOKED,
    MESSAGE_KIND_COUNT,
} MessageKind;

/* A chunk that is on disk: complete, synced, under its name. */
typedef struct ChunkReport {
    int index;           /* from 0 */
    bool reused;         /* made by an earlier run; its checksum was verified now */
    bool last;           /* the video ends with it */
    int64_t first_frame; /* of the input, from 0 */
    int64_t frames;      /* of the input that it covers */
    int64_t packets;     /* encoded frames */
    int64_t bytes;       /* of the file */
    char checksum[33];   /* XXH3-128 of the file's content, hexadecimal */
    int64_t rss_bytes;   /* the worker's resident set, after it gave back what it could; 0: not known */
} ChunkReport;

/* Only the members of its kind are filled. */
typedef struct Message {
    MessageKind kind;
    int version;          /* hello */
    char program[32];     /* hello: "0.1.0" */
    json_t *settings;     /* job; owned */
    char *input;          /* job, probe, look; owned, as are the other paths */
    char *output;         /* job, probe: the finished name */
    char *temporary;      /* job; there already, empty, made by the supervisor */
    char *folder;         /* job: the video's own folder for chunks, there already */
    int64_t memory_bytes; /* job: that the worker may take, so that its shape fits; 0: no limit */
    char key[33];    /* job: what the output is made from (batch/recipe.h); chunks of another are not used */
    char *source;    /* job; NULL when no processor needs one */
    char *shared;    /* job: a file for what is told of the video's faces (face/followed.h); NULL: none */
    char *people;    /* job: the file of those whom a face map names; NULL: there is none */
    bool preview;    /* job: a picture of some moments as `temporary` (worker/preview_job.h) */
    bool faces_only; /* job: only notes the faces of the video in `folder` (worker/faces_job.h) */
    char *text;      /* log; owned */
    LogLevel level;  /* log */
    MediaLook look;  /* started, looked */
    WorkerShape shape;       /* started: what the worker is like, */
    MemoryEstimate estimate; /* started: and the memory that this will take */
    int64_t frames;          /* progress: written so far, earlier runs' included */
    double fps;              /* progress: over the last few seconds */
    int64_t work;            /* progress: grows with all that gets on, frames or not: the sign of life */
    int64_t grace_ms;   /* stop: how long the end of the current chunk may be waited for; 0: not at all */
    int percent;        /* share: of its threads and frames that the worker may use now, 1 to 100 */
    ChunkReport chunk;  /* chunk */
    VideoResult result; /* done */
    Error error;        /* failed; also the answer to a probe or look whose input cannot be read */
    bool complete;      /* probed */
    char why[256];      /* probed: why it is not complete */
} Message;

/* Reads one line without its newline. On failure (ERROR_CRASH, with the reason) `message` is empty. */
Status message_parse(const char *line, size_t length, Message *message, Error *err);

/* The line with its newline in new memory that the caller frees, NULL when it is longer than the limit. */
char *message_write(const Message *message, size_t *length);

void message_free(Message *message);

/* A video's figures as members of a JSON object, in messages and in the store. Reading is false unless each
 * is there and can be; what it fills is zeroed then. */
json_t *message_look_to_json(const MediaLook *look);
bool message_look_from_json(const json_t *object, MediaLook *look);

/* Sends one message; waits while the other side does not read, unless `fd` is non-blocking (then a full
 * socket is an error: the other side is stuck). STATUS_EOF when the other side is gone. */
Status message_send(int fd, const Message *message, Error *err);

/* Bytes from a socket, cut into lines. Zero-initialise; free with line_buffer_free. Memory: at most
 * MESSAGE_MAX_BYTES. */
typedef struct LineBuffer {
    char *data;
    size_t start;
    size_t length;
} LineBuffer;

/* One read. STATUS_OK: got some; STATUS_AGAIN: nothing there now; STATUS_EOF: closed or broken. */
Status line_buffer_fill(LineBuffer *buffer, int fd);
/* The next whole line, zero-terminated, valid until the next call. STATUS_AGAIN: none yet;
 * STATUS_OVER_BUDGET: the line is longer than MESSAGE_MAX_BYTES. */
Status line_buffer_next(LineBuffer *buffer, const char **line, size_t *length);
void line_buffer_free(LineBuffer *buffer);

#endif
