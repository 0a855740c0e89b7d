#include "image/tiles.h"

static int parts_of(int length, int most)
{
    return (length + most - 1) / most;
}

static int even_part(int length, int parts)
{
    const int part = (length + parts - 1) / parts;
    return part + part % 2;
}

Tiling tiling_of(int width, int height, int side, int overlap)
{
    const int most = (side - 2 * overlap) / 2 * 2;
    const int columns = parts_of(width, most);
    const int rows = parts_of(height, most);
    Tiling tiling = {.width = width,
                     .height = height,
                     .overlap = overlap,
                     .middle_width = even_part(width, columns),
                     .middle_height = even_part(height, rows)};
    tiling.columns = parts_of(width, tiling.middle_width);
    tiling.rows = parts_of(height, tiling.middle_height);
    return tiling;
}

static Rect middle_of(const Tiling *tiling, int number)
{
    const int x = number % tiling->columns * tiling->middle_width;
    const int y = number / tiling->columns * tiling->middle_height;
    return (Rect){x, y, x + tiling->middle_width, y + tiling->middle_height};
}

Rect tiling_middle(const Tiling *tiling, int number)
{
    return rect_intersect(middle_of(tiling, number), (Rect){0, 0, tiling->width, tiling->height});
}

Rect tiling_whole(const Tiling *tiling, int number)
{
    const Rect middle = middle_of(tiling, number);
    return (Rect){middle.x0 - tiling->overlap, middle.y0 - tiling->overlap, middle.x1 + tiling->overlap,
                  middle.y1 + tiling->overlap};
}
