#include "ui/table.h"

#include <stdint.h>

#include "base/alloc.h"
#include "ui/page.h"

enum { GAP = 2, NOTE_INDENT = 4 };

#define COLOUR_OFF "\033[0m"

typedef struct Layout {
    size_t natural[TABLE_COLUMNS_MOST];
    size_t widths[TABLE_COLUMNS_MOST];
    bool shown[TABLE_COLUMNS_MOST];
} Layout;

void table_add(Table *table, const char *const *cells, const char *note, const char *colour)
{
    const size_t columns = table->column_count;
    table->cells = memory_resize(table->cells, (table->rows + 1) * columns, sizeof *table->cells);
    table->colours = memory_resize(table->colours, table->rows + 1, sizeof *table->colours);
    table->notes = memory_resize(table->notes, table->rows + 1, sizeof *table->notes);
    for (size_t i = 0; i < columns; i++) {
        table->cells[table->rows * columns + i] = text_duplicate(cells[i] != NULL ? cells[i] : "");
    }
    table->notes[table->rows] = note != NULL ? text_duplicate(note) : NULL;
    table->colours[table->rows++] = colour;
}

void table_free(Table *table)
{
    for (size_t i = 0; i < table->rows * table->column_count; i++) {
        memory_free(table->cells[i]);
    }
    for (size_t row = 0; row < table->rows; row++) {
        memory_free(table->notes[row]);
    }
    memory_free(table->cells);
    memory_free(table->notes);
    memory_free(table->colours);
    *table = (Table){0};
}

/* ---- widths ---- */

static void measure(const Table *table, Layout *layout)
{
    for (size_t i = 0; i < table->column_count; i++) {
        size_t most = 0;
        for (size_t row = 0; row < table->rows; row++) {
            const size_t width = cell_width(table->cells[row * table->column_count + i]);
            most = width > most ? width : most;
        }
        const size_t title = cell_width(table->columns[i].title);
        layout->natural[i] = most > title ? most : title;
        layout->shown[i] = most > 0 || table->columns[i].leaves == 0;
    }
}

static size_t whole_width(const Table *table, const Layout *layout)
{
    size_t width = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        if (layout->shown[i]) {
            width += layout->widths[i] + (width > 0 ? GAP : 0);
        }
    }
    return width;
}

/* Of those that may be cut further; NULL: none. */
static size_t *widest(const Table *table, Layout *layout)
{
    size_t *width = NULL;
    for (size_t i = 0; i < table->column_count; i++) {
        const size_t least = table->columns[i].least;
        if (layout->shown[i] && least > 0 && layout->widths[i] > least &&
            (width == NULL || layout->widths[i] > *width)) {
            width = &layout->widths[i];
        }
    }
    return width;
}

/* Whether it fits by cutting only. */
static bool cut_to(const Table *table, Layout *layout, size_t width)
{
    for (size_t i = 0; i < table->column_count; i++) {
        layout->widths[i] = layout->natural[i];
    }
    size_t *cut = NULL;
    while (whole_width(table, layout) > width && (cut = widest(table, layout)) != NULL) {
        (*cut)--;
    }
    return whole_width(table, layout) <= width;
}

/* False when none is left to go. */
static bool leave_one_out(const Table *table, Layout *layout)
{
    size_t first = table->column_count;
    for (size_t i = 0; i < table->column_count; i++) {
        if (layout->shown[i] && table->columns[i].leaves > 0 &&
            (first == table->column_count || table->columns[i].leaves < table->columns[first].leaves)) {
            first = i;
        }
    }
    if (first < table->column_count) {
        layout->shown[first] = false;
    }
    return first < table->column_count;
}

/* ---- lines ---- */

/* Blanks are owed until something stands behind them. */
static void append_line(const Table *table, const Layout *layout, const char *const *cells, size_t width,
                        Text *page)
{
    size_t owed = 0;
    size_t at = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        const TableColumn *column = &table->columns[i];
        if (!layout->shown[i] || at + owed >= width) {
            continue;
        }
        const size_t room = width - at - owed;
        const size_t most = layout->widths[i] < room ? layout->widths[i] : room;
        Text cell = {0};
        const size_t taken = cell_append(&cell, cells[i], most, column->cut);
        const size_t blanks = most - taken;
        if (taken > 0) {
            page_append_blanks(page, owed + (column->right ? blanks : 0));
            text_append(page, cell.data);
            at += owed + taken + (column->right ? blanks : 0);
            owed = column->right ? 0 : blanks;
        } else {
            owed += blanks;
        }
        owed += GAP;
        text_free(&cell);
    }
}

/* Under its row: all of it, or what there is room for in a line. */
static void append_note(const Table *table, const char *note, size_t width, Text *page)
{
    const size_t indent = table->indent + NOTE_INDENT;
    if (table->whole_notes) {
        page_append_wrapped(page, note, width, indent);
    } else if (width > indent) {
        page_append_blanks(page, indent);
        (void)cell_append(page, note, width - indent, CELL_CUT_END);
        text_append(page, "\n");
    }
}

void table_append(const Table *table, Text *page, size_t width, bool colour)
{
    Layout layout = {0};
    const char *titles[TABLE_COLUMNS_MOST] = {0};
    const size_t room = width == SIZE_MAX ? width : width > table->indent ? width - table->indent : 1;
    measure(table, &layout);
    while (!cut_to(table, &layout, room) && leave_one_out(table, &layout)) {
    }
    for (size_t i = 0; i < table->column_count; i++) {
        titles[i] = table->columns[i].title;
    }
    page_append_blanks(page, table->indent);
    append_line(table, &layout, titles, room, page);
    text_append(page, "\n");
    for (size_t row = 0; row < table->rows; row++) {
        const bool coloured = colour && table->colours[row] != NULL;
        Text lines = {0};
        page_append_blanks(&lines, table->indent);
        append_line(table, &layout, (const char *const *)&table->cells[row * table->column_count], room,
                    &lines);
        text_append(&lines, "\n");
        if (table->notes[row] != NULL) {
            append_note(table, table->notes[row], width, &lines);
        }
        text_append(page, coloured ? table->colours[row] : "");
        text_append_bytes(page, lines.data, lines.length - 1);
        text_append(page, coloured ? COLOUR_OFF "\n" : "\n");
        text_free(&lines);
    }
}
