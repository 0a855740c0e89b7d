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
static const char what_open[] = "cannot open the video";

const char *input_demuxers(void)
{
    return demuxers;
}

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
    struct stat status;
    if (stat(path, &status) != 0) {
        return errno == ENOENT
                   ? error_set(err, ERROR_INPUT, what_open, path, "there is no such file (any more)")
                   : error_set_errno(err, ERROR_INPUT, what_open, path, errno);
    }
    if (S_ISDIR(status.st_mode)) {
        return error_set(err, ERROR_INPUT, what_open, path, "this is a folder");
    }
    if (!S_ISREG(status.st_mode)) {
        return error_set(err, ERROR_INPUT, what_open, path, "this is not a regular file");
    }
    if (status.st_size == 0) {
        return error_set(err, ERROR_INPUT, what_open, path, "the file is empty");
    }
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        if (errno == EACCES || errno == EPERM) {
            (void)error_set(err, ERROR_INPUT, what_open, path, "no permission to read it");
            error_advise(err, "check its owner and permissions");
            return STATUS_FAILED;
        }
        return error_set_errno(err, ERROR_INPUT, what_open, path, errno);
    }
    (void)close(fd);
    return STATUS_OK;
}

static Status explain_open_failure(const char *path, const ContainerCheck *check, int averror, Error *err)
{
    if (averror == AVERROR(ENOMEM)) {
        return media_error(err, ERROR_INPUT, what_open, path, averror);
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
            err, ERROR_INPUT, what_open, path,
            "its content is none of the known kinds (mp4, mov, mkv, webm, avi, wmv, flv, ts, mpg)");
    }
    (void)error_set(err, ERROR_INPUT, what_open, path, why);
    if (check->wholeness == WHOLENESS_CUT) {
        error_advise(err, "copy the file again from where it is complete");
    }
    return STATUS_FAILED;
}

static int read_errno(const AVIOContext *file)
{
    enum { ERRNO_MAX = 4095 }; /* beyond are FFmpeg's own codes: end of file, interrupted */
    const int error = file != NULL ? file->error : 0;
    return error < 0 && AVUNERROR(error) <= ERRNO_MAX ? AVUNERROR(error) : 0;
}

int input_read_errno(const AVFormatContext *format)
{
    return format != NULL ? read_errno(format->pb) : 0;
}

/* No demuxer gets a file besides its own, whatever that says (a track's data in other files, a playlist). */
static int open_no_other(AVFormatContext *format, AVIOContext **file, const char *url, int flags,
                         AVDictionary **options)
{
    (void)format, (void)file, (void)url, (void)flags, (void)options;
    return AVERROR(EACCES);
}

/* The file is opened here, and not by avformat_open_input, which would close it when it fails and so hide
 * whether the disk was to blame. */
static int open_in(const char *url, const AVIOInterruptCB *interrupt, AVIOContext **file,
                   AVFormatContext **format)
{
    AVFormatContext *context = avformat_alloc_context();
    if (context == NULL) {
        return AVERROR(ENOMEM);
    }
    *format = context;
    context->io_open = open_no_other;
    if (interrupt != NULL) {
        context->interrupt_callback = *interrupt;
    }
    int result = avio_open2(file, url, AVIO_FLAG_READ, &context->interrupt_callback, NULL);
    if (result < 0) {
        return result;
    }
    context->pb = *file;
    AVDictionary *options = NULL;
    (void)av_dict_set(&options, "format_whitelist", demuxers, 0);
    /* for what a demuxer opens by a context of its own: no protocol has that name */
    (void)av_dict_set(&options, "protocol_whitelist", "none", 0);
    result = avformat_open_input(format, url, NULL, &options);
    av_dict_free(&options);
    return result >= 0 ? avformat_find_stream_info(*format, NULL) : result;
}

static int open_format(const char *path, const AVIOInterruptCB *interrupt, AVFormatContext **format,
                       int *failed_read)
{
    AVIOContext *file = NULL;
    /* The prefix keeps names such as "concat:x" from meaning anything. */
    char *url = text_format("file:%s", path);
    const int result = open_in(url, interrupt, &file, format);
    memory_free(url);
    if (result >= 0) {
        (*format)->flags &= ~AVFMT_FLAG_CUSTOM_IO; /* from here on it is closed with the rest */
        return result;
    }
    *failed_read = read_errno(file);
    avformat_close_input(format);
    (void)avio_closep(&file);
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
    int failed_read = found.unreadable ? EIO : 0;
    const int result = found.unreadable ? AVERROR(EIO) : open_format(path, interrupt, format, &failed_read);
    if (failed_read != 0) {
        return error_set_errno(err, ERROR_DISK, what_open, path, failed_read);
    }
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
