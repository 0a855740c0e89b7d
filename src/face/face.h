/* What the other modules see of faces: find and follow them, change them.
 *
 * FaceModels: the loaded models, shared by all threads, immutable.
 * FaceTracker: the state that needs the frames in order (detection, following, smoothing, selection); one
 * thread. Processor: changes one face-carrying frame; any thread, frames in any order. FrameFaces travels
 * with its frame from the tracker to the processors; fixed size, no pointers.
 *
 * All coordinates are in pixels of the stored frame (not rotated); the tracker feeds the models upright
 * pictures by putting the orientation and the sample aspect ratio into its affine maps.
 */
#ifndef RUNBATCH_FACE_FACE_H
#define RUNBATCH_FACE_FACE_H

#include <libavutil/frame.h>
#include <stdbool.h>
#include <stdint.h>

#include "image/image.h"
#include "infer/known_model.h"
#include "media/reader.h"

enum { MESH_POINTS = 468, FACES_MAX = 16, EMBEDDING_SIZE = 512 };

/* MediaPipe's face mesh; z in the same unit as x and y, smaller is nearer to the camera. */
typedef struct Mesh {
    float x[MESH_POINTS];
    float y[MESH_POINTS];
    float z[MESH_POINTS];
} Mesh;

/* First and second moments of the skin's colour, RGB 0..255: what colour transfer needs. */
typedef struct SkinStats {
    float mean[3];
    float covariance[6]; /* rr rg rb gg gb bb */
    float weight;        /* 0: not measured */
} SkinStats;

typedef struct Face {
    int track;      /* one number for one person within a shot */
    float score;    /* of the mesh's face flag, 0..1 */
    float opacity;  /* 0..1: fades in and out with doubt (large yaw, a lost track) */
    float yaw;      /* radians, from the mesh; positive: turned to the picture's right */
    bool seen;      /* found on this very frame, not carried on from one before */
    bool selected;  /* to be changed */
    int source;     /* which of the sources it gets, from 0 */
    int kept_mask;  /* what face_mask_follow made of it, by number from 1; 0: nothing */
    bool unsure;    /* nobody can tell who it is, and that matters (face/casting.h) */
    Mesh mesh;      /* smoothed over time */
    SkinStats skin; /* smoothed over time */
} Face;

typedef struct FrameFaces {
    int count;
    bool scene_cut; /* this frame begins a new shot */
    Face face[FACES_MAX];
} FrameFaces;

typedef struct FaceModels FaceModels;

typedef struct FaceModelsConfig {
    const char *models_dir; /* may be NULL */
    Provider provider;
    int threads; /* inside one model run */
    bool with_embedder;
    const char *detector; /* of upright faces, by its name in the catalogue; NULL: the built-in one */
    float detector_score; /* that it must give a face, 0..1; 0: the catalogue's threshold */
    const char *embedder; /* NULL: the built-in one */
} FaceModelsConfig;

enum { FACE_MODELS_MOST = 4 };

/* What face_models_open would load, in this order. ERROR_USAGE: a name is no detector's, or no embedder's. */
Status face_models_list(const FaceModelsConfig *config, const KnownModel *list[FACE_MODELS_MOST], int *count,
                        Error *err);

/* What a user's detector takes of memory while it runs; 0 for the built-in one. */
int64_t face_models_running_bytes(const FaceModelsConfig *config);

Status face_models_open(FaceModels **models, const FaceModelsConfig *config, Error *err);
void face_models_free(FaceModels **models);
/* The embedder's name in the catalogue; NULL where none is loaded. */
const char *face_models_embedder(const FaceModels *models);

/* All faces of a still picture, largest first: mesh and, where the embedder is loaded, the unit-length
 * embedding. */
typedef struct StillFace {
    Rect box;
    float score;
    Mesh mesh;
    float embedding[EMBEDDING_SIZE];
} StillFace;

Status face_find_in_still(const FaceModels *models, const AVFrame *still, Orientation orientation,
                          StillFace *faces, int capacity, int *count, Error *err);

/* The same in a frame as it is stored; box and mesh are in stored coordinates. `sar` 0/1: square pixels. */
Status face_find_in_frame(const FaceModels *models, const AVFrame *frame, Orientation orientation,
                          AVRational sar, StillFace *faces, int capacity, int *count, Error *err);

