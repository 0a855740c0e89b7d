#include "media/side_streams.h"

#include <libavcodec/avcodec.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "media/audio_encoder.h"
#include "media/container.h"
#include "media/input.h"
#include "media/reader_info.h"
#include "media/subtitle_encoder.h"
#include "media/timeline.h"

typedef struct Track {
    int output; /* stream index in the muxer; -1: not carried */
    AudioEncoder *audio;
    SubtitleEncoder *subtitle;
    Timeline timeline; /* of what comes in */
    int64_t last_dts;  /* of what was written, in the output's time base */
    int64_t refused;   /* packets */
    int64_t written;   /* packets */
    int64_t keep_from; /* packets before this only prepare the decoder and are not kept */
    bool past_preroll; /* a packet that is to be shown has been seen */
} Track;

struct SideStreams {
    char *path;
    AVFormatContext *input;
    AVFormatContext *muxer;
    int video;
    Track *tracks; /* one for each input stream */
    AVPacket *packet;
    AVPacket *scratch;
    bool has_packet;
    bool ended;
    int64_t shift;
    AVRational shift_base;
    int64_t lead_ms; /* see side_streams_lead_ms */
    SideStreamsSummary summary;
    Track *current; /* whose packets the audio sink gets */
};

const AVFormatContext *side_streams_input(const SideStreams *side)
{
    return side->input;
}

const AVStream *side_streams_video(const SideStreams *side)
{
    return side->video >= 0 ? side->input->streams[side->video] : NULL;
}

/* Muxers drop tracks without a packet, or readers do not count them: they are not carried. */
SideStreamsSummary side_streams_summary(const SideStreams *side)
{
    SideStreamsSummary summary = side->summary;
    for (unsigned i = 0; i < side->input->nb_streams; i++) {
        const Track *track = &side->tracks[i];
        if (track->output >= 0 && track->written == 0 &&
            side->input->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO) {
            log_warn("audio stream %u is left out: nothing in it can be carried", i);
            summary.audio_streams--;
            summary.audio_reencoded -= track->audio != NULL;
            summary.left_out++;
        }
    }
    return summary;
}

void side_streams_shift(SideStreams *side, int64_t shift, AVRational time_base)
{
    side->shift = shift;
    side->shift_base = time_base;
}

int64_t side_streams_lead_ms(const SideStreams *side)
{
    return side->lead_ms;
}

int64_t side_streams_start(const SideStreams *side, unsigned output_index, AVRational *time_base)
{
    for (unsigned i = 0; i < side->input->nb_streams; i++) {
        if (side->tracks[i].output == (int)output_index) {
            if (side->tracks[i].audio != NULL) {
                /* Its encoder's delay moves it by samples. */
                *time_base = audio_encoder_context(side->tracks[i].audio)->time_base;
                return 1;
            }
            *time_base = side->input->streams[i]->time_base;
            return side->input->streams[i]->start_time;
        }
    }
    return AV_NOPTS_VALUE;
}

/* ---- choosing what is carried ---- */

static const char *kind_name(const AVStream *stream)
{
    const char *name = av_get_media_type_string(stream->codecpar->codec_type);
    return name != NULL ? name : "unknown";
}

static void leave_out(SideStreams *side, const AVStream *stream, const char *why)
{
    side->summary.left_out++;
    log_warn("%s stream %d (%s) is left out: %s", kind_name(stream), stream->index,
             avcodec_get_name(stream->codecpar->codec_id), why);
}

static Status add_stream(SideStreams *side, Track *track, const AVStream *in, const AVCodecContext *encoder,
                         Error *err)
{
    AVStream *out = avformat_new_stream(side->muxer, NULL);
    if (out == NULL) {
        return error_set(err, ERROR_MEMORY, "cannot set up the output", side->path, "out of memory");
    }
    if (encoder != NULL) {
        if (avcodec_parameters_from_context(out->codecpar, encoder) < 0) {
            return error_set(err, ERROR_MEMORY, "cannot set up the output", side->path, "out of memory");
        }
        out->time_base = encoder->time_base;
    } else {
        if (avcodec_parameters_copy(out->codecpar, in->codecpar) < 0) {
            return error_set(err, ERROR_MEMORY, "cannot set up the output", side->path, "out of memory");
        }
        out->codecpar->codec_tag = container_tag(side->muxer->oformat, in->codecpar);
        out->time_base = in->time_base;
        out->avg_frame_rate = in->avg_frame_rate;
        out->sample_aspect_ratio = in->sample_aspect_ratio;
    }
    out->disposition = in->disposition;
    container_copy_tags(&out->metadata, in->metadata);
    track->output = out->index;
    return STATUS_OK;
}

