/* face_anonymizer: people who did not agree are not to be recognised.
 *
 * It goes by the record of the whole video (face/record.h), for which detectors looked at every frame, and by
 * what the tracker sees now; what either of them knows is covered. Where a face is not found for a moment it
 * is covered from both sides of the gap; before it is first found, and after it was last found, for a while
 * too. Only a face that is known to be one of the people to be kept is left.
 */
#ifndef RUNBATCH_FACE_ANONYMIZER_H
#define RUNBATCH_FACE_ANONYMIZER_H

#include "face/processor.h"

enum { COVERS_MAX = 4 * FACES_MAX };

/* What is to be covered on the frame with this pts, as found and bridged, not enlarged: at most COVERS_MAX.
 * `left[track]` tells of the record's tracks which are left as they are; NULL: none. `seen`, also without:
 * what the tracker sees on the same frame. */
int anonymizer_places(const FaceRecord *record, const bool *left, int64_t pts, const FrameFaces *seen,
                      FaceEllipse places[COVERS_MAX]);

extern const ProcessorKind anonymizer_kind;

#endif
