/* Lines of a page that a command prints: as wide as the screen, harmless whoever wrote the text. Pure, but
 * for LC_CTYPE and the time zone.
 */
#ifndef RUNBATCH_UI_PAGE_H
#define RUNBATCH_UI_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

#define COLOUR_GOOD "\033[32m"
#define COLOUR_WARN "\033[33m"
#define COLOUR_BAD "\033[31m"
#define COLOUR_OFF "\033[0m"

typedef struct PageFrame {
    size_t columns; /* SIZE_MAX: as wide as it is */
    size_t rows;    /* likewise */
    bool colour;
} PageFrame;

/* Appends a line made harmless, wrapped at blanks in `columns` (SIZE_MAX: never) and cut where there are
 * none; the first has `indent` blanks in front, those that follow two more. */
void page_append_wrapped(Text *page, const char *line, size_t columns, size_t indent);

void page_append_blanks(Text *page, size_t count);

/* "2026-11-24 02:09", local time; `size` >= 20. Returns `buffer`. */
const char *page_time(double wall_s, char *buffer, size_t size);

#endif
