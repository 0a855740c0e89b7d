/* How a frame's samples lie in memory and what they mean; shared by the frame_view_*.c files. */
#ifndef RUNBATCH_MEDIA_FRAME_VIEW_INTERNAL_H
#define RUNBATCH_MEDIA_FRAME_VIEW_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "image/image.h"
#include "media/frame_view.h"

enum {
    VIEW_TILE = 512, /* columns worked on at a time: bounds the scratch rows on the stack */
    VIEW_ROW = VIEW_TILE + 16,
};

/* One component (Y, U, V or R, G, B). Its sample (i, j) is centred on the frame's pixel coordinate
 * (i * 2^log2_w + site_x, j * 2^log2_h + site_y). */
typedef struct ViewComponent {
    uint8_t *data; /* the first sample */
    ptrdiff_t linesize;
    int step; /* bytes from one sample to the next */
    int width;
    int height;
    int shift;
    int max;   /* the largest code */
    bool wide; /* samples of two bytes */
    int log2_w;
    int log2_h;
    float site_x;
    float site_y;
} ViewComponent;

/* What the codes of components 0..2 mean: rgb[i] = sum over j of to_rgb[i][j] * code[j], + offset[i]. A grey
 * frame has one component; its to_rgb uses the first column only. */
typedef struct ViewLayout {
    int width;
    int height;
    int components; /* 1 or 3 */
    ViewComponent component[3];
    float to_rgb[3][3];
    float offset[3];
    float from_rgb[3][3]; /* code differences from differences in RGB */
    float black[3];       /* the codes of black */
} ViewLayout;

Status view_layout(const AVFrame *frame, ViewLayout *layout, Error *err);

/* Samples first .. first + count - 1 of row `row` as codes; outside the component's width the edge's. */
void view_fetch(const ViewComponent *component, int row, int first, int count, float *codes);

/* Adds `delta` to the codes first .. first + count - 1 (inside the component): nearest, clamped. */
void view_add_codes(const ViewComponent *component, int row, int first, int count, const float *delta);

/* frame_view_add without its checks. */
void view_add(const ViewLayout *layout, Rect rect, const Image *delta);

/* Codes to RGB in place: the three rows hold the components' codes before (grey: the first row only). */
void view_convert(const ViewLayout *layout, int count, float *r, float *g, float *b);

#endif
