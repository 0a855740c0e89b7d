#include <math.h>
#include <string.h>

#include "face/tracker_internal.h"

static const float sure_flag = 0.8f;
/* A detection may begin a track, or only confirm one that is there. */
static const float begin_score = BEGIN_SCORE;
static const float confirm_score = 0.4f;
static const float match_overlap = 0.2f;
static const float drift_overlap = 0.35f; /* below, the mesh is tried again from the detection */
static const float same_face_overlap = 0.45f;
static const float trust_step = 0.3f;
static const float trust_margin = 0.1f;
static const float turned_least = 1.2f; /* radians that a mesh is the wrong way up by */

static const double detect_interval_s = 0.2;
static const double eager_s = 0.25; /* after a cut or a loss every frame is searched, later every third */
static const double turned_interval_s = 0.5;
static const double all_interval_s = 3.0;
static const double unconfirmed_s = 0.6;     /* then the detector for turned heads is asked */
static const double unconfirmed_end_s = 1.2; /* and then a track that is not sure of itself ends */
static const double ghost_s = 1.0;
enum { EMPTY_EVERY = 3 };

typedef struct Found {
    Detection detection[FACES_MAX];
    Box box[FACES_MAX];
    bool used[FACES_MAX];
    int count;
} Found;

static Point mesh_centre(const Mesh *mesh)
{
    Point centre = {0.0f, 0.0f};
    for (int i = 0; i < MESH_POINTS; i++) {
        centre.x += mesh->x[i] / (float)MESH_POINTS;
        centre.y += mesh->y[i] / (float)MESH_POINTS;
    }
    return centre;
}

static Affine crop_of_mesh(const FaceTracker *tracker, const Mesh *mesh)
{
    return models_crop_from_mesh(mesh, tracker->config.orientation.mirrored,
                                 tracker->config.sample_aspect_ratio);
}

static float roll_of(const FaceTracker *tracker, const Mesh *mesh)
{
    return mesh_roll(mesh, tracker->config.orientation.mirrored, tracker->config.sample_aspect_ratio);
}

/* Takes a measured mesh as the track's place on this frame. */
static void accept(Track *track, const Mesh *mesh, float flag, float dt_s)
{
    Point from = mesh_centre(&track->raw);
    Point to = mesh_centre(mesh);
    float elapsed = dt_s + track->unseen_s;
    bool steady = track->age > 0 && elapsed > 0.0f && mesh_follows(mesh, &track->mesh, elapsed);
    if (steady) {
        track->vx += 0.5f * ((to.x - from.x) / elapsed - track->vx);
        track->vy += 0.5f * ((to.y - from.y) / elapsed - track->vy);
    } else {
        track->vx = 0.0f;
        track->vy = 0.0f;
        track->smoother = (MeshSmoother){0};
    }
    track->raw = *mesh;
    track->score = flag;
    track->unseen_s = 0.0f;
    track->seen = true;
}

static Status follow(FaceTracker *tracker, Track *track, const AVFrame *frame, Error *err)
{
    track->trust += trust_step * ((track->seen ? track->score : 0.0F) - track->trust);
    track->fresh = false;
    track->seen = false;
    track->age++;
    Mesh expected = track->mesh;
    mesh_shift(&expected, track->vx * tracker->dt_s, track->vy * tracker->dt_s);
    const Affine crop = crop_of_mesh(tracker, &expected);
    Mesh mesh;
    float flag;
    Status status = tracker->senses.mesh(tracker->senses.context, frame, &crop, &mesh, &flag, err);
    if (status != STATUS_OK) {
        return status;
    }
    if (flag >= MESH_FLAG_MIN && mesh_is_possible(&mesh, frame->width, frame->height) &&
        mesh_follows(&mesh, &expected, tracker->dt_s + track->unseen_s)) {
        accept(track, &mesh, flag, tracker->dt_s);
    }
    return STATUS_OK;
}

/* The mesh for a detection; a second pass from the first one's place makes it steadier. `flag` 0 when there
 * is no face. */
static Status mesh_of_detection(FaceTracker *tracker, const AVFrame *frame, const Detection *detection,
                                Mesh *mesh, float *flag, Error *err)
{
    Affine crop = models_crop_from_detection(detection);
    for (int pass = 0; pass < 2; pass++) {
        Status status = tracker->senses.mesh(tracker->senses.context, frame, &crop, mesh, flag, err);
        if (status != STATUS_OK) {
            return status;
        }
        if (*flag < MESH_FLAG_MIN || !mesh_is_possible(mesh, frame->width, frame->height)) {
            *flag = 0.0f;
            return STATUS_OK;
        }
        crop = crop_of_mesh(tracker, mesh);
    }
    return STATUS_OK;
}