/* The time of the first packet to be kept: mp4's index knows those its edit list makes preparation. */
static int64_t first_kept(const Track *track, const AVStream *in)
{
    for (int i = 0; i < avformat_index_get_entries_count(in); i++) {
        const AVIndexEntry *entry = avformat_index_get_entry((AVStream *)in, i);
        if ((entry->flags & AVINDEX_DISCARD_FRAME) == 0) {
            break;
        }
        if (entry->timestamp >= track->keep_from && timeline_usable(entry->timestamp) == entry->timestamp) {
            return entry->timestamp;
        }
    }
    const int64_t start = timeline_usable(in->start_time);
    return start != AV_NOPTS_VALUE ? start : 0;
}

/* mp4 marks the packets that only prepare the decoder by an edit list. Other containers cannot: there only
 * the last moment of them is kept (an AAC decoder needs one packet), in Matroska as the codec's delay or,
 * where the muxer cannot write that, by letting everything begin a little later. */
static void limit_preroll(SideStreams *side, Track *track, const AVStream *in)
{
    enum { PREROLL_SAMPLES = 4096 };
    const AVOutputFormat *container = side->muxer->oformat;
    AVCodecParameters *out = side->muxer->streams[track->output]->codecpar;
    if (container_is_iso(container) || in->codecpar->sample_rate <= 0) {
        return;
    }
    if (!container_is_matroska(container)) {
        track->keep_from = 0;
        return;
    }
    const AVRational samples = {1, in->codecpar->sample_rate};
    track->keep_from = -av_rescale_q(PREROLL_SAMPLES, samples, in->time_base);
    const int64_t first = first_kept(track, in);
    if (first >= 0) {
        return;
    }
    if (container_has_delay(container, out->codec_id)) {
        if (out->initial_padding == 0) {
            out->initial_padding = (int)av_rescale_q(-first, in->time_base, samples);
        }
    } else {
        const int64_t lead =
            timeline_usable_length(av_rescale_q(-first, in->time_base, (AVRational){1, 1000}));
        side->lead_ms = FFMAX(side->lead_ms, lead);
    }
}

