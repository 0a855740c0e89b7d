/* The models that runbatch knows (models/catalogue.ini, as a table that is made when the program is built):
 * what goes in, how, and what comes out means. The default ones, and those that users bring.
 *
 * A known model's file is found in the folders of infer/catalogue.h under one of its names; whether it is one
 * is told by its real inputs and outputs. The table is constant: any thread may read it.
 */
#ifndef RUNBATCH_INFER_KNOWN_MODEL_H
#define RUNBATCH_INFER_KNOWN_MODEL_H

#include <stdbool.h>

#include "infer/session.h"

typedef enum ModelRole {
    MODEL_DETECTOR,
    MODEL_DETECTOR_ROTATED,
    MODEL_MESH,
    MODEL_LANDMARKER,
    MODEL_EMBEDDER,
    MODEL_CONVERTER, /* of one embedder's embeddings to another's */
    MODEL_SWAPPER,
    MODEL_FACE_ENHANCER,
    MODEL_FRAME_ENHANCER,
    MODEL_PARSER,
    MODEL_OCCLUDER,
    MODEL_CONTENT_GATE,
    MODEL_IRIS,
    MODEL_ROLE_COUNT
} ModelRole;

/* Where the eye centres, the nose tip and the mouth corners lie in a crop. */
typedef enum AlignTemplate {
    ALIGN_NONE,
    ALIGN_ARCFACE_112_V1,
    ALIGN_ARCFACE_112_V2,
    ALIGN_ARCFACE_128,
    ALIGN_FFHQ_512,
    ALIGN_MTCNN_512,
    ALIGN_TEMPLATE_COUNT
} AlignTemplate;

/* What a swapper takes of the source. An embedding is that of KnownModel.embedder. */
typedef enum ModelSource {
    SOURCE_NONE,
    SOURCE_IMAGE,               /* the aligned face */
    SOURCE_EMBEDDING_UNIT,      /* divided by its length */
    SOURCE_EMBEDDING_MATRIX,    /* the same times the matrix in the model's file (embedding times matrix, as a
                                   row),    divided by its length */
    SOURCE_EMBEDDING_CONVERTED, /* as it is, through KnownModel.converter */
    SOURCE_EMBEDDING_CONVERTED_UNIT, /* the same, then divided by its length */
} ModelSource;

/* A square picture that goes in: (value - mean) * scale of 0..255, for each channel in the model's order. */
typedef struct ModelPicture {
    int side; /* 0: any, or not square */
    AlignTemplate align;
    float mean[3];
    float scale[3];
} ModelPicture;

typedef struct KnownModel {
    const char *name; /* "inswapper_128" */
    ModelRole role;
    const char *kind; /* "inswapper": models of one kind are run alike */
    const char *const
        *files; /* names it is known by, the best first; fnmatch(3), without regard to case; NULL ends */
    const Port *inputs; /* those of a session that known_model_open opened are in this order */
    const Port *outputs;
    int input_count;
    int output_count;
    bool bgr;  /* the channels are blue, green, red */
    bool nhwc; /* the picture is [1, height, width, 3] */
    int size;  /* side of the square picture that goes in; 0: any, or not square */
    AlignTemplate align;
    float mean[3], scale[3]; /* (value - mean) * scale of 0..255, in the model's channel order */
    float out_mean[3],
        out_scale[3];            /* out * out_scale + out_mean = 0..255, to be clipped; scale 0: no picture */
    float threshold;             /* first value for the score; 0: none */
    int factor;                  /* of a frame enhancer; otherwise 0 */
    ModelSource source;          /* of a swapper */
    ModelPicture source_picture; /* SOURCE_IMAGE; the channels' order is the target's */
    const char *embedder;        /* names of known models, or NULL */
    const char *converter;
    bool half_weights;   /* the file's weights are of 16 bits; in memory they are of 32 */
    int64_t bytes;       /* of a default model's file; otherwise 0 */
    const char *sha256;  /* 64 hexadecimal digits; NULL: a user's own, of which any version may be right */
    const char *package; /* a default model's npm package; otherwise NULL */
    const char *licence;
    const char *origin; /* where a user gets it; NULL: scripts/setup.sh */
} KnownModel;

extern const KnownModel known_models[];
extern const size_t known_model_count;

/* By catalogue name; NULL when there is none. */
const KnownModel *known_model_find(const char *name);

/* By a file's name, without folder, whatever is in it; NULL when no model is known by it. */
const KnownModel *known_model_of_file(const char *file);

/* "swapper"; stable, for JSON too. */
const char *model_role_name(ModelRole role);

/* The file of a known model in the models folders, in new memory that the caller frees; `models_dir` may be
 * NULL. ERROR_MODEL names the folders and where to get it. */
Status known_model_path(const KnownModel *model, const char *models_dir, char **path, Error *err);

/* Finds it, and checks what its file tells of its inputs and outputs without loading it. A model that passes
 * may still turn out to be another one when it is loaded. */
Status known_model_check(const KnownModel *model, const char *models_dir, Error *err);

/* Finds and loads it, and checks its real inputs and outputs. The session's inputs and outputs are in the
 * catalogue's order, whatever the file's is. */
Status known_model_open(Session **session, const KnownModel *model, const char *models_dir, Provider provider,
                        int threads, Error *err);

#endif
