/* A worker that behaves as the name of its input says: the supervisor's tests run it in place of the real
 * one. What must outlast an attempt stands in files beside the input: NAME.mp4.tries counts the attempts,
 * NAME.mp4.settings.N holds what the N-th was told. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "worker/message.h"
#include "worker/process.h"

static int64_t leak_bytes;     /* by which the resident set it tells of grows with every chunk */
static int64_t estimate_bytes; /* of memory, that it tells when it has started, */
static int64_t peak_bytes = 1; /* and what it took, when it is done */
static const char *share_path; /* where the shares are noted that it is told */

enum { FRAMES = 10, CHUNK_FRAMES = 2, CHUNKS = FRAMES / CHUNK_FRAMES, CHUNK_BYTES = 100 };

static LineBuffer inbox;

static void tell(const Message *message)
{
    if (message_send(PROCESS_CHANNEL_FD, message, NULL) != STATUS_OK) {
        _exit(0);
    }
}

static void tell_raw(const char *text, size_t length)
{
    while (length > 0) {
        const ssize_t count = write(PROCESS_CHANNEL_FD, text, length);
        if (count <= 0) {
            _exit(0);
        }
        text += count;
        length -= (size_t)count;
    }
}

static void sleep_for_ever(void)
{
    for (;;) {
        (void)pause();
    }
}

static void hello(int version)
{
    tell(&(Message){.kind = MESSAGE_HELLO, .version = version, .program = "fake"});
}

static void put(const char *path, const char *content)
{
    FILE *file = fopen(path, "w");
    if (file != NULL) {
        (void)fputs(content, file);
        (void)fclose(file);
    }
}

/* ---- attempts ---- */

/* Which attempt this is, from 1. */
static int count_try(const Message *job)
{
    char *path = text_format("%s.tries", job->input);
    FILE *file = fopen(path, "a+");
    int tries = 1;
    if (file != NULL) {
        (void)fputc('x', file);
        (void)fflush(file);
        tries = (int)ftell(file);
        (void)fclose(file);
    }
    memory_free(path);
    path = text_format("%s.settings.%d", job->input, tries);
    char *settings = json_dumps(job->settings, JSON_COMPACT | JSON_SORT_KEYS);
    put(path, settings);
    free(settings);
    memory_free(path);
    return tries;
}

static bool has_room(const Message *job)
{
    char *folder = path_folder(job->input);
    char *path = path_join(folder, "room");
    const bool room = file_exists(path);
    memory_free(path);
    memory_free(folder);
    return room;
}

static void fail(const Message *job, ErrorClass class_, const char *file, const char *why)
{
    Message failed = {.kind = MESSAGE_FAILED};
    (void)error_set(&failed.error, class_, "cannot make it", file != NULL ? file : job->input, why);
    tell(&failed);
    exit(0);
}

/* ---- being stopped ---- */

/* Waits; whether a stop came (perhaps together with the job), and its grace. */
static bool asked_to_stop(int wait_ms, int64_t *grace_ms)
{
    struct pollfd file = {.fd = PROCESS_CHANNEL_FD, .events = POLLIN};
    if (poll(&file, 1, wait_ms) > 0 && line_buffer_fill(&inbox, PROCESS_CHANNEL_FD) == STATUS_EOF) {
        _exit(0);
    }
    bool stop = false;
    const char *line = NULL;
    size_t length = 0;
    while (line_buffer_next(&inbox, &line, &length) == STATUS_OK) {
        Message message;
        (void)message_parse(line, length, &message, NULL);
        if (message.kind == MESSAGE_STOP) {
            stop = true;
            *grace_ms = message.grace_ms;
        } else if (message.kind == MESSAGE_SHARE && share_path != NULL) {
            char percent[16];
            (void)snprintf(percent, sizeof percent, "%d", message.percent);
            put(share_path, percent);
        }
        message_free(&message);
    }
    return stop;
}

static void end_stopped(const Message *job)
{
    fail(job, ERROR_INTERRUPTED, NULL, "it was asked to stop");
}

/* ---- making a video ---- */

static char *chunk_path(const Message *job, int index)
{
    return text_format("%s/chunk-%06d.rbc", job->folder, index);
}

