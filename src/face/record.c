#include "face/record.h"

#include <errno.h>
#include <fcntl.h>
#include <libavutil/intfloat.h>
#include <libavutil/intreadwrite.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"

#define MAGIC "RBFACES\n"
#define END_MAGIC "RBFEND\n\n"

enum {
    VERSION = 1,
    MAGIC_SIZE = 8,
    /* magic; version, width, height, time base; first pts; key */
    HEADER_SIZE = MAGIC_SIZE + 5 * 4 + 8 + HASH_DIGITS,
    /* pts; frame, shot, track; ellipse, score, certainty */
    SIGHTING_SIZE = 8 + 3 * 4 + 7 * 4,
    /* track, shot, first and last frame, sightings, views; first and last pts; weight; embedding */
    TRACK_SIZE = 6 * 4 + 2 * 8 + 4 + 4 * EMBEDDING_SIZE,
    /* pts; frame, bytes of the picture; quality, ellipse; embedding */
    VIEW_SIZE = 8 + 2 * 4 + 6 * 4 + 4 * EMBEDDING_SIZE,
    /* magic; frames, sightings, where the tracks begin; shots, tracks; the digest of all before */
    TRAILER_SIZE = MAGIC_SIZE + 3 * 8 + 2 * 4 + HASH_DIGITS,
    PICTURE_MOST = 64 * 1024,
};

/* ---- numbers ---- */

static uint8_t *put32(uint8_t *at, int64_t value)
{
    AV_WL32(at, (uint32_t)value);
    return at + 4;
}

static uint8_t *put64(uint8_t *at, int64_t value)
{
    AV_WL64(at, (uint64_t)value);
    return at + 8;
}

static uint8_t *put_float(uint8_t *at, float value)
{
    return put32(at, av_float2int(value));
}

static uint8_t *put_floats(uint8_t *at, const float *values, int count)
{
    for (int i = 0; i < count; i++) {
        at = put_float(at, values[i]);
    }
    return at;
}

static int64_t get32(const uint8_t **at)
{
    const uint32_t value = AV_RL32(*at);
    *at += 4;
    return value;
}

static int get_int(const uint8_t **at)
{
    const int64_t value = get32(at);
    return value <= INT32_MAX ? (int)value : -1;
}

static int64_t get64(const uint8_t **at)
{
    const int64_t value = (int64_t)AV_RL64(*at);
    *at += 8;
    return value;
}

/* What is no number is 0. */
static float get_float(const uint8_t **at)
{
    const float value = av_int2float((uint32_t)get32(at));
    return isfinite(value) ? value : 0.0F;
}

static void get_floats(const uint8_t **at, float *values, int count)
{
    for (int i = 0; i < count; i++) {
        values[i] = get_float(at);
    }
}

static uint8_t *put_ellipse(uint8_t *at, const FaceEllipse *ellipse)
{
    const float values[] = {ellipse->cx, ellipse->cy, ellipse->rx, ellipse->ry, ellipse->angle};
    return put_floats(at, values, 5);
}

static FaceEllipse get_ellipse(const uint8_t **at)
{
    float values[5];
    get_floats(at, values, 5);
    return (FaceEllipse){values[0], values[1], values[2], values[3], values[4]};
}

/* ---- ellipses ---- */

