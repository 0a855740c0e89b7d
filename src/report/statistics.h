/* The sum of a batch: what was made, skipped and failed, and what it took.
 *
 * Filled by the supervisor, printed by ui, part of the JSON event batch_done. Grows by one small entry per
 * failed video. One thread.
 */
#ifndef RUNBATCH_REPORT_STATISTICS_H
#define RUNBATCH_REPORT_STATISTICS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "report/doubts.h"

/* What a worker tells about a finished video. */
typedef struct VideoResult {
    int64_t frames;
    int64_t frames_with_face;
    int64_t frames_changed;
    int64_t isolated_gaps; /* single frames without a changed face between two with one */
    int64_t scene_cuts;
    int64_t frames_dropped; /* by --output-fps */
    int64_t frames_repeated;
    int64_t corrupt_packets;
    int64_t output_bytes;
    int64_t peak_rss_bytes;
    int64_t frame_budget_bytes;
    int64_t pool_peak_bytes; /* all frame buffers, the decoder's included */
    int max_in_flight;       /* frames between reader and writer */
    int audio_streams;       /* carried */
    int audio_reencoded;     /* of them */
    int streams_left_out;
    double elapsed_s;
    double busy_s[4]; /* source, in_order, any_order (sum over threads), sink */
    Doubts doubts;
} VideoResult;

json_t *video_result_to_json(const VideoResult *result);
/* From another process or a file: false unless every member is there and can be. Other members are ignored.
 */
bool video_result_from_json(const json_t *object, VideoResult *result);

typedef struct Failure {
    int position;
    char *input;
    Error error;
} Failure;

typedef struct Statistics {
    int planned;
    int done;
    int skipped;
    int failed;      /* those set aside included */
    int set_aside;   /* of them: they ended their workers too often */
    int cancelled;   /* by the user */
    int refused;     /* by the content gate; not among those that failed */
    int retried;     /* attempts that failed and were made again */
    int not_started; /* because the batch was interrupted */
    bool interrupted;
    int64_t output_bytes; /* of the files made */
    int64_t frames;
    int64_t frames_changed;
    double elapsed_s;
    int memory_warnings;
    int renewed;            /* workers that were replaced because they leaked memory */
    int64_t peak_rss_bytes; /* of the largest worker */
    Failure *failures;
    size_t failure_count;
} Statistics;

void statistics_add_done(Statistics *statistics, const VideoResult *result);
void statistics_add_failure(Statistics *statistics, int position, const char *input, const Error *error);
void statistics_free(Statistics *statistics);

/* Done of those that were tried, 0..100; -1 when none was tried. */
double statistics_success_percent(const Statistics *statistics);
double statistics_frames_per_second(const Statistics *statistics);

json_t *statistics_to_json(const Statistics *statistics);
/* Lines in the user's language, each ended by a newline. */
void statistics_to_text(const Statistics *statistics, Text *text);

#endif
