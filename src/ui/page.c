#include "ui/page.h"

#include <stdint.h>
#include <string.h>
#include <time.h>

#include "options/help.h"
#include "ui/cells.h"

enum { HANGING = 2 };

void page_append_blanks(Text *page, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        text_append(page, " ");
    }
}

void page_append_wrapped(Text *page, const char *line, size_t columns, size_t indent)
{
    Text clean = {0};
    Text wrapped = {0};
    page_append_blanks(&wrapped, indent);
    (void)cell_append(&clean, line, SIZE_MAX, CELL_CUT_END);
    text_append(&clean, "");
    if (columns == SIZE_MAX) {
        text_appendf(&wrapped, "%s\n", clean.data);
    } else {
        help_wrap(&wrapped, clean.data, indent, indent + HANGING, columns);
    }
    for (char *rest = wrapped.data, *piece = NULL; (piece = strsep(&rest, "\n")) != NULL && rest != NULL;) {
        (void)cell_append(page, piece, columns, CELL_CUT_END);
        text_append(page, "\n");
    }
    text_free(&wrapped);
    text_free(&clean);
}

const char *page_time(double wall_s, char *buffer, size_t size)
{
    const time_t seconds = (time_t)wall_s;
    struct tm local;
    if (localtime_r(&seconds, &local) == NULL || strftime(buffer, size, "%Y-%m-%d %H:%M", &local) == 0) {
        text_copy(buffer, size, "-");
    }
    return buffer;
}
