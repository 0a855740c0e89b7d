#include "media/orientation.h"

#include <math.h>

/* The matrix maps a pixel (x, y), y down, to (a x + c y, b x + d y) with a, b, c, d = m[0], m[1], m[3], m[4].
 * A clockwise turn by t on the screen has a = d = cos t, b = -c = sin t. A negative determinant means that a
 * left-right mirror follows the turn; taking it off negates a and c. */
Orientation orientation_from_matrix(const int32_t matrix[9])
{
    double a = matrix[0];
    const double b = matrix[1];
    const double c = matrix[3];
    const double d = matrix[4];
    Orientation orientation = {0};
    orientation.mirrored = a * d - b * c < 0;
    if (orientation.mirrored) {
        a = -a;
    }
    if (a == 0 && b == 0) {
        return orientation;
    }
    const long turns = lround(atan2(b, a) / (acos(-1.0) / 2));
    orientation.quarter_turns = (int)((turns + 4) % 4);
    return orientation;
}

Orientation orientation_from_exif(int value)
{
    static const Orientation table[9] = {
        [2] = {0, true},  [3] = {2, false}, [4] = {2, true},  [5] = {1, true},
        [6] = {1, false}, [7] = {3, true},  [8] = {3, false},
    };
    return value >= 1 && value <= 8 ? table[value] : table[0];
}
