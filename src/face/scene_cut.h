/* Tells where a new shot begins, from a thumbnail of the luma plane.
 *
 * A cut is a change that is large, sudden (much larger than the motion before it) and of structure: the
 * thumbnails' correlation is low, whichever way one is shifted against the other. Correlation does not see
 * gain and offset, so flashes and fades are no cuts; the shift makes up for a camera that is swung about.
 * One detector per video, one thread, frames in order; a few kilobytes; some thousand samples a frame.
 */
#ifndef RUNBATCH_FACE_SCENE_CUT_H
#define RUNBATCH_FACE_SCENE_CUT_H

#include <libavutil/frame.h>
#include <stdbool.h>

enum { SCENE_COLUMNS = 32, SCENE_ROWS = 18, SCENE_CELLS = SCENE_COLUMNS * SCENE_ROWS };

/* Mean luma per cell, 0..255. */
typedef struct SceneThumbnail {
    float cell[SCENE_CELLS];
} SceneThumbnail;

typedef struct SceneCut {
    SceneThumbnail last;
    float last_change; /* that part of the last change that was motion */
    int width;
    int height;
    bool started;
} SceneCut;

/* Any format that AVPixFmtDescriptor describes in whole samples; false for others (palette, hardware, float).
 */
bool scene_thumbnail(const AVFrame *frame, SceneThumbnail *thumbnail);

/* How two thumbnails differ: the mean absolute difference (0..255) and the correlation (-1..1; 1 where both
 * are flat, 0 where one is). */
void scene_compare(const SceneThumbnail *a, const SceneThumbnail *b, float *change, float *correlation);

/* The best correlation when `b` is shifted against `a` by up to an eighth of the picture any way. */
float scene_shifted_correlation(const SceneThumbnail *a, const SceneThumbnail *b);

/* The decision alone. */
bool scene_is_cut(float change, float change_before, float correlation);

/* True when `frame` begins a new shot: the first frame, a frame of another size, a cut. */
bool scene_cut_next(SceneCut *detector, const AVFrame *frame);

#endif
