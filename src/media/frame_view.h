/* Reading from and adding to a frame's own planes, at its own bit depth and chroma layout.
 *
 * The face code sees planar RGB float (image/image.h); a frame stays what the decoder gave. A region is
 * converted by the frame's own matrix and range (AVFrame.colorspace and color_range; unspecified means BT.601
 * for up to 576 lines and BT.709 above, limited range unless the pixel format is one of the yuvj kind),
 * changed as RGB, and given back as a difference: the change in RGB goes through the matrix and is added to
 * the planes. Where the difference is zero the planes keep every bit. Chroma is filtered down over the
 * samples it covers.
 *
 * Every planar or semi-planar or packed integer format of 8 to 16 bits that AVPixFmtDescriptor describes is
 * worked on natively; frame_view_supports tells. Bit-packed, palette, float and hardware formats are
 * converted by the reader.
 *
 * Functions are re-entrant; two threads may work on different frames. No allocation but that of the Image
 * given; up to 60 KB of stack.
 */
#ifndef RUNBATCH_MEDIA_FRAME_VIEW_H
#define RUNBATCH_MEDIA_FRAME_VIEW_H

#include <libavutil/frame.h>
#include <stdbool.h>

#include "image/image.h"

bool frame_view_supports(enum AVPixelFormat format);

/* The matrix that it is worked on by: its own, or the usual one of its size. */
enum AVColorSpace frame_view_matrix(const AVFrame *frame);

/* Reads `rect` (inside the frame) into `rgb`, 3 planes of rect's size, which the function resizes. Chroma is
 * interpolated between its sites (AVFrame.chroma_location). Not clamped: codes outside the nominal range give
 * values outside 0..255. */
Status frame_view_read(const AVFrame *frame, Rect rect, Image *rgb, Error *err);

/* Adds `delta` (3 planes R, G, B in units of 0..255, the size of `rect`) to the frame's planes, clamped to
 * the legal range of the format. The frame must be writable. `rect` may have odd borders: chroma samples on
 * the border get the mean over the luma positions they cover, with zero outside `rect`. Rounding: nearest. */
Status frame_view_add(AVFrame *frame, Rect rect, const Image *delta, Error *err);

/* Samples a width x height RGB picture: output pixel p shows the frame at `to_frame`(p). Bilinear; where the
 * map goes through the frame by more than 1.5 samples a pixel along one of the frame's axes, that axis is
 * first averaged in blocks of n = ceil(samples / 1.5) (at most 64), counted from the frame's corner, so that
 * small crops of large faces do not alias. Each component by its own resolution. A pixel outside the frame
 * gets `border` (0..255) in all planes; with a negative `border` the nearest edge. ERROR_INTERNAL for a map
 * that is not finite. */
Status frame_view_warp(const AVFrame *frame, const Affine *to_frame, int width, int height, float border,
                       Image *rgb, Error *err);

/* Fills `target`, whose format, colour tags and buffers are there, with the picture of `source`, of the same
 * size. Chroma samples are repeated over the pixels they stand for and, the other way, are the mean over
 * them, so that a picture that goes to RGB of the same depth and back has the same bits wherever RGB can show
 * its colours; the others are clipped. Grey is taken as full range on both sides, code by code. Transparency
 * is lost. */
Status frame_view_convert(const AVFrame *source, AVFrame *target, Error *err);

#endif