FaceEllipse face_ellipse_of_mesh(const Mesh *mesh)
{
    enum { FOREHEAD = 10, CHIN = 152 };
    const float up_x = mesh->x[FOREHEAD] - mesh->x[CHIN];
    const float up_y = mesh->y[FOREHEAD] - mesh->y[CHIN];
    const float length = hypotf(up_x, up_y);
    const float ux = length > 0 ? up_x / length : 0.0F;
    const float uy = length > 0 ? up_y / length : -1.0F;
    float low[2] = {INFINITY, INFINITY};
    float high[2] = {-INFINITY, -INFINITY};
    for (int i = 0; i < MESH_POINTS; i++) {
        const float place[2] = {mesh->x[i] * -uy + mesh->y[i] * ux, mesh->x[i] * ux + mesh->y[i] * uy};
        for (int k = 0; k < 2; k++) {
            low[k] = fminf(low[k], place[k]);
            high[k] = fmaxf(high[k], place[k]);
        }
    }
    const float across = (low[0] + high[0]) / 2;
    const float along = (low[1] + high[1]) / 2;
    return (FaceEllipse){
        .cx = across * -uy + along * ux,
        .cy = across * ux + along * uy,
        .rx = (high[0] - low[0]) / 2,
        .ry = (high[1] - low[1]) / 2,
        .angle = atan2f(ux, -uy),
    };
}

float face_ellipse_distance(const FaceEllipse *a, const FaceEllipse *b)
{
    const float sizes = a->rx + a->ry + b->rx + b->ry;
    return sizes > 0 ? 2 * hypotf(a->cx - b->cx, a->cy - b->cy) / sizes : INFINITY;
}

/* ---- writing ---- */

struct FaceRecordWriter {
    char *path;
    char *part;
    FILE *file;
    FILE *tracks; /* until the sightings are all there; has no name */
    Hash *hash;
    FaceRecordInfo info;
    int64_t last_pts;
};

static Status fail(const FaceRecordWriter *writer, Error *err)
{
    return error_set_errno(err, ERROR_ENVIRONMENT, "cannot note the faces of the video", writer->part,
                           errno != 0 ? errno : EIO);
}

static Status put(FaceRecordWriter *writer, const void *bytes, size_t count, Error *err)
{
    hash_add(writer->hash, bytes, count);
    return fwrite(bytes, 1, count, writer->file) == count ? STATUS_OK : fail(writer, err);
}

/* Nothing that lies there is followed. */
static FILE *make_file(const char *path)
{
    (void)unlink(path);
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    FILE *file = fd >= 0 ? fdopen(fd, "w+") : NULL;
    if (fd >= 0 && file == NULL) {
        (void)close(fd);
    }
    return file;
}

static Status put_header(FaceRecordWriter *writer, Error *err)
{
    const FaceRecordInfo *info = &writer->info;
    uint8_t bytes[HEADER_SIZE] = MAGIC;
    uint8_t *at = put32(bytes + MAGIC_SIZE, VERSION);
    at = put32(at, info->width);
    at = put32(at, info->height);
    at = put32(at, info->time_base.num);
    at = put32(at, info->time_base.den);
    at = put64(at, info->first_pts);
    memcpy(at, info->key, strnlen(info->key, HASH_DIGITS));
    return put(writer, bytes, sizeof bytes, err);
}

Status face_record_create(FaceRecordWriter **writer, const char *path, const FaceRecordInfo *info, Error *err)
{
    FaceRecordWriter *w = memory_alloc(1, sizeof *w);
    *writer = w;
    w->path = text_duplicate(path);
    w->part = text_format("%s.part", path);
    w->hash = hash_new();
    w->info = *info;
    w->info.frames = w->info.sightings = w->info.shots = w->info.tracks = 0;
    w->last_pts = INT64_MIN;
    errno = 0;
    w->tracks = make_file(w->part);
    if (w->tracks != NULL) {
        (void)unlink(w->part);
        w->file = make_file(w->part);
    }
    const Status status = w->file != NULL ? put_header(w, err) : fail(w, err);
    if (status != STATUS_OK) {
        face_record_writer_free(writer);
    }
    return status;
}

