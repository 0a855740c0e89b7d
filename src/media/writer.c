#include "media/writer.h"

#include <libavutil/pixdesc.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "media/chunk_clock.h"
#include "media/chunk_past.h"
#include "media/chunk_track.h"
#include "media/compat.h"
#include "media/encoder.h"
#include "media/frame_rate.h"
#include "media/muxer.h"

/* More than any encoder looks ahead. */
enum { FLUSH_MAX = 512 };

struct Writer {
    char *path;
    AVRational source_base;
    AVRational source_rate;
    const atomic_bool *stop;
    atomic_llong *work;
    FrameRateConverter rate; /* rate.rate 0/1: frames keep their pts */
    Encoder *encoder;
    Muxer *muxer;
    AVPacket *packet;
    bool finished;
    int64_t taken;  /* frames of the input, with those of chunks that were there */
    int64_t before; /* pts of the one before; AV_NOPTS_VALUE: there is none */
    int64_t shift;  /* added to pts so that the first is not negative; source_base */
    int64_t end;    /* of the last frame, in the encoder's time base */
    WriterSummary summary;

    ChunkClock clock;
    ChunkStream stream;
    ChunkTrack *track; /* NULL: nothing is kept */
    ChunkPast past;
    bool stopping; /* at a chunk: only what brings the one before to its end counts */
    atomic_bool stop_at_chunk;
    _Atomic int64_t done_us;
};

/* ---- opening ---- */

/* AVI has no timestamps: it gets a constant rate even where nobody asked. (AVFMT_VARIABLE_FPS does not tell:
 * mp4 lacks it too.) */
static AVRational wanted_rate(const Writer *writer, const WriterConfig *config)
{
    if (config->output_fps.num > 0 && config->output_fps.den > 0) {
        return config->output_fps;
    }
    const char *container = muxer_container(writer->muxer)->name;
    const AVRational rate = config->source->frame_rate;
    if (strcmp(container, "avi") == 0 && rate.num > 0) {
        log_info("%s holds constant rates only: frames are placed at %d/%d a second", container, rate.num,
                 rate.den);
        return rate;
    }
    return (AVRational){0, 1};
}

static Status open_encoder(Writer *writer, const WriterConfig *config, Error *err)
{
    const AVRational rate = wanted_rate(writer, config);
    writer->source_base = config->source->time_base;
    writer->source_rate = config->source->frame_rate;
    frame_rate_init(&writer->rate, config->source->time_base, rate);
    const bool constant = rate.num > 0;
    const AVOutputFormat *container = muxer_container(writer->muxer);
    const EncoderConfig encoder = {
        .name = config->encoder,
        .quality = config->quality,
        .preset = config->preset,
        .threads = config->threads,
        .source = config->source,
        .time_base = constant ? av_inv_q(rate) : config->source->time_base,
        .frame_rate = constant ? rate : config->source->frame_rate,
        .grid_rate = constant ? rate : config->source->grid_rate,
        .global_header = (container->flags & AVFMT_GLOBALHEADER) != 0,
        .no_reordering = strcmp(container->name, "avi") == 0,
    };
    writer->summary.time_base = encoder.time_base;
    return encoder_open(&writer->encoder, &encoder, err);
}

static Status put(Writer *writer, AVPacket *packet, Error *err)
{
    if (writer->work != NULL) {
        atomic_fetch_add(writer->work, 1);
    }
    return muxer_packet(writer->muxer, packet, err);
}

/* A packet of a chunk that was there. */
static Status take_packet(void *context, AVPacket *packet, Error *err)
{
    Writer *writer = context;
    if (writer->summary.frames++ == 0) {
        muxer_shift(writer->muxer, writer->past.shift, writer->source_base);
    }
    return put(writer, packet, err);
}

