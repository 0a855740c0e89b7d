#include "media/describe.h"

#include <fcntl.h>
#include <libavutil/intreadwrite.h>
#include <libavutil/pixdesc.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/utf8.h"
#include "media/input.h"

enum { TEXT_MOST = 4096, TAGS_MOST = 100, XMP_MOST = 64 * 1024, BOXES_MOST = 10000 };

/* Bounded, and UTF-8 whatever is in it. */
static json_t *text_of(const char *text)
{
    char shown[TEXT_MOST];
    Text clean = {0};
    text_copy(shown, sizeof shown, text);
    utf8_append_clean(&clean, shown);
    json_t *json = json_string(clean.data);
    text_free(&clean);
    return json;
}

static void set(json_t *object, const char *name, json_t *value)
{
    (void)json_object_set_new(object, name, value != NULL ? value : json_null());
}

static json_t *tags_of(const AVDictionary *dictionary)
{
    json_t *tags = json_object();
    const AVDictionaryEntry *entry = NULL;
    while ((entry = av_dict_get(dictionary, "", entry, AV_DICT_IGNORE_SUFFIX)) != NULL &&
           json_object_size(tags) < TAGS_MOST) {
        Text name = {0};
        utf8_append_clean(&name, entry->key);
        set(tags, name.data, text_of(entry->value));
        text_free(&name);
    }
    return tags;
}

static json_t *stream_of(const AVStream *stream)
{
    const AVCodecParameters *codec = stream->codecpar;
    const char *kind = av_get_media_type_string(codec->codec_type);
    json_t *object = json_object();
    set(object, "kind", json_string(kind != NULL ? kind : "unknown"));
    set(object, "codec", json_string(avcodec_get_name(codec->codec_id)));
    if (codec->codec_type == AVMEDIA_TYPE_VIDEO) {
        const AVRational rate = stream->avg_frame_rate;
        set(object, "width", json_integer(codec->width));
        set(object, "height", json_integer(codec->height));
        set(object, "frame_rate", rate.num > 0 && rate.den > 0 ? json_real(av_q2d(rate)) : NULL);
        const char *format = av_get_pix_fmt_name((enum AVPixelFormat)codec->format);
        set(object, "pixel_format", format != NULL ? json_string(format) : NULL);
    } else if (codec->codec_type == AVMEDIA_TYPE_AUDIO) {
        set(object, "sample_rate", json_integer(codec->sample_rate));
        set(object, "channels", json_integer(codec->ch_layout.nb_channels));
    }
    set(object, "tags", tags_of(stream->metadata));
    return object;
}

/* ---- an XMP packet ---- */

/* BE7ACFCB-97A9-42E8-9C71-999491E3AFAC: XMP Specification Part 3, MPEG-4 */
static const uint8_t xmp_uuid[16] = {0xBE, 0x7A, 0xCF, 0xCB, 0x97, 0xA9, 0x42, 0xE8,
                                     0x9C, 0x71, 0x99, 0x94, 0x91, 0xE3, 0xAF, 0xAC};

static json_t *read_xmp(int fd, int64_t at, int64_t size)
{
    if (size <= 0 || size > XMP_MOST) {
        return NULL;
    }
    char *text = memory_alloc((size_t)size + 1, 1);
    json_t *xmp = NULL;
    if (pread(fd, text, (size_t)size, at) == size) {
        Text clean = {0};
        utf8_append_clean(&clean, text);
        xmp = json_string(clean.data);
        text_free(&clean);
    }
    memory_free(text);
    return xmp;
}

/* Goes over the boxes of the file's top level. */
static json_t *find_xmp(const char *path, int64_t file_bytes)
{
    enum { HEAD = 8, LONG = 16, UUID = 16 };
    json_t *xmp = NULL;
    int64_t at = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    for (int i = 0; fd >= 0 && i < BOXES_MOST && xmp == NULL && at + HEAD <= file_bytes; i++) {
        uint8_t head[LONG + UUID] = {0};
        if (pread(fd, head, sizeof head, at) < HEAD) {
            break;
        }
        const uint64_t small = AV_RB32(head);
        const int64_t body = small == 1 ? LONG : HEAD;
        const uint64_t told = small == 1 ? AV_RB64(head + HEAD) : small;
        const int64_t size =
            small == 0 || told > (uint64_t)(file_bytes - at) ? file_bytes - at : (int64_t)told;
        if (size < body) {
            break;
        }
        if (memcmp(head + 4, "uuid", 4) == 0 && memcmp(head + body, xmp_uuid, UUID) == 0) {
            xmp = read_xmp(fd, at + body + UUID, size - body - UUID);
        }
        at += size;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return xmp;
}

Status media_describe(const char *path, json_t **object, Error *err)
{
    AVFormatContext *format = NULL;
    *object = NULL;
    if (input_open(path, &format, NULL, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    const int64_t bytes = file_size(path);
    json_t *streams = json_array();
    for (unsigned i = 0; i < format->nb_streams; i++) {
        (void)json_array_append_new(streams, stream_of(format->streams[i]));
    }
    json_t *told = json_object();
    set(told, "container", json_string(format->iformat->name));
    set(told, "duration_s", format->duration > 0 ? json_real((double)format->duration / AV_TIME_BASE) : NULL);
    set(told, "bytes", json_integer(bytes));
    set(told, "streams", streams);
    set(told, "tags", tags_of(format->metadata));
    set(told, "xmp", strstr(format->iformat->name, "mp4") != NULL ? find_xmp(path, bytes) : NULL);
    avformat_close_input(&format);
    *object = told;
    return STATUS_OK;
}
