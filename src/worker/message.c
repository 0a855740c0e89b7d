#include "worker/message.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/text.h"
#include "options/json_text.h"
#include "report/json_text.h"
#include "report/memory_json.h"

/* Integers that a double holds exactly; no count of ours comes near. */
#define LARGEST_INTEGER (INT64_C(1) << 53)

static const char *const kind_names[MESSAGE_KIND_COUNT] = {
    [MESSAGE_NONE] = "",         [MESSAGE_HELLO] = "hello",
    [MESSAGE_JOB] = "job",       [MESSAGE_PROBE] = "probe",
    [MESSAGE_LOOK] = "look",     [MESSAGE_STOP] = "stop",
    [MESSAGE_SHARE] = "share",   [MESSAGE_STARTED] = "started",
    [MESSAGE_CHUNK] = "chunk",   [MESSAGE_PROGRESS] = "progress",
    [MESSAGE_LOG] = "log",       [MESSAGE_DONE] = "done",
    [MESSAGE_FAILED] = "failed", [MESSAGE_PROBED] = "probed",
    [MESSAGE_LOOKED] = "looked",
};

/* ---- reading ---- */

static bool get_integer(const json_t *object, const char *key, int64_t most, int64_t *value)
{
    const json_t *number = json_object_get(object, key);
    if (!json_is_integer(number)) {
        return false;
    }
    *value = (int64_t)json_integer_value(number);
    return *value >= 0 && *value <= most;
}

static bool get_int(const json_t *object, const char *key, int *value)
{
    int64_t wide = 0;
    const bool good = get_integer(object, key, INT32_MAX, &wide);
    *value = good ? (int)wide : 0;
    return good;
}

static bool get_double(const json_t *object, const char *key, double *value)
{
    const json_t *number = json_object_get(object, key);
    *value = json_number_value(number);
    return json_is_number(number) && isfinite(*value) && *value >= 0;
}

static bool get_path(const json_t *object, const char *key, char **path)
{
    *path = json_to_text(json_object_get(object, key));
    return *path != NULL && (*path)[0] != '\0';
}

static bool read_log(const json_t *object, Message *message)
{
    const char *text = json_string_value(json_object_get(object, "text"));
    const char *level = json_string_value(json_object_get(object, "level"));
    if (text == NULL || level == NULL) {
        return false;
    }
    message->text = text_duplicate(text);
    text_strip_control(message->text);
    for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
        if (strcmp(level, log_level_name((LogLevel)i)) == 0) {
            message->level = (LogLevel)i;
        }
    }
    return message->level != LOG_LEVEL_NONE;
}

/* 32 hexadecimal digits. */
static bool get_digest(const json_t *object, const char *key, char digest[33])
{
    return json_get_text(object, key, digest, 33) && strlen(digest) == 32 &&
           strspn(digest, "0123456789abcdef") == 32;
}

static bool read_chunk(const json_t *object, ChunkReport *chunk)
{
    chunk->reused = json_is_true(json_object_get(object, "reused"));
    chunk->last = json_is_true(json_object_get(object, "last"));
    return get_int(object, "index", &chunk->index) &&
           get_integer(object, "first_frame", LARGEST_INTEGER, &chunk->first_frame) &&
           get_integer(object, "frames", LARGEST_INTEGER, &chunk->frames) &&
           get_integer(object, "packets", LARGEST_INTEGER, &chunk->packets) &&
           get_integer(object, "bytes", LARGEST_INTEGER, &chunk->bytes) &&
           get_integer(object, "rss_bytes", LARGEST_INTEGER, &chunk->rss_bytes) &&
           get_digest(object, "checksum", chunk->checksum);
}