static void end(FaceTracker *tracker, Track *track, bool keep_ghost)
{
    if (keep_ghost) {
        Ghost *oldest = &tracker->ghost[0];
        for (int i = 1; i < FACES_MAX; i++) {
            if (oldest->id != 0 &&
                (tracker->ghost[i].id == 0 || tracker->ghost[i].ended_s < oldest->ended_s)) {
                oldest = &tracker->ghost[i];
            }
        }
        *oldest = (Ghost){track->id, box_of_mesh(&track->mesh), tracker->now_s, track->identity};
    }
    track->id = 0;
    tracker->empty_since_s = tracker->now_s;
}

void tracker_end_all(FaceTracker *tracker, bool keep_ghosts)
{
    for (int i = 0; i < FACES_MAX; i++) {
        if (tracker->track[i].id != 0) {
            end(tracker, &tracker->track[i], keep_ghosts);
        }
    }
    if (!keep_ghosts) {
        memset(tracker->ghost, 0, sizeof tracker->ghost);
    }
}

/* A new track is the same face as one that ended a moment ago in its place. */
static void take_over_ghost(FaceTracker *tracker, Track *track)
{
    Box box = box_of_mesh(&track->raw);
    for (int i = 0; i < FACES_MAX; i++) {
        Ghost *ghost = &tracker->ghost[i];
        if (ghost->id != 0 && tracker->now_s - ghost->ended_s <= ghost_s &&
            box_shared(box, ghost->box) >= match_overlap) {
            track->id = ghost->id;
            track->identity = ghost->identity;
            ghost->id = 0;
            return;
        }
    }
}

static bool is_followed(const FaceTracker *tracker, const Mesh *mesh)
{
    const Box box = box_of_mesh(mesh);
    for (int i = 0; i < FACES_MAX; i++) {
        const Track *other = &tracker->track[i];
        if (other->id != 0 && box_shared(box, box_of_mesh(&other->raw)) >= same_face_overlap) {
            return true;
        }
    }
    return false;
}

/* The mesh of a face that is not followed yet, the right way up. What the quick detector takes for a face and
 * the mesh model does not is not looked at closely: that would be dear, and soon the others look too. */
static Status mesh_of_new(FaceTracker *tracker, const AVFrame *frame, Detection detection,
                          DetectEffort effort, Mesh *mesh, float *flag, Error *err)
{
    Status status = mesh_of_detection(tracker, frame, &detection, mesh, flag, err);
    const float told = detection.angle;
    const bool known = *flag > 0.0f && is_followed(tracker, mesh);
    if (status != STATUS_OK || known || (*flag <= 0.0f && effort == DETECT_QUICK)) {
        *flag = known ? 0.0f : *flag;
        return status;
    }
    status = tracker->senses.turn(tracker->senses.context, frame, &detection, err);
    if (status != STATUS_OK || detection.angle == told) {
        return status;
    }
    Mesh other;
    float other_flag;
    status = mesh_of_detection(tracker, frame, &detection, &other, &other_flag, err);
    if (status == STATUS_OK && other_flag > 0.0f) {
        *mesh = other;
        *flag = is_followed(tracker, &other) ? 0.0f : other_flag;
    }
    return status;
}

static Status begin(FaceTracker *tracker, const AVFrame *frame, const Detection *detection,
                    DetectEffort effort, Error *err)
{
    Track *track = NULL;
    for (int i = 0; i < FACES_MAX && track == NULL; i++) {
        track = tracker->track[i].id == 0 ? &tracker->track[i] : NULL;
    }
    if (track == NULL) {
        return STATUS_OK;
    }
    Mesh mesh;
    float flag;
    Status status = mesh_of_new(tracker, frame, *detection, effort, &mesh, &flag, err);
    if (status != STATUS_OK || flag <= 0.0f) {
        return status;
    }
    *track = (Track){.id = tracker->next_id, .fresh = true, .confirmed_s = tracker->now_s};
    accept(track, &mesh, flag, tracker->dt_s);
    track->mesh = mesh;
    take_over_ghost(tracker, track);
    tracker->next_id += track->id == tracker->next_id ? 1 : 0;
    return STATUS_OK;
}

static bool is_unconfirmed(const FaceTracker *tracker, const Track *track)
{
    return tracker->now_s - track->confirmed_s > unconfirmed_s;
}

static bool detection_is_due(const FaceTracker *tracker)
{
    if (tracker->detected_frame < 0) {
        return true;
    }
    bool any = false;
    for (int i = 0; i < FACES_MAX; i++) {
        any = any || tracker->track[i].id != 0;
        if (tracker->track[i].id != 0 && !tracker->track[i].seen) {
            return true;
        }
    }
    int64_t frames = tracker->frame_number - tracker->detected_frame;
    if (!any) {
        return frames >= EMPTY_EVERY || tracker->now_s - tracker->empty_since_s <= eager_s;
    }
    if (tracker->config.detect_every > 0) {
        return frames >= tracker->config.detect_every;
    }
    return tracker->now_s - tracker->detected_s >= detect_interval_s - 0.5 * (double)tracker->dt_s;
}

