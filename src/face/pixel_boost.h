/* A picture of `factor` times a model's size as factor x factor pictures of its size, and together again.
 *
 * Each of them (a phase) takes every factor-th pixel of every factor-th row, so all show the whole face, each
 * a little beside the others. One after the other through the model they make a picture of the larger size.
 */
#ifndef RUNBATCH_FACE_PIXEL_BOOST_H
#define RUNBATCH_FACE_PIXEL_BOOST_H

#include "image/image.h"

/* `phase` is 0 .. factor * factor - 1; `small` gets its size. */
Status pixel_boost_take(const Image *large, int factor, int phase, Image *small, Error *err);
/* The same pixels of `large` become those of `small`. */
void pixel_boost_put(const Image *small, int factor, int phase, Image *large);

#endif
