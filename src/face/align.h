/* Where a model wants a face: its eyes, nose tip and mouth corners are brought onto a template's by the
 * similarity with the least squared error (Umeyama 1991). Pure functions. */
#ifndef RUNBATCH_FACE_ALIGN_H
#define RUNBATCH_FACE_ALIGN_H

#include <stdbool.h>

#include "face/face.h"
#include "infer/known_model.h"

/* The template's points in a crop of size x size pixels, in the order of mesh_five_points. As everywhere in
 * this field a template is scaled by its numbers, which count from the middle of the first pixel. */
void align_points(AlignTemplate align, int size, Point points[5]);

/* The map from the pixels of a size x size crop to the stored frame whose pixels have the aspect `sar` (0/1:
 * square). The crop shows the face upright and not mirrored, whatever the video is. False when the face has
 * no extent. */
bool align_mesh(const Mesh *mesh, AlignTemplate align, int size, AVRational sar, Affine *crop_to_frame);

/* The same crop with `factor` times as many pixels a side, over the same area. */
Affine align_finer(const Affine *crop_to_frame, int factor);

#endif
