/* Between the tracker's files and its tests.
 *
 * The senses are the tracker's only way to look at a picture; tests put scripted ones in their place and so
 * play any course of events without models.
 */
#ifndef RUNBATCH_FACE_TRACKER_INTERNAL_H
#define RUNBATCH_FACE_TRACKER_INTERNAL_H

#include "face/models.h"
#include "face/scene_cut.h"
#include "face/select.h"
#include "face/tracker_geometry.h"
#include "face/tracker_smooth.h"

typedef enum DetectEffort {
    DETECT_QUICK = 1, /* upright faces */
    DETECT_TURNED,    /* turned and tilted heads */
    DETECT_ALL,       /* both, and small faces; dear */
} DetectEffort;

typedef struct TrackerSenses {
    void *context;
    /* Faces scoring at least `threshold`, best first. `turns`: the turned pictures that are looked at with
     * more effort (models_detect_rotated). */
    Status (*detect)(void *context, const AVFrame *frame, DetectEffort effort, unsigned turns,
                     float threshold, Detection *found, int capacity, int *count, Error *err);
    /* Puts the angle right. */
    Status (*turn)(void *context, const AVFrame *frame, Detection *face, Error *err);
    Status (*mesh)(void *context, const AVFrame *frame, const Affine *crop_to_frame, Mesh *mesh, float *flag,
                   Error *err);
    Status (*embed)(void *context, const AVFrame *frame, const Mesh *mesh, float *embedding, Error *err);
    Status (*skin)(void *context, const AVFrame *frame, const Mesh *mesh, SkinStats *stats, Error *err);
    bool (*cut)(void *context, const AVFrame *frame);
} TrackerSenses;

typedef struct Track {
    int id;         /* 0: this slot is free */
    int age;        /* frames */
    bool fresh;     /* began on this frame */
    bool seen;      /* its mesh was measured on this frame */
    float score;    /* of the last mesh seen */
    float trust;    /* mean of the scores of the frames before, 0 where it was not seen */
    float unseen_s; /* time since then */
    double confirmed_s;
    Mesh raw;  /* the last one measured */
    Mesh mesh; /* smoothed; carried on by the velocity while unseen */
    float vx;  /* pixels / s */
    float vy;
    MeshSmoother smoother;
    float unsmoothed_s; /* time since the smoother's last step */
    float yaw;
    float opacity;
    SkinStats skin_measured; /* the last measurement */
    SkinStats skin;          /* smoothed */
    double skin_s;           /* when it was measured */
    FaceIdentity identity;
} Track;

/* What is left of an ended track for a while: a face that comes back in its place is the same one. */
typedef struct Ghost {
    int id; /* 0: none */
    Box box;
    double ended_s;
    FaceIdentity identity;
} Ghost;

struct FaceTracker {
    FaceTrackerConfig config;
    TrackerSenses senses;
    SmoothParams smooth;
    SceneCut scene;
    Image skin_scratch;
    Affine stored_to_upright;
    Track track[FACES_MAX];
    Ghost ghost[FACES_MAX];
    int next_id;
    int chosen_id; /* the face changed on the frame before, without many_faces */
    double last_pts_s;
    bool last_pts_known;
    double now_s; /* sum of the frames' durations, gaps shortened */
    float dt_s;
    int64_t frame_number;
    int64_t detected_frame; /* of the last detection, -1: none in this shot */
    double detected_s;
    double turned_s; /* of the last with more effort */
    double all_s;
    int next_turn;        /* of the picture, that is looked at with more effort beside the picture as it is */
    double empty_since_s; /* when the shot began or the last face was lost */
    bool selected_before; /* in this shot a face was selected */
    int unselected_run;   /* frames since then */
    FaceTrackerStats stats;
};

/* As face_tracker_new, with other senses. */
Status face_tracker_new_with(FaceTracker **tracker, const FaceTrackerConfig *config,
                             const TrackerSenses *senses, Error *err);

/* Follows every track into this frame, detects where that is due, begins and ends tracks. */
Status tracker_follow_all(FaceTracker *tracker, const AVFrame *frame, Error *err);

void tracker_end_all(FaceTracker *tracker, bool keep_ghosts);

#endif
