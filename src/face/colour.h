/* Brings one skin's colours to those of another, and tells what looks like skin. Pure; any thread. */
#ifndef RUNBATCH_FACE_COLOUR_H
#define RUNBATCH_FACE_COLOUR_H

#include "face/face.h"

/* out = matrix * rgb + offset; row-major. */
typedef struct ColourMap {
    float matrix[9];
    float offset[3];
} ColourMap;

ColourMap colour_map_identity(void);

/* The map that takes the mean of `from` to the mean of `to`, and shading to shading: a darker or brighter
 * version of the one skin becomes the same version of the other, as a change of exposure (within 0.5..1.8).
 * What is left of a colour, its difference in tint from the skin, gets that gain, or its square root when it
 * is above one, and less when the source's skin is of far more tints than the target's (coloured lamps).
 * Identity when either was not measured. Why the covariances have no more say: docs/swapper.md. */
ColourMap colour_map_between(const SkinStats *from, const SkinStats *to);

void colour_map_apply(const ColourMap *map, const float rgb[3], float out[3]);

float colour_luma(const float rgb[3]);

/* Squared Mahalanobis distance of a colour to a skin whose covariance is widened: by the factor `widen`, by
 * `shading` (a share of the skin's own colour: light and shadow), and by `noise` (a deviation in all
 * directions); 0 when the skin was not measured. */
typedef struct SkinDistance {
    float mean[3];
    float inverse[6]; /* rr rg rb gg gb bb */
} SkinDistance;

SkinDistance skin_distance_prepare(const SkinStats *skin, float widen, float shading, float noise);
float skin_distance(const SkinDistance *skin, const float rgb[3]);

#endif
