#include "face/tracklets.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "face/select.h"

static const float good_quality = 0.3F;
static const float sure_weight = 0.5F;
static const double early_interval_s = 0.2;
static const double interval_s = 0.4;
static const double alert_s = 0.6;   /* after another face was near */
static const double absence_s = 1.1; /* the tracker gives a face that comes back its number until then */
static const double view_interval_s = 0.5;
static const float near_distance = 1.5F;
static const float soon_frames = 6;    /* two that come nearer are near if they will be then */
static const float large_face = 40.0F; /* half the height; smaller ones are measured worse */

static const float known_distance = 0.5F; /* nearer than that it is the same face */
static const float moved_most = 0.8F;     /* of its size, from one sighting of a place to the next */
static const double place_gap_s = 0.5;

enum { HELD = 64, LIVE_MOST = 2 * FACES_MAX, PLACES_MOST = FACES_MAX };

/* A frame that is held back. */
typedef struct Held {
    int count;
    FaceSighting sighting[FACES_MAX + PLACES_MOST];
} Held;

/* A track of places that may still go on; track.track 0: this one is free. */
typedef struct PlaceTrack {
    FaceTrack track;
    FaceEllipse at;
    double seen_s;
} PlaceTrack;

/* A tracklet that may still go on. */
typedef struct Live {
    int id;          /* the tracker's; 0: this one is free */
    FaceTrack track; /* `embedding` is the sum so far */
    AVPacket *picture[FACE_RECORD_VIEWS];
    double seen_s;
    double measured_s;
    double alert_until_s;
    int64_t sure_frame; /* the last one on which it was measured to be this person */
    FaceEllipse at;
    FaceEllipse before; /* a frame ago; `at` when it was not seen then */
    bool odd;           /* the last measurement was like another person: */
    float odd_embedding[EMBEDDING_SIZE];
    int64_t odd_frame;
    int64_t odd_pts;
} Live;

struct Tracklets {
    TrackletSenses senses;
    AVRational time_base;
    FaceRecordWriter *writer;
    int64_t frames;
    int shots;
    int tracks;
    double now_s;
    Live live[LIVE_MOST];
    PlaceTrack places[PLACES_MOST];
    int64_t last_pts;
    Held held[HELD]; /* by frame number, modulo */
    int held_count;
};

Tracklets *tracklets_new(const TrackletSenses *senses, AVRational time_base, FaceRecordWriter *writer)
{
    Tracklets *tracklets = memory_alloc(1, sizeof *tracklets);
    tracklets->senses = *senses;
    tracklets->time_base = time_base;
    tracklets->writer = writer;
    return tracklets;
}

static void live_clear(Live *live)
{
    for (int i = 0; i < FACE_RECORD_VIEWS; i++) {
        av_packet_free(&live->picture[i]);
    }
    *live = (Live){0};
}

void tracklets_free(Tracklets **tracklets)
{
    if (*tracklets != NULL) {
        for (int i = 0; i < LIVE_MOST; i++) {
            live_clear(&(*tracklets)->live[i]);
        }
        memory_free(*tracklets);
        *tracklets = NULL;
    }
}

/* ---- what was held back ---- */

static Status write_oldest(Tracklets *tracklets, Error *err)
{
    const int64_t frame = tracklets->frames - tracklets->held_count;
    const Held *held = &tracklets->held[frame % HELD];
    Status status = STATUS_OK;
    for (int i = 0; i < held->count && status == STATUS_OK; i++) {
        status = face_record_add(tracklets->writer, &held->sighting[i], err);
    }
    tracklets->held_count--;
    return status;
}

/* The sightings of a tracklet on held frames from `first` on; NULL behind the last. */
static FaceSighting *held_next(Tracklets *tracklets, int track, int64_t *first)
{
    const int64_t oldest = tracklets->frames - tracklets->held_count;
    for (*first = *first > oldest ? *first : oldest; *first < tracklets->frames; (*first)++) {
        Held *held = &tracklets->held[*first % HELD];
        for (int i = 0; i < held->count; i++) {
            if (held->sighting[i].track == track) {
                (*first)++;
                return &held->sighting[i];
            }
        }
    }
    return NULL;
}

/* ---- the beginning and the end of a tracklet ---- */

static Status end(Tracklets *tracklets, Live *live, Error *err)
{
    float length = 0;
    for (int i = 0; i < EMBEDDING_SIZE; i++) {
        length += live->track.embedding[i] * live->track.embedding[i];
    }
    for (int i = 0; i < EMBEDDING_SIZE && length > 0; i++) {
        live->track.embedding[i] /= sqrtf(length);
    }
    for (int i = 0; i < live->track.views; i++) {
        live->track.view[i].picture = live->picture[i]->data;
        live->track.view[i].picture_bytes = live->picture[i]->size;
    }
    const Status status = face_record_add_track(tracklets->writer, &live->track, err);
    live_clear(live);
    return status;
}