static void tell_chunk(int index, bool reused)
{
    Message message = {.kind = MESSAGE_CHUNK,
                       .chunk = {.index = index,
                                 .reused = reused,
                                 .last = index + 1 == CHUNKS,
                                 .first_frame = (int64_t)index * CHUNK_FRAMES,
                                 .frames = CHUNK_FRAMES,
                                 .packets = CHUNK_FRAMES,
                                 .bytes = CHUNK_BYTES,
                                 .rss_bytes = (index + 1) * leak_bytes}};
    text_copy(message.chunk.checksum, sizeof message.chunk.checksum, "0123456789abcdef0123456789abcdef");
    tell(&message);
}

/* Those that lie there; as many as have the job's key in them. */
static int reuse_chunks(const Message *job)
{
    int count = 0;
    for (; count < CHUNKS; count++) {
        char *path = chunk_path(job, count);
        char *content = NULL;
        int64_t size = 0;
        const bool same =
            file_read(path, 1000, &content, &size, NULL) == STATUS_OK && text_starts_with(content, job->key);
        memory_free(content);
        memory_free(path);
        if (!same) {
            break;
        }
        tell_chunk(count, true);
    }
    return count;
}

static void make_chunk(const Message *job, int index)
{
    char content[CHUNK_BYTES + 1];
    char *path = chunk_path(job, index);
    (void)snprintf(content, sizeof content, "%-*s", CHUNK_BYTES, job->key);
    put(path, content);
    memory_free(path);
    tell_chunk(index, false);
    const int64_t frames = (int64_t)(index + 1) * CHUNK_FRAMES;
    tell(&(Message){.kind = MESSAGE_PROGRESS, .frames = frames, .fps = 5.0, .work = frames});
}

static void tell_started(void)
{
    tell(&(Message){
        .kind = MESSAGE_STARTED,
        .look =
            {.frames = FRAMES, .width = 64, .height = 48, .frame_rate = 10, .duration_s = 1, .codec = "fake"},
        .estimate = {.total_bytes = estimate_bytes}});
}

static void finish(const Message *job, bool write_file)
{
    if (write_file) {
        put(job->temporary, "a video");
    }
    tell(&(Message){.kind = MESSAGE_DONE,
                    .result = {.frames = FRAMES, .frames_changed = 9, .peak_rss_bytes = peak_bytes}});
}

/* Up to `last` chunks, each after `wait_ms`; it is stopped as the real one is. */
static void make_chunks(const Message *job, int last, int wait_ms)
{
    int64_t grace_ms = -1;
    tell_started();
    for (int i = reuse_chunks(job); i < last; i++) {
        int64_t asked_ms = 0;
        if (asked_to_stop(wait_ms, &asked_ms)) {
            grace_ms = asked_ms;
        }
        if (grace_ms == 0) {
            end_stopped(job);
        }
        make_chunk(job, i);
        if (grace_ms > 0) {
            end_stopped(job);
        }
    }
}

static void make_video(const Message *job, bool write_file)
{
    make_chunks(job, CHUNKS, 0);
    finish(job, write_file);
}

/* ---- misbehaving ---- */

static void misbehave_by_messages(const char *way)
{
    if (strcmp(way, "garbage") == 0) {
        tell_raw("}{ nonsense\n", 12);
        sleep_for_ever();
    } else if (strcmp(way, "long") == 0) {
        static char line[2 * MESSAGE_MAX_BYTES];
        memset(line, 'x', sizeof line);
        tell_raw(line, sizeof line);
        sleep_for_ever();
    } else if (strcmp(way, "flood") == 0) {
        for (;;) {
            tell(&(Message){.kind = MESSAGE_PROGRESS, .frames = 1, .fps = 1.0});
        }
    } else if (strcmp(way, "order") == 0) {
        tell(&(Message){.kind = MESSAGE_STOP});
        sleep_for_ever();
    } else if (strcmp(way, "gap") == 0) {
        tell_chunk(0, false);
        tell_chunk(2, false);
        sleep_for_ever();
    }
}

