/* Covers a face so that nobody can tell whose it is.
 *
 * What is left of it is at most `COVER_CELLS` cells along its height, whatever its size: the strength grows
 * with the face, and no enlarging brings back what is gone. The cells are laid out from the ellipse's middle,
 * so they go with the face: cells that stay while a face moves through them show other samples of it on
 * every frame, from which a sharper picture could be put together.
 *
 * One Cover a thread. Memory: a row of samples, and the cells.
 */
#ifndef RUNBATCH_FACE_COVER_H
#define RUNBATCH_FACE_COVER_H

#include "face/record.h"

typedef enum CoverWay {
    COVER_NONE = 0,
    COVER_BLUR,     /* the cells' colours, softly into each other */
    COVER_PIXELATE, /* the cells' colours */
    COVER_SOLID,    /* black */
} CoverWay;

enum { COVER_CELLS = 8 };

typedef struct Cover Cover;

Cover *cover_new(void);
void cover_free(Cover **cover);

/* Covers the ellipse, all of it, with a narrow soft edge around it. The frame is writable; an ellipse may lie
 * partly or wholly outside. One without extent, or that is not finite, covers nothing. */
void cover_ellipse(Cover *cover, AVFrame *frame, const FaceEllipse *at, CoverWay way);

#endif
