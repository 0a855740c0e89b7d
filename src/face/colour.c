#include "face/colour.h"

#include <math.h>
#include <string.h>

static const float exposure_low = 0.5F;
static const float exposure_high = 1.8F;
static const float tint_slack = 2.0F; /* how much more the source's tints may vary, as a deviation */
static const float tint_noise = 4;
static const float least_luma = 8;
static const float luma_weight[3] = {0.299F, 0.587F, 0.114F}; /* BT.601 */

float colour_luma(const float rgb[3])
{
    return luma_weight[0] * rgb[0] + luma_weight[1] * rgb[1] + luma_weight[2] * rgb[2];
}

ColourMap colour_map_identity(void)
{
    return (ColourMap){{1, 0, 0, 0, 1, 0, 0, 0, 1}, {0, 0, 0}};
}

/* Takes the part along the skin's own colour away: I - (mean / luma) w^T. */
static void tint_projection(const float mean[3], float luma, float projection[9])
{
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) {
            projection[3 * i + j] = (i == j ? 1.0F : 0.0F) - mean[i] / luma * luma_weight[j];
        }
    }
}

/* The sum of the variances of R, G and B after the projection. */
static float tint_variance(const float covariance[6], const float projection[9])
{
    const float c[9] = {covariance[0], covariance[1], covariance[2], covariance[1], covariance[3],
                        covariance[4], covariance[2], covariance[4], covariance[5]};
    float sum = 0;
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) {
            for (int k = 0; k < 3; k++) {
                sum += projection[3 * i + j] * c[3 * j + k] * projection[3 * i + k];
            }
        }
    }
    return fmaxf(sum, 0);
}

ColourMap colour_map_between(const SkinStats *from, const SkinStats *to)
{
    if (!(from->weight > 0) || !(to->weight > 0)) {
        return colour_map_identity();
    }
    const float from_luma = fmaxf(colour_luma(from->mean), least_luma);
    const float to_luma = fmaxf(colour_luma(to->mean), least_luma);
    const float exposure = fminf(fmaxf(to_luma / from_luma, exposure_low), exposure_high);
    float from_tint[9];
    float to_tint[9];
    tint_projection(from->mean, from_luma, from_tint);
    tint_projection(to->mean, to_luma, to_tint);
    const float varies = exposure * exposure * tint_variance(from->covariance, from_tint) + tint_noise;
    const float may_vary = tint_slack * tint_slack * (tint_variance(to->covariance, to_tint) + tint_noise);
    /* The square root: lips of a face that is brightened turn pink otherwise. */
    const float tint_gain = (exposure > 1 ? sqrtf(exposure) : exposure) * fminf(sqrtf(may_vary / varies), 1);
    ColourMap map;
    for (int i = 0; i < 3; i++) {
        map.offset[i] = to->mean[i];
        for (int j = 0; j < 3; j++) {
            const float shading = to->mean[i] / to_luma * luma_weight[j];
            map.matrix[3 * i + j] = exposure * shading + tint_gain * from_tint[3 * i + j];
            map.offset[i] -= map.matrix[3 * i + j] * from->mean[j];
        }
    }
    return map;
}

void colour_map_apply(const ColourMap *map, const float rgb[3], float out[3])
{
    for (int i = 0; i < 3; i++) {
        out[i] = map->matrix[3 * i] * rgb[0] + map->matrix[3 * i + 1] * rgb[1] +
                 map->matrix[3 * i + 2] * rgb[2] + map->offset[i];
    }
}

SkinDistance skin_distance_prepare(const SkinStats *skin, float widen, float shading, float noise)
{
    SkinDistance result = {0};
    if (!(skin->weight > 0)) {
        return result;
    }
    memcpy(result.mean, skin->mean, sizeof result.mean);
    double c[6];
    static const int row[6] = {0, 0, 0, 1, 1, 2};
    static const int column[6] = {0, 1, 2, 1, 2, 2};
    for (int i = 0; i < 6; i++) {
        const double shade = (double)shading * shading * skin->mean[row[i]] * skin->mean[column[i]];
        c[i] = (double)skin->covariance[i] * widen + shade + (row[i] == column[i] ? noise * noise : 0.0F);
    }
    const double rr = c[0], rg = c[1], rb = c[2], gg = c[3], gb = c[4], bb = c[5];
    const double cofactor[6] = {gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg,
                                rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg};
    const double determinant = rr * cofactor[0] + rg * cofactor[1] + rb * cofactor[2];
    for (int i = 0; i < 6 && determinant > 0; i++) {
        result.inverse[i] = (float)(cofactor[i] / determinant);
    }
    return result;
}

float skin_distance(const SkinDistance *skin, const float rgb[3])
{
    const float r = rgb[0] - skin->mean[0];
    const float g = rgb[1] - skin->mean[1];
    const float b = rgb[2] - skin->mean[2];
    const float *i = skin->inverse;
    return i[0] * r * r + i[3] * g * g + i[5] * b * b + 2 * (i[1] * r * g + i[2] * r * b + i[4] * g * b);
}
