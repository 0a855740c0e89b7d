/* The default face swap: the source's face painted onto the target's mesh, in the target's light.
 *
 * How it works, and why so: docs/swapper.md. One Swapper a worker, shared by its threads; scratch memory a
 * thread: about 2 MB and FRAME_BAND rows of the frame, whatever the face's size.
 */
#ifndef RUNBATCH_FACE_SWAPPER_H
#define RUNBATCH_FACE_SWAPPER_H

#include "face/processor.h"
#include "face/source.h"

typedef struct Swapper Swapper;

/* With the sources' pictures that `options` of the config name. */
Status swapper_open(Swapper **swapper, const ProcessorConfig *config, Error *err);
/* Takes `source` over on success. */
Status swapper_new(Swapper **swapper, Source **source, int threads, Error *err);
void swapper_free(Swapper **swapper);

/* Swaps the selected faces of a writable frame; far ones (small) before near ones. */
Status swapper_process(Swapper *swapper, int thread, AVFrame *frame, const FrameFaces *faces, Error *err);

#endif
