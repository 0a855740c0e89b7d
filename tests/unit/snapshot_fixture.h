/* A snapshot made by hand, for tests of what is shown and asked. */
#ifndef RUNBATCH_TESTS_SNAPSHOT_FIXTURE_H
#define RUNBATCH_TESTS_SNAPSHOT_FIXTURE_H

#include <stdio.h>

#include "base/alloc.h"
#include "base/text.h"
#include "batch/snapshot.h"

/* A run that works on nothing yet; freed by snapshot_free. */
static inline void fixture_begin(Snapshot *snapshot)
{
    *snapshot = (Snapshot){.wall_s = 1000000100.0,
                           .output_dir = text_duplicate("outputVideos"),
                           .state_dir = text_duplicate("outputVideos/.runbatch"),
                           .run_state = RUN_RUNNING,
                           .holder = 4711,
                           .has_run = true,
                           .run = {.id = 1, .began_s = 1000000000.0, .process = 4711, .host = "here"}};
}

/* A video of 3000 frames in 120 s; `input` and `output` without their folders. */
static inline VideoView *fixture_add(Snapshot *snapshot, VideoState state, const char *input,
                                     const char *output)
{
    snapshot->videos = memory_resize(snapshot->videos, snapshot->count + 1, sizeof *snapshot->videos);
    VideoView *video = &snapshot->videos[snapshot->count++];
    *video = (VideoView){.state = state};
    video->row.state = state;
    video->row.id = (int64_t)snapshot->count;
    video->row.position = (int)snapshot->count;
    video->row.input = text_format("/videos/%s", input);
    video->row.output = text_duplicate(output);
    video->row.input_bytes = 1000000;
    video->row.frames_total = 3000;
    video->row.duration_s = 120;
    return video;
}

/* "clip3.mp4" to "joconde_3.mp4", by its position. */
static inline VideoView *fixture_clip(Snapshot *snapshot, VideoState state)
{
    char input[32];
    char output[32];
    (void)snprintf(input, sizeof input, "clip%zu.mp4", snapshot->count + 1);
    (void)snprintf(output, sizeof output, "joconde_%zu.mp4", snapshot->count + 1);
    return fixture_add(snapshot, state, input, output);
}

static inline void fixture_chunks(VideoView *video, int chunks)
{
    video->chunks = chunks;
    video->chunk_frames = 250LL * chunks;
    video->chunk_bytes = 400000LL * chunks;
}

#endif
