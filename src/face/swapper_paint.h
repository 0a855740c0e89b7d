/* Paints the source's texture onto a target mesh, band by band.
 *
 * paint_prepare lays the triangles out for one face: those that look away from the camera are left out, the
 * others are sorted far to near (at a large turn the nose covers the cheek). paint_band then gives any rows
 * of the result. One Paint a thread; about 200 kB and one band of pixels (16 bytes each).
 */
#ifndef RUNBATCH_FACE_SWAPPER_PAINT_H
#define RUNBATCH_FACE_SWAPPER_PAINT_H

#include "face/colour.h"
#include "face/source.h"

typedef struct Paint Paint;

Status paint_make(Paint **paint, Error *err);
void paint_free(Paint **paint);

/* Returns the pixels that may change (not clipped to the frame); empty when the mesh is not usable. */
Rect paint_prepare(Paint *paint, const Source *source, const Face *face);

/* For each mesh point of the prepared face 0..1: 0 looks away from the camera or is seen too flat to be
 * painted, 1 is seen about as well as from the front. */
const float *paint_facing(const Paint *paint);

/* The pixels of `band`, row by row without gaps: R, G, B and the weight 0..1 with which they replace the
 * target's; weight 0 where nothing is painted. `field` holds gains and mask over the canonical plane. Valid
 * until the next call; NULL when there is no memory. */
const Float4 *paint_band(Paint *paint, const Texture *field, const ColourMap *colours, Rect band, Error *err);

#endif