static Live *find(Tracklets *tracklets, int id)
{
    for (int i = 0; i < LIVE_MOST; i++) {
        if (tracklets->live[i].id == id) {
            return &tracklets->live[i];
        }
    }
    return NULL;
}

static void begin(Tracklets *tracklets, Live *live, int id, int64_t pts, int64_t frame)
{
    *live = (Live){
        .id = id,
        .track = {.track = ++tracklets->tracks,
                  .shot = tracklets->shots - 1,
                  .first_frame = frame,
                  .first_pts = pts},
        .sure_frame = frame - 1,
        .measured_s = -INFINITY,
    };
}

/* There are as many as the tracker has faces, and those that may come back. */
static Status make_room(Tracklets *tracklets, Live **live, Error *err)
{
    *live = find(tracklets, 0);
    if (*live != NULL) {
        return STATUS_OK;
    }
    *live = &tracklets->live[0];
    for (int i = 1; i < LIVE_MOST; i++) {
        if (tracklets->live[i].seen_s < (*live)->seen_s) {
            *live = &tracklets->live[i];
        }
    }
    return end(tracklets, *live, err);
}

static Status end_absent(Tracklets *tracklets, bool all, Error *err)
{
    Status status = STATUS_OK;
    for (int i = 0; i < LIVE_MOST && status == STATUS_OK; i++) {
        Live *live = &tracklets->live[i];
        if (live->id != 0 && (all || tracklets->now_s - live->seen_s > absence_s)) {
            status = end(tracklets, live, err);
        }
    }
    return status;
}

/* ---- who it is ---- */

static float quality_of(const Face *face, const FaceEllipse *at)
{
    return select_quality(face->yaw, face->score) * fminf(1.0F, at->ry / large_face);
}

static bool is_due(const Tracklets *tracklets, const Live *live, float quality)
{
    const double since_s = tracklets->now_s - live->measured_s;
    if (quality <= 0.0F) {
        return false;
    }
    if (live->odd || tracklets->now_s < live->alert_until_s) {
        return true;
    }
    return since_s >= (live->track.weight < 1.0F ? early_interval_s : interval_s);
}

static float cosine_to_sum(const float *sum, const float *embedding)
{
    const float length = sqrtf(face_cosine(sum, sum));
    return length > 0 ? face_cosine(sum, embedding) / length : 0.0F;
}

/* What follows `frame` is another person's: what was noted of it since gets the new tracklet's number, and
 * between the last sure measurement and that frame nobody knows. */
static Status split(Tracklets *tracklets, Live *live, Error *err)
{
    const int id = live->id;
    const int64_t from_frame = live->odd_frame;
    const int64_t from_pts = live->odd_pts;
    const int before = live->track.track;
    Live now = {0};
    begin(tracklets, &now, id, from_pts, from_frame);
    now.seen_s = live->seen_s;
    now.alert_until_s = live->alert_until_s;
    now.at = live->at;
    int64_t cursor = live->sure_frame + 1;
    for (FaceSighting *held = NULL; (held = held_next(tracklets, before, &cursor)) != NULL;) {
        if (held->frame < from_frame) {
            held->certainty = 0.0F;
            continue;
        }
        held->track = now.track.track;
        held->certainty = 1.0F;
        now.track.sightings++;
        now.track.last_frame = held->frame;
        now.track.last_pts = held->pts;
        live->track.sightings--;
    }
    if (live->track.last_frame >= from_frame) {
        live->track.last_frame = from_frame - 1;
        live->track.last_pts = from_pts - 1;
    }
    const Status status = end(tracklets, live, err);
    *live = now;
    return status;
}

/* ---- its best views ---- */

static void drop_view(Live *live, int index)
{
    av_packet_free(&live->picture[index]);
    for (int i = index; i + 1 < FACE_RECORD_VIEWS; i++) {
        live->track.view[i] = live->track.view[i + 1];
        live->picture[i] = live->picture[i + 1];
    }
    live->picture[FACE_RECORD_VIEWS - 1] = NULL;
    live->track.views--;
}

/* Room for a view of that quality: of views that are close in time only the best is kept. False: there are
 * better ones. */
static bool make_place(Live *live, float quality, int64_t pts, double tick_s)
{
    FaceTrack *track = &live->track;
    for (int i = 0; i < track->views; i++) {
        if (fabs((double)(pts - track->view[i].pts) * tick_s) < view_interval_s) {
            if (track->view[i].quality >= quality) {
                return false;
            }
            drop_view(live, i);
            return true;
        }
    }
    if (track->views == FACE_RECORD_VIEWS) {
        if (track->view[FACE_RECORD_VIEWS - 1].quality >= quality) {
            return false;
        }
        drop_view(live, FACE_RECORD_VIEWS - 1);
    }
    return true;
}

