#include "options/json_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

json_t *json_from_text(const char *text)
{
    if (text == NULL) {
        return json_null();
    }
    json_t *value = json_string(text); /* NULL when it is not UTF-8 */
    if (value != NULL) {
        return value;
    }
    Text digits = {0};
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        text_appendf(&digits, "%02x", *c);
    }
    value = json_pack("{s:s}", "hex", digits.data);
    text_free(&digits);
    return value;
}

static int digit_value(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = digit != '\0' ? strchr(digits, digit) : NULL;
    return found != NULL ? (int)(found - digits) : -1;
}

static char *text_from_digits(const char *digits)
{
    Text text = {0};
    text_append(&text, "");
    for (; digits[0] != '\0'; digits += 2) {
        const int high = digit_value(digits[0]);
        const int low = high >= 0 ? digit_value(digits[1]) : -1;
        const char byte = (char)(high * 16 + low);
        if (low < 0 || byte == '\0') {
            text_free(&text);
            return NULL;
        }
        text_append_bytes(&text, &byte, 1);
    }
    return text.data;
}

char *json_to_text(const json_t *value)
{
    if (json_is_string(value)) {
        const char *text = json_string_value(value);
        return strlen(text) == json_string_length(value) ? text_duplicate(text) : NULL;
    }
    const json_t *digits = json_object_get(value, "hex");
    return json_is_string(digits) && json_object_size(value) == 1
               ? text_from_digits(json_string_value(digits))
               : NULL;
}
