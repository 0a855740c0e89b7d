#include "face/paste_detail.h"

#include "base/alloc.h"
#include "face/colour.h"

enum { RADIUS = DETAIL_WINDOW / 2 };

static const double stabiliser = (0.03 * 255) * (0.03 * 255); /* C2 of SSIM */

/* Sums over pixels of crop (a) and result (b). */
typedef struct Moments {
    double count, a, b, aa, bb, ab;
} Moments;

static void add(Moments *sum, const Moments *more, double sign)
{
    sum->count += sign * more->count;
    sum->a += sign * more->a;
    sum->b += sign * more->b;
    sum->aa += sign * more->aa;
    sum->bb += sign * more->bb;
    sum->ab += sign * more->ab;
}

static double luma_at(const Image *image, int x, int y)
{
    const ptrdiff_t at = y * image->stride + x;
    return (double)colour_luma(
        (const float[3]){image->plane[0][at], image->plane[1][at], image->plane[2][at]});
}

/* One row more, or with a negative sign one less, in the columns' sums. */
static void add_row(Moments *columns, const Image *crop, const Image *result, int y, double sign)
{
    if (y < 0 || y >= crop->height) {
        return;
    }
    for (int x = 0; x < crop->width; x++) {
        const double a = luma_at(crop, x, y);
        const double b = luma_at(result, x, y);
        add(&columns[x], &(Moments){1, a, b, a * a, b * b, a * b}, sign);
    }
}

static float lost_of(const Moments *sum)
{
    const double a = sum->a / sum->count;
    const double b = sum->b / sum->count;
    const double variances = (sum->aa + sum->bb) / sum->count - a * a - b * b;
    const double covariance = sum->ab / sum->count - a * b;
    const double same = (2 * covariance + stabiliser) / (variances + stabiliser);
    return same >= 1 ? 0.0F : (same > 0 ? (float)(1 - same) : 1.0F);
}

static void write_row(const Moments *columns, int width, float *lost)
{
    Moments window = {0};
    for (int x = 0; x < RADIUS && x < width; x++) {
        add(&window, &columns[x], 1);
    }
    for (int x = 0; x < width; x++) {
        if (x + RADIUS < width) {
            add(&window, &columns[x + RADIUS], 1);
        }
        if (x - RADIUS - 1 >= 0) {
            add(&window, &columns[x - RADIUS - 1], -1);
        }
        lost[x] = lost_of(&window);
    }
}

Status paste_detail_lost(const Image *crop, const Image *result, Image *lost, Error *err)
{
    if (image_resize(lost, crop->width, crop->height, 1, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    Moments *columns = memory_alloc((size_t)crop->width, sizeof *columns);
    for (int y = 0; y < RADIUS; y++) {
        add_row(columns, crop, result, y, 1);
    }
    for (int y = 0; y < crop->height; y++) {
        add_row(columns, crop, result, y + RADIUS, 1);
        add_row(columns, crop, result, y - RADIUS - 1, -1);
        write_row(columns, crop->width, lost->plane[0] + y * lost->stride);
    }
    memory_free(columns);
    return STATUS_OK;
}
