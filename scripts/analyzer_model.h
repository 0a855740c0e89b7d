/* Read by clang-tidy before every source file (scripts/test.sh): what the analyser cannot see from a
 * declaration. error_set() and its kin always return STATUS_FAILED; without that it follows paths on which
 * they succeed. */
#include "base/error.h"

#define error_set(...) ((void)error_set(__VA_ARGS__), STATUS_FAILED)
#define error_setf(...) ((void)error_setf(__VA_ARGS__), STATUS_FAILED)
#define error_set_errno(...) ((void)error_set_errno(__VA_ARGS__), STATUS_FAILED)