bool message_look_from_json(const json_t *object, MediaLook *look)
{
    const json_t *cut_off = json_object_get(object, "cut_off");
    *look = (MediaLook){.cut_off = json_is_true(cut_off)};
    const bool good = json_is_boolean(cut_off) &&
                      json_get_text(object, "container", look->container, sizeof look->container) &&
                      json_get_text(object, "codec", look->codec, sizeof look->codec) &&
                      json_get_text(object, "pixel_format", look->pixel_format, sizeof look->pixel_format) &&
                      get_int(object, "bit_depth", &look->bit_depth) &&
                      get_int(object, "chroma_width_shift", &look->chroma_width_shift) &&
                      get_int(object, "chroma_height_shift", &look->chroma_height_shift) &&
                      get_int(object, "width", &look->width) && get_int(object, "height", &look->height) &&
                      get_int(object, "rotation", &look->rotation) &&
                      get_int(object, "reordered_frames", &look->reordered_frames) &&
                      get_int(object, "reference_frames", &look->reference_frames) &&
                      get_double(object, "frame_rate", &look->frame_rate) &&
                      get_double(object, "duration_s", &look->duration_s) &&
                      get_integer(object, "frames", LARGEST_INTEGER, &look->frames) &&
                      get_int(object, "audio_streams", &look->audio_streams) &&
                      get_int(object, "subtitle_streams", &look->subtitle_streams);
    if (!good) {
        *look = (MediaLook){0};
    }
    return good;
}

static bool get_path_or_none(const json_t *object, const char *key, char **path)
{
    return json_is_null(json_object_get(object, key)) || get_path(object, key, path);
}

static bool read_job(const json_t *object, Message *message)
{
    message->settings = json_incref(json_object_get(object, "settings"));
    message->faces_only = json_is_true(json_object_get(object, "faces_only"));
    message->preview = json_is_true(json_object_get(object, "preview"));
    return json_is_object(message->settings) && get_path(object, "input", &message->input) &&
           get_path(object, "output", &message->output) &&
           get_path(object, "temporary", &message->temporary) &&
           get_path(object, "folder", &message->folder) && get_digest(object, "key", message->key) &&
           get_integer(object, "memory_bytes", LARGEST_INTEGER, &message->memory_bytes) &&
           get_path_or_none(object, "source", &message->source) &&
           get_path_or_none(object, "people", &message->people) &&
           get_path_or_none(object, "shared", &message->shared);
}

static bool read_kind(const json_t *object, Message *message)
{
    switch (message->kind) {
    case MESSAGE_HELLO:
        return get_int(object, "version", &message->version) &&
               json_get_text(object, "program", message->program, sizeof message->program);
    case MESSAGE_JOB:
        return read_job(object, message);
    case MESSAGE_PROBE:
        return get_path(object, "input", &message->input) && get_path(object, "output", &message->output);
    case MESSAGE_LOOK:
        return get_path(object, "input", &message->input);
    case MESSAGE_STOP:
        return get_integer(object, "grace_ms", LARGEST_INTEGER, &message->grace_ms);
    case MESSAGE_SHARE:
        return get_int(object, "percent", &message->percent) && message->percent >= 1 &&
               message->percent <= 100;
    case MESSAGE_CHUNK:
        return read_chunk(object, &message->chunk);
    case MESSAGE_STARTED:
        return message_look_from_json(object, &message->look) &&
               worker_shape_from_json(json_object_get(object, "shape"), &message->shape) &&
               memory_estimate_from_json(json_object_get(object, "estimate"), &message->estimate);
    case MESSAGE_LOOKED:
        return message_look_from_json(object, &message->look);
    case MESSAGE_PROGRESS:
        return get_integer(object, "frames", LARGEST_INTEGER, &message->frames) &&
               get_integer(object, "work", LARGEST_INTEGER, &message->work) &&
               get_double(object, "fps", &message->fps);
    case MESSAGE_LOG:
        return read_log(object, message);
    case MESSAGE_DONE:
        return video_result_from_json(object, &message->result);
    case MESSAGE_FAILED:
        return json_to_error(object, &message->error);
    case MESSAGE_PROBED:
        message->complete = json_is_true(json_object_get(object, "complete"));
        return json_is_boolean(json_object_get(object, "complete")) &&
               json_get_text(object, "why", message->why, sizeof message->why);
    default:
        return false;
    }
}

