/* What vectorised kernels are marked with.
 *
 * SIMD_CLONES before a function's definition has it compiled for several levels of the processor, one of
 * which is chosen when the program starts. It is empty where the compiler or a sanitizer cannot cope with
 * that (the choice runs before a sanitizer's own start-up). No level contracts or reorders floating point, so
 * all give the same bits. SIMD_LOOP before a loop promises that its turns do not depend on each other.
 */
#ifndef RUNBATCH_IMAGE_SIMD_H
#define RUNBATCH_IMAGE_SIMD_H

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__OPTIMIZE__) &&              \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define SIMD_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SIMD_CLONES
#endif

#define SIMD_LOOP _Pragma("omp simd")
#define SIMD_INLINE static inline __attribute__((always_inline))

#endif
