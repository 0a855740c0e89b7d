/* A crop as a model's tensor [1, 3, height, width], and a model's tensor as a picture. `data` has a float for
 * each pixel and channel; `bgr` is the model's order of channels, in which the factors count too. */
#ifndef RUNBATCH_FACE_CROP_TENSOR_H
#define RUNBATCH_FACE_CROP_TENSOR_H

#include <stdbool.h>

#include "image/image.h"

/* data = (value - mean) * scale, of values 0..255. */
void crop_to_tensor(const Image *rgb, bool bgr, const float mean[3], const float scale[3], float *data);

/* value = data * scale + offset, clamped to 0..255; what is not a number becomes 0. `rgb` has its size. */
void crop_from_tensor(const float *data, bool bgr, const float scale[3], const float offset[3], Image *rgb);

#endif