static MessageKind kind_from_name(const char *name)
{
    for (int i = MESSAGE_HELLO; name != NULL && i < MESSAGE_KIND_COUNT; i++) {
        if (strcmp(name, kind_names[i]) == 0) {
            return (MessageKind)i;
        }
    }
    return MESSAGE_NONE;
}

Status message_parse(const char *line, size_t length, Message *message, Error *err)
{
    static const char what[] = "a message between processes cannot be read";
    *message = (Message){0};
    json_error_t problem;
    json_t *object =
        length <= MESSAGE_MAX_BYTES ? json_loadb(line, length, JSON_REJECT_DUPLICATES, &problem) : NULL;
    if (!json_is_object(object)) {
        json_decref(object);
        return error_set(err, ERROR_CRASH, what, NULL, "it is not a JSON object");
    }
    const char *type = json_string_value(json_object_get(object, "type"));
    message->kind = kind_from_name(type);
    Status status = STATUS_OK;
    if (message->kind == MESSAGE_NONE) {
        status = error_set(err, ERROR_CRASH, what, NULL, "it is of no known type");
    } else if (!read_kind(object, message)) {
        status = error_setf(err, ERROR_CRASH, what, NULL, "a field of \"%s\" is missing or wrong", type);
    }
    json_decref(object);
    if (status != STATUS_OK) {
        message_free(message);
    }
    return status;
}

/* ---- writing ---- */

static void set(json_t *object, const char *key, json_t *value)
{
    (void)json_object_set_new(object, key, value);
}

/* The members of `part` become those of `object`. */
static void set_all(json_t *object, json_t *part)
{
    (void)json_object_update(object, part);
    json_decref(part);
}

static void write_chunk(json_t *object, const ChunkReport *chunk)
{
    set(object, "index", json_integer(chunk->index));
    set(object, "reused", json_boolean(chunk->reused));
    set(object, "last", json_boolean(chunk->last));
    set(object, "first_frame", json_integer(chunk->first_frame));
    set(object, "frames", json_integer(chunk->frames));
    set(object, "packets", json_integer(chunk->packets));
    set(object, "bytes", json_integer(chunk->bytes));
    set(object, "checksum", json_string(chunk->checksum));
    set(object, "rss_bytes", json_integer(chunk->rss_bytes));
}

json_t *message_look_to_json(const MediaLook *look)
{
    json_t *object = json_object();
    set(object, "container", json_text(look->container));
    set(object, "codec", json_text(look->codec));
    set(object, "pixel_format", json_text(look->pixel_format));
    set(object, "bit_depth", json_integer(look->bit_depth));
    set(object, "chroma_width_shift", json_integer(look->chroma_width_shift));
    set(object, "chroma_height_shift", json_integer(look->chroma_height_shift));
    set(object, "width", json_integer(look->width));
    set(object, "height", json_integer(look->height));
    set(object, "rotation", json_integer(look->rotation));
    set(object, "reordered_frames", json_integer(look->reordered_frames));
    set(object, "reference_frames", json_integer(look->reference_frames));
    set(object, "frame_rate", json_real(look->frame_rate));
    set(object, "duration_s", json_real(look->duration_s));
    set(object, "frames", json_integer(look->frames));
    set(object, "audio_streams", json_integer(look->audio_streams));
    set(object, "subtitle_streams", json_integer(look->subtitle_streams));
    set(object, "cut_off", json_boolean(look->cut_off));
    return object;
}

