/* The source face, made ready once per worker: what every target face is painted with.
 *
 * Immutable after source_open; any thread may read. Memory: at most some 20 MB for the texture (a face is
 * brought to about SOURCE_FACE pixels, whatever the picture's size), plus the picture while it is read.
 */
#ifndef RUNBATCH_FACE_SOURCE_H
#define RUNBATCH_FACE_SOURCE_H

#include "face/mask.h"
#include "image/texture.h"

enum { SOURCE_FACE = 512, SOURCE_BYTES = 16 << 20 /* that one more takes, its picture's reading included */ };

typedef struct Source {
    Texture texture;
    Mesh mesh; /* in texels of the texture's level 0 */
    SkinStats skin;
    /* In the canonical plane: how far the picture shows skin or features there, 0..1 (not hair, background, a
     * cut edge), and the same times the mask for blending. */
    float valid[PLANE_TEXELS];
    float blend[PLANE_TEXELS];
    /* Mean colour around each light node, and how much of it is bare skin, 0..1. */
    float node_rgb[NODES][3];
    float node_weight[NODES];
    float node_rim[NODES]; /* 0..1: how much the node lies where source and target meet */
} Source;

/* Reads the picture (a new frame that the caller frees) and finds the mesh of its largest face, in its stored
 * pixels. ERROR_INPUT when there is none, ERROR_USAGE without a path; a warning in the log when there are
 * several. On failure *frame is NULL. */
Status source_face_read(AVFrame **frame, Mesh *mesh, const FaceModels *models, const char *path, Error *err);

/* From that face. */
Status source_open(Source **source, const FaceModels *models, const CanonicalPlane *plane, const char *path,
                   Error *err);
void source_free(Source **source);

/* The same from a picture in memory (RGB, with its mesh in its pixels); for tests. */
Status source_from_image(Source **source, const CanonicalPlane *plane, const Image *rgb, const Mesh *mesh,
                         Error *err);

#endif
