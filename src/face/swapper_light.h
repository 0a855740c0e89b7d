/* The light on the target's face, as a field over the canonical plane.
 *
 * The slowly varying part of the target's skin colour (shading, coloured light) against that of the source's
 * skin gives a gain for every place of the face; the source's texture is multiplied by it. Measured on skin
 * that both show, weighted by how much each pixel looks like that skin, so hair, glasses or hands in front
 * hardly count. Near the mask's edge, and only there, the gain follows the target more closely, so that the
 * two meet in one tone. One LightField a thread; some 500 kB.
 */
#ifndef RUNBATCH_FACE_SWAPPER_LIGHT_H
#define RUNBATCH_FACE_SWAPPER_LIGHT_H

#include "face/colour.h"
#include "face/source.h"

typedef struct LightField {
    Texture texture; /* PLANE_WIDTH x PLANE_HEIGHT: gains of R, G, B and the mask */
    Image crop;
    Float4 target[NODES]; /* colour x weight, weight */
    Float4 source[NODES];
    Float4 rim_target[NODES]; /* the same two, by how much the node lies at the edge */
    Float4 rim_source[NODES];
    Float4 scratch[NODES];
} LightField;

Status light_field_make(LightField **field, Error *err);
void light_field_free(LightField **field);

/* Measures the face in the frame as it is now and fills the texture. `facing` (one a mesh point, 0..1) tells
 * how much of the face looks at the camera there; `colours` maps the source's colours to the target's. */
Status light_field_update(LightField *field, const CanonicalPlane *plane, const Source *source,
                          const AVFrame *frame, const Face *face, const float facing[MESH_POINTS],
                          const ColourMap *colours, Error *err);

#endif