/* Unit-length identity of the face with this mesh in this frame (recipe: models.md fr_feature, similarity to
 * the ArcFace template). */
Status face_embed(const FaceModels *models, const AVFrame *frame, const Mesh *mesh,
                  float embedding[EMBEDDING_SIZE], Error *err);
float face_cosine(const float a[EMBEDDING_SIZE], const float b[EMBEDDING_SIZE]);

/* The cosines by which two faces are told apart. They go by the embedder's threshold in the catalogue, which
 * one person's good views are above: for the built-in one views of one person are above 0.5, those of
 * different people below 0.4 (docs/quality.md). */
typedef struct FaceLikeness {
    float other; /* below it a measurement may be another person's */
    float group; /* in the mean from there on they are of one person */
    float same;  /* two single measurements are of one person */
    float sure;  /* where doubt must not count for it */
} FaceLikeness;

/* By the embedder's name; NULL: the built-in one. */
FaceLikeness face_likeness(const char *embedder);

typedef struct FaceTracker FaceTracker;

typedef struct FaceTrackerConfig {
    const FaceModels *models;
    Orientation orientation;
    AVRational sample_aspect_ratio;
    AVRational time_base; /* of the frames' pts */
    int detect_every;     /* frames between detections; 0: default */
    bool many_faces;      /* all faces; otherwise those like the reference */
    /* Used without many_faces, as in roop: the embedding of the reference face
     * (face_reference_from_frame). Of the faces whose distance to the reference is below similar_distance the
     * nearest one is changed, as roop changes one a frame. The distance is roop's: the squared Euclidean one
     * of unit-length embeddings, 2 - 2 cosine, so its default 0.85 is a cosine of 0.575. */
    bool has_reference;
    float reference[EMBEDDING_SIZE];
    float similar_distance;
} FaceTrackerConfig;

/* In which order the faces of an upright picture are counted. */
typedef enum FaceOrder {
    FACE_ORDER_LEFT_RIGHT = 0, /* by their left edges, as roop sorts */
    FACE_ORDER_RIGHT_LEFT,
    FACE_ORDER_TOP_BOTTOM, /* by their upper edges */
    FACE_ORDER_BOTTOM_TOP,
    FACE_ORDER_SMALL_LARGE, /* by the area of their bounds */
    FACE_ORDER_LARGE_SMALL,
    FACE_ORDER_BEST_WORST, /* by their scores */
    FACE_ORDER_WORST_BEST,
    FACE_ORDER_COUNT,
} FaceOrder;

/* "left-right", …; FACE_ORDER_LEFT_RIGHT for what is no such name. */
FaceOrder face_order_named(const char *name);

/* The embedding of the face at `position` (from 0; past the end: the last) of the upright frame, counted in
 * that order. STATUS_AGAIN when this frame shows no face. The models need the embedder. */
Status face_reference_from_frame(const FaceModels *models, const AVFrame *frame, Orientation orientation,
                                 AVRational sample_aspect_ratio, FaceOrder order, int position,
                                 float embedding[EMBEDDING_SIZE], Error *err);

Status face_tracker_new(FaceTracker **tracker, const FaceTrackerConfig *config, Error *err);
void face_tracker_free(FaceTracker **tracker);

/* The faces of the next frame in presentation order. The frame is only read. */
Status face_tracker_next(FaceTracker *tracker, const AVFrame *frame, FrameFaces *faces, Error *err);

/* A tracker that begins in the middle of a video has to see this much of it before it tells the same as one
 * that saw all: measured over joints all over the demo clips, its meshes then differ by at most 0.2 % of the
 * distance of the eyes (0.02 % in the mean), as those of two trackers do that detect at different frames. */
double face_tracker_warm_up_s(void);

/* Looks for all faces on the next frame, also those that are searched but every few seconds. For the last
 * frame of a warm-up: what is to be seen there was perhaps not to be seen on the first. */
void face_tracker_look_around(FaceTracker *tracker);

typedef struct FaceTrackerStats {
    int64_t frames;
    int64_t frames_with_face;
    int64_t frames_selected; /* at least one face to be changed */
    int64_t isolated_gaps;   /* single frames without a selected face between two with one */
    int64_t scene_cuts;
    int64_t detections;
} FaceTrackerStats;

FaceTrackerStats face_tracker_stats(const FaceTracker *tracker);

#endif
