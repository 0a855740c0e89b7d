/* Encodes frames in presentation order and muxes them, with the original's other streams, into one file.
 *
 * Owns the encoder, the muxer and a SideStreams that reads audio (unless skip_audio), subtitles, chapters,
 * attachments and metadata from the input by a second open and hands them over as the video's clock
 * advances, so nothing is buffered beyond the muxer's interleaving. Used by one thread at a time (open and
 * finish may be another). Worst-case memory: the encoder's look-ahead and threads, the muxer's index (grows
 * by some 100 bytes a frame).
 */
#ifndef RUNBATCH_MEDIA_WRITER_H
#define RUNBATCH_MEDIA_WRITER_H

#include <libavutil/frame.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/error.h"
#include "media/reader.h"

typedef struct WriterConfig {
    const char *path;       /* where to write: the temporary name */
    const char *final_name; /* its extension chooses the container */
    const char *input_path; /* where the other streams come from */
    const MediaInfo *source;
    const char *encoder; /* libx264, libx265, libvpx-vp9, h264_nvenc, hevc_nvenc, or any lossless one in tests
                            (ffv1) */
    int quality; /* 0..100, 0 best: crf = (quality + 1) * 51 / 100 for x264/x265 (roop's formula), the same
                    share of 63 for vp9 and of 51 for nvenc's cq */
    const char *preset; /* of the encoder; NULL: its default */
    int threads;        /* of the encoder; 0: one per core */
    bool skip_audio;
    AVRational
        output_fps; /* 0/1: every frame keeps its pts; otherwise constant rate by dropping and repeating */
    /* Polled while a frame is repeated. May be NULL. */
    const atomic_bool *stop;
    /* Pairs for the container's metadata, closed by a NULL key; may be NULL. */
    const char *const (*metadata)[2];
} WriterConfig;

typedef struct WriterSummary {
    int64_t frames;         /* written */
    int64_t frames_dropped; /* by output_fps */
    int64_t frames_repeated;
    int64_t first_pts; /* of the written video, in time_base */
    int64_t last_pts;
    AVRational time_base;
    double duration_s; /* of the written video, from the first frame to the end of the last */
    int64_t size_bytes;
    int audio_streams;    /* carried */
    int audio_reencoded;  /* of them: re-encoded because the container cannot hold the codec */
    int streams_left_out; /* named in the log with the reason */
} WriterSummary;

typedef struct Writer Writer;

/* On failure *writer is NULL and no file is left. An encoder that is not built in or does not open (nvenc
 * without a device) is ERROR_ENCODER with advice that lists those that are there. */
Status writer_open(Writer **writer, const WriterConfig *config, Error *err);

/* Encodes one frame; pts in source->time_base. Takes nothing: the caller still owns `frame` and may reuse it.
 * STATUS_STOPPED when `stop` was set between two of its repeats. */
Status writer_frame(Writer *writer, const AVFrame *frame, Error *err);

/* Drains the encoder, writes the rest of the other streams and the trailer, closes the file. The writer must
 * still be freed. */
Status writer_finish(Writer *writer, WriterSummary *summary, Error *err);

/* Copes with half-built and unfinished ones; does not remove the file. */
void writer_free(Writer **writer);

/* Whether this FFmpeg has the encoder; for option checks and doctor. */
bool writer_has_encoder(const char *name);

#endif
