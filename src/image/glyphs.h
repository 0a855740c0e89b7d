/* Signs made of lines: for labels in pictures, at any size and turn. Capital letters, digits and some marks;
 * small letters are shown as capitals, what is unknown as "?". Pure, but for glyphs_draw. */
#ifndef RUNBATCH_IMAGE_GLYPHS_H
#define RUNBATCH_IMAGE_GLYPHS_H

#include "image/image.h"

enum { GLYPH_LINES_MOST = 12 };

extern const float glyph_advance; /* from one sign to the next, in units */
extern const float glyph_height;

typedef struct Line {
    Point from;
    Point to;
} Line;

/* The lines of a sign whose upper left corner is `at`, four units wide and six high. How many. */
int glyph_lines(char sign, Point at, float unit, Line lines[GLYPH_LINES_MOST]);

/* Draws a text of one row, `unit` pixels a unit, from its upper left corner on, in grey `value` (0..255);
 * what lies beyond the picture, or beyond column `end`, is left out. */
void glyphs_draw(Image *rgb, const char *text, Point at, float unit, float value, int end);

#endif
