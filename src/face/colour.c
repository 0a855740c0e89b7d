#include "face/colour.h"

#include <math.h>
#include <string.h>

/* Variance added to both skins: below it there is nothing but noise. */
static const double covariance_noise = 9.0;

typedef struct Matrix3 {
    double m[3][3];
} Matrix3;

static Matrix3 from_covariance(const float c[6])
{
    return (Matrix3){{{c[0] + covariance_noise, c[1], c[2]},
                      {c[1], c[3] + covariance_noise, c[4]},
                      {c[2], c[4], c[5] + covariance_noise}}};
}

static Matrix3 multiply(const Matrix3 *a, const Matrix3 *b)
{
    Matrix3 product = {0};
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) {
            for (int k = 0; k < 3; k++) {
                product.m[i][j] += a->m[i][k] * b->m[k][j];
            }
        }
    }
    return product;
}

/* Turns rows and columns p and q of `a` so that a[p][q] vanishes, and the columns of `vectors` with them. */
static void rotate(Matrix3 *a, Matrix3 *vectors, int p, int q)
{
    if (fabs(a->m[p][q]) < 1e-30) {
        return;
    }
    const double angle = 0.5 * atan2(2 * a->m[p][q], a->m[q][q] - a->m[p][p]);
    const double c = cos(angle);
    const double s = sin(angle);
    for (int k = 0; k < 3; k++) {
        const double kp = a->m[k][p];
        const double kq = a->m[k][q];
        a->m[k][p] = c * kp - s * kq;
        a->m[k][q] = s * kp + c * kq;
    }
    for (int k = 0; k < 3; k++) {
        const double pk = a->m[p][k];
        const double qk = a->m[q][k];
        a->m[p][k] = c * pk - s * qk;
        a->m[q][k] = s * pk + c * qk;
        const double vp = vectors->m[k][p];
        const double vq = vectors->m[k][q];
        vectors->m[k][p] = c * vp - s * vq;
        vectors->m[k][q] = s * vp + c * vq;
    }
}

/* A symmetric matrix with its eigenvalues held within low..high and then raised to `power`; by Jacobi's
 * rotations. */
static Matrix3 eigen_power(Matrix3 a, double power, double low, double high)
{
    Matrix3 vectors = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    for (int sweep = 0; sweep < 12; sweep++) {
        rotate(&a, &vectors, 0, 1);
        rotate(&a, &vectors, 0, 2);
        rotate(&a, &vectors, 1, 2);
    }
    Matrix3 result = {0};
    for (int k = 0; k < 3; k++) {
        const double value = pow(fmin(fmax(a.m[k][k], low), high), power);
        for (int i = 0; i < 3; i++) {
            for (int j = 0; j < 3; j++) {
                result.m[i][j] += vectors.m[i][k] * value * vectors.m[j][k];
            }
        }
    }
    return result;
}

ColourMap colour_map_identity(void)
{
    return (ColourMap){{1, 0, 0, 0, 1, 0, 0, 0, 1}, {0, 0, 0}};
}

ColourMap colour_map_between(const SkinStats *from, const SkinStats *to, float gain_low, float gain_high)
{
    if (!(from->weight > 0) || !(to->weight > 0)) {
        return colour_map_identity();
    }
    const double least = 1e-3;
    const double most = 1e9;
    /* F^-1/2 (F^1/2 T F^1/2)^1/2 F^-1/2 */
    const Matrix3 f = from_covariance(from->covariance);
    const Matrix3 t = from_covariance(to->covariance);
    const Matrix3 root = eigen_power(f, 0.5, least, most);
    const Matrix3 inverse_root = eigen_power(f, -0.5, least, most);
    Matrix3 middle = multiply(&root, &t);
    middle = multiply(&middle, &root);
    middle = eigen_power(middle, 0.5, least, most);
    middle = multiply(&inverse_root, &middle);
    middle = multiply(&middle, &inverse_root);
    middle = eigen_power(middle, 1.0, gain_low, gain_high);
    ColourMap map;
    for (int i = 0; i < 3; i++) {
        double offset = to->mean[i];
        for (int j = 0; j < 3; j++) {
            map.matrix[3 * i + j] = (float)middle.m[i][j];
            offset -= middle.m[i][j] * from->mean[j];
        }
        map.offset[i] = (float)offset;
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

SkinDistance skin_distance_prepare(const SkinStats *skin, float widen, float noise)
{
    SkinDistance result = {0};
    if (!(skin->weight > 0)) {
        return result;
    }
    memcpy(result.mean, skin->mean, sizeof result.mean);
    float c[6];
    for (int i = 0; i < 6; i++) {
        c[i] = skin->covariance[i] * widen;
    }
    Matrix3 covariance = from_covariance(c);
    for (int i = 0; i < 3; i++) {
        covariance.m[i][i] += noise;
    }
    const Matrix3 inverse = eigen_power(covariance, -1.0, 1e-3, 1e9);
    const float entries[6] = {(float)inverse.m[0][0], (float)inverse.m[0][1], (float)inverse.m[0][2],
                              (float)inverse.m[1][1], (float)inverse.m[1][2], (float)inverse.m[2][2]};
    memcpy(result.inverse, entries, sizeof entries);
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