static void misbehave_by_ending(const char *way)
{
    if (strcmp(way, "silent") == 0) {
        exit(0);
    } else if (strcmp(way, "segv") == 0) {
        (void)fputs("something is broken", stderr);
        (void)signal(SIGSEGV, SIG_DFL);
        (void)raise(SIGSEGV);
    } else if (strcmp(way, "kill") == 0) {
        (void)raise(SIGKILL);
    } else if (strcmp(way, "memory") == 0) {
        exit(EXIT_OUT_OF_MEMORY);
    } else if (strcmp(way, "overdata") == 0) {
        exit(EXIT_OVER_DATA_LIMIT);
    } else if (strcmp(way, "hang") == 0) {
        (void)signal(SIGTERM, SIG_IGN);
        sleep_for_ever();
    } else if (strcmp(way, "close") == 0) {
        (void)close(PROCESS_CHANNEL_FD);
        sleep_for_ever();
    }
}

/* Lives, works with its processor, and gets on with nothing. */
static void beat(void)
{
    for (;;) {
        tell(&(Message){.kind = MESSAGE_PROGRESS, .frames = 3, .fps = 1.0, .work = 3});
        (void)usleep(100 * 1000);
    }
}

/* Takes memory as a leak would. */
static void take_memory(void)
{
    enum { PIECES = 64, PIECE_BYTES = 8 << 20, PAUSE_US = 10 * 1000 };
    for (int i = 0; i < PIECES; i++) {
        char *piece = malloc(PIECE_BYTES);
        if (piece == NULL) {
            exit(EXIT_OUT_OF_MEMORY);
        }
        memset(piece, 1, PIECE_BYTES);
        (void)usleep(PAUSE_US);
    }
}

/* Troubles that pass, or change with every attempt. */
static void misbehave_for_a_time(const Message *job, const char *way, int tries)
{
    if (strcmp(way, "oomtwice") == 0 && tries <= 2) {
        exit(EXIT_OUT_OF_MEMORY);
    } else if (strcmp(way, "crashonce") == 0 && tries == 1) {
        make_chunks(job, 2, 0);
        char *part = text_format("%s/chunk-000002.part", job->folder);
        put(part, "half a chunk");
        memory_free(part);
        (void)raise(SIGKILL);
    } else if (strcmp(way, "step") == 0 && tries < CHUNKS) {
        make_chunks(job, tries, 0); /* one more each time */
        (void)raise(SIGKILL);
    } else if (strcmp(way, "full") == 0 && !has_room(job)) {
        make_chunks(job, 2, 0);
        fail(job, ERROR_SPACE, NULL, "No space left on device");
    } else if (strcmp(way, "io") == 0 && tries == 1) {
        make_chunks(job, 1, 0);
        fail(job, ERROR_DISK, NULL, "Input/output error");
    } else if (strcmp(way, "nvenc") == 0 && tries == 1) {
        fail(job, ERROR_ENCODER, NULL, "too many sessions");
    } else if (strcmp(way, "stallonce") == 0 && tries == 1) {
        make_chunks(job, 1, 0);
        beat();
    } else if (strcmp(way, "term") == 0 && tries == 1) {
        fail(job, ERROR_INTERRUPTED, NULL, "stopped by a signal");
    }
}

static void fail_as_told(const Message *job, const char *way)
{
    if (strcmp(way, "failed") == 0) {
        make_chunks(job, 1, 0);
        fail(job, ERROR_INPUT, NULL, "it is empty");
    } else if (strcmp(way, "badsource") == 0) {
        fail(job, ERROR_INPUT, job->source, "no use");
    } else if (strcmp(way, "badmodel") == 0) {
        fail(job, ERROR_MODEL, "m.onnx", "no use");
    } else if (strcmp(way, "forbidden") == 0) {
        fail(job, ERROR_ENVIRONMENT, NULL, "Permission denied");
    }
}

