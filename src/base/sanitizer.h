/* Whether this build is a sanitiser's: its shadow memory counts for limits, its runtime makes calls of its
 * own. For the preprocessor too. */
#ifndef RUNBATCH_BASE_SANITIZER_H
#define RUNBATCH_BASE_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

#endif
