/* Where --frame-store disk puts the frame files of a video, and the files themselves.
 *
 *   <work folder of the video>/frames              as it is
 *   <temp-dir>/runbatch-<output name>-<8 digits>   with --temp-dir; the digits tell apart outputs of one name
 *   <output>.frames                                with --keep-frames
 *   <temp-dir>/<output name>-<8 digits>.frames     with both
 *
 * The first two are ours, and are removed when their worker is gone (frame_store_tidy). The
 * last two are the user's: nothing removes them but a run that makes the frames in them anew.
 */
#ifndef RUNBATCH_WORKER_FRAME_STORE_H
#define RUNBATCH_WORKER_FRAME_STORE_H

#include "base/error.h"
#include "media/frame_files.h"
#include "options/settings.h"

/* The folder in new memory that the caller frees; NULL where frames stay in memory. `work`: the video's own
 * folder for chunks. The folder that the output lies in must be there. */
char *frame_store_folder(const Settings *settings, const char *work, const char *output);

/* The one of ours that the output has with that --temp-dir. */
char *frame_store_temp_folder(const char *temp_dir, const char *output);

/* frame_store_folder, and makes it, with --temp-dir where that is missing. A folder that cannot be made is
 * found out when it is opened. For before the sandbox, which lets the worker write in that folder alone. */
char *frame_store_make(const Settings *settings, const char *work, const char *output);

/* Opens the files with what `stages` says of `first`, `pool`, `read`, `begins_chunk` and `context`. *files is
 * NULL where frames stay in memory. */
Status frame_store_open(FrameFiles **files, const Settings *settings, const char *work, const char *output,
                        const FrameFilesConfig *stages, Error *err);

/* For the supervisor, when no worker has the video: removes what lies in a folder of ours, at most `most`
 * files, and the folder itself, which a worker in its sandbox cannot. Kept files stay, their folder if it is
 * not empty. True when it is done. */
bool frame_store_tidy(const Settings *settings, const char *work, const char *output, int most);

#endif
