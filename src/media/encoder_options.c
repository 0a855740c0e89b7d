#include "media/encoder_options.h"

#include <libavutil/cpu.h>
#include <string.h>

#include "base/text.h"
#include "media/writer.h"

enum { CRF_RANGE_H26X = 51, CRF_RANGE_VP9 = 63 };

static const char *const our_encoders[] = {"libx264", "libx265", "libvpx-vp9", "h264_nvenc", "hevc_nvenc"};
static const char *const x26x_presets[] = {"ultrafast", "superfast", "veryfast", "faster",   "fast",
                                           "medium",    "slow",      "slower",   "veryslow", "placebo"};

int encoder_rate_factor(int quality, int range)
{
    return (quality + 1) * range / 100;
}

bool encoder_needs_even_size(const char *name)
{
    return strcmp(name, "libx264") == 0 || strcmp(name, "libx265") == 0 || strstr(name, "_nvenc") != NULL;
}

const char *encoder_list_available(char *buffer, size_t size)
{
    Text list = {0};
    text_append(&list, "");
    for (size_t i = 0; i < sizeof our_encoders / sizeof our_encoders[0]; i++) {
        if (writer_has_encoder(our_encoders[i])) {
            text_appendf(&list, "%s%s", list.length > 0 ? ", " : "", our_encoders[i]);
        }
    }
    text_copy(buffer, size, list.length > 0 ? list.data : "none of ours");
    text_free(&list);
    return buffer;
}

/* These would make a forced key frame one that frames behind it may reach over. */
static bool forces_idr(const char *name)
{
    return strcmp(name, "libx264") == 0 || strcmp(name, "libx265") == 0 || strstr(name, "_nvenc") != NULL;
}

int encoder_reordering(const EncoderConfig *config, const AVCodecContext *context)
{
    /* FFmpeg's wrapper does not tell; all presets have B-frames that others refer to. */
    const int x265 = strcmp(config->name, "libx265") == 0 && !config->no_reordering ? 2 : 0;
    return FFMIN(FFMAX(context->has_b_frames, x265), ENCODER_DELAY_MAX);
}

/* The next NAL unit of a byte stream, without its start code; false at the end. */
static bool next_nal(const uint8_t **at, const uint8_t *end, const uint8_t **nal, size_t *size)
{
    const uint8_t *start = *at;
    while (end - start >= 3 && !(start[0] == 0 && start[1] == 0 && start[2] == 1)) {
        start++;
    }
    if (end - start < 3) {
        return false;
    }
    *nal = start + 3;
    const uint8_t *stop = *nal;
    while (end - stop >= 3 && !(stop[0] == 0 && stop[1] == 0 && stop[2] <= 1)) {
        stop++;
    }
    stop = end - stop < 3 ? end : stop;
    *size = (size_t)(stop - *nal);
    *at = stop;
    return true;
}

/* The next one that a decoder needs. */
static bool next_hevc_set(const uint8_t **at, const uint8_t *end, const uint8_t **nal, size_t *size)
{
    enum { PREFIX_SEI = 39, SUFFIX_SEI = 40 };
    while (next_nal(at, end, nal, size)) {
        const int type = *size > 0 ? ((*nal)[0] >> 1) & 63 : PREFIX_SEI;
        if (type != PREFIX_SEI && type != SUFFIX_SEI) {
            return true;
        }
    }
    return false;
}

bool encoder_same_header(enum AVCodecID codec, const uint8_t *a, size_t a_size, const uint8_t *b,
                         size_t b_size)
{
    if (a_size == b_size && (a_size == 0 || memcmp(a, b, a_size) == 0)) {
        return true;
    }
    if (codec != AV_CODEC_ID_HEVC || a_size == 0 || b_size == 0) {
        return false;
    }
    const uint8_t *ends[2] = {a + a_size, b + b_size};
    const uint8_t *nal[2] = {NULL, NULL};
    size_t size[2] = {0, 0};
    for (size_t sets = 0;; sets++) {
        const bool more[2] = {next_hevc_set(&a, ends[0], &nal[0], &size[0]),
                              next_hevc_set(&b, ends[1], &nal[1], &size[1])};
        if (!more[0] || !more[1]) {
            return more[0] == more[1] && sets > 0;
        }
        if (size[0] != size[1] || memcmp(nal[0], nal[1], size[0]) != 0) {
            return false;
        }
    }
}

static Status check_preset(const EncoderConfig *config, Error *err)
{
    for (size_t i = 0; i < sizeof x26x_presets / sizeof x26x_presets[0]; i++) {
        if (config->preset == NULL || strcmp(config->preset, x26x_presets[i]) == 0) {
            return STATUS_OK;
        }
    }
    (void)error_setf(err, ERROR_ENCODER, "cannot set up the encoder", NULL, "%s has no preset \"%s\"",
                     config->name, config->preset);
    error_advise(err, "one of ultrafast, superfast, veryfast, faster, fast, medium, slow, slower, veryslow, "
                      "placebo");
    return STATUS_FAILED;
}

static void set_int(AVDictionary **options, const char *key, int64_t value)
{
    (void)av_dict_set_int(options, key, value, 0);
}

static void set_preset(AVDictionary **options, const char *preset)
{
    if (preset != NULL) {
        (void)av_dict_set(options, "preset", preset, 0);
    }
}

static long long scaled(AVRational value, int units)
{
    return value.den > 0 ? (long long)av_rescale(value.num, units, value.den) : 0;
}

