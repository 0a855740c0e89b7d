#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "face/skin.h"
#include "face/tracker_internal.h"

static const float opacity_time_s = 0.15f;  /* from 0 to 1 */
static const double skin_interval_s = 0.06; /* well below the time constant it is smoothed with */
static const double long_ago_s = -1e9;
static const double usual_frame_s = 0.04; /* where pts tell nothing */

static Status sense_detect(void *context, const AVFrame *frame, DetectEffort effort, unsigned turns,
                           float threshold, Detection *found, int capacity, int *count, Error *err)
{
    const FaceTrackerConfig *config = &((FaceTracker *)context)->config;
    switch (effort) {
    case DETECT_QUICK:
        return models_detect(config->models, frame, config->orientation, config->sample_aspect_ratio,
                             threshold, found, capacity, count, err);
    case DETECT_TURNED:
        return models_detect_rotated(config->models, frame, config->orientation, config->sample_aspect_ratio,
                                     turns, threshold, found, capacity, count, err);
    case DETECT_ALL:
        return models_detect_thorough(config->models, frame, config->orientation, config->sample_aspect_ratio,
                                      turns, threshold, found, capacity, count, err);
    }
    return error_set(err, ERROR_INTERNAL, "cannot look for faces", NULL, "there is no such detector");
}

static Status sense_turn(void *context, const AVFrame *frame, Detection *face, Error *err)
{
    return models_find_turn(((FaceTracker *)context)->config.models, frame, face, err);
}

static Status sense_mesh(void *context, const AVFrame *frame, const Affine *crop_to_frame, Mesh *mesh,
                         float *flag, Error *err)
{
    return models_mesh(((FaceTracker *)context)->config.models, frame, crop_to_frame, mesh, flag, err);
}

static Status sense_embed(void *context, const AVFrame *frame, const Mesh *mesh, float *embedding, Error *err)
{
    return face_embed(((FaceTracker *)context)->config.models, frame, mesh, embedding, err);
}

static Status sense_skin(void *context, const AVFrame *frame, const Mesh *mesh, SkinStats *stats, Error *err)
{
    FaceTracker *tracker = context;
    const FaceTrackerConfig *config = &tracker->config;
    return skin_stats_from_frame(frame, mesh, config->orientation.mirrored, config->sample_aspect_ratio,
                                 &tracker->skin_scratch, stats, err);
}

static bool sense_cut(void *context, const AVFrame *frame)
{
    return scene_cut_next(&((FaceTracker *)context)->scene, frame);
}

Status face_tracker_new_with(FaceTracker **tracker, const FaceTrackerConfig *config,
                             const TrackerSenses *senses, Error *err)
{
    *tracker = NULL;
    if (config->detect_every < 0) {
        return error_set(err, ERROR_INTERNAL, "cannot follow faces", NULL,
                         "the detection interval is negative");
    }
    if (!config->many_faces && !config->has_reference) {
        return error_set(err, ERROR_INTERNAL, "cannot choose faces", NULL, "there is no reference face");
    }
    FaceTracker *new = memory_alloc(1, sizeof *new);
    new->config = *config;
    new->senses = *senses;
    new->smooth = mesh_smooth_defaults();
    new->next_id = 1;
    *tracker = new;
    return STATUS_OK;
}

Status face_tracker_new(FaceTracker **tracker, const FaceTrackerConfig *config, Error *err)
{
    const TrackerSenses senses = {NULL,        sense_detect, sense_turn, sense_mesh,
                                  sense_embed, sense_skin,   sense_cut};
    Status status = face_tracker_new_with(tracker, config, &senses, err);
    if (status == STATUS_OK) {
        (*tracker)->senses.context = *tracker;
    }
    return status;
}

void face_tracker_free(FaceTracker **tracker)
{
    if (*tracker != NULL) {
        image_free(&(*tracker)->skin_scratch);
        memory_free(*tracker);
        *tracker = NULL;
    }
}

FaceTrackerStats face_tracker_stats(const FaceTracker *tracker)
{
    return tracker->stats;
}

double face_tracker_warm_up_s(void)
{
    return 1.0;
}

void face_tracker_look_around(FaceTracker *tracker)
{
    tracker->detected_frame = -1;
    tracker->all_s = long_ago_s;
}

