#include "media/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"

/* Names of demuxers: no playlist, script or pattern, and nothing that makes pictures of its own. */
static const char demuxers[] = "mov,matroska,avi,asf,flv,live_flv,mpegts,mpeg,ogg,nut";

Status media_error(Error *err, ErrorClass class_, const char *what, const char *file, int averror)
{
    const int code = AVUNERROR(averror);
    /* demuxers say EIO of files that end too early */
    const bool disk = code == EIO && class_ != ERROR_INPUT;
    if (code == ENOSPC || code == EDQUOT || code == ENOMEM || code == EACCES || code == EROFS || disk) {
        return error_set_errno(err, class_, what, file, code);
    }
    char text[AV_ERROR_MAX_STRING_SIZE] = {0};
    (void)av_strerror(averror, text, sizeof text);
    return error_set(err, class_, what, file, text);
}

/* Reasons that do not need FFmpeg, and guards against what could hang (a pipe, a device). */
static Status check_file(const char *path, Error *err)
{
    static const char what[] = "cannot open the video";
    struct stat status;
    if (stat(path, &status) != 0) {
        return errno == ENOENT ? error_set(err, ERROR_INPUT, what, path, "there is no such file (any more)")
                               : error_set_errno(err, ERROR_INPUT, what, path, errno);
    }
    if (S_ISDIR(status.st_mode)) {
        return error_set(err, ERROR_INPUT, what, path, "this is a folder");
    }
    if (!S_ISREG(status.st_mode)) {
        return error_set(err, ERROR_INPUT, what, path, "this is not a regular file");
    }
    if (status.st_size == 0) {
        return error_set(err, ERROR_INPUT, what, path, "the file is empty");
    }
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        if (errno == EACCES || errno == EPERM) {
            (void)error_set(err, ERROR_INPUT, what, path, "no permission to read it");
            error_advise(err, "check its owner and permissions");
            return STATUS_FAILED;
        }
        return error_set_errno(err, ERROR_INPUT, what, path, errno);
    }
    (void)close(fd);
    return STATUS_OK;
}

static Status explain_open_failure(const char *path, const ContainerCheck *check, int averror, Error *err)
{
    static const char what[] = "cannot open the video";
    if (averror == AVERROR(ENOMEM)) {
        return media_error(err, ERROR_INPUT, what, path, averror);
    }
    const char *why = NULL;
    if (check->kind == CONTAINER_TEXT) {
        why = "it holds text, not a video";
    } else if (check->kind == CONTAINER_ISO && !check->has_index) {
        why = "the file is cut off: its index (moov) is missing";
    } else if (check->kind == CONTAINER_ISO) {
        why = check->wholeness == WHOLENESS_CUT ? "the file is cut off within its index"
                                                : "its index (moov) is damaged";
    } else if (check->kind != CONTAINER_OTHER) {
        why = check->wholeness == WHOLENESS_CUT ? "the file is cut off within its header"
                                                : "its header is damaged or of no kind of video";
    }
    if (why == NULL) {
        return error_set(
            err, ERROR_INPUT, what, path,
            "its content is none of the known kinds (mp4, mov, mkv, webm, avi, wmv, flv, ts, mpg)");
    }
    (void)error_set(err, ERROR_INPUT, what, path, why);
    if (check->wholeness == WHOLENESS_CUT) {
        error_advise(err, "copy the file again from where it is complete");
    }
    return STATUS_FAILED;
}

/* The file itself, which comes first; no demuxer gets another one, whatever the file says (a track's data in
 * other files, a playlist). */
static int open_no_other(AVFormatContext *format, AVIOContext **file, const char *url, int flags,
                         AVDictionary **options)
{
    if (format->pb != NULL || file != &format->pb) {
        return AVERROR(EACCES);
    }
    return avio_open2(file, url, flags, &format->interrupt_callback, options);
}

static int open_format(const char *path, const AVIOInterruptCB *interrupt, AVFormatContext **format)
{
    *format = avformat_alloc_context();
    if (*format == NULL) {
        return AVERROR(ENOMEM);
    }
    (*format)->io_open = open_no_other;
    if (interrupt != NULL) {
        (*format)->interrupt_callback = *interrupt;
    }
    AVDictionary *options = NULL;
    (void)av_dict_set(&options, "format_whitelist", demuxers, 0);
    /* for what a demuxer opens by a context of its own: no protocol has that name */
    (void)av_dict_set(&options, "protocol_whitelist", "none", 0);
    /* The prefix keeps names such as "concat:x" from meaning anything. */
    char *url = text_format("file:%s", path);
    int result = avformat_open_input(format, url, NULL, &options);
    memory_free(url);
    av_dict_free(&options);
    if (result >= 0) {
        result = avformat_find_stream_info(*format, NULL);
    }
    if (result < 0) {
        avformat_close_input(format);
    }
    return result;
}

Status input_open(const char *path, AVFormatContext **format, ContainerCheck *check, Error *err)
{
    return input_open_watched(path, NULL, format, check, err);
}

Status input_open_watched(const char *path, const AVIOInterruptCB *interrupt, AVFormatContext **format,
                          ContainerCheck *check, Error *err)
{
    *format = NULL;
    ContainerCheck found = {0};
    if (check_file(path, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    found = container_check(path);
    if (check != NULL) {
        *check = found;
    }
    const int result = open_format(path, interrupt, format);
    return result >= 0 ? STATUS_OK : explain_open_failure(path, &found, result, err);
}

int input_video_stream(const AVFormatContext *format)
{
    int best = -1;
    int64_t best_score = -1;
    for (unsigned i = 0; i < format->nb_streams; i++) {
        const AVStream *stream = format->streams[i];
        const AVCodecParameters *par = stream->codecpar;
        if (par->codec_type != AVMEDIA_TYPE_VIDEO ||
            (stream->disposition & (AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS)) != 0) {
            continue;
        }
        const int64_t area = (int64_t)par->width * par->height;
        const int64_t preferred = (stream->disposition & AV_DISPOSITION_DEFAULT) != 0 ? 1LL << 62 : 0;
        if (preferred + area > best_score) {
            best_score = preferred + area;
            best = (int)i;
        }
    }
    return best;
}
