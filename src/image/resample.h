/* Enlarging a picture smoothly, and shrinking it. Any thread. */
#ifndef RUNBATCH_IMAGE_RESAMPLE_H
#define RUNBATCH_IMAGE_RESAMPLE_H

#include "image/image.h"

/* `to` (another picture) gets `factor` times the width and height, at least 1; pixel (x, y) of it lies on
 * ((x + 0.5) / factor - 0.5, …) of `from`. Catmull-Rom cubic (Keys 1981, a = -0.5), edges repeated; for
 * factor >= 1. */
Status image_enlarge(const Image *from, float factor, Image *to, Error *err);

/* Every factor x factor pixels become their mean, in place; fewer at the right and lower edge. Pixel (x, y)
 * then lies on ((x + 0.5) * factor - 0.5, …) of before. */
void image_shrink(Image *image, int factor);

#endif
