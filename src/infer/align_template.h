/* The five ways in which models want a face laid into their input; the points themselves: face/align.c. */
#ifndef RUNBATCH_INFER_ALIGN_TEMPLATE_H
#define RUNBATCH_INFER_ALIGN_TEMPLATE_H

typedef enum AlignTemplate {
    ALIGN_NONE,
    ALIGN_ARCFACE_112_V1,
    ALIGN_ARCFACE_112_V2,
    ALIGN_ARCFACE_128,
    ALIGN_FFHQ_512,
    ALIGN_MTCNN_512,
    ALIGN_TEMPLATE_COUNT,
} AlignTemplate;

#endif
