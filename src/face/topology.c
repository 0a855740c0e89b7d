#include "face/topology.h"

/* Point numbers of the mesh model's contours. */
static const short oval[] = {10,  338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288,
                             397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136,
                             172, 58,  132, 93,  234, 127, 162, 21,  54,  103, 67,  109};
static const short lips_outer[] = {61,  185, 40,  39,  37,  0,  267, 269, 270, 409,
                                   291, 375, 321, 405, 314, 17, 84,  181, 91,  146};
static const short lips_inner[] = {78,  191, 80,  81,  82,  13, 312, 311, 310, 415,
                                   308, 324, 318, 402, 317, 14, 87,  178, 88,  95};
static const short eye_left[] = {33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7};
static const short eye_right[] = {263, 466, 388, 387, 386, 385, 384, 398,
                                  362, 382, 381, 380, 374, 373, 390, 249};
static const short brow_left[] = {70, 63, 105, 66, 107, 55, 65, 52, 53, 46};
static const short brow_right[] = {300, 293, 334, 296, 336, 285, 295, 282, 283, 276};

#define CONTOUR(points)                                                                                      \
    {                                                                                                        \
        points, (int)(sizeof(points) / sizeof((points)[0]))                                                  \
    }

Contour topology_contour(ContourName name)
{
    static const Contour contours[CONTOUR_COUNT] = {
        [CONTOUR_OVAL] = CONTOUR(oval),
        [CONTOUR_LIPS_OUTER] = CONTOUR(lips_outer),
        [CONTOUR_LIPS_INNER] = CONTOUR(lips_inner),
        [CONTOUR_EYE_LEFT] = CONTOUR(eye_left),
        [CONTOUR_EYE_RIGHT] = CONTOUR(eye_right),
        [CONTOUR_BROW_LEFT] = CONTOUR(brow_left),
        [CONTOUR_BROW_RIGHT] = CONTOUR(brow_right),
    };
    return contours[name];
}

Point topology_canonical(int point)
{
    const float unit = 1.0F / (float)TOPOLOGY_UNITS;
    return (Point){(float)topology_points[point][0] * unit, (float)topology_points[point][1] * unit};
}
