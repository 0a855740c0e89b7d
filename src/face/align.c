#include "face/align.h"

#include "face/models.h"
#include "face/models_internal.h"

/* Eye at the image's left, at its right, nose tip, mouth corners, in pixels of a picture of this size. */
typedef struct Template {
    float size;
    Point points[5];
} Template;

static const Template templates[ALIGN_TEMPLATE_COUNT] = {
    /* The frontal one of InsightFace's five poses (face_align.py). */
    [ALIGN_ARCFACE_112_V1] = {112,
                              {{39.730F, 51.138F},
                               {72.270F, 51.138F},
                               {56.000F, 68.493F},
                               {42.463F, 87.010F},
                               {69.537F, 87.010F}}},
    /* The alignment of ArcFace (Deng 2019): SphereFace's 96 x 112 with 8 columns on each side. */
    [ALIGN_ARCFACE_112_V2] = {112,
                              {{38.2946F, 51.6963F},
                               {73.5318F, 51.5014F},
                               {56.0252F, 71.7366F},
                               {41.5493F, 92.3655F},
                               {70.7299F, 92.2041F}}},
    /* The same with 8 more columns on each side and 16 more rows below (InsightFace, for 128 and 256). */
    [ALIGN_ARCFACE_128] = {128,
                           {{46.2946F, 51.6963F},
                            {81.5318F, 51.5014F},
                            {64.0252F, 71.7366F},
                            {49.5493F, 92.3655F},
                            {78.7299F, 92.2041F}}},
    /* The mean of the faces of FFHQ (Karras 2019), as GFPGAN and CodeFormer align (facexlib). */
    [ALIGN_FFHQ_512] = {512,
                        {{192.98138F, 239.94708F},
                         {318.90277F, 240.1936F},
                         {256.63416F, 314.01935F},
                         {201.26117F, 371.41043F},
                         {313.08905F, 371.15118F}}},
    /* ArcFace's points drawn towards the middle to 85 %. */
    [ALIGN_MTCNN_512] = {512,
                         {{187.20187F, 239.27705F},
                          {324.12360F, 238.51973F},
                          {256.09793F, 317.14795F},
                          {199.84871F, 397.30597F},
                          {313.23620F, 396.67880F}}},
};

void align_points(AlignTemplate align, int size, Point points[5])
{
    const Template *template = &templates[align];
    for (int i = 0; i < 5; i++) {
        points[i] = (Point){template->points[i].x * (float)size / template->size,
                            template->points[i].y * (float)size / template->size};
    }
}

bool align_mesh(const Mesh *mesh, AlignTemplate align, int size, AVRational sar, Affine *crop_to_frame)
{
    if (align <= ALIGN_NONE || align >= ALIGN_TEMPLATE_COUNT || size < 1) {
        return false;
    }
    const float aspect = models_aspect(sar);
    const Affine to_square = models_stored_to_square(aspect);
    Point points[5];
    mesh_five_points(mesh, points);
    for (int i = 0; i < 5; i++) {
        points[i] = affine_apply(&to_square, points[i]);
    }
    /* In a video that is to be shown mirrored the mouth lies on the other side of the eyes' line. */
    const float side = (points[1].x - points[0].x) * (points[3].y - points[0].y) -
                       (points[1].y - points[0].y) * (points[3].x - points[0].x);
    const Affine mirror = {.a = side < 0 ? -1.0F : 1.0F, .e = 1};
    for (int i = 0; i < 5; i++) {
        points[i] = affine_apply(&mirror, points[i]);
    }
    Point wanted[5];
    align_points(align, size, wanted);
    Affine map;
    if (!affine_similarity(wanted, points, 5, &map)) {
        return false;
    }
    const Affine to_stored = models_square_to_stored(aspect);
    map = affine_multiply(&mirror, &map);
    *crop_to_frame = affine_multiply(&to_stored, &map);
    return true;
}

Affine align_finer(const Affine *crop_to_frame, int factor)
{
    const float step = 1.0F / (float)factor;
    const Affine coarser = {.a = step, .c = 0.5F * step - 0.5F, .e = step, .f = 0.5F * step - 0.5F};
    return affine_multiply(crop_to_frame, &coarser);
}
