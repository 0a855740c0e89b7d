#include "media/frame_bands.h"

static Rect band_at(Rect area, int y)
{
    const int end = (y / FRAME_BAND + 1) * FRAME_BAND;
    return (Rect){area.x0, y, area.x1, end < area.y1 ? end : area.y1};
}

/* A band's first rows take their chroma half from the rows above it, so it is read before those are changed.
 */
Status frame_bands_change(FrameBands *bands, AVFrame *frame, Rect area, BandDifference difference,
                          void *context, Error *err)
{
    Rect band = band_at(area, area.y0);
    Image *target = &bands->target[0];
    Image *next_target = &bands->target[1];
    Status status = frame_view_read(frame, band, target, err);
    while (status == STATUS_OK && !rect_is_empty(band)) {
        const Rect next = band_at(area, band.y1);
        status = image_resize(&bands->delta, target->width, target->height, 3, err);
        if (status == STATUS_OK) {
            status = difference(context, band, target, &bands->delta, err);
        }
        if (status == STATUS_OK && !rect_is_empty(next)) {
            status = frame_view_read(frame, next, next_target, err);
        }
        if (status == STATUS_OK) {
            status = frame_view_add(frame, band, &bands->delta, err);
        }
        Image *const done = target;
        target = next_target;
        next_target = done;
        band = next;
    }
    return status;
}

void frame_bands_free(FrameBands *bands)
{
    image_free(&bands->target[0]);
    image_free(&bands->target[1]);
    image_free(&bands->delta);
}
