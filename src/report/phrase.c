#include "report/phrase.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"
#include "report/i18n.h"

#define PHRASE_BEGIN "\u2066"
#define NAME_BEGIN "\u2068"
#define PART_END "\u2069"

enum { MARK_BYTES = sizeof PHRASE_BEGIN - 1 };

static bool is_mark(const char *text)
{
    return text_starts_with(text, PHRASE_BEGIN) || text_starts_with(text, NAME_BEGIN) ||
           text_starts_with(text, PART_END);
}

/* Up to the next mark, or to the end. */
static size_t unmarked(const char *text)
{
    const char *end = text;
    while (*end != '\0' && !is_mark(end)) {
        end++;
    }
    return (size_t)(end - text);
}

static void append_without_marks(Text *text, const char *piece)
{
    while (*piece != '\0') {
        const size_t length = unmarked(piece);
        text_append_bytes(text, piece, length);
        piece += length;
        piece += *piece != '\0' ? MARK_BYTES : 0;
    }
}

/* ---- made ---- */

const char *phrase_make(char *buffer, size_t size, const char *english, ...)
{
    Text text = {0};
    va_list parts;
    va_start(parts, english);
    text_append(&text, PHRASE_BEGIN);
    for (const char *rest = english; *rest != '\0';) {
        const char *next = strstr(rest, "%s");
        text_append_bytes(&text, rest, next != NULL ? (size_t)(next - rest) : strlen(rest));
        rest = next != NULL ? next + 2 : "";
        const char *part = next != NULL ? va_arg(parts, const char *) : NULL;
        if (part != NULL && text_starts_with(part, PHRASE_BEGIN)) {
            text_append(&text, part);
        } else if (part != NULL) {
            text_append(&text, NAME_BEGIN);
            append_without_marks(&text, part);
            text_append(&text, PART_END);
        }
    }
    va_end(parts);
    text_append(&text, PART_END);
    text_copy(buffer, size, text.data);
    text_free(&text);
    return buffer;
}

/* ---- read ---- */

/* `words` with its %s and %1$s replaced by the parts; what asks for one that there is not stays. */
static void put_together(Text *text, const char *words, const Text *parts, size_t count)
{
    size_t next = 0;
    for (const char *c = words; *c != '\0';) {
        const bool numbered = c[0] == '%' && c[1] >= '1' && c[1] <= '9' && c[2] == '$' && c[3] == 's';
        const bool plain = c[0] == '%' && c[1] == 's';
        const size_t wanted = numbered ? (size_t)(c[1] - '1') : next;
        if ((numbered || plain) && wanted < count) {
            text_append(text, parts[wanted].data);
            next += plain;
            c += numbered ? 4 : 2;
        } else {
            text_append_bytes(text, c++, 1);
        }
    }
}

static void translate(Text *text, const char **at, int depth);

/* A name, or a phrase within a phrase, up to and with its end. */
static void read_part(Text *part, const char **at, int depth)
{
    const bool phrase = text_starts_with(*at, PHRASE_BEGIN);
    text_append(part, "");
    *at += MARK_BYTES;
    if (phrase && depth < PHRASE_DEPTH_MOST) {
        translate(part, at, depth + 1);
        return;
    }
    const size_t length = unmarked(*at);
    text_append_bytes(part, *at, length);
    *at += length;
    *at += text_starts_with(*at, PART_END) ? MARK_BYTES : 0;
}

/* The phrase whose beginning was just passed; goes behind its end. */
static void translate(Text *text, const char **at, int depth)
{
    Text words = {0};
    Text parts[PHRASE_PARTS_MOST] = {{0}};
    size_t count = 0;
    text_append(&words, "");
    while (**at != '\0' && !text_starts_with(*at, PART_END)) {
        const size_t length = unmarked(*at);
        text_append_bytes(&words, *at, length);
        *at += length;
        if (**at != '\0' && !text_starts_with(*at, PART_END)) {
            Text part = {0};
            read_part(&part, at, depth);
            if (count < PHRASE_PARTS_MOST) {
                text_append(&words, "%s");
                parts[count++] = part;
            } else {
                text_append(&words, part.data);
                text_free(&part);
            }
        }
    }
    *at += **at != '\0' ? MARK_BYTES : 0;
    /* the translation of nothing is the catalogue's head */
    put_together(text, words.length > 0 ? _(words.data) : "", parts, count);
    for (size_t i = 0; i < count; i++) {
        text_free(&parts[i]);
    }
    text_free(&words);
}

const char *phrase_text(const char *phrase, char *buffer, size_t size)
{
    if (!text_starts_with(phrase, PHRASE_BEGIN)) {
        return phrase_english(phrase, buffer, size);
    }
    Text text = {0};
    const char *at = phrase + MARK_BYTES;
    text_append(&text, "");
    translate(&text, &at, 1);
    append_without_marks(&text, at);
    text_copy(buffer, size, text.data);
    text_free(&text);
    return buffer;
}

const char *phrase_english(const char *phrase, char *buffer, size_t size)
{
    Text text = {0};
    text_append(&text, "");
    append_without_marks(&text, phrase);
    text_copy(buffer, size, text.data);
    text_free(&text);
    return buffer;
}