static Status keep_view(Tracklets *tracklets, Live *live, const AVFrame *frame, const Face *face,
                        const float *embedding, float quality, Error *err)
{
    if (!make_place(live, quality, frame->pts, av_q2d(tracklets->time_base))) {
        return STATUS_OK;
    }
    AVPacket *picture = memory_check(av_packet_alloc());
    if (tracklets->senses.picture(tracklets->senses.context, frame, &face->mesh, picture, err) != STATUS_OK) {
        av_packet_free(&picture);
        return STATUS_FAILED;
    }
    int place = live->track.views++;
    for (; place > 0 && place < FACE_RECORD_VIEWS && live->track.view[place - 1].quality < quality; place--) {
        live->track.view[place] = live->track.view[place - 1];
        live->picture[place] = live->picture[place - 1];
    }
    FaceView *view = &live->track.view[place];
    *view = (FaceView){.pts = frame->pts, .frame = tracklets->frames - 1, .quality = quality, .at = live->at};
    memcpy(view->embedding, embedding, sizeof view->embedding);
    live->picture[place] = picture;
    return STATUS_OK;
}

/* ---- places without a known face ---- */

static Status end_places(Tracklets *tracklets, bool all, Error *err)
{
    Status status = STATUS_OK;
    for (int i = 0; i < PLACES_MOST && status == STATUS_OK; i++) {
        PlaceTrack *place = &tracklets->places[i];
        if (place->track.track != 0 && (all || tracklets->now_s - place->seen_s > place_gap_s)) {
            status = face_record_add_track(tracklets->writer, &place->track, err);
            place->track = (FaceTrack){0};
        }
    }
    return status;
}

/* The track that goes on at this place, or a free one; NULL: there are too many. */
static PlaceTrack *find_place(Tracklets *tracklets, const FaceEllipse *at)
{
    PlaceTrack *nearest = NULL;
    PlaceTrack *unused = NULL;
    float least = moved_most;
    for (int i = 0; i < PLACES_MOST; i++) {
        PlaceTrack *place = &tracklets->places[i];
        const float distance = face_ellipse_distance(&place->at, at);
        if (place->track.track == 0) {
            unused = place;
        } else if (distance < least && place->track.last_frame < tracklets->frames - 1) {
            least = distance;
            nearest = place;
        }
    }
    return nearest != NULL ? nearest : unused;
}

void tracklets_add_place(Tracklets *tracklets, const FaceEllipse *at, float score)
{
    const int64_t frame = tracklets->frames - 1;
    Held *held = &tracklets->held[frame % HELD];
    for (int i = 0; i < held->count; i++) {
        if (face_ellipse_distance(&held->sighting[i].at, at) < known_distance) {
            return;
        }
    }
    PlaceTrack *place = find_place(tracklets, at);
    if (place == NULL || held->count == FACES_MAX + PLACES_MOST) {
        return;
    }
    FaceTrack *track = &place->track;
    if (track->track == 0) {
        *track = (FaceTrack){.track = ++tracklets->tracks,
                             .shot = tracklets->shots - 1,
                             .first_frame = frame,
                             .first_pts = tracklets->last_pts};
    }
    track->last_frame = frame;
    track->last_pts = tracklets->last_pts;
    track->sightings++;
    place->at = *at;
    place->seen_s = tracklets->now_s;
    held->sighting[held->count++] = (FaceSighting){.pts = tracklets->last_pts,
                                                   .frame = frame,
                                                   .shot = track->shot,
                                                   .track = track->track,
                                                   .at = *at,
                                                   .score = score};
}

/* ---- a frame ---- */

/* It was a slip: nobody else was there. */
static void trust_again(Tracklets *tracklets, const Live *live)
{
    int64_t cursor = live->odd_frame + 1;
    for (FaceSighting *held = NULL; (held = held_next(tracklets, live->track.track, &cursor)) != NULL;) {
        held->certainty = 1.0F;
    }
}

