#include "ui/cells.h"

#include <stdint.h>
#include <wchar.h>

#include "base/utf8.h"

/* Source: Unicode 15, categories Cc, Cf, Zl, Zp as far as terminals react to them. */
static bool is_harmful(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0xAD || code == 0x61C ||
           (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF || (code >= 0xFFF9 && code <= 0xFFFB) ||
           code >= 0xE0000;
}

/* The next character as it is shown: its bytes, how many, its columns. */
typedef struct Glyph {
    const char *bytes;
    size_t length;
    size_t columns;
} Glyph;

static bool next_glyph(const char **text, Glyph *glyph)
{
    uint32_t code = 0;
    const char *begin = *text;
    if (*begin == '\0') {
        return false;
    }
    const bool known = utf8_next(text, &code);
    if (!known || is_harmful(code)) {
        *glyph = (Glyph){"?", 1, 1};
        return true;
    }
    const int columns = wcwidth((wchar_t)code);
    *glyph = (Glyph){begin, (size_t)(*text - begin), columns < 0 ? 1 : (size_t)columns};
    return true;
}

size_t cell_width(const char *text)
{
    Glyph glyph;
    size_t width = 0;
    while (next_glyph(&text, &glyph)) {
        width += glyph.columns;
    }
    return width;
}

/* Appends the part between two columns of the text; a wide character that sticks out is left out. */
static size_t append_part(Text *page, const char *text, size_t from, size_t to)
{
    Glyph glyph;
    size_t column = 0;
    size_t taken = 0;
    while (next_glyph(&text, &glyph) && column <= to) {
        if (column >= from && column + glyph.columns <= to) {
            text_append_bytes(page, glyph.bytes, glyph.length);
            taken += glyph.columns;
        }
        column += glyph.columns;
    }
    return taken;
}

size_t cell_append(Text *page, const char *text, size_t width, CellCut cut)
{
    const size_t whole = cell_width(text);
    if (whole <= width) {
        return append_part(page, text, 0, whole);
    }
    if (width == 0) {
        return 0;
    }
    const size_t head = cut == CELL_CUT_END ? width - 1 : (width - 1) / 2;
    const size_t tail = width - 1 - head;
    size_t taken = append_part(page, text, 0, head) + 1;
    text_append(page, "~");
    if (tail > 0) {
        taken += append_part(page, text, whole - tail, whole);
    }
    return taken;
}