Status face_record_add(FaceRecordWriter *writer, const FaceSighting *sighting, Error *err)
{
    if (sighting->pts < writer->last_pts) {
        return error_set(err, ERROR_INTERNAL, "cannot note the faces of the video", writer->part,
                         "they are not in the order of time");
    }
    writer->last_pts = sighting->pts;
    writer->info.sightings++;
    uint8_t bytes[SIGHTING_SIZE];
    uint8_t *at = put64(bytes, sighting->pts);
    at = put32(at, sighting->frame);
    at = put32(at, sighting->shot);
    at = put32(at, sighting->track);
    at = put_ellipse(at, &sighting->at);
    at = put_float(at, sighting->score);
    (void)put_float(at, sighting->certainty);
    return put(writer, bytes, sizeof bytes, err);
}

static bool write_view(FILE *file, const FaceView *view)
{
    uint8_t bytes[VIEW_SIZE];
    uint8_t *at = put64(bytes, view->pts);
    at = put32(at, view->frame);
    at = put32(at, view->picture_bytes);
    at = put_float(at, view->quality);
    at = put_ellipse(at, &view->at);
    (void)put_floats(at, view->embedding, EMBEDDING_SIZE);
    const size_t picture = (size_t)view->picture_bytes;
    return fwrite(bytes, 1, sizeof bytes, file) == sizeof bytes &&
           (picture == 0 || fwrite(view->picture, 1, picture, file) == picture);
}

Status face_record_add_track(FaceRecordWriter *writer, const FaceTrack *track, Error *err)
{
    uint8_t bytes[TRACK_SIZE];
    uint8_t *at = put32(bytes, track->track);
    at = put32(at, track->shot);
    at = put32(at, track->first_frame);
    at = put32(at, track->last_frame);
    at = put32(at, track->sightings);
    at = put32(at, track->views);
    at = put64(at, track->first_pts);
    at = put64(at, track->last_pts);
    at = put_float(at, track->weight);
    (void)put_floats(at, track->embedding, EMBEDDING_SIZE);
    bool good = fwrite(bytes, 1, sizeof bytes, writer->tracks) == sizeof bytes;
    for (int i = 0; i < track->views && good; i++) {
        good = track->view[i].picture_bytes <= PICTURE_MOST && write_view(writer->tracks, &track->view[i]);
    }
    writer->info.tracks++;
    return good ? STATUS_OK : fail(writer, err);
}

