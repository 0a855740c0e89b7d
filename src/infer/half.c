#include "infer/half.h"

#include <math.h>
#include <string.h>

enum { FRACTION_BITS = 10, EXPONENT_BITS_ALL_ONE = 31, BIAS = 15 };

float half_to_float(uint16_t half)
{
    const int exponent = (half >> FRACTION_BITS) & EXPONENT_BITS_ALL_ONE;
    const float fraction = (float)(half & ((1U << FRACTION_BITS) - 1));
    float value = 0;
    if (exponent == EXPONENT_BITS_ALL_ONE) {
        value = fraction > 0 ? NAN : INFINITY;
    } else if (exponent == 0) {
        value = ldexpf(fraction, 1 - BIAS - FRACTION_BITS);
    } else {
        value = ldexpf(fraction + (float)(1U << FRACTION_BITS), exponent - BIAS - FRACTION_BITS);
    }
    return (half & 0x8000U) != 0 ? -value : value;
}

/* The bits of a single-precision number are shifted in; what is shifted out decides how it is rounded. A
 * carry out of the fraction raises the exponent, as it should. */
uint16_t half_from_float(float value)
{
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    const uint16_t sign = (uint16_t)((bits >> 16) & 0x8000U);
    const int exponent = (int)((bits >> 23) & 0xffU) - 127 + BIAS;
    uint32_t fraction = bits & 0x7fffffU;
    if (isnan(value)) {
        return (uint16_t)(sign | 0x7e00U);
    }
    if (exponent >= EXPONENT_BITS_ALL_ONE) {
        return (uint16_t)(sign | 0x7c00U);
    }
    if (exponent < -FRACTION_BITS) {
        return sign;
    }
    uint32_t shift = 13;
    uint32_t whole = (uint32_t)exponent << FRACTION_BITS;
    if (exponent <= 0) { /* too small for a normal one */
        fraction |= 0x800000U;
        shift = (uint32_t)(14 - exponent);
        whole = 0;
    }
    const uint32_t kept = whole + (fraction >> shift);
    const uint32_t rest = fraction & ((1U << shift) - 1);
    const uint32_t tie = 1U << (shift - 1);
    const uint32_t up = rest > tie || (rest == tie && (kept & 1U) != 0) ? 1 : 0;
    return (uint16_t)(sign | (uint16_t)(kept + up));
}
