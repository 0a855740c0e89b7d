/* Encodes frames in presentation order and muxes them, with the original's other streams, into one file;
 * where a folder for chunks is given, every packet goes into a chunk as well, so that a run that is cut off
 * can be gone on with.
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
#include "media/chunk.h"
#include "media/reader.h"

/* Where the encoded video is kept durably while it is made, see media/chunk.h. */
typedef struct WriterChunks {
    const char *folder;    /* the video's own, there already; NULL: nothing is kept */
    const char *key;       /* 32 hexadecimal digits of what the output is made from; chunks of another go */
    double seconds;        /* of video in a chunk, 0.5 to 3600 */
    int64_t source_origin; /* pts of the input's first frame, in source->time_base */
    /* Called on the writer's thread once a chunk is on the disk under its name, and from writer_open for
     * those of an earlier run that are used again. May be NULL. */
    void (*done)(void *context, const ChunkInfo *chunk);
    void *context;
} WriterChunks;

enum { WRITER_THREADS_MAX = 16 };

typedef struct WriterConfig {
    const char *path;       /* where to write: the temporary name. A file that is there is emptied, never
                               replaced; one that is not is made */
    const char *final_name; /* its extension chooses the container */
    const char *input_path; /* where the other streams come from */
    const MediaInfo *source;
    const char *encoder; /* libx264, libx265, libvpx-vp9, h264_nvenc, hevc_nvenc, or any lossless one in tests
                            (ffv1) */
    int quality; /* 0..100, 0 best: crf = (quality + 1) * 51 / 100 for x264/x265 (roop's formula), the same
                    share of 63 for vp9 and of 51 for nvenc's cq */
    const char *preset; /* of the encoder; NULL: its default */
    int threads;        /* of the encoder; 0: one per core, at most WRITER_THREADS_MAX */
    bool skip_audio;
    AVRational
        output_fps; /* 0/1: every frame keeps its pts; otherwise constant rate by dropping and repeating */
    /* Polled while a frame is repeated and between chunks that are used again. May be NULL. */
    const atomic_bool *stop;
    /* Grows with every packet that goes into the output. May be NULL. */
    atomic_llong *work;
    /* Pairs for the container's metadata, closed by a NULL key; may be NULL. */
    const char *const (*metadata)[2];
    WriterChunks chunks;
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

/* Chunks of an earlier run that are whole and of this video are put into the output first, the others are
 * removed. On failure *writer is NULL and no file is left that was not there before. An encoder that is not
 * built in or does not open (nvenc without a device) is ERROR_ENCODER with advice that lists those that are
 * there. STATUS_STOPPED (and NULL) when `stop` was set between two chunks. */
Status writer_open(Writer **writer, const WriterConfig *config, Error *err);

/* Where to go on after the chunks of an earlier run. */
typedef struct WriterResume {
    ChunkPoint from;    /* the next frame that writer_frame wants */
    ChunkCounts counts; /* sums over the chunks that are there */
    int chunks;         /* that are there */
    bool complete;      /* all of them: no frame is to be written, only writer_finish is left */
} WriterResume;

/* False: from the beginning. */
bool writer_resume(const Writer *writer, WriterResume *resume);

/* Whether this frame begins a chunk: its pts reaches a multiple of chunks.seconds from source_origin that
 * `pts_before`, the frame's before it, did not (AV_NOPTS_VALUE: there is none; then the answer is false).
 * Such a frame's `check` must be given to writer_frame. Both in source->time_base. Pure; any thread. */
bool writer_begins_chunk(const Writer *writer, int64_t pts, int64_t pts_before);

/* Encodes one frame; pts in source->time_base. `counts` (may be NULL) are added to its chunk's, but for
 * frames, dropped and repeated, which the writer counts itself. `check` is the ChunkPoint's where the frame
 * begins a chunk. Takes nothing: the caller still owns `frame` and may reuse it. STATUS_STOPPED when `stop`
 * was set between two of its repeats, or as writer_stop_at_chunk says; then only writer_free is left. */
Status writer_frame(Writer *writer, const AVFrame *frame, const ChunkCounts *counts, uint64_t check,
                    Error *err);

/* From any thread: the next writer_frame that can ends the chunk before it (on the disk when it returns
 * STATUS_STOPPED) and throws what it begins away. That is the one that begins a chunk, and any while the
 * frames of an earlier chunk are still in the encoder. The end of the video may come first. */
void writer_stop_at_chunk(Writer *writer);

/* From any thread: how much of the way to where writer_stop_at_chunk ends is done, in seconds of video, and
 * how long it is. The same two numbers where it would end at once; 0 and 0 without chunks. */
void writer_chunk_progress(const Writer *writer, double *done_s, double *length_s);

/* Drains the encoder, ends the last chunk, writes the rest of the other streams and the trailer, closes the
 * file. The summary tells the whole video, with what came from chunks. The writer must still be freed. */
Status writer_finish(Writer *writer, WriterSummary *summary, Error *err);

/* Copes with half-built and unfinished ones; does not remove the file or finished chunks, but the chunk that
 * is not finished. */
void writer_free(Writer **writer);

/* Whether this FFmpeg has the encoder; for option checks and doctor. */
bool writer_has_encoder(const char *name);

#endif