/* The chunks of an earlier run go into the output, and all that follows goes on from them. */
static Status take_chunks(Writer *writer, const WriterConfig *config, Error *err)
{
    const WriterChunks *chunks = &config->chunks;
    ChunkPast *past = &writer->past;
    const ChunkPastConfig source = {
        .folder = chunks->folder,
        .stream = &writer->stream,
        .encoder = writer->encoder,
        .origin = chunks->source_origin,
        .sink = take_packet,
        .context = writer,
    };
    while (!past->complete) {
        if (config->stop != NULL && atomic_load(config->stop)) {
            return STATUS_STOPPED;
        }
        ChunkInfo info;
        const Status status = chunk_past_take(past, &source, &info, err);
        if (status == STATUS_EOF) {
            break;
        }
        if (status != STATUS_OK) {
            return status;
        }
        if (chunks->done != NULL) {
            chunks->done(chunks->context, &info);
        }
    }
    return chunk_folder_clear(chunks->folder, past->chunks, err);
}

static void continue_past(Writer *writer)
{
    const ChunkPast *past = &writer->past;
    WriterSummary *summary = &writer->summary;
    encoder_continue(writer->encoder, &past->pictures);
    if (writer->rate.rate.num > 0) {
        frame_rate_continue(&writer->rate, past->next.slot);
    }
    writer->taken = past->counts.frames;
    writer->shift = writer->stream.shift = past->shift;
    writer->end = past->end;
    summary->first_pts = past->pictures.first_pts;
    summary->last_pts = past->pictures.pts[0];
    summary->frames_dropped = past->counts.dropped;
    summary->frames_repeated = past->counts.repeated;
}

static Status open_chunks(Writer *writer, const WriterConfig *config, Error *err)
{
    const WriterChunks *chunks = &config->chunks;
    if (chunks->folder == NULL) {
        return STATUS_OK;
    }
    const AVCodecContext *context = encoder_context(writer->encoder);
    ChunkStream *stream = &writer->stream;
    text_copy(stream->key, sizeof stream->key, chunks->key);
    text_copy(stream->codec, sizeof stream->codec, avcodec_get_name(context->codec_id));
    text_copy(stream->format, sizeof stream->format, av_get_pix_fmt_name(context->pix_fmt));
    stream->width = context->width;
    stream->height = context->height;
    stream->delay = encoder_delay(writer->encoder);
    stream->time_base = writer->summary.time_base;
    stream->extradata = context->extradata;
    stream->extradata_size = context->extradata_size;
    writer->clock = chunk_clock(writer->source_base, chunks->source_origin, chunks->seconds);
    const Status status = take_chunks(writer, config, err);
    if (status == STATUS_OK) {
        if (writer->past.chunks > 0) {
            continue_past(writer);
        }
        writer->track = chunk_track_new(chunks, stream, writer->past.chunks);
    }
    return status;
}