/* SMPTE ST 2086 in x265's units: chromaticities in 1/50000, luminance in 1/10000 cd/m2. */
static void append_hdr(const MediaInfo *source, Text *params)
{
    const AVMasteringDisplayMetadata *m = &source->mastering;
    if (source->has_mastering && m->has_primaries && m->has_luminance) {
        enum { XY = 50000, LUMINANCE = 10000 };
        const AVRational(*rgb)[2] = m->display_primaries;
        text_appendf(params, ":master-display=G(%lld,%lld)B(%lld,%lld)R(%lld,%lld)WP(%lld,%lld)L(%lld,%lld)",
                     scaled(rgb[1][0], XY), scaled(rgb[1][1], XY), scaled(rgb[2][0], XY),
                     scaled(rgb[2][1], XY), scaled(rgb[0][0], XY), scaled(rgb[0][1], XY),
                     scaled(m->white_point[0], XY), scaled(m->white_point[1], XY),
                     scaled(m->max_luminance, LUMINANCE), scaled(m->min_luminance, LUMINANCE));
    }
    if (source->has_light) {
        text_appendf(params, ":max-cll=%u,%u", source->light.MaxCLL, source->light.MaxFALL);
    }
}

/* x265 makes its own pool of threads and its own number of frame threads from the machine, unless told; the
 * second is the number its own table has for a pool of that size. */
static void set_x265(const EncoderConfig *config, int threads, AVDictionary **options)
{
    const int frame_threads = threads >= 16 ? 5 : threads >= 8 ? 3 : threads >= 4 ? 2 : 1;
    Text params = {0};
    text_appendf(&params, "log-level=error:pools=%d:frame-threads=%d", threads, frame_threads);
    append_hdr(config->source, &params);
    (void)av_dict_set(options, "x265-params", params.data, 0);
    text_free(&params);
    set_int(options, "crf", encoder_rate_factor(config->quality, CRF_RANGE_H26X));
    set_preset(options, config->preset);
}

static Status set_vp9(const EncoderConfig *config, AVCodecContext *context, AVDictionary **options,
                      Error *err)
{
    static const struct {
        const char *name;
        int speed;
    } speeds[] = {{"ultrafast", 8}, {"superfast", 7}, {"veryfast", 5}, {"faster", 4},   {"fast", 3},
                  {"medium", 2},    {"slow", 1},      {"slower", 1},   {"veryslow", 0}, {"placebo", 0}};
    context->bit_rate = 0;
    set_int(options, "crf", encoder_rate_factor(config->quality, CRF_RANGE_VP9));
    set_int(options, "row-mt", 1);
    set_int(options, "tile-columns",
            config->source->width >= 1024  ? 2
            : config->source->width >= 512 ? 1
                                           : 0);
    if (config->preset == NULL) {
        return STATUS_OK;
    }
    int speed = -1;
    for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++) {
        if (strcmp(config->preset, speeds[i].name) == 0) {
            speed = speeds[i].speed;
        }
    }
    if (config->preset[0] >= '0' && config->preset[0] <= '8' && config->preset[1] == '\0') {
        speed = config->preset[0] - '0';
    }
    if (speed < 0) {
        (void)error_setf(err, ERROR_ENCODER, "cannot set up the encoder", NULL, "%s has no preset \"%s\"",
                         config->name, config->preset);
        error_advise(err, "ultrafast to veryslow as for libx264, or a speed 0 to 8");
        return STATUS_FAILED;
    }
    (void)av_dict_set(options, "deadline", speed > 5 ? "realtime" : "good", 0);
    set_int(options, "cpu-used", speed);
    return STATUS_OK;
}

Status encoder_options(const EncoderConfig *config, AVCodecContext *context, AVDictionary **options,
                       Error *err)
{
    const int threads = config->threads > 0 ? config->threads : FFMIN(av_cpu_count(), WRITER_THREADS_MAX);
    context->thread_count = threads;
    if (config->no_reordering) {
        context->max_b_frames = 0;
    }
    if (forces_idr(config->name)) {
        set_int(options, "forced-idr", 1);
    }
    if (strcmp(config->name, "libx264") == 0) {
        const int crf = encoder_rate_factor(config->quality, CRF_RANGE_H26X);
        /* x264's rate factor 0 is lossless with 8 bits only; its quantiser 0 is with any depth. */
        set_int(options, crf > 0 ? "crf" : "qp", crf);
        set_preset(options, config->preset);
        return check_preset(config, err);
    }
    if (strcmp(config->name, "libx265") == 0) {
        set_x265(config, threads, options);
        return check_preset(config, err);
    }
    if (strcmp(config->name, "libvpx-vp9") == 0) {
        return set_vp9(config, context, options, err);
    }
    if (strstr(config->name, "_nvenc") != NULL) {
        /* cq 0 means "automatic" to nvenc. */
        const int cq = encoder_rate_factor(config->quality, CRF_RANGE_H26X);
        context->bit_rate = 0;
        (void)av_dict_set(options, "rc", "vbr", 0);
        set_int(options, "cq", cq > 0 ? cq : 1);
        set_preset(options, config->preset);
        return STATUS_OK;
    }
    if (strcmp(config->name, "ffv1") == 0) {
        set_int(options, "level", 3);
        context->gop_size = 1; /* it cannot be told where to put key frames */
    }
    return STATUS_OK;
}
