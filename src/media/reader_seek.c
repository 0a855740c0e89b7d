/* Seeking by key frames, believing nothing that a demuxer promises.
 *
 * After a seek the stream may go on anywhere, so packets are left out up to the first key frame. Frames that
 * are shown before it but stored behind it (the leading ones of an open group) refer to pictures that are
 * missing: they are decoded, for the decoder's order's sake, and left out. All others refer to nothing before
 * the key frame. If the first of them is shown too late, the seek begins again further back.
 */
#include "base/log.h"
#include "media/reader_internal.h"

static void forget_place(Reader *reader)
{
    avcodec_flush_buffers(reader->decoder);
    av_packet_unref(reader->packet);
    av_frame_unref(reader->decoded);
    av_frame_unref(reader->held);
    reader->timeline = (Timeline){.time_base = reader->timeline.time_base};
    reader->errors_in_row = 0;
    reader->guessed = false;
    reader->demuxed = false;
    reader->draining = false;
    reader->has_held = false;
}

/* The next key frame's packet in reader->packet and its time, AV_NOPTS_VALUE when it tells none. */
static Status find_key(Reader *reader, int64_t *key_pts)
{
    for (;;) {
        reader_demux(reader);
        if (reader->demuxed) {
            return STATUS_AGAIN;
        }
        if ((reader->packet->flags & AV_PKT_FLAG_KEY) != 0) {
            *key_pts = timeline_usable(reader->packet->pts);
            return STATUS_OK;
        }
        av_packet_unref(reader->packet);
    }
}

/* Decodes from the key frame in reader->packet to the first frame that is not before it; into
 * reader->decoded. */
static Status decode_key(Reader *reader, int64_t key_pts, Error *err)
{
    Status status = reader_send(reader, err);
    while (status == STATUS_OK) {
        status = reader_decode(reader, err);
        const int64_t time = status == STATUS_OK ? timeline_usable(reader_decoded_time(reader)) : 0;
        if (status == STATUS_OK && time != AV_NOPTS_VALUE && time >= key_pts) {
            return STATUS_OK;
        }
        av_frame_unref(reader->decoded);
    }
    return status == STATUS_EOF ? STATUS_AGAIN : status;
}

/* One attempt, from a key frame that the demuxer thinks is before `from`. STATUS_AGAIN: the first frame is
 * later than `pts`, or there is none. */
static Status seek_from(Reader *reader, int64_t from, int64_t pts, Error *err)
{
    if (av_seek_frame(reader->format, reader->stream->index, from, AVSEEK_FLAG_BACKWARD) < 0) {
        return STATUS_AGAIN;
    }
    forget_place(reader);
    int64_t key_pts = AV_NOPTS_VALUE;
    Status status = find_key(reader, &key_pts);
    if (status == STATUS_OK && (key_pts == AV_NOPTS_VALUE || key_pts > pts)) {
        status = STATUS_AGAIN;
    }
    if (status == STATUS_OK) {
        status = decode_key(reader, key_pts, err);
    }
    if (status == STATUS_OK && reader_decoded_time(reader) > pts) {
        status = STATUS_AGAIN; /* it takes this stream some frames from a key frame to a picture */
    }
    return status;
}

Status reader_seek(Reader *reader, int64_t pts, Error *err)
{
    /* Seconds before `pts`: the seek itself is by decoding order, so a little earlier is often needed. */
    static const int back_s[] = {0, 1, 3, 10, 30};
    const ReaderDamage damage = reader->damage;
    const int64_t second = av_rescale_q(1, (AVRational){1, 1}, reader->info.time_base);
    Status status = STATUS_AGAIN;
    for (size_t i = 0; i < sizeof back_s / sizeof back_s[0] && status == STATUS_AGAIN; i++) {
        const int64_t from = pts - back_s[i] * second;
        if (i > 0 && from < reader->info.first_pts) {
            break; /* reading from the beginning is as good */
        }
        status = seek_from(reader, from, pts, err);
    }
    /* What the leading frames lack is no damage of the file. */
    reader->damage = damage;
    if (status != STATUS_OK) {
        return status;
    }
    if (!reader_place(reader)) {
        return STATUS_AGAIN;
    }
    if (reader_reshape(reader, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    av_frame_move_ref(reader->held, reader->decoded);
    reader->has_held = true;
    return STATUS_OK;
}
