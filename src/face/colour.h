/* Brings one skin's colours to those of another: the linear map between two colour distributions. */
#ifndef RUNBATCH_FACE_COLOUR_H
#define RUNBATCH_FACE_COLOUR_H

#include "face/face.h"

/* out = matrix * rgb + offset; row-major. */
typedef struct ColourMap {
    float matrix[9];
    float offset[3];
} ColourMap;

ColourMap colour_map_identity(void);

/* The linear Monge-Kantorovich map from `from` to `to` (Pitié and Kokaram, "The linear Monge-Kantorovitch
 * linear colour mapping for example-based colour transfer", 2007): of all linear maps that turn one mean and
 * covariance into the other, the one that moves colours least. Its matrix is symmetric and positive; its
 * gains (eigenvalues) are held within gain_low..gain_high, and the covariances get a little noise, so that a
 * flat or a wild source cannot blow it up. Identity when either was not measured. */
ColourMap colour_map_between(const SkinStats *from, const SkinStats *to, float gain_low, float gain_high);

void colour_map_apply(const ColourMap *map, const float rgb[3], float out[3]);

/* Squared Mahalanobis distance of a colour to a skin whose covariance is widened by `widen` (a factor) and
 * `noise` (a variance, units²); 0 when the skin was not measured. */
typedef struct SkinDistance {
    float mean[3];
    float inverse[6]; /* rr rg rb gg gb bb */
} SkinDistance;

SkinDistance skin_distance_prepare(const SkinStats *skin, float widen, float noise);
float skin_distance(const SkinDistance *skin, const float rgb[3]);

#endif