static Status add_audio(SideStreams *side, Track *track, const AVStream *in, Error *err)
{
    if (container_accepts(side->muxer->oformat, in->codecpar, in->time_base)) {
        if (add_stream(side, track, in, NULL, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        side->summary.audio_streams++;
        limit_preroll(side, track, in);
        return STATUS_OK;
    }
    Error reason = {0};
    if (audio_encoder_open(&track->audio, in, side->muxer->oformat, &reason) != STATUS_OK) {
        leave_out(side, in, reason.why);
        return STATUS_OK;
    }
    const AVCodecContext *context = audio_encoder_context(track->audio);
    log_warn("audio stream %d (%s) is encoded again as %s: %s cannot hold it", in->index,
             avcodec_get_name(in->codecpar->codec_id), avcodec_get_name(context->codec_id),
             side->muxer->oformat->name);
    side->summary.audio_streams++;
    side->summary.audio_reencoded++;
    return add_stream(side, track, in, context, err);
}

static Status add_subtitle(SideStreams *side, Track *track, const AVStream *in, Error *err)
{
    if (container_accepts(side->muxer->oformat, in->codecpar, in->time_base)) {
        return add_stream(side, track, in, NULL, err);
    }
    track->subtitle = subtitle_encoder_new(in, side->muxer->oformat);
    if (track->subtitle == NULL) {
        leave_out(side, in, "the container cannot hold it");
        return STATUS_OK;
    }
    const AVCodecContext *context = subtitle_encoder_context(track->subtitle);
    log_info("subtitle stream %d (%s) is written as %s", in->index, avcodec_get_name(in->codecpar->codec_id),
             avcodec_get_name(context->codec_id));
    return add_stream(side, track, in, context, err);
}

/* Matroska's chapters come to mp4 as a text track of their own; it is made anew from the chapters. */
static bool is_chapter_track(const SideStreams *side, const AVStream *in)
{
    return side->input->nb_chapters > 0 && in->codecpar->codec_type == AVMEDIA_TYPE_DATA &&
           in->codecpar->codec_id == AV_CODEC_ID_BIN_DATA;
}

static Status add_track(SideStreams *side, Track *track, const AVStream *in, bool skip_audio, Error *err)
{
    const AVOutputFormat *container = side->muxer->oformat;
    const bool cover = (in->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0;
    switch (in->codecpar->codec_type) {
    case AVMEDIA_TYPE_AUDIO:
        return skip_audio ? STATUS_OK : add_audio(side, track, in, err);
    case AVMEDIA_TYPE_SUBTITLE:
        return add_subtitle(side, track, in, err);
    case AVMEDIA_TYPE_VIDEO:
        if (cover && container_is_iso(container) &&
            container_accepts(container, in->codecpar, in->time_base)) {
            return add_stream(side, track, in, NULL, err);
        }
        leave_out(side, in, cover ? "a cover picture in this container" : "a second video stream");
        return STATUS_OK;
    case AVMEDIA_TYPE_ATTACHMENT:
        if (strcmp(container->name, "matroska") == 0) {
            return add_stream(side, track, in, NULL, err);
        }
        leave_out(side, in, "the container cannot hold it");
        return STATUS_OK;
    default:
        if (!is_chapter_track(side, in)) {
            leave_out(side, in, "streams of this kind are not carried");
        }
        return STATUS_OK;
    }
}

static Status open_all(SideStreams *side, bool skip_audio, Error *err)
{
    if (input_open(side->path, &side->input, NULL, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    side->video = input_video_stream(side->input);
    side->tracks = memory_alloc(side->input->nb_streams, sizeof *side->tracks);
    for (unsigned i = 0; i < side->input->nb_streams; i++) {
        side->tracks[i].output = -1;
        side->tracks[i].last_dts = AV_NOPTS_VALUE;
        side->tracks[i].keep_from = INT64_MIN;
        side->tracks[i].timeline.time_base = side->input->streams[i]->time_base;
    }
    side->packet = av_packet_alloc();
    side->scratch = av_packet_alloc();
    if (side->packet == NULL || side->scratch == NULL) {
        return error_set(err, ERROR_MEMORY, "cannot set up the output", side->path, "out of memory");
    }
    side->ended = true;
    for (unsigned i = 0; i < side->input->nb_streams; i++) {
        AVStream *in = side->input->streams[i];
        Track *track = &side->tracks[i];
        if ((int)i != side->video && add_track(side, track, in, skip_audio, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        if (track->output < 0) {
            in->discard = AVDISCARD_ALL;
        } else if (in->codecpar->codec_type != AVMEDIA_TYPE_ATTACHMENT) {
            side->ended = false;
        }
    }
    return STATUS_OK;
}

Status side_streams_open(SideStreams **side, const char *path, AVFormatContext *muxer, bool skip_audio,
                         Error *err)
{
    *side = memory_alloc(1, sizeof **side);
    (*side)->path = text_duplicate(path);
    (*side)->muxer = muxer;
    (*side)->video = -1;
    (*side)->shift_base = AV_TIME_BASE_Q;
    const Status status = open_all(*side, skip_audio, err);
    if (status != STATUS_OK) {
        side_streams_free(side);
    }
    return status;
}

void side_streams_free(SideStreams **side)
{
    SideStreams *s = *side;
    if (s == NULL) {
        return;
    }
    for (unsigned i = 0; s->tracks != NULL && i < s->input->nb_streams; i++) {
        audio_encoder_free(&s->tracks[i].audio);
        subtitle_encoder_free(&s->tracks[i].subtitle);
    }
    memory_free(s->tracks);
    av_packet_free(&s->packet);
    av_packet_free(&s->scratch);
    avformat_close_input(&s->input);
    memory_free(s->path);
    memory_free(s);
    *side = NULL;
}

/* ---- moving packets ---- */

/* Times of hostile files must not overflow where they are added. */
static void limit_times(AVPacket *packet)
{
    packet->pts = timeline_usable(packet->pts);
    packet->dts = timeline_usable(packet->dts);
    packet->duration = timeline_usable_length(packet->duration);
}

/* Frames of known length fill in a duration the container did not give. */
static void complete_duration(const AVStream *stream, AVPacket *packet)
{
    if (packet->duration > 0 || stream->codecpar->codec_type != AVMEDIA_TYPE_AUDIO) {
        return;
    }
    const int samples = av_get_audio_frame_duration2(stream->codecpar, packet->size);
    if (samples > 0 && stream->codecpar->sample_rate > 0) {
        packet->duration =
            av_rescale_q(samples, (AVRational){1, stream->codecpar->sample_rate}, stream->time_base);
    }
}

/* What av_read_frame's `code` means: a damaged spot is got over, as the reader does; what cannot be read must
 * not pass for the end. `errors` in a row. */
static Status judge_read(SideStreams *side, int code, int errors, Error *err)
{
    enum { ERRORS_MAX = 256 };
    const int io = side->input->pb != NULL ? side->input->pb->error : 0;
    if (code == AVERROR_EOF && io >= 0) {
        side->ended = true;
        return STATUS_OK;
    }
    if ((code == AVERROR(EAGAIN) || code == AVERROR_INVALIDDATA) && io >= 0 && errors <= ERRORS_MAX) {
        return STATUS_OK;
    }
    return media_error(err, io < 0 ? ERROR_DISK : ERROR_INPUT, "the sound cannot be read to its end",
                       side->path, io < 0 ? io : code);
}

/* Reads the next packet of a carried stream into side->packet. */
static Status fetch(SideStreams *side, Error *err)
{
    int errors = 0;
    while (!side->has_packet && !side->ended) {
        const int result = av_read_frame(side->input, side->packet);
        if (result < 0) {
            if (judge_read(side, result, ++errors, err) != STATUS_OK) {
                return STATUS_FAILED;
            }
            continue;
        }
        errors = 0;
        limit_times(side->packet);
        Track *track = &side->tracks[side->packet->stream_index];
        const bool discard = (side->packet->flags & AV_PKT_FLAG_DISCARD) != 0;
        track->past_preroll |= !discard;
        /* Before the beginning an edit list cuts off packets that the decoder needs to start; behind it, ones
         * that nobody is to hear. */
        if (track->output < 0 || (discard && (track->past_preroll || side->packet->pts < track->keep_from))) {
            av_packet_unref(side->packet);
            continue;
        }
        complete_duration(side->input->streams[side->packet->stream_index], side->packet);
        side->has_packet = true;
    }
    return STATUS_OK;
}

static int64_t shift_in(const SideStreams *side, AVRational time_base)
{
    return timeline_usable_length(av_rescale_q(side->shift, side->shift_base, time_base));
}

/* Gives the packet times the muxer takes: present, increasing, in the output's time base. */
static void settle_times(SideStreams *side, Track *track, AVPacket *packet, AVRational time_base)
{
    const AVStream *out = side->muxer->streams[track->output];
    av_packet_rescale_ts(packet, time_base, out->time_base);
    limit_times(packet);
    const int64_t shift = shift_in(side, out->time_base) +
                          av_rescale_q(side->lead_ms, (AVRational){1, 1000}, out->time_base) +
                          container_delay(side->muxer->oformat, out->codecpar, out->time_base);
    packet->pts += packet->pts != AV_NOPTS_VALUE ? shift : 0;
    packet->dts += packet->dts != AV_NOPTS_VALUE ? shift : 0;
    if (packet->dts == AV_NOPTS_VALUE) {
        packet->dts = packet->pts != AV_NOPTS_VALUE ? packet->pts : 0;
    }
    const bool strict = (side->muxer->oformat->flags & AVFMT_TS_NONSTRICT) == 0;
    if (track->last_dts != AV_NOPTS_VALUE && packet->dts < track->last_dts + strict) {
        packet->dts = track->last_dts + strict;
    }
    if (packet->pts == AV_NOPTS_VALUE || packet->pts < packet->dts) {
        packet->pts = packet->dts;
    }
    track->last_dts = packet->dts;
}

static Status mux_packet(SideStreams *side, Track *track, AVPacket *packet, AVRational time_base, Error *err)
{
    settle_times(side, track, packet, time_base);
    packet->stream_index = track->output;
    packet->pos = -1;
    const int result = av_write_frame(side->muxer, packet);
    const int io = side->muxer->pb != NULL ? side->muxer->pb->error : 0;
    if (io < 0 || result == AVERROR(ENOMEM) || result == AVERROR(ENOSPC)) {
        return media_error(err, ERROR_ENCODER, "cannot write the output", NULL, io < 0 ? io : result);
    }
    track->written += result >= 0;
    if (result < 0 && track->refused++ == 0) {
        log_warn("the container refuses packets of stream %d: %s", track->output, av_err2str(result));
    }
    return STATUS_OK;
}

static Status take_encoded(void *context, AVPacket *packet, Error *err)
{
    SideStreams *side = context;
    return mux_packet(side, side->current, packet, audio_encoder_context(side->current->audio)->time_base,
                      err);
}

/* Gaps and jumps back are put in order before anything depends on them. */
static void place(Track *track, AVPacket *packet)
{
    int64_t time = packet->dts != AV_NOPTS_VALUE ? packet->dts : packet->pts;
    const int64_t before = time;
    if (!timeline_place(&track->timeline, &time, packet->duration)) {
        time = track->timeline.last; /* the muxer's side gets them in order */
    }
    if (before == AV_NOPTS_VALUE) {
        packet->dts = packet->pts = time;
    } else if (time != before) {
        packet->dts = time;
        packet->pts = packet->pts != AV_NOPTS_VALUE ? packet->pts + (time - before) : time;
    }
}

static Status hand_over(SideStreams *side, Error *err)
{
    AVPacket *packet = side->packet;
    Track *track = &side->tracks[packet->stream_index];
    const AVStream *in = side->input->streams[packet->stream_index];
    place(track, packet);
    if (track->audio != NULL) {
        side->current = track;
        return audio_encoder_send(track->audio, packet, take_encoded, side, err);
    }
    if (track->subtitle != NULL) {
        Status status = STATUS_OK;
        if (subtitle_encoder_convert(track->subtitle, packet, side->scratch)) {
            status = mux_packet(side, track, side->scratch, in->time_base, err);
        }
        av_packet_unref(side->scratch);
        return status;
    }
    return mux_packet(side, track, packet, in->time_base, err);
}

static bool is_due(const SideStreams *side, int64_t until, AVRational time_base)
{
    const AVPacket *packet = side->packet;
    const int64_t time = packet->dts != AV_NOPTS_VALUE ? packet->dts : packet->pts;
    if (until == INT64_MAX || time == AV_NOPTS_VALUE) {
        return true;
    }
    const AVRational base = side->input->streams[packet->stream_index]->time_base;
    const int64_t moved = side->tracks[packet->stream_index].timeline.offset + shift_in(side, base);
    return av_compare_ts(time + moved, base, until, time_base) <= 0;
}

static Status finish_encoders(SideStreams *side, Error *err)
{
    for (unsigned i = 0; i < side->input->nb_streams; i++) {
        if (side->tracks[i].audio != NULL) {
            side->current = &side->tracks[i];
            if (audio_encoder_send(side->current->audio, NULL, take_encoded, side, err) != STATUS_OK) {
                return STATUS_FAILED;
            }
        }
    }
    return STATUS_OK;
}

Status side_streams_pull(SideStreams *side, int64_t until, AVRational time_base, Error *err)
{
    for (;;) {
        if (fetch(side, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        if (!side->has_packet) {
            return until == INT64_MAX ? finish_encoders(side, err) : STATUS_OK;
        }
        if (!is_due(side, until, time_base)) {
            return STATUS_OK;
        }
        const Status status = hand_over(side, err);
        av_packet_unref(side->packet);
        side->has_packet = false;
        if (status != STATUS_OK) {
            return status;
        }
    }
}
