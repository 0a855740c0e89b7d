/* What the tracker told of a video, frame by frame, for others who work on the same video: with several
 * sources the first one's worker follows the faces, and those of the others read what it found.
 *
 * A file without a name, which the supervisor holds open for as long as somebody may want it: when it ends,
 * however it ends, nothing is left. One writer, which gives up without a word where it cannot write; readers
 * come when it is complete. What is read is untrusted. One thread; 100 KB of memory; 5.8 KB on the disk a
 * face and frame.
 */
#ifndef RUNBATCH_FACE_FOLLOWED_H
#define RUNBATCH_FACE_FOLLOWED_H

#include "base/files.h"
#include "face/face.h"

typedef struct Followed Followed;

/* Reads a file that is complete and of that video, writes one that is not complete. `fd`
 * stays the caller's; `first_pts` is that of the video's first frame. */
Followed *followed_open(int fd, const FileState *video, int64_t first_pts);
/* Copes with NULL. */
void followed_free(Followed **followed);

/* Whether the file can be read. */
bool followed_is_complete(int fd);
/* Whether it can, and tells of that video, not of one that had its name before. */
bool followed_is_of(int fd, const FileState *video);

/* The faces of the frame with that pts, and what it adds to the tracker's counts. False: it is not told here;
 * nothing is from now on. */
bool followed_next(Followed *followed, int64_t pts, FrameFaces *faces, FaceTrackerStats *more);

/* The next frame, the video's first one first: otherwise nothing is written. */
void followed_add(Followed *followed, int64_t pts, const FrameFaces *faces, const FaceTrackerStats *more);
/* The video is begun anew. */
void followed_restart(Followed *followed);
/* All frames were added. */
void followed_finish(Followed *followed);

#endif
