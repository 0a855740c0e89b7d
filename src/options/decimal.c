#include "options/decimal.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

DecimalResult decimal_read(const char *text, Decimal *number, const char **end)
{
    enum { MOST_DIGITS = 18 };
    const char *c = text;
    const bool negative = *c == '-';
    c += negative || *c == '+';
    if (!is_digit(*c)) {
        return DECIMAL_NOT_A_NUMBER;
    }
    int64_t mantissa = 0;
    int64_t divisor = 1;
    int digits = 0;
    bool fraction = false;
    for (;; c++) {
        if (*c == '.' && !fraction && is_digit(c[1])) {
            fraction = true;
            continue;
        }
        if (!is_digit(*c)) {
            break;
        }
        digits += fraction || mantissa > 0 || *c != '0';
        if (digits > MOST_DIGITS) {
            return DECIMAL_TOO_LONG;
        }
        mantissa = mantissa * 10 + (*c - '0');
        divisor *= fraction ? 10 : 1;
    }
    number->mantissa = negative ? -mantissa : mantissa;
    number->divisor = divisor;
    *end = c;
    return DECIMAL_OK;
}

double decimal_value(Decimal number)
{
    return (double)number.mantissa / (double)number.divisor;
}
