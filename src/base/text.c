#include "base/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"

void text_copy(char *target, size_t size, const char *source)
{
    size_t length = strlen(source);
    if (length >= size) {
        length = size - 1;
        while (length > 0 && ((unsigned char)source[length] & 0xC0U) == 0x80U) {
            length--;
        }
    }
    memmove(target, source, length);
    target[length] = '\0';
}

void text_strip_control(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++) {
        if (*c < 0x20 || *c == 0x7F) {
            *c = '?';
        }
    }
}

bool text_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends_with_nocase(const char *text, const char *suffix)
{
    const size_t length = strlen(text);
    const size_t tail = strlen(suffix);
    return length >= tail && strcasecmp(text + length - tail, suffix) == 0;
}

size_t text_width(const char *text)
{
    size_t width = 0;
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        width += (*c & 0xC0U) != 0x80U;
    }
    return width;
}

static size_t smallest(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t text_distance(const char *a, const char *b)
{
    enum { LONGEST = 64 };
    const size_t rows = strlen(a);
    const size_t columns = strlen(b);
    if (rows > LONGEST || columns > LONGEST) {
        return SIZE_MAX;
    }
    size_t table[LONGEST + 1][LONGEST + 1];
    for (size_t i = 0; i <= rows; i++) {
        table[i][0] = i;
    }
    for (size_t j = 0; j <= columns; j++) {
        table[0][j] = j;
    }
    for (size_t i = 1; i <= rows; i++) {
        for (size_t j = 1; j <= columns; j++) {
            const size_t replace = table[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            table[i][j] = smallest(replace, smallest(table[i - 1][j], table[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                table[i][j] = smallest(table[i][j], table[i - 2][j - 2] + 1);
            }
        }
    }
    return table[rows][columns];
}

static void text_reserve(Text *text, size_t extra)
{
    const size_t needed = text->length + extra + 1;
    if (needed <= text->capacity) {
        return;
    }
    size_t capacity = text->capacity == 0 ? 64 : text->capacity;
    while (capacity < needed) {
        capacity *= 2;
    }
    text->data = memory_resize(text->data, capacity, 1);
    text->capacity = capacity;
}

void text_append_bytes(Text *text, const char *bytes, size_t count)
{
    text_reserve(text, count);
    memcpy(text->data + text->length, bytes, count);
    text->length += count;
    text->data[text->length] = '\0';
}

void text_append(Text *text, const char *piece)
{
    text_append_bytes(text, piece, strlen(piece));
}

__attribute__((format(printf, 2, 0))) static void text_append_args(Text *text, const char *format,
                                                                   va_list args)
{
    va_list again;
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, format, args);
    if (length > 0) {
        text_reserve(text, (size_t)length);
        (void)vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

void text_appendf(Text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text_append_args(text, format, args);
    va_end(args);
}

void text_free(Text *text)
{
    memory_free(text->data);
    *text = (Text){0};
}

void text_list_add(TextList *list, const char *item)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        list->items = memory_resize(list->items, list->capacity, sizeof *list->items);
    }
    list->items[list->count++] = text_duplicate(item);
}

void text_list_free(TextList *list)
{
    for (size_t i = 0; i < list->count; i++) {
        memory_free(list->items[i]);
    }
    memory_free(list->items);
    *list = (TextList){0};
}

void text_append_list(Text *text, const TextList *list, const char *between)
{
    for (size_t i = 0; i < list->count; i++) {
        text_appendf(text, "%s%s", i > 0 ? between : "", list->items[i]);
    }
}

char *text_format(const char *format, ...)
{
    Text text = {0};
    text_reserve(&text, 0);
    text.data[0] = '\0';
    va_list args;
    va_start(args, format);
    text_append_args(&text, format, args);
    va_end(args);
    return text.data;
}

char *text_duplicate(const char *source)
{
    Text text = {0};
    text_append(&text, source);
    return text.data;
}
