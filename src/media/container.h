/* What an output container takes, and what is carried into it besides packets. Private to src/media. */
#ifndef RUNBATCH_MEDIA_CONTAINER_H
#define RUNBATCH_MEDIA_CONTAINER_H

#include <libavformat/avformat.h>
#include <stdbool.h>

/* Asks the muxer itself whether it would write a stream of this kind. */
bool container_accepts(const AVOutputFormat *container, const AVCodecParameters *par, AVRational time_base);

/* mp4 or mov. */
bool container_is_iso(const AVOutputFormat *container);
/* mkv or webm. */
bool container_is_matroska(const AVOutputFormat *container);

/* Whether the container can say that a stream of this codec begins with samples that only prepare the decoder
 * (Matroska's CodecDelay; before FFmpeg 6 its muxer writes it for Opus alone). */
bool container_has_delay(const AVOutputFormat *container, enum AVCodecID codec);

/* What has to be added to the times of packets, in `time_base`, so that they are read back as they were:
 * readers subtract CodecDelay, and before FFmpeg 6 the muxer does not add it. */
int64_t container_delay(const AVOutputFormat *container, const AVCodecParameters *par, AVRational time_base);

/* The tag a copied stream may keep: its own where this container knows it for the same codec, else 0 (the
 * muxer chooses). */
unsigned container_tag(const AVOutputFormat *container, const AVCodecParameters *par);

/* Copies tags that stay true for the new file: not the encoder's name, not a container's brands, not counts
 * of bytes and frames. */
void container_copy_tags(AVDictionary **target, const AVDictionary *source);

/* Adds our own pairs (closed by a NULL key); a comment that is there already is kept in front. Returns
 * whether a key is none that mp4's own tags have. */
bool container_add_tags(AVDictionary **target, const char *const (*pairs)[2]);

/* Copies chapters, moved by `shift_us`. False when out of memory. */
bool container_copy_chapters(AVFormatContext *target, const AVFormatContext *source, int64_t shift_us);

/* The smallest time scale in which 1/1000 and the beginnings of all streams (pairs of a time and its base)
 * are whole numbers, 1000 where there is none that fits: mp4 writes a late beginning in units of it. */
int container_movie_timescale(const int64_t *starts, const AVRational *time_bases, int count);

#endif