static Status open_all(Writer *writer, const WriterConfig *config, Error *err)
{
    const MuxerConfig muxer = {
        .path = config->path,
        .final_name = config->final_name,
        .input_path = config->input_path,
        .source = config->source,
        .skip_audio = config->skip_audio,
        .metadata = config->metadata,
    };
    writer->packet = av_packet_alloc();
    if (writer->packet == NULL) {
        return error_set(err, ERROR_MEMORY, "cannot write the output", config->path, "out of memory");
    }
    if (muxer_open(&writer->muxer, &muxer, err) != STATUS_OK ||
        open_encoder(writer, config, err) != STATUS_OK ||
        muxer_begin(writer->muxer, encoder_context(writer->encoder), writer->summary.time_base,
                    writer->rate.rate, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    const Status status = open_chunks(writer, config, err);
    if (status != STATUS_OK) {
        muxer_abandon(writer->muxer);
    }
    return status;
}

Status writer_open(Writer **writer, const WriterConfig *config, Error *err)
{
    *writer = memory_alloc(1, sizeof **writer);
    (*writer)->path = text_duplicate(config->path);
    (*writer)->before = AV_NOPTS_VALUE;
    (*writer)->stop = config->stop;
    (*writer)->work = config->work;
    const Status status = open_all(*writer, config, err);
    if (status != STATUS_OK) {
        writer_free(writer);
    }
    return status;
}

void writer_free(Writer **writer)
{
    Writer *w = *writer;
    if (w == NULL) {
        return;
    }
    chunk_track_free(&w->track);
    encoder_free(&w->encoder);
    muxer_free(&w->muxer);
    av_packet_free(&w->packet);
    memory_free(w->path);
    memory_free(w);
    *writer = NULL;
}

bool writer_resume(const Writer *writer, WriterResume *resume)
{
    const ChunkPast *past = &writer->past;
    *resume = (WriterResume){
        .from = past->next, .counts = past->counts, .chunks = past->chunks, .complete = past->complete};
    return past->chunks > 0;
}

bool writer_begins_chunk(const Writer *writer, int64_t pts, int64_t pts_before)
{
    return chunk_clock_begins(&writer->clock, pts, pts_before);
}

/* ---- packets ---- */

/* STATUS_STOPPED once all chunks but the latest frame's are on the disk and no more is wanted. */
static Status drain(Writer *writer, Error *err)
{
    for (;;) {
        Status status = encoder_receive(writer->encoder, writer->packet, err);
        if (status == STATUS_AGAIN || status == STATUS_EOF) {
            return STATUS_OK;
        }
        if (status == STATUS_OK && writer->track != NULL) {
            status = chunk_track_packet(writer->track, writer->packet, err);
            if (status == STATUS_OK && writer->stopping && !chunk_track_waits(writer->track)) {
                status = STATUS_STOPPED;
            }
        }
        if (status == STATUS_OK) {
            status = put(writer, writer->packet, err);
        }
        av_packet_unref(writer->packet);
        if (status != STATUS_OK) {
            return status;
        }
    }
}

static Status encode(Writer *writer, const AVFrame *frame, int64_t pts, int64_t duration, Error *err)
{
    const bool key = writer->track != NULL && chunk_track_wants_key(writer->track);
    if (encoder_send(writer->encoder, frame, pts, duration, key, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    WriterSummary *summary = &writer->summary;
    summary->first_pts = summary->frames == 0 ? pts : summary->first_pts;
    summary->last_pts = pts;
    summary->frames++;
    writer->end = pts + duration;
    if (writer->track != NULL) {
        chunk_track_sent(writer->track, pts);
    }
    return drain(writer, err);
}

/* ---- chunks ---- */

void writer_stop_at_chunk(Writer *writer)
{
    atomic_store(&writer->stop_at_chunk, true);
}

void writer_chunk_progress(const Writer *writer, double *done_s, double *length_s)
{
    *length_s = (double)writer->clock.length_ms / 1000;
    *done_s = (double)atomic_load(&writer->done_us) / 1e6;
}

static void note_progress(Writer *writer, int64_t source_pts)
{
    const double done_s = chunk_track_waits(writer->track) ? (double)writer->clock.length_ms / 1000
                                                           : chunk_clock_phase(&writer->clock, source_pts);
    atomic_store(&writer->done_us, llround(done_s * 1e6));
}

/* The frame takes its place among the chunks. */
static Status place_frame(Writer *writer, const AVFrame *frame, const ChunkCounts *counts, uint64_t check,
                          Error *err)
{
    ChunkPoint point = {.frame = writer->taken, .pts = frame->pts, .slot = writer->rate.next, .check = check};
    if (writer->past.chunks > 0 && writer->before == AV_NOPTS_VALUE) {
        if (writer->past.complete || frame->pts != writer->past.next.pts) {
            return error_set(err, ERROR_INTERNAL, "cannot write the output", writer->path,
                             "this is not the frame to go on with");
        }
        point = writer->past.next;
    }
    chunk_track_frame(writer->track, &point, chunk_clock_begins(&writer->clock, frame->pts, writer->before));
    ChunkCounts counted = counts != NULL ? *counts : (ChunkCounts){0};
    counted.frames = 1;
    counted.dropped = counted.repeated = 0;
    chunk_counts_add(chunk_track_counts(writer->track), &counted);
    return STATUS_OK;
}

static bool may_stop_here(const Writer *writer)
{
    return writer->track != NULL && atomic_load(&writer->stop_at_chunk) && chunk_track_waits(writer->track);
}

/* Brings the chunks before the latest frame's out of the encoder. It is not drained: its last frames would be
 * encoded in view of an end that is none. It sees the frame that follows instead, standing still. */
static Status stop_here(Writer *writer, const AVFrame *frame, int64_t pts, int64_t duration, Error *err)
{
    writer->stopping = true;
    Status status = encode(writer, frame, pts, duration, err);
    for (int i = 0; i < FLUSH_MAX && status == STATUS_OK; i++) {
        pts += duration;
        status = encoder_send(writer->encoder, frame, pts, duration, false, err);
        if (status == STATUS_OK) {
            status = drain(writer, err);
        }
    }
    return status == STATUS_OK ? STATUS_STOPPED : status;
}

/* ---- frames ---- */

static int64_t duration_of(const Writer *writer, const AVFrame *frame)
{
    int64_t duration = frame_duration(frame);
    if (duration <= 0 && writer->source_rate.num > 0 && writer->source_rate.den > 0) {
        duration = av_rescale_q(1, av_inv_q(writer->source_rate), writer->source_base);
    }
    return FFMAX(duration, 1);
}

static Status write_slots(Writer *writer, const AVFrame *frame, FrameSlots slots, Error *err)
{
    for (int64_t i = 0; i < slots.count; i++) {
        if (i > 0 && writer->stop != NULL && atomic_load(writer->stop)) {
            return STATUS_STOPPED;
        }
        const Status status = encode(writer, frame, slots.first + i, 1, err);
        if (status != STATUS_OK) {
            return status;
        }
    }
    const int64_t dropped = slots.count == 0;
    const int64_t repeated = slots.count > 0 ? slots.count - 1 : 0;
    writer->summary.frames_dropped += dropped;
    writer->summary.frames_repeated += repeated;
    if (writer->track != NULL) {
        chunk_track_counts(writer->track)->dropped += dropped;
        chunk_track_counts(writer->track)->repeated += repeated;
    }
    return STATUS_OK;
}

Status writer_frame(Writer *writer, const AVFrame *frame, const ChunkCounts *counts, uint64_t check,
                    Error *err)
{
    if (writer->taken == 0) {
        /* Players show nothing before zero: everything moves together. */
        writer->shift = writer->stream.shift = frame->pts < 0 ? -frame->pts : 0;
        muxer_shift(writer->muxer, writer->shift, writer->source_base);
    }
    if (writer->track != NULL && place_frame(writer, frame, counts, check, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    writer->taken++;
    writer->before = frame->pts;
    const int64_t duration = duration_of(writer, frame);
    FrameSlots slots = {.first = frame->pts + writer->shift, .count = 1};
    Status status = STATUS_OK;
    if (writer->rate.rate.num > 0) {
        slots = frame_rate_take(&writer->rate, slots.first, duration);
        status = may_stop_here(writer) && slots.count > 0 ? stop_here(writer, frame, slots.first, 1, err)
                                                          : write_slots(writer, frame, slots, err);
    } else {
        status = may_stop_here(writer) ? stop_here(writer, frame, slots.first, duration, err)
                                       : encode(writer, frame, slots.first, duration, err);
    }
    if (writer->track != NULL) {
        note_progress(writer, frame->pts + duration);
    }
    return status;
}

/* ---- finishing ---- */

Status writer_finish(Writer *writer, WriterSummary *summary, Error *err)
{
    static const char what[] = "cannot finish the output";
    if (writer->finished) {
        return error_set(err, ERROR_INTERNAL, what, writer->path, "it is finished");
    }
    writer->finished = true;
    if (writer->past.chunks > 0 && !writer->past.complete && writer->before == AV_NOPTS_VALUE) {
        return error_set(err, ERROR_INTERNAL, what, writer->path,
                         "the frames behind the last chunk are missing");
    }
    if (!writer->past.complete && (encoder_send(writer->encoder, NULL, 0, 0, false, err) != STATUS_OK ||
                                   drain(writer, err) != STATUS_OK)) {
        return STATUS_FAILED;
    }
    if (writer->track != NULL && chunk_track_finish(writer->track, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    MuxerSummary muxed;
    if (muxer_finish(writer->muxer, &muxed, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    writer->summary.size_bytes = muxed.size_bytes;
    writer->summary.audio_streams = muxed.audio_streams;
    writer->summary.audio_reencoded = muxed.audio_reencoded;
    writer->summary.streams_left_out = muxed.streams_left_out;
    writer->summary.duration_s =
        (double)(writer->end - writer->summary.first_pts) * av_q2d(writer->summary.time_base);
    *summary = writer->summary;
    return STATUS_OK;
}
