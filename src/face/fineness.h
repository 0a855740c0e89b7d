/* How fine the picture of a face is, and what is to be done about it: pure functions.
 *
 * Three things are measured of its luma (0..255): how fast its details fade from the second octave to the
 * first, which tells how blurred it is; how much there is in the first octave even where the picture is
 * calmest, which is noise; how much larger the steps at the borders of 8 x 8 blocks are than in their middle,
 * which compression leaves. From these come a gain for each octave and the noise to take away. Both are
 * continuous in what is measured: a small change from frame to frame makes a small one.
 *
 * Source of the gains: least squares over faces of six photos and videos, blurred (Gaussian, sigma 0.5 to 3),
 * and shrunk by 2 to 4 and enlarged again (bicubic), so that the one that gains least gains most
 * (docs/enhancer.md).
 */
#ifndef RUNBATCH_FACE_FINENESS_H
#define RUNBATCH_FACE_FINENESS_H

#include "face/record.h"
#include "image/octaves.h"

enum {
    FINENESS_BINS = 256, /* of the energy of small blocks, eight to an octave */
    FINENESS_PHASES = 8, /* of the grid of blocks */
};

/* Sums over one or more tiles. Zero-initialise. */
typedef struct Fineness {
    double energy[2]; /* of the first two octaves */
    double pixels;
    int bin[FINENESS_BINS]; /* blocks of 5 x 5 pixels by the energy of their first octave */
    int blocks;
    double
        step[FINENESS_PHASES]; /* second differences across the border before a column or row of that phase */
    double steps[FINENESS_PHASES];
} Fineness;

/* Columns of `row` between which an ellipse `scale` times as large lies, half-open, cut to `columns`. False:
 * none. */
bool fineness_span(const FaceEllipse *at, float scale, int row, int columns_begin, int columns_end,
                   int span[2]);

/* Adds the row `y` (of the frame) of a tile whose upper left pixel is (x0, y0) of the frame, columns
 * begin..end (of the frame). plane[0] to plane[2] are there; rows and columns around may be read as far as
 * the tile goes. */
void fineness_add_row(Fineness *fineness, const Octaves *tile, int x0, int y0, int y, int begin, int end);

typedef struct Restoration {
    float gain[OCTAVES_MOST]; /* added to each octave; 0: as it is */
    float noise;              /* energy of the first octave that is no detail; 0: none */
    float grain;              /* the same, to be added */
} Restoration;

/* What brings a face nearer to the picture it was before. `quantiser` is H.264's of the frame
 * (media/coding_loss.h), -1 where it is not known. */
Restoration fineness_restoration(const Fineness *face, float quantiser);
/* What makes a face that was put in as sharp and as grainy as the picture around it. */
Restoration fineness_match(const Fineness *face, const Fineness *around);

bool restoration_is_nothing(const Restoration *restoration);

#endif
