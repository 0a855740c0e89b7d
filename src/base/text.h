/* Small string helpers: bounded copies, control characters, a growing buffer, a list of strings.
 *
 * Running out of memory in here ends the process with a message (the policy for small allocations, see
 * memory_alloc in base/alloc.h). Any thread may call; a Text or TextList belongs to one thread.
 */
#ifndef RUNBATCH_BASE_TEXT_H
#define RUNBATCH_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Copies `source` into `target` of `size` bytes, cutting on a UTF-8 boundary where it does not fit. `size`
 * >= 1. */
void text_copy(char *target, size_t size, const char *source);

/* Replaces every control character (also DEL) by '?', so that a hostile file name cannot steer a terminal. */
void text_strip_control(char *text);

bool text_starts_with(const char *text, const char *prefix);
/* ASCII case is ignored. */
bool text_ends_with_nocase(const char *text, const char *suffix);

/* The display width, in columns, of UTF-8 text: code points are counted as one column each. */
size_t text_width(const char *text);

/* Edit distance with insertions, deletions, replacements and swaps of neighbours (optimal string alignment);
 * used for "did you mean". Texts over 64 bytes give SIZE_MAX. */
size_t text_distance(const char *a, const char *b);

/* A growing string. Zero-initialise; free with text_free. `data` is NULL or zero-terminated. */
typedef struct Text {
    char *data;
    size_t length;
    size_t capacity;
} Text;

void text_append(Text *text, const char *piece);
void text_append_bytes(Text *text, const char *bytes, size_t count);
void text_appendf(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_free(Text *text);

/* A list of owned strings. Zero-initialise; free with text_list_free. */
typedef struct TextList {
    char **items;
    size_t count;
    size_t capacity;
} TextList;

void text_list_add(TextList *list, const char *item);
void text_list_free(TextList *list);
/* The items with `between` between them; nothing of an empty list. */
void text_append_list(Text *text, const TextList *list, const char *between);

/* Formats into new memory that the caller frees. */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *text_duplicate(const char *text);

#endif
