#include "image/image.h"

#include <math.h>
#include <stdint.h>

#include "base/alloc.h"

enum { ROW_ALIGNMENT = 16 }; /* floats: 64 bytes */

Status image_resize(Image *image, int width, int height, int planes, Error *err)
{
    if (width < 1 || height < 1 || planes < 1 || planes > IMAGE_MAX_PLANES) {
        image_free(image);
        return error_setf(err, ERROR_INTERNAL, "cannot make a picture", NULL, "impossible shape %d x %d x %d",
                          width, height, planes);
    }
    const size_t stride = ((size_t)width + ROW_ALIGNMENT - 1) / ROW_ALIGNMENT * ROW_ALIGNMENT;
    const size_t plane_floats = stride * (size_t)height; /* below 2^62: both factors are below 2^31 */
    if (plane_floats > SIZE_MAX / sizeof(float) / IMAGE_MAX_PLANES) {
        image_free(image);
        return error_set(err, ERROR_MEMORY, "cannot make a picture", NULL, "it is too large");
    }
    const size_t bytes = plane_floats * (size_t)planes * sizeof(float);
    if (bytes > image->capacity_bytes) {
        image_free(image);
        image->memory = memory_alloc_aligned(bytes);
        if (image->memory == NULL) {
            return error_setf(err, ERROR_MEMORY, "cannot make a picture", NULL, "no memory for %d x %d x %d",
                              width, height, planes);
        }
        image->capacity_bytes = bytes;
    }
    image->width = width;
    image->height = height;
    image->planes = planes;
    image->stride = (ptrdiff_t)stride;
    for (int i = 0; i < IMAGE_MAX_PLANES; i++) {
        image->plane[i] = i < planes ? image->memory + plane_floats * (size_t)i : NULL;
    }
    return STATUS_OK;
}

void image_free(Image *image)
{
    memory_free(image->memory);
    *image = (Image){0};
}

void image_fill(Image *image, float value)
{
    if (image->planes == 0) {
        return;
    }
    const size_t count = (size_t)image->stride * (size_t)image->height * (size_t)image->planes;
    for (size_t i = 0; i < count; i++) {
        image->memory[i] = value;
    }
}

void image_clamp(Image *image, float low, float high)
{
    for (int i = 0; i < image->planes; i++) {
        for (int y = 0; y < image->height; y++) {
            float *row = image->plane[i] + y * image->stride;
            for (int x = 0; x < image->width; x++) {
                row[x] = fminf(fmaxf(row[x], low), high);
            }
        }
    }
}

Point affine_apply(const Affine *map, Point point)
{
    return (Point){map->a * point.x + map->b * point.y + map->c,
                   map->d * point.x + map->e * point.y + map->f};
}

Affine affine_multiply(const Affine *outer, const Affine *inner)
{
    return (Affine){
        .a = outer->a * inner->a + outer->b * inner->d,
        .b = outer->a * inner->b + outer->b * inner->e,
        .c = outer->a * inner->c + outer->b * inner->f + outer->c,
        .d = outer->d * inner->a + outer->e * inner->d,
        .e = outer->d * inner->b + outer->e * inner->e,
        .f = outer->d * inner->c + outer->e * inner->f + outer->f,
    };
}

int affine_invert(const Affine *map, Affine *inverse)
{
    const double determinant = (double)map->a * map->e - (double)map->b * map->d;
    /* Singular: the area vanishes against the lengths it is made of (or one of them is not a number). */
    const double size = fabs((double)map->a * map->e) + fabs((double)map->b * map->d);
    if (!(fabs(determinant) > 1e-7 * size) || !isfinite(determinant)) {
        return 0;
    }
    const double a = map->e / determinant;
    const double b = -map->b / determinant;
    const double d = -map->d / determinant;
    const double e = map->a / determinant;
    *inverse = (Affine){
        .a = (float)a,
        .b = (float)b,
        .c = (float)-(a * map->c + b * map->f),
        .d = (float)d,
        .e = (float)e,
        .f = (float)-(d * map->c + e * map->f),
    };
    return 1;
}

int affine_similarity(const Point *from, const Point *to, int count, Affine *map)
{
    double from_x = 0;
    double from_y = 0;
    double to_x = 0;
    double to_y = 0;
    for (int i = 0; i < count; i++) {
        from_x += from[i].x;
        from_y += from[i].y;
        to_x += to[i].x;
        to_y += to[i].y;
    }
    from_x /= count;
    from_y /= count;
    to_x /= count;
    to_y /= count;

    /* In two dimensions scale and rotation are one complex number, so the least squares problem is linear and
     * cannot give a mirror: (cosine + i sine) * scale = sum(conj(p) q) / sum(|p|^2). */
    double real = 0;
    double imaginary = 0;
    double spread = 0;
    double to_spread = 0;
    for (int i = 0; i < count; i++) {
        const double px = from[i].x - from_x;
        const double py = from[i].y - from_y;
        const double qx = to[i].x - to_x;
        const double qy = to[i].y - to_y;
        real += px * qx + py * qy;
        imaginary += px * qy - py * qx;
        spread += px * px + py * py;
        to_spread += qx * qx + qy * qy;
    }
    const double correlation = real * real + imaginary * imaginary;
    if (count < 2 || !(spread > 0) || !(correlation > 1e-12 * spread * to_spread) || !isfinite(correlation)) {
        return 0;
    }
    real /= spread;
    imaginary /= spread;
    *map = (Affine){
        .a = (float)real,
        .b = (float)-imaginary,
        .c = (float)(to_x - real * from_x + imaginary * from_y),
        .d = (float)imaginary,
        .e = (float)real,
        .f = (float)(to_y - imaginary * from_x - real * from_y),
    };
    return 1;
}

Rect rect_intersect(Rect a, Rect b)
{
    return (Rect){
        .x0 = a.x0 > b.x0 ? a.x0 : b.x0,
        .y0 = a.y0 > b.y0 ? a.y0 : b.y0,
        .x1 = a.x1 < b.x1 ? a.x1 : b.x1,
        .y1 = a.y1 < b.y1 ? a.y1 : b.y1,
    };
}

int rect_is_empty(Rect rect)
{
    return rect.x1 <= rect.x0 || rect.y1 <= rect.y0;
}
