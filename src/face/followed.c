#include "face/followed.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

static const char magic[8] = "RBFOLLOW";

/* Written last. */
typedef struct FileHead {
    char magic[8];
    int64_t frames;
    int64_t bytes; /* of the whole file */
    int64_t face_bytes;
    FileState video;
} FileHead;

typedef struct FrameHead {
    int64_t pts;
    int32_t count;
    int32_t scene_cut;
    FaceTrackerStats more;
} FrameHead;

struct Followed {
    int fd;
    bool reading;
    bool writing;
    int64_t first_pts;
    FileState video;
    int64_t at; /* of the next frame */
    int64_t end;
    int64_t frames;
    unsigned char *buffer; /* of a frame */
};

static bool read_all(int fd, void *data, size_t count, int64_t at)
{
    return pread(fd, data, count, at) == (ssize_t)count;
}

static bool read_head(int fd, FileHead *head)
{
    return read_all(fd, head, sizeof *head, 0) && memcmp(head->magic, magic, sizeof magic) == 0 &&
           head->face_bytes == (int64_t)sizeof(Face);
}

bool followed_is_complete(int fd)
{
    FileHead head;
    return read_head(fd, &head);
}

bool followed_is_of(int fd, const FileState *video)
{
    FileHead head;
    return read_head(fd, &head) && file_state_same(&head.video, video);
}

Followed *followed_open(int fd, const FileState *video, int64_t first_pts)
{
    FileHead head;
    Followed *followed = memory_alloc(1, sizeof *followed);
    *followed = (Followed){.fd = fd, .video = *video, .first_pts = first_pts, .at = sizeof head};
    const bool complete = read_head(fd, &head);
    followed->reading = complete && file_state_same(&head.video, video);
    followed->writing = !complete && ftruncate(fd, 0) == 0;
    followed->end = followed->reading ? head.bytes : 0;
    followed->buffer = memory_alloc(1, sizeof(FrameHead) + FACES_MAX * sizeof(Face));
    return followed;
}

void followed_free(Followed **followed)
{
    if (*followed != NULL) {
        memory_free((*followed)->buffer);
        memory_free(*followed);
        *followed = NULL;
    }
}

/* ---- reading ---- */

static int64_t frame_bytes(int32_t count)
{
    return (int64_t)sizeof(FrameHead) + (int64_t)count * (int64_t)sizeof(Face);
}

static bool read_frame_head(const Followed *f, FrameHead *head)
{
    return f->at + (int64_t)sizeof *head <= f->end && read_all(f->fd, head, sizeof *head, f->at) &&
           head->count >= 0 && head->count <= FACES_MAX && f->at + frame_bytes(head->count) <= f->end;
}

static bool all_finite(const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i])) {
            return false;
        }
    }
    return true;
}

/* Any byte is one or the other. */
static bool truth(const bool *from)
{
    unsigned char byte;
    memcpy(&byte, from, sizeof byte);
    return byte != 0;
}

/* As the tracker tells them. */
static bool take_face(Face *face)
{
    face->seen = truth(&face->seen);
    face->selected = truth(&face->selected);
    face->source = 0;
    face->kept_mask = 0;
    face->unsure = false;
    return isfinite(face->score) && isfinite(face->opacity) && isfinite(face->yaw) &&
           all_finite(face->mesh.x, MESH_POINTS) && all_finite(face->mesh.y, MESH_POINTS) &&
           all_finite(face->mesh.z, MESH_POINTS) && all_finite(face->skin.mean, 3) &&
           all_finite(face->skin.covariance, 6) && isfinite(face->skin.weight);
}

static bool find(Followed *f, int64_t pts, FrameHead *head)
{
    for (int pass = 0; pass < 2; pass++) {
        while (read_frame_head(f, head)) {
            if (head->pts == pts) {
                return true;
            }
            f->at += frame_bytes(head->count);
        }
        f->at = sizeof(FileHead); /* an earlier one, after a restart */
    }
    return false;
}

bool followed_next(Followed *followed, int64_t pts, FrameFaces *faces, FaceTrackerStats *more)
{
    FrameHead head;
    bool good = followed->reading && find(followed, pts, &head) &&
                read_all(followed->fd, faces->face, (size_t)head.count * sizeof(Face),
                         followed->at + (int64_t)sizeof head);
    if (good) {
        faces->count = head.count;
        faces->scene_cut = head.scene_cut != 0;
        *more = head.more;
        followed->at += frame_bytes(head.count);
    }
    for (int i = 0; good && i < faces->count; i++) {
        good = take_face(&faces->face[i]);
    }
    followed->reading = good;
    return good;
}

/* ---- writing ---- */

static void give_up(Followed *f)
{
    if (f->writing) {
        f->writing = false;
        (void)!ftruncate(f->fd, 0);
    }
}

void followed_add(Followed *followed, int64_t pts, const FrameFaces *faces, const FaceTrackerStats *more)
{
    Followed *f = followed;
    if (!f->writing) {
        return;
    }
    if (f->frames == 0 && pts != f->first_pts) {
        give_up(f);
        return;
    }
    const FrameHead head = {.pts = pts, .count = faces->count, .scene_cut = faces->scene_cut, .more = *more};
    const size_t bytes = (size_t)frame_bytes(faces->count);
    memcpy(f->buffer, &head, sizeof head);
    memcpy(f->buffer + sizeof head, faces->face, bytes - sizeof head);
    if (pwrite(f->fd, f->buffer, bytes, f->at) != (ssize_t)bytes) {
        give_up(f);
        return;
    }
    f->at += (int64_t)bytes;
    f->frames++;
}

void followed_restart(Followed *followed)
{
    followed->at = sizeof(FileHead);
    followed->frames = 0;
}

void followed_finish(Followed *followed)
{
    if (!followed->writing || followed->frames == 0) {
        return;
    }
    FileHead head = {.frames = followed->frames,
                     .bytes = followed->at,
                     .face_bytes = sizeof(Face),
                     .video = followed->video};
    memcpy(head.magic, magic, sizeof magic);
    if (pwrite(followed->fd, &head, sizeof head, 0) != (ssize_t)sizeof head) {
        give_up(followed);
    }
    followed->writing = false;
}