static void run_job(const Message *job)
{
    char *way = path_stem(job->input);
    char *digits = way + strcspn(way, "0123456789");
    *digits = '\0';
    if (strcmp(way, "mute") == 0) {
        sleep_for_ever();
    } else if (strcmp(way, "early") == 0) {
        tell(&(Message){.kind = MESSAGE_PROGRESS, .frames = 1, .fps = 1.0});
        sleep_for_ever();
    }
    hello(strcmp(way, "version") == 0 ? MESSAGE_VERSION + 1 : MESSAGE_VERSION);
    put(job->temporary, "half");
    const int tries = count_try(job);
    misbehave_by_messages(way);
    misbehave_by_ending(way);
    misbehave_for_a_time(job, way, tries);
    fail_as_told(job, way);
    if (strcmp(way, "hog") == 0) {
        take_memory();
    }
    if (strcmp(way, "beats") == 0) {
        beat();
    } else if (strcmp(way, "noisy") == 0) {
        for (int i = 0; i < 300000; i++) {
            (void)fputs("noise on standard error, line after line\n", stderr);
        }
        make_video(job, true);
    } else if (strcmp(way, "slow") == 0) {
        make_chunks(job, CHUNKS, 160);
        finish(job, true);
    } else if (strcmp(way, "larger") == 0) { /* than was thought */
        estimate_bytes = INT64_C(100) << 20;
        peak_bytes = INT64_C(150) << 20;
        make_chunks(job, CHUNKS, 40);
        finish(job, true);
    } else if (strcmp(way, "leak") == 0) {
        leak_bytes = INT64_C(200) << 20;
        make_chunks(job, CHUNKS, 300);
        finish(job, true);
    } else if (strcmp(way, "share") == 0) {
        share_path = text_format("%s.share", job->input);
        make_chunks(job, CHUNKS, 400);
        finish(job, true);
    } else if (strcmp(way, "sore") == 0) { /* dies of being asked to stop */
        int64_t grace_ms = 0;
        while (!asked_to_stop(-1, &grace_ms)) {
        }
        fail(job, ERROR_INPUT, NULL, "it is empty");
    } else if (strcmp(way, "nofile") == 0) {
        (void)unlink(job->temporary);
        make_video(job, false);
    } else if (strcmp(way, "link") == 0) {
        (void)unlink(job->temporary);
        (void)!symlink(job->input, job->temporary);
        make_video(job, false);
    } else if (strcmp(way, "swap") == 0) {
        char *other = text_format("%s.other", job->temporary);
        put(other, "another file");
        (void)rename(other, job->temporary);
        memory_free(other);
        make_video(job, false);
    } else if (strcmp(way, "stranger") == 0) {
        char *path = text_format("%s/notes.txt", job->folder);
        put(path, "mine");
        memory_free(path);
        make_video(job, true);
    } else {
        make_video(job, true);
        if (strcmp(way, "linger") == 0) {
            sleep_for_ever();
        }
    }
    memory_free(way);
}

static void answer_look(const Message *question)
{
    Message failed = {.kind = MESSAGE_FAILED};
    if (strstr(question->input, "deadly") != NULL) {
        (void)raise(SIGSEGV);
    } else if (strstr(question->input, "mute") != NULL) {
        sleep_for_ever();
    } else if (strstr(question->input, "strange") != NULL) {
        tell_raw("{}\n", 3);
    } else if (strstr(question->input, "broken") != NULL) {
        (void)error_set(&failed.error, ERROR_INPUT, "cannot open the video", question->input, "it is broken");
        tell(&failed);
    } else {
        tell(&(Message){.kind = MESSAGE_LOOKED,
                        .look = {.width = 64, .height = 48, .frames = 24, .codec = "fake"}});
    }
}

static void answer(const Message *question)
{
    if (strstr(question->output, "deadly") != NULL) {
        (void)raise(SIGSEGV);
    } else if (strstr(question->output, "ponder") != NULL) {
        sleep_for_ever();
    } else if (strstr(question->output, "strange") != NULL) {
        tell_raw("{}\n", 3);
    } else {
        tell(&(Message){.kind = MESSAGE_PROBED,
                        .complete = strstr(question->output, "complete") != NULL,
                        .why = "too short"});
    }
}

int main(int argc, char **argv)
{
    const bool probe = argc > 2 && strcmp(argv[2], "--probe") == 0;
    if (probe) {
        hello(MESSAGE_VERSION);
    }
    while (line_buffer_fill(&inbox, PROCESS_CHANNEL_FD) == STATUS_OK) {
        const char *line = NULL;
        size_t length = 0;
        while (line_buffer_next(&inbox, &line, &length) == STATUS_OK) {
            Message message;
            if (message_parse(line, length, &message, NULL) == STATUS_OK && message.kind == MESSAGE_JOB) {
                run_job(&message);
                message_free(&message);
                return 0;
            }
            if (message.kind == MESSAGE_PROBE) {
                answer(&message);
            } else if (message.kind == MESSAGE_LOOK) {
                answer_look(&message);
            }
            message_free(&message);
        }
    }
    return 0;
}
