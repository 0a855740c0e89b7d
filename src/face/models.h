/* The default models' recipes: what goes in, how, and what comes out means. Inside face/ only.
 *
 * Every input is sampled straight from the frame's planes by an affine map (frame_view_warp), so rotated
 * videos and tilted heads cost nothing extra. Immutable after face_models_open; any thread may call; scratch
 * memory is on the heap per call and bounded by the model's input size.
 *
 * Lengths and angles are measured in square pixels: stored coordinates with x multiplied by the sample aspect
 * ratio (one unit is one stored row). With square pixels that is the stored frame itself.
 */
#ifndef RUNBATCH_FACE_MODELS_H
#define RUNBATCH_FACE_MODELS_H

#include "face/record.h"

enum { MESH_CROP_SIZE = 192 };

/* The share below which a mesh is no face's (recipe: faces >= 0.37, other crops <= 0.25). */
#define MESH_FLAG_MIN 0.3f

/* A detection that scores less begins no track; every detector's own threshold lies here on the common scale
 * of scores. */
#define BEGIN_SCORE 0.65f

/* A face box as found by a detector, turned with the head. */
typedef struct Detection {
    Point centre;  /* stored frame */
    float width;   /* of the face box across the face, in square pixels */
    float height;  /* along the face, brow or hair line to chin */
    float angle;   /* radians from the stored frame's up to the head's up, clockwise as seen */
    float score;   /* 0..1 */
    float aspect;  /* width of a stored pixel over its height; 0 means 1 */
    bool mirrored; /* the video is to be shown mirrored */
    bool pointed;  /* the detector tells the eyes, the nose tip and the mouth corners: */
    Point points[5];
} Detection;

/* Its ellipse in the stored frame; of pixels that are not square a little too large. */
FaceEllipse face_ellipse_of_detection(const Detection *detection);

/* Upright picture coordinates (after rotation and with square pixels) to stored-frame coordinates. */
Affine models_upright_to_stored(int stored_width, int stored_height, Orientation orientation, AVRational sar,
                                int *upright_width, int *upright_height);

/* Finds faces in the whole frame, best first, overlapping ones merged. `threshold` 0 means the default
 * (BEGIN_SCORE). The built-in detector sees faces wider than about 6 % of the frame, tilted by up to some 45
 * degrees; the angle is the video's own, tilt is not told. One small model run; or one of the user's
 * detector, which tells points and tilt. */
Status models_detect(const FaceModels *models, const AVFrame *frame, Orientation orientation, AVRational sar,
                     float threshold, Detection *found, int capacity, int *count, Error *err);

/* The picture as it is (1), turned by one (2), two (4) and three quarters (8): sums of these. */
enum { TURNED_NOT = 1, TURNED_ALL = 15 };

/* The same with the second detector, in the picture and in turned ones: sees heads tilted by 60 degrees and
 * more against it and tells the angle; its boxes are rougher and a run costs about twice as much. For frames
 * where models_detect finds nothing. */
Status models_detect_rotated(const FaceModels *models, const AVFrame *frame, Orientation orientation,
                             AVRational sar, unsigned turns, float threshold, Detection *found, int capacity,
                             int *count, Error *err);

/* Both of them, and the first also on overlapping tiles where the frame is wider than twice the
 * first one's picture (640 pixels), so that small faces are found; angles are told where the second sees the
 * same face. For stills, the first frame and cuts: up to 19 model runs. */
Status models_detect_thorough(const FaceModels *models, const AVFrame *frame, Orientation orientation,
                              AVRational sar, unsigned turns, float threshold, Detection *found, int capacity,
                              int *count, Error *err);

/* Looks closely at a detection and puts its angle right where the face is clearly another way up than it was
 * told. Two small model runs for a face that is plainly the way up that was told, otherwise ten. */
Status models_find_turn(const FaceModels *models, const AVFrame *frame, Detection *face, Error *err);

/* The crop the mesh model wants to see for a detection, or for where the mesh was a frame ago (bounds x 1.5,
 * eyes level): a map from crop pixels (0..MESH_CROP_SIZE - 1) to the stored frame. `sar` is the frame's
 * (0/1: square). */
Affine models_crop_from_detection(const Detection *detection);
Affine models_crop_from_mesh(const Mesh *mesh, bool mirrored, AVRational sar);

/* How far the head is turned in the plane, as Detection.angle. */
float mesh_roll(const Mesh *mesh, bool mirrored, AVRational sar);

/* Runs the mesh model on that crop. `flag` is the probability that there is a face in it (use >=
 * MESH_FLAG_MIN). */
Status models_mesh(const FaceModels *models, const AVFrame *frame, const Affine *crop_to_frame, Mesh *mesh,
                   float *flag, Error *err);

/* Eye centres (image left first on an upright face), nose tip, mouth corners, in the order of the ArcFace
 * template. */
void mesh_five_points(const Mesh *mesh, Point points[5]);

#endif
