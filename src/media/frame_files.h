/* Frames that wait in picture files instead of in memory, those of one chunk at a time.
 *
 *   read ─► file ─► (all of its chunk are files) ─► frame_files_next ─► changed? frame_files_replace
 *                                                      ─► frame_files_take ─► encoder;  file deleted
 *
 * While the frames of one chunk are worked on, those of the next are written; never are there files of more
 * than two chunks. What a file says is what counts: each frame is read from its file to be worked on, and
 * again to be encoded, so that who looks at the files sees what goes on, and who changes one changes the
 * video. Names: frame-00000001.png, counted from the first frame of the video. A file has its name only once
 * it is whole.
 *
 * The folder is ours alone and everything in it is reached by the folder's descriptor, links are not
 * followed. With `keep` files stay, and the folder is the user's. PNG keeps every bit that RGB can show (see
 * frame_view_convert), JPEG is lossy; what comes back from the first file of each chunk is compared with the
 * frame and told in the log, like the bytes, when the whole is freed.
 *
 * frame_files_next is for the reader's thread, frame_files_take for the writer's, frame_files_replace for
 * any. Memory: for each thread in here one picture of the file's format and the file's bytes; for each frame
 * of two chunks its properties, some 600 bytes.
 */
#ifndef RUNBATCH_MEDIA_FRAME_FILES_H
#define RUNBATCH_MEDIA_FRAME_FILES_H

#include <libavutil/frame.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "media/frame_pool.h"
#include "media/still.h"

typedef struct FrameFilesConfig {
    const char *folder; /* made where it is missing; the folder it lies in is there */
    StillKind kind;
    int quality; /* of jpg: 0..100, 0 best; -q:v of the ffmpeg program is quality * 31 / 100 (roop's way) */
    bool keep;
    int64_t first; /* number of the first frame that `read` gives, from 0 */
    FramePool *pool;
    /* Gives the next frame (STATUS_EOF at the end) and a number that travels with it; pts strictly
     * increasing. Called by frame_files_next. */
    Status (*read)(void *context, AVFrame *frame, uint64_t *note, Error *err);
    /* Whether a frame begins a chunk; pts_before is AV_NOPTS_VALUE for the first one. */
    bool (*begins_chunk)(void *context, int64_t pts, int64_t pts_before);
    void *context;
} FrameFilesConfig;

typedef struct FrameFiles FrameFiles;

/* Makes the folder where it is missing; frame_files_open does so too, if it may. */
Status frame_files_make(const char *folder, bool keep, Error *err);

/* Frame files of an earlier run are removed: those of this frame and later ones where files are kept, else
 * all. On failure *files is NULL. A folder that is a link or somebody else's is refused. */
Status frame_files_open(FrameFiles **files, const FrameFilesConfig *config, Error *err);

/* The next frame as its file says, in the format in which `read` gave it, with its properties and its note.
 * STATUS_EOF at the end; STATUS_AGAIN: it got on, or waited for some milliseconds, and has no frame yet. */
Status frame_files_next(FrameFiles *files, AVFrame *frame, uint64_t *note, Error *err);

/* Writes a frame that frame_files_next gave and that was changed. */
Status frame_files_replace(FrameFiles *files, const AVFrame *frame, Error *err);

/* Reads the file of a frame that frame_files_next gave into `picture` (unreferenced before; the frame's
 * properties) and is done with it: the file is deleted, or kept. In the frames' order. ERROR_ENVIRONMENT
 * names a file that cannot be read, or is no picture of the right size any more. */
Status frame_files_take(FrameFiles *files, const AVFrame *frame, AVFrame *picture, Error *err);

/* Removes what a run that was killed left in a folder that is ours, at most `most` files, and the folder if
 * nothing else is in it. Links are not followed. True: there is no more to remove. */
bool frame_files_clear(const char *folder, int most);

typedef struct FrameFilesStats {
    int64_t files; /* there now, of frames that were not taken */
    int64_t bytes;
    int64_t peak_files;
    int64_t peak_bytes;
    int64_t kept_files;
    int64_t kept_bytes;
} FrameFilesStats;

FrameFilesStats frame_files_stats(FrameFiles *files);

/* Deletes the files of frames that were not taken, kept or not: they will be made again. And the folder, if
 * nothing else is in it. Copes with half-built ones. */
void frame_files_free(FrameFiles **files);

#endif
