/* What the reader's files share. Private to them. */
#ifndef RUNBATCH_MEDIA_READER_INTERNAL_H
#define RUNBATCH_MEDIA_READER_INTERNAL_H

#include "media/container_check.h"
#include "media/convert.h"
#include "media/reader.h"
#include "media/timeline.h"

struct Reader {
    char *path;
    const atomic_bool *stop;
    atomic_llong *work;
    int64_t furthest_byte; /* of what was read */
    int max_dimension;
    ContainerCheck check;
    AVFormatContext *format;
    AVStream *stream;
    AVCodecContext *decoder;
    AVPacket *packet;
    AVFrame *decoded;
    AVFrame *held; /* the next to be given; complete but for its duration */
    Converter *converter;
    FrameShape shape;  /* of the frames given */
    FrameShape stored; /* of the first one decoded */
    MediaInfo info;
    Timeline timeline;
    ReaderDamage damage;
    int errors_in_row;
    int64_t furthest_us; /* end of the last packet of any stream; valid when `has_furthest` */
    bool has_furthest;
    bool guessed; /* a frame came without a time of its own */
    bool demuxed; /* no more packets */
    bool draining;
    bool change_logged;
    bool has_held;
};

/* Reads the next packet of the video stream into reader->packet; sets `demuxed` at the end. */
void reader_demux(Reader *reader);

/* Hands reader->packet to the decoder, at the end tells it so. */
Status reader_send(Reader *reader, Error *err);

/* The decoder's next frame, as it is, into reader->decoded. */
Status reader_decode(Reader *reader, Error *err);

/* The time of reader->decoded as it tells itself, AV_NOPTS_VALUE: none. */
int64_t reader_decoded_time(const Reader *reader);

/* Gives reader->decoded its place in time; false: it has none and is to be left out. */
bool reader_place(Reader *reader);

/* Brings reader->decoded into the shape all frames have. */
Status reader_reshape(Reader *reader, Error *err);

#endif
