/* Notes while a video is made where it is not sure of a face, in a small file of the video's folder, so that
 * a run that goes on knows them. The in-order thread. */
#ifndef RUNBATCH_WORKER_DOUBT_NOTES_H
#define RUNBATCH_WORKER_DOUBT_NOTES_H

#include "face/face.h"
#include "report/doubts.h"

#define DOUBT_NOTES_NAME "doubts.json" /* in a video's folder */

typedef struct DoubtNotes {
    Doubts doubts;
    char *path;
    bool shown;    /* a face has been seen in this shot, */
    double seen_s; /* last at this time */
    bool open;     /* a stretch that has not ended: */
    double from_s;
    double to_s; /* the last frame's time */
} DoubtNotes;

/* With `go_on_s` >= 0 what an earlier run noted of the time before it; otherwise nothing. */
void doubt_notes_open(DoubtNotes *notes, const char *folder, double go_on_s);
void doubt_notes_free(DoubtNotes *notes);

/* The faces of the next frame, which is shown at `time_s`. */
void doubt_notes_add(DoubtNotes *notes, const FrameFaces *faces, double time_s);
/* Ends an open stretch. */
void doubt_notes_finish(DoubtNotes *notes);

/* How a frame's faces are, those that are changed or would be. */
typedef enum FacesDoubt {
    FACES_NONE,
    FACES_SURE,
    FACES_DOUBTFUL, /* one is not found on this frame, hardly to be seen, or nobody can tell whose it is */
} FacesDoubt;

FacesDoubt faces_doubt(const FrameFaces *faces);

#endif
