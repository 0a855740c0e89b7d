/* Text of any bytes in JSON. A path need not be UTF-8, a JSON string must: what is not goes as
 * {"hex": "636c…"}, two hexadecimal digits a byte. Any thread.
 */
#ifndef RUNBATCH_OPTIONS_JSON_TEXT_H
#define RUNBATCH_OPTIONS_JSON_TEXT_H

#include <jansson.h>

/* A new value; null for NULL. */
json_t *json_from_text(const char *text);

/* The text in new memory that the caller frees; NULL when `value` is neither a string nor such an object, or
 * has a zero byte in it. */
char *json_to_text(const json_t *value);

#endif