static Status take_measurement(Tracklets *tracklets, Live *live, const AVFrame *frame, const Face *face,
                               float quality, FaceSighting *sighting, Error *err)
{
    float embedding[EMBEDDING_SIZE];
    if (live->odd && quality < good_quality) {
        return STATUS_OK; /* what is badly seen settles no doubt */
    }
    if (tracklets->senses.embed(tracklets->senses.context, frame, &face->mesh, embedding, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    live->measured_s = tracklets->now_s;
    const bool odd = live->track.weight >= sure_weight && quality >= good_quality &&
                     cosine_to_sum(live->track.embedding, embedding) < tracklets->senses.likeness.other;
    if (odd &&
        !(live->odd && face_cosine(live->odd_embedding, embedding) > tracklets->senses.likeness.same)) {
        live->odd = true;
        live->odd_frame = sighting->frame;
        live->odd_pts = sighting->pts;
        memcpy(live->odd_embedding, embedding, sizeof embedding);
        return STATUS_OK;
    }
    if (odd && split(tracklets, live, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (live->odd && !odd) {
        trust_again(tracklets, live);
    }
    live->odd = false;
    live->sure_frame = sighting->frame;
    for (int i = 0; i < EMBEDDING_SIZE; i++) {
        live->track.embedding[i] += embedding[i] * quality;
    }
    live->track.weight += quality;
    return keep_view(tracklets, live, frame, face, embedding, quality, err);
}

static Status note(Tracklets *tracklets, const AVFrame *frame, const Face *face, FaceSighting *sighting,
                   Error *err)
{
    Live *live = find(tracklets, face->track);
    if (live == NULL) {
        if (make_room(tracklets, &live, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        begin(tracklets, live, face->track, sighting->pts, sighting->frame);
    } else if (live->track.last_frame < sighting->frame - 1) {
        live->alert_until_s = tracklets->now_s + alert_s; /* somebody else may have come in its place */
    }
    live->seen_s = tracklets->now_s;
    live->before =
        live->track.last_frame == sighting->frame - 1 && live->track.sightings > 0 ? live->at : sighting->at;
    live->at = sighting->at;
    const float quality = face->seen ? quality_of(face, &sighting->at) : 0.0F;
    Status status = STATUS_OK;
    if (is_due(tracklets, live, quality)) {
        status = take_measurement(tracklets, live, frame, face, quality, sighting, err);
    }
    if (live->odd) {
        sighting->certainty = 0.0F;
    }
    sighting->track = live->track.track;
    live->track.sightings++;
    live->track.last_frame = sighting->frame;
    live->track.last_pts = sighting->pts;
    return status;
}

/* Who comes near fast is hidden before a measurement is due. */
static bool are_near(const Live *a, const Live *b)
{
    const float distance = face_ellipse_distance(&a->at, &b->at);
    const float nearer = fmaxf(face_ellipse_distance(&a->before, &b->before) - distance, 0.0F);
    return distance - nearer * soon_frames < near_distance;
}

/* Faces that are near each other, or will be soon, or were when one of them was lost. */
static void watch_out(Tracklets *tracklets)
{
    for (int i = 0; i < LIVE_MOST; i++) {
        for (int j = 0; j < i; j++) {
            Live *a = &tracklets->live[i];
            Live *b = &tracklets->live[j];
            if (a->id != 0 && b->id != 0 && are_near(a, b)) {
                a->alert_until_s = tracklets->now_s + alert_s;
                b->alert_until_s = tracklets->now_s + alert_s;
            }
        }
    }
}

Status tracklets_next(Tracklets *tracklets, const AVFrame *frame, const FrameFaces *faces, Error *err)
{
    Status status = STATUS_OK;
    tracklets->last_pts = frame->pts;
    tracklets->now_s = (double)frame->pts * av_q2d(tracklets->time_base);
    if (faces->scene_cut || tracklets->shots == 0) {
        tracklets->shots++;
        status = end_absent(tracklets, true, err);
    }
    if (status == STATUS_OK) {
        status = end_places(tracklets, faces->scene_cut, err);
    }
    if (status == STATUS_OK && tracklets->held_count == HELD) {
        status = write_oldest(tracklets, err);
    }
    Held *held = &tracklets->held[tracklets->frames % HELD];
    *held = (Held){.count = faces->count};
    tracklets->frames++;
    tracklets->held_count++;
    for (int i = 0; i < faces->count && status == STATUS_OK; i++) {
        const Face *face = &faces->face[i];
        held->sighting[i] = (FaceSighting){
            .pts = frame->pts,
            .frame = tracklets->frames - 1,
            .shot = tracklets->shots - 1,
            .at = face_ellipse_of_mesh(&face->mesh),
            .score = face->seen ? face->score : 0.0F,
            .certainty = 1.0F,
        };
        status = note(tracklets, frame, face, &held->sighting[i], err);
    }
    watch_out(tracklets);
    return status == STATUS_OK ? end_absent(tracklets, false, err) : status;
}

Status tracklets_finish(Tracklets *tracklets, Error *err)
{
    Status status = end_absent(tracklets, true, err);
    if (status == STATUS_OK) {
        status = end_places(tracklets, true, err);
    }
    while (status == STATUS_OK && tracklets->held_count > 0) {
        status = write_oldest(tracklets, err);
    }
    return status == STATUS_OK
               ? face_record_finish(tracklets->writer, tracklets->frames, tracklets->shots, err)
               : status;
}
