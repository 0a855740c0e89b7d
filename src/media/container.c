#include "media/container.h"

#include <libavcodec/avcodec.h>
#include <libavutil/mathematics.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

bool container_accepts(const AVOutputFormat *container, const AVCodecParameters *par, AVRational time_base)
{
    AVFormatContext *trial = NULL;
    bool accepted = false;
    if (avformat_alloc_output_context2(&trial, container, NULL, NULL) < 0) {
        return false;
    }
    trial->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
    AVStream *stream = avformat_new_stream(trial, NULL);
    if (stream != NULL && avformat_query_codec(container, par->codec_id, FF_COMPLIANCE_EXPERIMENTAL) != 0 &&
        avcodec_parameters_copy(stream->codecpar, par) >= 0 && avio_open_dyn_buf(&trial->pb) >= 0) {
        stream->time_base = time_base;
        stream->codecpar->codec_tag = container_tag(container, par);
        accepted = avformat_init_output(trial, NULL) >= 0;
    }
    if (trial->pb != NULL) {
        uint8_t *bytes = NULL;
        (void)avio_close_dyn_buf(trial->pb, &bytes);
        av_free(bytes);
        trial->pb = NULL;
    }
    avformat_free_context(trial);
    return accepted;
}

bool container_is_iso(const AVOutputFormat *container)
{
    return strcmp(container->name, "mp4") == 0 || strcmp(container->name, "mov") == 0 ||
           strcmp(container->name, "ipod") == 0;
}

bool container_is_matroska(const AVOutputFormat *container)
{
    return strcmp(container->name, "matroska") == 0 || strcmp(container->name, "webm") == 0;
}

bool container_has_delay(const AVOutputFormat *container, enum AVCodecID codec)
{
    return container_is_matroska(container) && (codec == AV_CODEC_ID_OPUS || LIBAVFORMAT_VERSION_MAJOR >= 60);
}

int64_t container_delay(const AVOutputFormat *container, const AVCodecParameters *par, AVRational time_base)
{
    if (LIBAVFORMAT_VERSION_MAJOR < 60 && container_has_delay(container, par->codec_id) &&
        par->initial_padding > 0 && par->sample_rate > 0) {
        return av_rescale_q(par->initial_padding, (AVRational){1, par->sample_rate}, time_base);
    }
    return 0;
}

unsigned container_tag(const AVOutputFormat *container, const AVCodecParameters *par)
{
    if (container->codec_tag == NULL ||
        av_codec_get_id(container->codec_tag, par->codec_tag) == par->codec_id) {
        return par->codec_tag;
    }
    return 0;
}

void container_copy_tags(AVDictionary **target, const AVDictionary *source)
{
    static const char *const untrue[] = {"encoder",  "major_brand", "minor_version",    "compatible_brands",
                                         "DURATION", "BPS",         "NUMBER_OF_FRAMES", "NUMBER_OF_BYTES",
                                         "rotate",   "_STATISTICS", "vendor_id",        "minor_brand"};
    const AVDictionaryEntry *entry = NULL;
    while ((entry = av_dict_get(source, "", entry, AV_DICT_IGNORE_SUFFIX)) != NULL) {
        bool keep = true;
        for (size_t i = 0; i < sizeof untrue / sizeof untrue[0]; i++) {
            keep &= strncasecmp(entry->key, untrue[i], strlen(untrue[i])) != 0;
        }
        if (keep) {
            (void)av_dict_set(target, entry->key, entry->value, 0);
        }
    }
}

bool container_add_tags(AVDictionary **target, const char *const (*pairs)[2])
{
    static const char *const common[] = {"title",     "author",   "artist",       "album_artist", "composer",
                                         "album",     "date",     "comment",      "description",  "synopsis",
                                         "copyright", "lyrics",   "genre",        "grouping",     "show",
                                         "network",   "keywords", "creation_time"};
    bool special = false;
    for (size_t i = 0; pairs != NULL && pairs[i][0] != NULL; i++) {
        const char *key = pairs[i][0];
        const char *value = pairs[i][1];
        const AVDictionaryEntry *old = av_dict_get(*target, key, NULL, 0);
        if (old != NULL && strcasecmp(key, "comment") == 0 && strstr(old->value, value) == NULL) {
            char *both = text_format("%s; %s", old->value, value);
            (void)av_dict_set(target, key, both, 0);
            text_free(&(Text){.data = both});
        } else if (old == NULL || strstr(old->value, value) == NULL) {
            (void)av_dict_set(target, key, value, 0);
        }
        bool known = false;
        for (size_t k = 0; k < sizeof common / sizeof common[0]; k++) {
            known |= strcasecmp(key, common[k]) == 0;
        }
        special |= !known;
    }
    return special;
}

bool container_copy_chapters(AVFormatContext *target, const AVFormatContext *source, int64_t shift_us)
{
    if (source->nb_chapters == 0) {
        return true;
    }
    target->chapters = av_calloc(source->nb_chapters, sizeof *target->chapters);
    if (target->chapters == NULL) {
        return false;
    }
    for (unsigned i = 0; i < source->nb_chapters; i++) {
        const AVChapter *from = source->chapters[i];
        AVChapter *to = av_mallocz(sizeof *to);
        if (to == NULL) {
            return false;
        }
        const int64_t shift = av_rescale_q(shift_us, AV_TIME_BASE_Q, from->time_base);
        to->id = from->id;
        to->time_base = from->time_base;
        to->start = from->start + shift;
        to->end = from->end + shift;
        (void)av_dict_copy(&to->metadata, from->metadata, 0);
        target->chapters[target->nb_chapters++] = to;
    }
    return true;
}

int container_movie_timescale(const int64_t *starts, const AVRational *time_bases, int count)
{
    enum { USUAL = 1000, LARGEST = 1 << 30 };
    int64_t scale = USUAL;
    for (int i = 0; i < count; i++) {
        if (starts[i] <= 0 || starts[i] == AV_NOPTS_VALUE || time_bases[i].den <= 0) {
            continue;
        }
        const int64_t den = time_bases[i].den / av_gcd(time_bases[i].num, time_bases[i].den);
        const int64_t larger = scale / av_gcd(scale, den) * den;
        if (larger > LARGEST) {
            return (int)scale;
        }
        scale = larger;
    }
    return (int)scale;
}