/* Whether the quick detector left a question open that the one for turned heads may answer. */
static bool turned_is_due(const FaceTracker *tracker)
{
    if (tracker->now_s - tracker->turned_s < turned_interval_s) {
        return false;
    }
    bool any = false;
    for (int i = 0; i < FACES_MAX; i++) {
        const Track *track = &tracker->track[i];
        if (track->id != 0 && (!track->seen || is_unconfirmed(tracker, track))) {
            return true;
        }
        any = any || track->id != 0;
    }
    return !any;
}

static float angle_between(float a, float b)
{
    return fabsf(remainderf(a - b, 6.28318531f));
}

/* The mesh at a detection of a track's face: as the head was turned just now, or else as the detector says.
 */
static Status mesh_of_known(FaceTracker *tracker, const AVFrame *frame, const Track *track,
                            const Detection *detection, Mesh *mesh, float *flag, Error *err)
{
    Detection face = *detection;
    face.angle = roll_of(tracker, &track->raw);
    Status status = mesh_of_detection(tracker, frame, &face, mesh, flag, err);
    if (status == STATUS_OK && *flag <= 0.0f) {
        status = mesh_of_detection(tracker, frame, detection, mesh, flag, err);
    }
    return status;
}

/* Where a detector that tells the angle sees a face another way up than its mesh, it is looked at closely. */
static Status put_upright(FaceTracker *tracker, const AVFrame *frame, Track *track,
                          const Detection *detection, Error *err)
{
    Detection face = *detection;
    face.angle = roll_of(tracker, &track->raw);
    const float before = face.angle;
    Mesh mesh;
    float flag;
    Status status = tracker->senses.turn(tracker->senses.context, frame, &face, err);
    if (status != STATUS_OK || angle_between(face.angle, before) < turned_least) {
        return status;
    }
    status = mesh_of_detection(tracker, frame, &face, &mesh, &flag, err);
    if (status == STATUS_OK && flag > 0.0f) {
        track->smoother = (MeshSmoother){0};
        accept(track, &mesh, flag, tracker->dt_s);
    }
    return status;
}

/* A track that a detection belongs to: confirmed by it, found again by it, or put right by it. */
static Status confirm(FaceTracker *tracker, const AVFrame *frame, Track *track, const Detection *detection,
                      DetectEffort effort, float overlap, Error *err)
{
    track->confirmed_s = tracker->now_s;
    if (track->seen && effort != DETECT_QUICK &&
        angle_between(detection->angle, roll_of(tracker, &track->raw)) > turned_least) {
        return put_upright(tracker, frame, track, detection, err);
    }
    if (track->seen && overlap >= drift_overlap) {
        return STATUS_OK;
    }
    Mesh mesh;
    float flag;
    Status status = mesh_of_known(tracker, frame, track, detection, &mesh, &flag, err);
    if (status == STATUS_OK && flag > 0.0f && (!track->seen || flag >= track->score)) {
        accept(track, &mesh, flag, tracker->dt_s);
    }
    return status;
}

static Status match(FaceTracker *tracker, const AVFrame *frame, DetectEffort effort, Found *found, Error *err)
{
    Track *tracks[FACES_MAX];
    Box boxes[FACES_MAX];
    int partner[FACES_MAX];
    int count = 0;
    for (int i = 0; i < FACES_MAX; i++) {
        Track *track = &tracker->track[i];
        if (track->id != 0) {
            tracks[count] = track;
            boxes[count++] = box_of_mesh(track->seen ? &track->raw : &track->mesh);
        }
    }
    box_match(boxes, count, found->box, found->count, match_overlap, partner);
    for (int i = 0; i < count; i++) {
        if (partner[i] >= 0) {
            int k = partner[i];
            found->used[k] = true;
            Status status = confirm(tracker, frame, tracks[i], &found->detection[k], effort,
                                    box_shared(boxes[i], found->box[k]), err);
            if (status != STATUS_OK) {
                return status;
            }
        }
    }
    return STATUS_OK;
}

static Status begin_new(FaceTracker *tracker, const AVFrame *frame, DetectEffort effort, const Found *found,
                        Error *err)
{
    for (int i = 0; i < found->count; i++) {
        if (!found->used[i] && found->detection[i].score >= begin_score) {
            Status status = begin(tracker, frame, &found->detection[i], effort, err);
            if (status != STATUS_OK) {
                return status;
            }
        }
    }
    return STATUS_OK;
}

