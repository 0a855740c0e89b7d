/* What every face processor is: a struct of functions.
 *
 * A processor is opened once per worker and then asked, from several threads at once and in any order of
 * frames, to change frames in place. One file per processor; the table is in processor.c.
 */
#ifndef RUNBATCH_FACE_PROCESSOR_H
#define RUNBATCH_FACE_PROCESSOR_H

#include "face/casting.h"
#include "face/face.h"
#include "face/face_mask.h"
#include "face/paste.h"
#include "face/record.h"
#include "infer/known_model.h"
#include "media/frame_pool.h"

/* What the user asked of the processors; each reads its own. Strings belong to the caller. */
typedef struct ProcessorOptions {
    const char *source_path;    /* the source face's picture; NULL for processors that need none */
    const TextList *sources;    /* instead of it pictures by Face.source, perhaps none; NULL: source_path */
    const char *swapper_model;  /* its name in the catalogue; NULL or "mesh": the built-in method */
    const char *enhancer_model; /* the same of an enhancer; NULL or "classical": the built-in method */
    float enhancer_blend;       /* 0..1: how much of the enhanced face is shown */
    const char *frame_enhancer_model; /* its name in the catalogue */
    float frame_enhancer_blend;       /* 0..1 */
    int tile;                         /* side of what it works on at a time */
    float enhancer_weight; /* 0..1: CodeFormer's; 0 is the finest, 1 the one most like what went in */
    int pixel_boost;       /* side of the crop for a swapper's model; 0: the model's own */
    FaceMaskOptions mask;
    const char *anonymizer_way;      /* "blur", "pixelate", "solid", "replace" */
    const char *anonymizer_face;     /* picture of the face to put in; NULL: the average one */
    const TextList *keep_identities; /* pictures of people who are left as they are; may be NULL */
} ProcessorOptions;

typedef struct ProcessorConfig {
    const char *name; /* as the user gave it */
    const FaceModels *models;
    const char *models_dir;
    Provider provider;
    ProcessorOptions options;
    bool after_swap; /* a face_swapper comes before it */
    FaceMask *mask;  /* where face_swapper and face_enhancer may change a face; NULL: wherever they do */
    int threads;     /* how many threads will call process: scratch memory is made for as many */
    Orientation orientation;
    AVRational sample_aspect_ratio;
    AVRational time_base;     /* of the frames' pts */
    FramePool *pool;          /* for frames that take the place of others; NULL: FFmpeg's own buffers */
    const FaceRecord *record; /* of the whole video; NULL where nobody needs it */
    const Casting *casting;   /* who of it gets which face; NULL: all the same */
} ProcessorConfig;

/* What a processor takes beside the default models. */
enum { PROCESSOR_MODELS_MOST = 4 };

typedef struct ProcessorModel {
    const KnownModel *model;
    bool passing; /* loaded while the processor is opened, and not kept */
    bool judge;   /* the picture does not depend on it, only whether there is one */
} ProcessorModel;

typedef struct ProcessorNeeds {
    ProcessorModel models[PROCESSOR_MODELS_MOST];
    int model_count;
    int64_t once_bytes;   /* kept, beside the models and the one source of most runs */
    int64_t thread_bytes; /* scratch memory of each thread, with what its models need while they run */
    int64_t column_bytes; /* more of it for each column of the frame */
} ProcessorNeeds;

typedef struct ProcessorKind {
    const char *name; /* "face_swapper" */
    const char *help; /* one line */
    bool needs_source;
    bool whole_frame; /* it is shown every frame, not only those with a face to be changed */
    /* Adds what it takes with these options, asked before anything is opened. ERROR_USAGE for options that
     * cannot be. NULL: nothing. */
    Status (*needs)(const ProcessorOptions *options, ProcessorNeeds *needs, Error *err);
    bool needs_record; /* the whole video is looked at first: config->record */
    bool every_frame;  /* with it, detectors look at every frame of it, so that no face is missed */
    Status (*open)(void **state, const ProcessorConfig *config, Error *err);
    /* Whether a frame has to be changed; NULL: when a face of it is selected. In-order thread. */
    bool (*wants)(void *state, const AVFrame *frame, const FrameFaces *faces);
    /* `thread` is 0..threads-1; no two calls with the same number run at once. The frame is writable; its
     * place may be taken by another one, which then no processor comes behind. */
    Status (*process)(void *state, int thread, AVFrame *frame, const FrameFaces *faces, Error *err);
    void (*free)(void **state);
} ProcessorKind;

/* `passing` as in ProcessorModel. */
void processor_needs_model(ProcessorNeeds *needs, const KnownModel *model, bool passing);

/* The sources' pictures: how many, and each by its number. */
int processor_source_count(const ProcessorOptions *options);
const char *processor_source(const ProcessorOptions *options, int number);

/* By its name, or by the path of a shared object (face/plugin.h). NULL when there is none of that name. */
const ProcessorKind *processor_find(const char *name);
/* All of them, `count` filled. */
const ProcessorKind *const *processor_all(int *count);

#endif
