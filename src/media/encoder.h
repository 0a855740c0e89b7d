/* One video encoder: its options from quality and preset, its pixel format, its timestamps.
 *
 * Frames keep the pixel format of the source where the encoder has it; otherwise they are converted to the
 * nearest one (the log says so), and onto an even size where the encoder needs one. One thread. Private to
 * src/media.
 *
 * Inside, frames are numbered on the grid of the frame rate, as encoders (and readers of the timing notes
 * they put into the stream) expect; packets come out with exactly the pts and duration that went in. The dts
 * of the nth packet is the pts of the frame `delay` before the nth, so that it does not depend on where an
 * encoder began: a stream that several encoders made one after the other has those of one.
 *
 * Presets: libx264, libx265 and nvenc know their own names. For libvpx-vp9 x264's names stand for speeds:
 * placebo and veryslow cpu-used 0, slower and slow 1, medium 2, fast 3, faster 4, veryfast 5 (deadline good),
 * superfast 7 and ultrafast 8 (deadline realtime); a number 0..8 is cpu-used itself.
 */
#ifndef RUNBATCH_MEDIA_ENCODER_H
#define RUNBATCH_MEDIA_ENCODER_H

#include <libavcodec/avcodec.h>
#include <stdbool.h>

#include "media/reader.h"

typedef struct EncoderConfig {
    const char *name;
    int quality; /* 0..100, see media/writer.h */
    const char *preset;
    int threads; /* 0: one per core, at most WRITER_THREADS_MAX */
    const MediaInfo *source;
    AVRational time_base;  /* of the pts given */
    AVRational frame_rate; /* the average; 0/1: unknown */
    AVRational grid_rate;  /* see MediaInfo; 0/1: unknown */
    bool global_header;
    bool no_reordering; /* for containers without pts: no B-frames */
} EncoderConfig;

enum { ENCODER_DELAY_MAX = 16 };

/* The frames that earlier encoders made of the same video. */
typedef struct EncoderPast {
    int64_t frames;
    int64_t first_pts;
    int64_t pts[ENCODER_DELAY_MAX]; /* of the last ones, the latest first */
} EncoderPast;

typedef struct Encoder Encoder;

/* ERROR_ENCODER with advice that lists the encoders that are there. */
Status encoder_open(Encoder **encoder, const EncoderConfig *config, Error *err);
void encoder_free(Encoder **encoder);

const AVCodecContext *encoder_context(const Encoder *encoder);

/* By how many frames dts lie behind pts: 0 without reordering, at most ENCODER_DELAY_MAX. */
int encoder_delay(const Encoder *encoder);

/* The frames that come follow these. Before the first. */
void encoder_continue(Encoder *encoder, const EncoderPast *past);

/* Whether a stream whose header is that long piece of extradata can go on with this encoder's packets. */
bool encoder_continues(const Encoder *encoder, const uint8_t *extradata, size_t size);

/* Encodes `frame` at `pts` for `duration`; NULL: no more frames. `key`: it becomes a key frame behind which
 * nothing before it is needed, and no frame before it comes out later. Packets must have been received until
 * STATUS_AGAIN before. The frame stays the caller's and is not written to. */
Status encoder_send(Encoder *encoder, const AVFrame *frame, int64_t pts, int64_t duration, bool key,
                    Error *err);

/* The next packet, in the time base of the frames' pts. STATUS_AGAIN: send more; STATUS_EOF: all out. */
Status encoder_receive(Encoder *encoder, AVPacket *packet, Error *err);

/* The crf (or cq) for a quality: (quality + 1) * range / 100. */
int encoder_rate_factor(int quality, int range);

#endif