static Status detect(FaceTracker *tracker, const AVFrame *frame, DetectEffort effort, unsigned turns,
                     Error *err)
{
    Found found = {0};
    Status status = tracker->senses.detect(tracker->senses.context, frame, effort, turns, confirm_score,
                                           found.detection, FACES_MAX, &found.count, err);
    if (status != STATUS_OK) {
        return status;
    }
    for (int i = 0; i < found.count; i++) {
        found.box[i] = box_of_detection(&found.detection[i]);
    }
    tracker->stats.detections++;
    status = match(tracker, frame, effort, &found, err);
    return status == STATUS_OK ? begin_new(tracker, frame, effort, &found, err) : status;
}

/* All around at the beginning of a shot; later the picture as it is and one turned one, in turn: upside down,
 * on one side, on the other. */
static unsigned turns_to_look_at(FaceTracker *tracker)
{
    static const unsigned turned[3] = {4, 2, 8};
    if (tracker->detected_frame < 0) {
        return TURNED_ALL;
    }
    tracker->next_turn = (tracker->next_turn + 1) % 3;
    return TURNED_NOT | turned[tracker->next_turn];
}

static Status detect_as_needed(FaceTracker *tracker, const AVFrame *frame, Error *err)
{
    if (!detection_is_due(tracker)) {
        return STATUS_OK;
    }
    const bool all = tracker->now_s - tracker->all_s >= all_interval_s;
    const unsigned turns = all ? turns_to_look_at(tracker) : TURNED_NOT;
    tracker->detected_frame = tracker->frame_number;
    tracker->detected_s = tracker->now_s;
    if (all) {
        tracker->all_s = tracker->now_s;
        tracker->turned_s = tracker->now_s;
        return detect(tracker, frame, DETECT_ALL, turns, err);
    }
    Status status = detect(tracker, frame, DETECT_QUICK, TURNED_NOT, err);
    if (status == STATUS_OK && turned_is_due(tracker)) {
        tracker->turned_s = tracker->now_s;
        status = detect(tracker, frame, DETECT_TURNED, turns_to_look_at(tracker), err);
    }
    return status;
}

/* A face that was not found stays for a moment where it was going. */
static void carry_on(FaceTracker *tracker, Track *track, const AVFrame *frame)
{
    const float decay_s = 0.1f;
    track->unseen_s += tracker->dt_s;
    mesh_shift(&track->mesh, track->vx * tracker->dt_s, track->vy * tracker->dt_s);
    track->vx *= expf(-tracker->dt_s / decay_s);
    track->vy *= expf(-tracker->dt_s / decay_s);
    if (track->unseen_s >= longest_absence_s() ||
        !mesh_is_possible(&track->mesh, frame->width, frame->height)) {
        end(tracker, track, true);
    }
}

static void end_doubtful(FaceTracker *tracker)
{
    for (int i = 0; i < FACES_MAX; i++) {
        Track *track = &tracker->track[i];
        /* Detectors miss turned heads; the face flag does not. */
        if (track->id != 0 && tracker->now_s - track->confirmed_s > unconfirmed_end_s &&
            track->score < sure_flag) {
            end(tracker, track, true);
        }
    }
}

/* Of two tracks on one face the one that sees it stays; then the one that saw it well before: the other's
 * face has been hidden by it; then the older one. */
static bool is_rightful(const Track *a, const Track *b)
{
    if (a->seen != b->seen) {
        return a->seen;
    }
    return fabsf(a->trust - b->trust) > trust_margin ? a->trust > b->trust : a->id < b->id;
}

static void merge(FaceTracker *tracker)
{
    for (int i = 0; i < FACES_MAX; i++) {
        for (int j = 0; j < FACES_MAX; j++) {
            Track *a = &tracker->track[i];
            Track *b = &tracker->track[j];
            if (i == j || a->id == 0 || b->id == 0) {
                continue;
            }
            Box box_a = box_of_mesh(a->seen ? &a->raw : &a->mesh);
            Box box_b = box_of_mesh(b->seen ? &b->raw : &b->mesh);
            if (is_rightful(a, b) && box_shared(box_a, box_b) >= same_face_overlap) {
                end(tracker, b, false);
            }
        }
    }
}

Status tracker_follow_all(FaceTracker *tracker, const AVFrame *frame, Error *err)
{
    Status status = STATUS_OK;
    for (int i = 0; i < FACES_MAX && status == STATUS_OK; i++) {
        if (tracker->track[i].id != 0) {
            status = follow(tracker, &tracker->track[i], frame, err);
        }
    }
    if (status == STATUS_OK) {
        status = detect_as_needed(tracker, frame, err);
    }
    if (status != STATUS_OK) {
        return status;
    }
    for (int i = 0; i < FACES_MAX; i++) {
        Track *track = &tracker->track[i];
        if (track->id != 0 && !track->seen) {
            carry_on(tracker, track, frame);
        }
    }
    merge(tracker);
    end_doubtful(tracker);
    return STATUS_OK;
}
