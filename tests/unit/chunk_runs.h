/* Runs of the writer with chunks, as a worker makes them: from the beginning or going on, to the end, to a
 * stop or to a kill. */
#ifndef RUNBATCH_TESTS_CHUNK_RUNS_H
#define RUNBATCH_TESTS_CHUNK_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/chunk.h"
#include "media/writer.h"

#define RUN_KEY "0123456789abcdef0123456789abcdef"
enum { NEVER = -1 };

typedef struct Run {
    WriterConfig config; /* paths as below */
    char input[512];
    char output[512];
    char folder[512];
    const char *key;
    double seconds;
    int64_t offset;  /* added to all pts */
    int stop_after;  /* this many chunks of this run: as for a pause */
    int64_t kill_at; /* before this frame of the input */
    /* what came of it */
    WriterResume resume;
    int made; /* chunks */
    int reused;
    ChunkInfo last; /* the latest told */
    int64_t frames_written;
    ChunkCounts counts; /* of all chunks */
    WriterSummary summary;
} Run;

/* Clips of 302 frames with sound and cuts at 3.1, 4.6, 5.4, 7.9, 9.7 and 11.94 seconds: 128x96 at 25 frames a
 * second, of odd size, with every other frame or so left out. */
const char *clip_plain(void);
const char *clip_odd(void);
const char *clip_varying(void);

/* A run to the end, into a folder without chunks. The fixtures `output` and `folder` are named. */
Run run_new(WriterConfig config, const char *output, const char *folder, double seconds);

/* STATUS_OK: finished; STATUS_STOPPED: at a chunk; STATUS_AGAIN: killed. */
Status run_go(Run *run, Error *err);

/* The same; fails the test where it ends otherwise. */
void run_expect(Run *run, Status expected);

/* How many files there are in the folder. */
size_t run_files(const Run *run);

/* Whether all times are the same, and the key frames in the same places, of pictures and sound. */
void assert_same_stream(const char *a, const char *b);

/* Whether it holds that many pictures, all to be decoded without a word, one after the other. */
void assert_continuous(const char *path, int64_t frames);

/* Whether an unbroken run and the last of one in parts tell and have written the same. */
void assert_same_result(const Run *whole, const Run *parts);

#endif
