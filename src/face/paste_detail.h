/* Where a model put other features into a crop, so that a finer frame's own detail must go there.
 *
 * `lost` (one plane of the crop's size) is 0 where crop and result have the same structure (a change of
 * colour or brightness, or none) and up to 1 where they have not: 1 less the contrast and structure part of
 * SSIM (Wang 2004) of their luma, over DETAIL_WINDOW pixels. What is flat in both but for noise counts as the
 * same. Inside face/paste only.
 */
#ifndef RUNBATCH_FACE_PASTE_DETAIL_H
#define RUNBATCH_FACE_PASTE_DETAIL_H

#include "image/image.h"

enum { DETAIL_WINDOW = 9 };

Status paste_detail_lost(const Image *crop, const Image *result, Image *lost, Error *err);

#endif
