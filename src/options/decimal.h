/* Decimal numbers as written, exact and without the locale. */
#ifndef RUNBATCH_OPTIONS_DECIMAL_H
#define RUNBATCH_OPTIONS_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

/* The number is mantissa / divisor; divisor is a power of ten. */
typedef struct Decimal {
    int64_t mantissa;
    int64_t divisor;
} Decimal;

typedef enum DecimalResult {
    DECIMAL_OK = 0,
    DECIMAL_NOT_A_NUMBER,
    DECIMAL_TOO_LONG, /* more than 18 digits that count */
} DecimalResult;

/* Reads "-12.5" from the start of `text`; `*end` is behind what was read. No exponent, no blanks. */
DecimalResult decimal_read(const char *text, Decimal *number, const char **end);

double decimal_value(Decimal number);

#endif
