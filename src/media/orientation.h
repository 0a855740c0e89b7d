/* From display matrices and EXIF numbers to an Orientation. Pure. Private to src/media. */
#ifndef RUNBATCH_MEDIA_ORIENTATION_H
#define RUNBATCH_MEDIA_ORIENTATION_H

#include <stdint.h>

#include "media/reader.h"

/* The nearest quarter turn of a display matrix (libavutil/display.h). */
Orientation orientation_from_matrix(const int32_t matrix[9]);

/* EXIF 2.3, tag 0x0112, values 1..8; anything else means upright. */
Orientation orientation_from_exif(int value);

#endif
