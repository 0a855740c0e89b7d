#include "base/utf8.h"

#include <stddef.h>

/* Source: RFC 3629, section 4. */
bool utf8_next(const char **text, uint32_t *code)
{
    const unsigned char *bytes = (const unsigned char *)*text;
    const unsigned char first = bytes[0];
    size_t length = 1;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    (*text)++;
    if (first < 0x80) {
        *code = first;
        return true;
    }
    if (first >= 0xC2 && first <= 0xDF) {
        length = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
        length = 3;
        low = first == 0xE0 ? 0xA0 : low;
        high = first == 0xED ? 0x9F : high;
    } else if (first >= 0xF0 && first <= 0xF4) {
        length = 4;
        low = first == 0xF0 ? 0x90 : low;
        high = first == 0xF4 ? 0x8F : high;
    } else {
        return false;
    }
    if (bytes[1] < low || bytes[1] > high) {
        return false;
    }
    uint32_t value = first & (0x7FU >> length);
    value = value << 6 | (bytes[1] & 0x3FU);
    for (size_t i = 2; i < length; i++) {
        if ((bytes[i] & 0xC0U) != 0x80U) {
            return false;
        }
        value = value << 6 | (bytes[i] & 0x3FU);
    }
    *code = value;
    *text += length - 1;
    return true;
}

void utf8_append_clean(Text *to, const char *text)
{
    text_append(to, "");
    while (*text != '\0') {
        const char *begin = text;
        uint32_t code = 0;
        if (utf8_next(&text, &code)) {
            text_append_bytes(to, begin, (size_t)(text - begin));
        } else {
            text_append(to, "\xEF\xBF\xBD");
        }
    }
}