static void write_kind(json_t *object, const Message *message)
{
    switch (message->kind) {
    case MESSAGE_HELLO:
        set(object, "version", json_integer(message->version));
        set(object, "program", json_text(message->program));
        break;
    case MESSAGE_JOB:
        set(object, "settings", json_incref(message->settings));
        set(object, "temporary", json_from_text(message->temporary));
        set(object, "source", json_from_text(message->source));
        set(object, "people", json_from_text(message->people));
        set(object, "shared", json_from_text(message->shared));
        set(object, "folder", json_from_text(message->folder));
        set(object, "key", json_string(message->key));
        set(object, "memory_bytes", json_integer(message->memory_bytes));
        set(object, "faces_only", json_boolean(message->faces_only));
        set(object, "preview", json_boolean(message->preview));
        /* fall through */
    case MESSAGE_PROBE:
        set(object, "input", json_from_text(message->input));
        set(object, "output", json_from_text(message->output));
        break;
    case MESSAGE_LOOK:
        set(object, "input", json_from_text(message->input));
        break;
    case MESSAGE_STARTED:
        set_all(object, message_look_to_json(&message->look));
        set(object, "shape", worker_shape_to_json(&message->shape));
        set(object, "estimate", memory_estimate_to_json(&message->estimate));
        break;
    case MESSAGE_LOOKED:
        set_all(object, message_look_to_json(&message->look));
        break;
    case MESSAGE_PROGRESS:
        set(object, "frames", json_integer(message->frames));
        set(object, "fps", json_real(message->fps));
        set(object, "work", json_integer(message->work));
        break;
    case MESSAGE_STOP:
        set(object, "grace_ms", json_integer(message->grace_ms));
        break;
    case MESSAGE_SHARE:
        set(object, "percent", json_integer(message->percent));
        break;
    case MESSAGE_CHUNK:
        write_chunk(object, &message->chunk);
        break;
    case MESSAGE_LOG:
        set(object, "level", json_string(log_level_name(message->level)));
        set(object, "text", json_text(message->text));
        break;
    case MESSAGE_DONE:
        set_all(object, video_result_to_json(&message->result));
        break;
    case MESSAGE_FAILED:
        set_all(object, json_error(&message->error));
        break;
    case MESSAGE_PROBED:
        set(object, "complete", json_boolean(message->complete));
        set(object, "why", json_text(message->why));
        break;
    default:
        break;
    }
}

char *message_write(const Message *message, size_t *length)
{
    json_t *object = json_object();
    set(object, "type", json_string(kind_names[message->kind]));
    write_kind(object, message);
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    *length = text != NULL ? strlen(text) : 0;
    if (text == NULL || *length + 1 > MESSAGE_MAX_BYTES) {
        memory_free(text);
        return NULL;
    }
    text = memory_resize(text, *length + 2, 1);
    text[(*length)++] = '\n';
    text[*length] = '\0';
    return text;
}

void message_free(Message *message)
{
    json_decref(message->settings);
    memory_free(message->input);
    memory_free(message->output);
    memory_free(message->temporary);
    memory_free(message->folder);
    memory_free(message->source);
    memory_free(message->people);
    memory_free(message->shared);
    memory_free(message->text);
    *message = (Message){0};
}

Status message_send(int fd, const Message *message, Error *err)
{
    static const char what[] = "cannot send a message between processes";
    size_t length = 0;
    char *line = message_write(message, &length);
    if (line == NULL) {
        return error_set(err, ERROR_INTERNAL, what, NULL, "it is too long");
    }
    Status status = STATUS_OK;
    for (size_t sent = 0; status == STATUS_OK && sent < length;) {
        const ssize_t count = send(fd, line + sent, length - sent, MSG_NOSIGNAL);
        if (count >= 0) {
            sent += (size_t)count;
        } else if (errno == EPIPE || errno == ECONNRESET) {
            status = STATUS_EOF;
        } else if (errno != EINTR) {
            status = error_set_errno(err, ERROR_CRASH, what, NULL, errno);
        }
    }
    memory_free(line);
    return status;
}
