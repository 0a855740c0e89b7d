/* IEEE 754 half-precision numbers. Pure. */
#ifndef RUNBATCH_INFER_HALF_H
#define RUNBATCH_INFER_HALF_H

#include <stdint.h>

/* Exact. */
float half_to_float(uint16_t half);
/* The nearest one, ties to even; what is too large becomes infinite. */
uint16_t half_from_float(float value);

#endif
