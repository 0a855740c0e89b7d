/* Opens a video file and gives its decoded frames in presentation order, one after the other.
 *
 * Owns the demuxer and the decoder of the best video stream; all other streams are left to SideStreams. Used
 * by one thread at a time. Decoded frames come from the FramePool handed in. Formats that frame_view cannot
 * work on are converted (the log says so). Only local files are opened: the protocol list is "file".
 * Worst-case memory: the decoder's reference frames and threads (bounded by codec and size) and one packet.
 */
#ifndef RUNBATCH_MEDIA_READER_H
#define RUNBATCH_MEDIA_READER_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/mastering_display_metadata.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/error.h"
#include "media/frame_pool.h"

/* Quarter turns clockwise that a player applies, and whether it then mirrors left-right; from the display
 * matrix. */
typedef struct Orientation {
    int quarter_turns; /* 0..3 */
    bool mirrored;
} Orientation;

typedef struct MediaInfo {
    char container[64]; /* demuxer name, "mov,mp4,m4a,3gp,3g2,mj2" */
    char codec[32];     /* "h264" */
    int width;          /* stored, before rotation */
    int height;
    enum AVPixelFormat format; /* of the frames that reader_next gives */
    int bit_depth;
    int reference_frames;  /* that the decoder must keep, as far as the stream's header tells; 0 unknown */
    AVRational time_base;  /* of the frames' pts */
    int64_t first_pts;     /* of the first frame */
    AVRational frame_rate; /* the average; 0/1 unknown */
    AVRational
        grid_rate; /* on whose grid the frames lie as far as one can tell; of a constant rate the average */
    AVRational sample_aspect_ratio; /* 0/1 unknown */
    Orientation orientation;
    int32_t display_matrix[9];
    bool has_display_matrix;
    enum AVColorRange color_range;
    enum AVColorSpace color_space;
    enum AVColorPrimaries color_primaries;
    enum AVColorTransferCharacteristic color_transfer;
    enum AVChromaLocation chroma_location;
    enum AVFieldOrder field_order;
    bool has_mastering; /* HDR10: what the picture was mastered on, and its light levels */
    bool has_light;
    AVMasteringDisplayMetadata mastering;
    AVContentLightMetadata light;
    int64_t frame_count; /* an estimate from the header or duration x rate; 0 unknown */
    double duration_s;   /* of the video stream; 0 unknown */
    int64_t size_bytes;
    int audio_streams;
    int subtitle_streams;
    bool cut_off;         /* shorter than its container promises, as far as is known at opening */
    int reordered_frames; /* that the decoder holds back to give them in order, as far as the header tells */
} MediaInfo;

/* What the video is like whose frames are larger by `factor`; where nothing tells the colours' matrix it is
 * told now, as the usual one goes by the size. */
void media_info_enlarge(MediaInfo *info, int factor);

enum { READER_THREADS_MAX = 4 };

typedef struct ReaderConfig {
    const char *path;
    int threads;     /* of the decoder; 0: one per core, at most READER_THREADS_MAX */
    FramePool *pool; /* may be NULL: FFmpeg's own buffers */
    /* Called before the decoder is made, with what the container tells of the video (its format may be
     * AV_PIX_FMT_NONE, its depth a guess): the place to choose the decoder's `threads`, or to refuse. May be
     * NULL. */
    Status (*before_decoder)(void *context, const MediaInfo *info, int *threads, Error *err);
    void *context;
    /* Hostile-input limits; 0: the defaults (16384 x 16384 pixels). */
    int max_dimension;
    /* Nothing is decoded: the info is what the header tells (its colours and shape of pixels are not filled),
     * and there is no frame to be had. */
    bool header_only;
} ReaderConfig;

typedef struct Reader Reader;

/* On failure *reader is NULL. A file that cannot be opened, has no video stream, an unknown codec, or gives
 * no frame size gets ERROR_INPUT with a reason a user understands ("the file is empty", "no video stream
 * (audio only)", "the file is cut off: its index (moov) is missing", "this is a folder"); ERROR_DISK where a
 * read failed. */
Status reader_open(Reader **reader, const ReaderConfig *config, Error *err);
void reader_free(Reader **reader);

/* From now on a search through gigabytes can be ended, and be seen to get on: `work` grows as the reader
 * comes further in the file than ever before; once `stop` is set, the file seems to end. Both may be NULL,
 * and must outlive it. */
void reader_watch(Reader *reader, const atomic_bool *stop, atomic_llong *work);

const MediaInfo *reader_info(const Reader *reader);

/* Moves the next frame into `frame` (unreferenced before). Its pts is in info->time_base and strictly
 * increasing: frames without pts get one from the stream's clock. Its duration is exactly the way to the next
 * frame; the last one's ends with the stream. All have the first frame's size and format: a stream that
 * changes in mid-file is scaled. STATUS_EOF at the end. Damaged packets are counted and skipped; when the
 * file ends early (a cut-off file) what could be decoded is given and reader_damage tells. */
Status reader_next(Reader *reader, AVFrame *frame, Error *err);

typedef struct ReaderDamage {
    int64_t corrupt_packets; /* packets that did not decode, and frames with errors that were hidden */
    /* The file is shorter than its container promises, or the demuxer met an I/O error. For mp4, mov, mkv,
     * webm, avi and wmv it is known once the file is open, for others at the end. */
    bool truncated;
    int read_errno; /* of a read of the file that failed, so that it seemed to end; 0: none did */
} ReaderDamage;

ReaderDamage reader_damage(const Reader *reader);

/* Whether each frame so far, the next one included, came undamaged and at a time of its own: then one of them
 * can be sought later by its pts. */
bool reader_is_plain(const Reader *reader);

/* Goes to a key frame: the next frame given is one at or before `pts`, and from it on frames, times and
 * lengths are those of an unbroken read. `pts`: of a frame, or anything between the first one's and the
 * last one's, of a file that was read while reader_is_plain held. That it is the right frame is for the
 * caller to prove, by its pts and frame_hash. STATUS_AGAIN: there is no such place to be found (the container
 * cannot seek, no key frame lies before); the reader is of no use then, as after STATUS_FAILED: open it anew
 * and read from the beginning. */
Status reader_seek(Reader *reader, int64_t pts, Error *err);

#endif
