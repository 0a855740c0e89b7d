/* The colour of a face's skin: mean and covariance over cheeks, nose, chin and the forehead below the hair
 * line; no lips, eyes or brows.
 *
 * The samples lie on fixed places of the mesh and are averages over about a sixtieth of the face, so the
 * figures of two pictures of different size, source and target, are of the same skin at the same scale and
 * can be compared. Parts turned away from the camera or outside the picture are left out; then the darkest
 * and brightest tenth (shadow, shine), then what lies far off the rest (a strand of hair, a frame of
 * glasses). Re-entrant.
 */
#ifndef RUNBATCH_FACE_SKIN_H
#define RUNBATCH_FACE_SKIN_H

#include "face/face.h"

/* Of a whole picture (RGB 0..255) with the mesh in its pixels. weight is the share of samples that were used,
 * 0 when too few to say anything (then mean and covariance are 0). */
SkinStats skin_stats_from_image(const Image *rgb, const Mesh *mesh);

/* Of a frame with its mesh in stored coordinates, by a small crop that `scratch` (zero-initialised or in use)
 * holds between calls. */
Status skin_stats_from_frame(const AVFrame *frame, const Mesh *mesh, bool mirrored, AVRational sar,
                             Image *scratch, SkinStats *stats, Error *err);

/* Moves `smooth` towards `now` as much as dt_s against the time constant (0.3 s) asks; takes it over when
 * `smooth` holds nothing; leaves it when `now` holds nothing. */
void skin_stats_follow(SkinStats *smooth, const SkinStats *now, float dt_s);

/* The places on the mesh that are sampled: `index` 0..skin_place_count() - 1. For tests and drawings. */
int skin_place_count(void);
Point skin_place(const Mesh *mesh, int index);

#endif