static Status append_tracks(FaceRecordWriter *writer, Error *err)
{
    uint8_t buffer[16 * 1024];
    size_t got = 0;
    rewind(writer->tracks);
    while ((got = fread(buffer, 1, sizeof buffer, writer->tracks)) > 0) {
        if (put(writer, buffer, got, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
    }
    return ferror(writer->tracks) ? fail(writer, err) : STATUS_OK;
}

static Status put_trailer(FaceRecordWriter *writer, Error *err)
{
    const FaceRecordInfo *info = &writer->info;
    uint8_t bytes[TRAILER_SIZE - HASH_DIGITS] = END_MAGIC;
    uint8_t *at = put64(bytes + MAGIC_SIZE, info->frames);
    at = put64(at, info->sightings);
    at = put64(at, HEADER_SIZE + info->sightings * SIGHTING_SIZE);
    at = put32(at, info->shots);
    (void)put32(at, info->tracks);
    if (put(writer, bytes, sizeof bytes, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    char digest[HASH_SIZE];
    hash_digest(writer->hash, digest);
    return put(writer, digest, HASH_DIGITS, err);
}

Status face_record_finish(FaceRecordWriter *writer, int64_t frames, int shots, Error *err)
{
    writer->info.frames = frames;
    writer->info.shots = shots;
    errno = 0;
    if (append_tracks(writer, err) != STATUS_OK || put_trailer(writer, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    const bool closed = fclose(writer->file) == 0;
    writer->file = NULL;
    if (!closed) {
        return fail(writer, err);
    }
    const Status status = file_publish(writer->part, writer->path, err);
    if (status == STATUS_OK) {
        memory_free(writer->part);
        writer->part = NULL;
    }
    return status;
}

void face_record_writer_free(FaceRecordWriter **writer)
{
    FaceRecordWriter *w = *writer;
    if (w == NULL) {
        return;
    }
    if (w->file != NULL) {
        (void)fclose(w->file);
    }
    if (w->tracks != NULL) {
        (void)fclose(w->tracks);
    }
    if (w->part != NULL) {
        (void)unlink(w->part);
    }
    hash_free(&w->hash);
    memory_free(w->part);
    memory_free(w->path);
    memory_free(w);
    *writer = NULL;
}

/* ---- reading ---- */

struct FaceRecord {
    const uint8_t *bytes;
    int64_t size;
    int64_t tracks_at;
    int64_t tracks_end;
    FaceRecordInfo info;
};

static bool read_header(FaceRecord *record)
{
    const uint8_t *at = record->bytes + MAGIC_SIZE;
    FaceRecordInfo *info = &record->info;
    if (memcmp(record->bytes, MAGIC, MAGIC_SIZE) != 0 || get32(&at) != VERSION) {
        return false;
    }
    info->width = get_int(&at);
    info->height = get_int(&at);
    info->time_base.num = get_int(&at);
    info->time_base.den = get_int(&at);
    info->first_pts = get64(&at);
    memcpy(info->key, at, HASH_DIGITS);
    return info->width > 0 && info->height > 0 && info->time_base.num > 0 && info->time_base.den > 0 &&
           hash_is_digest(info->key);
}

static bool read_trailer(FaceRecord *record)
{
    const uint8_t *at = record->bytes + record->size - TRAILER_SIZE;
    char digest[HASH_SIZE];
    FaceRecordInfo *info = &record->info;
    hash_bytes(record->bytes, (size_t)record->size - HASH_DIGITS, digest);
    if (memcmp(at, END_MAGIC, MAGIC_SIZE) != 0 ||
        memcmp(digest, record->bytes + record->size - HASH_DIGITS, HASH_DIGITS) != 0) {
        return false;
    }
    at += MAGIC_SIZE;
    info->frames = get64(&at);
    info->sightings = get64(&at);
    record->tracks_at = get64(&at);
    record->tracks_end = record->size - TRAILER_SIZE;
    info->shots = get_int(&at);
    info->tracks = get_int(&at);
    return info->frames >= 0 && info->shots >= 0 && info->tracks >= 0 && info->sightings >= 0 &&
           info->sightings <= record->size / SIGHTING_SIZE &&
           record->tracks_at == HEADER_SIZE + info->sightings * SIGHTING_SIZE &&
           record->tracks_at <= record->tracks_end;
}

Status face_record_open(FaceRecord **record, const char *path, const char *key, Error *err)
{
    *record = NULL;
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT || errno == ELOOP
                   ? STATUS_AGAIN
                   : error_set_errno(err, ERROR_ENVIRONMENT, "cannot read the faces noted of the video", path,
                                     errno);
    }
    struct stat status;
    void *mapped = MAP_FAILED;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size >= HEADER_SIZE + TRAILER_SIZE) {
        mapped = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    (void)close(fd);
    if (mapped == MAP_FAILED) {
        return STATUS_AGAIN;
    }
    FaceRecord *new = memory_alloc(1, sizeof *new);
    new->bytes = mapped;
    new->size = status.st_size;
    if (!read_header(new) || (key != NULL && strcmp(new->info.key, key) != 0) || !read_trailer(new)) {
        face_record_free(&new);
        return STATUS_AGAIN;
    }
    *record = new;
    return STATUS_OK;
}

void face_record_free(FaceRecord **record)
{
    if (*record != NULL) {
        (void)munmap((void *)(uintptr_t)(*record)->bytes, (size_t)(*record)->size);
        memory_free(*record);
        *record = NULL;
    }
}

const FaceRecordInfo *face_record_info(const FaceRecord *record)
{
    return &record->info;
}

FaceSighting face_record_sighting(const FaceRecord *record, int64_t number)
{
    const uint8_t *at = record->bytes + HEADER_SIZE + number * SIGHTING_SIZE;
    FaceSighting sighting = {.pts = get64(&at)};
    sighting.frame = get32(&at);
    sighting.shot = get_int(&at);
    sighting.track = get_int(&at);
    sighting.at = get_ellipse(&at);
    sighting.score = get_float(&at);
    sighting.certainty = get_float(&at);
    return sighting;
}

int64_t face_record_find(const FaceRecord *record, int64_t pts)
{
    int64_t low = 0;
    int64_t high = record->info.sightings;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const uint8_t *at = record->bytes + HEADER_SIZE + middle * SIGHTING_SIZE;
        if (get64(&at) < pts) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

int face_record_frame(const FaceRecord *record, int64_t pts, FaceSighting faces[FACES_MAX])
{
    int count = 0;
    for (int64_t i = face_record_find(record, pts); i < record->info.sightings && count < FACES_MAX; i++) {
        faces[count] = face_record_sighting(record, i);
        if (faces[count].pts != pts) {
            break;
        }
        count++;
    }
    return count;
}

bool face_record_before(const FaceRecord *record, int track, int64_t pts, int64_t most, FaceSighting *found)
{
    for (int64_t i = face_record_find(record, pts) - 1; i >= 0; i--) {
        *found = face_record_sighting(record, i);
        if (found->pts < pts - most) {
            return false;
        }
        if (found->track == track) {
            return true;
        }
    }
    return false;
}

bool face_record_after(const FaceRecord *record, int track, int64_t pts, int64_t most, FaceSighting *found)
{
    for (int64_t i = face_record_find(record, pts + 1); i < record->info.sightings; i++) {
        *found = face_record_sighting(record, i);
        if (found->pts > pts + most) {
            return false;
        }
        if (found->track == track) {
            return true;
        }
    }
    return false;
}

/* False where the record ends in the midst of it. */
static bool read_view(const uint8_t **at, const uint8_t *end, FaceView *view)
{
    if (end - *at < VIEW_SIZE) {
        return false;
    }
    view->pts = get64(at);
    view->frame = get32(at);
    view->picture_bytes = get_int(at);
    view->quality = get_float(at);
    view->at = get_ellipse(at);
    get_floats(at, view->embedding, EMBEDDING_SIZE);
    view->picture = *at;
    if (view->picture_bytes < 0 || view->picture_bytes > PICTURE_MOST || view->picture_bytes > end - *at) {
        return false;
    }
    *at += view->picture_bytes;
    return true;
}

static bool read_track(const uint8_t **at, const uint8_t *end, FaceTrack *track)
{
    if (end - *at < TRACK_SIZE) {
        return false;
    }
    track->track = get_int(at);
    track->shot = get_int(at);
    track->first_frame = get32(at);
    track->last_frame = get32(at);
    track->sightings = get32(at);
    track->views = get_int(at);
    track->first_pts = get64(at);
    track->last_pts = get64(at);
    track->weight = get_float(at);
    get_floats(at, track->embedding, EMBEDDING_SIZE);
    bool good = track->track > 0 && track->views >= 0 && track->views <= FACE_RECORD_VIEWS;
    for (int i = 0; good && i < track->views; i++) {
        good = read_view(at, end, &track->view[i]);
    }
    return good;
}

Status face_record_next_track(const FaceRecord *record, int64_t *cursor, FaceTrack *track, Error *err)
{
    const uint8_t *at = record->bytes + record->tracks_at + *cursor;
    const uint8_t *end = record->bytes + record->tracks_end;
    *track = (FaceTrack){0};
    if (at >= end) {
        return STATUS_EOF;
    }
    if (!read_track(&at, end, track)) {
        return error_set(err, ERROR_VERIFY, "cannot read the faces noted of the video", NULL,
                         "what is noted of a track is no such thing");
    }
    *cursor = at - (record->bytes + record->tracks_at);
    return STATUS_OK;
}
