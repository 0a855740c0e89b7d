/* Text that anybody may have written, in so many columns of a screen. Any thread; widths go by LC_CTYPE.
 *
 * What could steer a terminal or disturb its lines (control characters, also those of Latin-1; marks that
 * turn the direction of writing; characters without a width of their own that join others; bytes that are
 * not UTF-8) becomes '?'.
 */
#ifndef RUNBATCH_UI_CELLS_H
#define RUNBATCH_UI_CELLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

typedef enum CellCut {
    CELL_CUT_END = 0, /* "a very long rea~" */
    CELL_CUT_MIDDLE,  /* "clip_of~0017.mp4": the end counts */
} CellCut;

/* Columns it takes: wide characters two, combining ones none. Escape sequences are not known here. */
size_t cell_width(const char *text);

/* Appends it, made harmless, in at most `width` columns. Returns the columns taken. */
size_t cell_append(Text *page, const char *text, size_t width, CellCut cut);

#endif
