/* JSON values that cannot fail to be written: hostile names, errors, numbers with few digits.
 *
 * Any thread; each call returns a new reference.
 */
#ifndef RUNBATCH_REPORT_JSON_TEXT_H
#define RUNBATCH_REPORT_JSON_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* A string; each byte that is not part of UTF-8 becomes U+FFFD. NULL gives null. */
json_t *json_text(const char *text);
/* A member that is text, cut to `size` bytes and without control characters; false when it is none. */
bool json_get_text(const json_t *object, const char *key, char *target, size_t size);
/* Rounded to thousandths; not-a-number and infinities give null. */
json_t *json_rounded(double value);
/* {"class", "what", "file", "why", "todo"} */
json_t *json_error(const Error *error);
/* From another process or a file: control characters are replaced, an unknown class is ERROR_INTERNAL, and so
 * is "none". False when a member is missing or no text; `error` is as it was then, or filled in part. */
bool json_to_error(const json_t *object, Error *error);

#endif