static void advance_clock(FaceTracker *tracker, const AVFrame *frame)
{
    const double shortest_s = 0.001;
    const double longest_s = 0.5; /* longer gaps are no motion to follow */
    double step = usual_frame_s;
    if (frame->pts != AV_NOPTS_VALUE && tracker->config.time_base.den > 0) {
        double pts_s = (double)frame->pts * av_q2d(tracker->config.time_base);
        step = tracker->last_pts_known ? pts_s - tracker->last_pts_s : usual_frame_s;
        tracker->last_pts_s = pts_s;
        tracker->last_pts_known = true;
    }
    step = fmin(fmax(step, shortest_s), longest_s);
    tracker->now_s += step;
    tracker->dt_s = (float)step;
}

static Affine upright_map(const AVFrame *frame, Orientation orientation, AVRational sar)
{
    int width;
    int height;
    const Affine upright_to_stored =
        models_upright_to_stored(frame->width, frame->height, orientation, sar, &width, &height);
    Affine stored_to_upright;
    bool possible = affine_invert(&upright_to_stored, &stored_to_upright);
    return possible ? stored_to_upright : (Affine){1.0f, 0.0f, 0.0f, 0.0f, 1.0f, 0.0f};
}

static void begin_shot(FaceTracker *tracker)
{
    tracker_end_all(tracker, false);
    tracker->detected_frame = -1;
    tracker->turned_s = long_ago_s;
    tracker->all_s = long_ago_s;
    tracker->empty_since_s = tracker->now_s;
    tracker->chosen_id = 0;
    tracker->selected_before = false;
    tracker->unselected_run = 0;
    tracker->stats.scene_cuts += tracker->stats.frames > 0 ? 1 : 0;
}

/* What follows from where the face is: smooth mesh, turn, opacity, skin. */
static Status refine(FaceTracker *tracker, Track *track, const AVFrame *frame, Error *err)
{
    track->unsmoothed_s += tracker->dt_s;
    if (track->seen) {
        mesh_smooth_step(&track->smoother, &tracker->smooth, &track->raw, track->unsmoothed_s, &track->mesh);
        track->unsmoothed_s = 0.0f;
        track->yaw = mesh_yaw(&track->mesh, &tracker->stored_to_upright);
    }
    float wanted = opacity_for_yaw(track->yaw) * opacity_for_absence(track->unseen_s);
    float step = tracker->dt_s / opacity_time_s;
    track->opacity =
        track->fresh ? wanted : fminf(fmaxf(wanted, track->opacity - step), track->opacity + step);
    Status status = STATUS_OK;
    if (track->seen && (track->fresh || tracker->now_s - track->skin_s >= skin_interval_s)) {
        track->skin_s = tracker->now_s;
        status =
            tracker->senses.skin(tracker->senses.context, frame, &track->mesh, &track->skin_measured, err);
    }
    skin_stats_follow(&track->skin, &track->skin_measured, tracker->dt_s);
    return status;
}

static Status identify(FaceTracker *tracker, Track *track, const AVFrame *frame, Error *err)
{
    float quality = select_quality(track->yaw, track->score);
    if (!track->seen || !select_is_due(&track->identity, quality, tracker->now_s)) {
        return STATUS_OK;
    }
    float embedding[EMBEDDING_SIZE];
    Status status = tracker->senses.embed(tracker->senses.context, frame, &track->mesh, embedding, err);
    if (status == STATUS_OK) {
        select_measure(&track->identity, embedding, quality, tracker->config.reference,
                       tracker->config.similar_distance, tracker->now_s);
    }
    return status;
}

static void choose(FaceTracker *tracker)
{
    const FaceIdentity *identities[FACES_MAX];
    int ids[FACES_MAX];
    int count = 0;
    int before = -1;
    for (int i = 0; i < FACES_MAX; i++) {
        const Track *track = &tracker->track[i];
        if (track->id != 0) {
            before = track->id == tracker->chosen_id ? count : before;
            ids[count] = track->id;
            identities[count++] = &track->identity;
        }
    }
    int chosen = select_nearest(identities, count, before);
    if (chosen >= 0) {
        tracker->chosen_id = ids[chosen];
    } else if (before >= 0) {
        tracker->chosen_id = 0;
    }
}

