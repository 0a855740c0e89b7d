/* Rows of text in straight columns, as wide as a screen allows. Pure, but for LC_CTYPE (see cells.h).
 *
 * What is too wide is first cut in the columns that may be, the widest first; then columns are left out, in
 * the order they name. One that may leave and has nothing in it is left out too. One thread. Memory: the
 * cells.
 */
#ifndef RUNBATCH_UI_TABLE_H
#define RUNBATCH_UI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "ui/cells.h"

enum { TABLE_COLUMNS_MOST = 12 };

typedef struct TableColumn {
    const char *title;
    bool right;   /* numbers */
    size_t least; /* may be cut to so many columns; 0: never */
    CellCut cut;
    int leaves; /* 1: the first that is left out, …; 0: stays */
} TableColumn;

/* Zero-initialise but for the first four; free with table_free. */
typedef struct Table {
    const TableColumn *columns;
    size_t column_count;
    size_t indent;    /* blanks in front of every line */
    bool whole_notes; /* wrapped, instead of cut at the end of their line */
    char **cells;     /* rows of column_count */
    size_t rows;
    char **notes;         /* what stands under a row, or NULL */
    const char **colours; /* a row's escape sequence, or NULL */
} Table;

/* Adds a row; the cells (column_count of them) and the note, which may be NULL, are copied. */
void table_add(Table *table, const char *const *cells, const char *note, const char *colour);

/* Appends the titles and the rows, at most `width` columns each (SIZE_MAX: as wide as they are), without
 * blanks at the end. With `colour` rows have their colours. */
void table_append(const Table *table, Text *page, size_t width, bool colour);

void table_free(Table *table);

#endif
