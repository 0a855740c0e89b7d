/* UTF-8 as RFC 3629 has it. Any thread. */
#ifndef RUNBATCH_BASE_UTF8_H
#define RUNBATCH_BASE_UTF8_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* Takes the character at *text, which is not at its end: true, and `code` is it. False where there is none
 * (a byte that begins nothing, a sequence that breaks off, a surrogate, more than is needed): one byte is
 * taken. */
bool utf8_next(const char **text, uint32_t *code);

/* Appends `text` with U+FFFD for each byte that is no part of a character. */
void utf8_append_clean(Text *to, const char *text);

#endif