static void report(const FaceTracker *tracker, bool cut, FrameFaces *faces)
{
    faces->count = 0;
    faces->scene_cut = cut;
    for (int i = 0; i < FACES_MAX; i++) {
        const Track *track = &tracker->track[i];
        if (track->id == 0) {
            continue;
        }
        bool chosen = tracker->config.many_faces || track->id == tracker->chosen_id;
        Face *face = &faces->face[faces->count++];
        face->track = track->id;
        face->score = track->score;
        face->opacity = track->opacity;
        face->yaw = track->yaw;
        face->seen = track->seen;
        face->selected = chosen && track->opacity > 0.0f;
        face->source = 0;
        face->unsure = false;
        face->kept_mask = 0;
        face->mesh = track->mesh;
        face->skin = track->skin;
    }
}

static void count_frame(FaceTracker *tracker, const FrameFaces *faces)
{
    bool selected = false;
    for (int i = 0; i < faces->count; i++) {
        selected = selected || faces->face[i].selected;
    }
    tracker->stats.frames++;
    tracker->stats.frames_with_face += faces->count > 0 ? 1 : 0;
    tracker->stats.frames_selected += selected ? 1 : 0;
    if (selected) {
        bool gap = tracker->selected_before && tracker->unselected_run == 1;
        tracker->stats.isolated_gaps += gap ? 1 : 0;
        tracker->selected_before = true;
        tracker->unselected_run = 0;
    } else {
        tracker->unselected_run++;
    }
    tracker->frame_number++;
}

Status face_tracker_next(FaceTracker *tracker, const AVFrame *frame, FrameFaces *faces, Error *err)
{
    faces->count = 0;
    advance_clock(tracker, frame);
    tracker->stored_to_upright =
        upright_map(frame, tracker->config.orientation, tracker->config.sample_aspect_ratio);
    bool cut = tracker->senses.cut(tracker->senses.context, frame);
    faces->scene_cut = cut;
    if (cut) {
        begin_shot(tracker);
    }
    Status status = tracker_follow_all(tracker, frame, err);
    for (int i = 0; i < FACES_MAX && status == STATUS_OK; i++) {
        Track *track = &tracker->track[i];
        if (track->id == 0) {
            continue;
        }
        status = refine(tracker, track, frame, err);
        if (status == STATUS_OK && !tracker->config.many_faces) {
            status = identify(tracker, track, frame, err);
        }
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (!tracker->config.many_faces) {
        choose(tracker);
    }
    report(tracker, cut, faces);
    count_frame(tracker, faces);
    return STATUS_OK;
}

static float order_key(FaceOrder order, const Affine *stored_to_upright, const StillFace *face)
{
    float low[2] = {INFINITY, INFINITY};
    float high[2] = {-INFINITY, -INFINITY};
    for (int k = 0; k < MESH_POINTS; k++) {
        const Point at = affine_apply(stored_to_upright, (Point){face->mesh.x[k], face->mesh.y[k]});
        low[0] = fminf(low[0], at.x);
        low[1] = fminf(low[1], at.y);
        high[0] = fmaxf(high[0], at.x);
        high[1] = fmaxf(high[1], at.y);
    }
    return select_key(order, low, high, face->score);
}

Status face_reference_from_frame(const FaceModels *models, const AVFrame *frame, Orientation orientation,
                                 AVRational sample_aspect_ratio, FaceOrder order, int position,
                                 float embedding[EMBEDDING_SIZE], Error *err)
{
    StillFace *faces = memory_alloc(FACES_MAX, sizeof *faces);
    int count = 0;
    Status status =
        face_find_in_frame(models, frame, orientation, sample_aspect_ratio, faces, FACES_MAX, &count, err);
    if (status == STATUS_OK) {
        const Affine stored_to_upright = upright_map(frame, orientation, sample_aspect_ratio);
        float key[FACES_MAX];
        for (int i = 0; i < count; i++) {
            key[i] = order_key(order, &stored_to_upright, &faces[i]);
        }
        int index = select_position(key, count, position);
        status = index < 0 ? STATUS_AGAIN : STATUS_OK;
        if (index >= 0) {
            memcpy(embedding, faces[index].embedding, sizeof faces[index].embedding);
        }
    }
    memory_free(faces);
    return status;
}
