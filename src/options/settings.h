/* All values a run depends on, after the command line was parsed and checked against the one option table.
 *
 * Filled by options_parse; every field has an entry in the table (options/table.c), which knows its name,
 * type, range, default, help and config key. Strings are owned by the Settings. settings_to_json /
 * settings_from_json carry the whole across the process boundary, driven by the same table. Plain data; no
 * thread rule.
 */
#ifndef RUNBATCH_OPTIONS_SETTINGS_H
#define RUNBATCH_OPTIONS_SETTINGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "options/table.h"

/* Frames per second as a fraction; 0/1: as the input. */
typedef struct FrameRate {
    int num;
    int den;
} FrameRate;

/* A size, or a share of a whole (a volume, the machine's memory). */
typedef struct Share {
    int64_t bytes;  /* counts when percent is 0 */
    double percent; /* 0..100 */
} Share;

/* Where a value is from; a later one counts before an earlier one. */
typedef enum SettingsFrom {
    SETTINGS_FROM_TABLE = 0, /* the default */
    SETTINGS_FROM_CONFIG,    /* [defaults] of runbatch.ini */
    SETTINGS_FROM_EARLIER,   /* the run that `resume` goes on with */
    SETTINGS_FROM_PRESET,
    SETTINGS_FROM_LINE,
} SettingsFrom;

typedef struct Settings {
    /* what to work on */
    char *source_dir;  /* "source" */
    char *input_dir;   /* "inputVideos" */
    char *output_dir;  /* "outputVideos" */
    TextList sources;  /* -s: images; none: the first of source_dir */
    char *target;      /* -t of `run`; NULL otherwise */
    char *at;          /* of `preview`; NULL: the middle */
    int64_t sheet;     /* moments of `preview`; 0: one */
    TextList compare;  /* of `preview`: changes (options/vary.h), none or two */
    char *output;      /* -o of `run`; NULL otherwise */
    char *output_name; /* "{source}_{number}" */
    TextList ranges;   /* positional */
    TextList files;    /* positional of `info` */
    TextList words;    /* positional of `models` */
    TextList videos;   /* positional of the commands that show or ask */
    /* faces */
    TextList frame_processors;   /* "face_swapper" */
    char *face_swapper_model;    /* "mesh", or a swapper's name in the catalogue */
    char *pixel_boost;           /* "off", or the side of the swapper's crop */
    char *face_enhancer_model;   /* "classical", or an enhancer's name in the catalogue */
    int64_t face_enhancer_blend; /* percent */
    double face_enhancer_weight;
    char *frame_enhancer_model;   /* a frame enhancer's name in the catalogue */
    int64_t frame_enhancer_blend; /* percent */
    int64_t tile_size;            /* 0: by the limit of memory */
    TextList face_masks;          /* "box", "hull", "occlusion", "region"; none: each way's own edge */
    double face_mask_blur;
    char *face_mask_padding;    /* "0,0,0,0" */
    TextList face_mask_regions; /* none: all */
    char *face_occluder_model;  /* names in the catalogue */
    char *face_parser_model;
    char *face_detector_model;  /* a detector's name in the catalogue */
    char *face_embedder_model;  /* an embedder's name in the catalogue */
    double face_detector_score; /* 0: the model's own threshold */
    char *face_map;             /* a file (options/face_map.h); NULL: none */
    bool many_faces;
    char *reference_face_order; /* "left-right", …: face/select.h */
    int64_t reference_face_position;
    int64_t reference_frame_number;
    double similar_face_distance;
    char *anonymizer_way;     /* "blur", "pixelate", "solid", "replace" */
    char *anonymizer_face;    /* NULL: the average one */
    TextList keep_identities; /* pictures */
    char *person_names;       /* of `faces`: "3=anna,4=ben"; NULL otherwise */
    char *html;               /* of `faces`: a file; NULL: none */
    /* output */
    bool keep_fps;
    FrameRate output_fps; /* as given; ask settings_frame_rate for what holds */
    bool skip_audio;
    char *output_video_encoder;
    int64_t output_video_quality;
    char *output_video_preset; /* NULL: the encoder's own */
    char *verify;              /* "normal", "full" */
    /* safety */
    bool restart;            /* begin anew what is finished or begun */
    double chunk_seconds;    /* of video in one chunk */
    double stop_grace_s;     /* how long a stop waits for the current chunk's end */
    double stall_timeout_s;  /* 0: never */
    Share disk_reserve;      /* 0: the smaller of 1 GB and 2 % of the volume */
    double disk_timeout_s;   /* how long to wait for space; 0: for ever */
    char *sandbox;           /* "strict", "auto", "off" */
    char *frame_store;       /* "memory", "disk" */
    char *temp_frame_format; /* "png", "jpg" */
    int64_t temp_frame_quality;
    char *temp_dir; /* NULL: the video's work folder */
    bool keep_frames;
    /* machine */
    char *preset;             /* NULL: none; its values are in the other fields already */
    char *execution_provider; /* "cpu" */
    int64_t execution_threads;
    int64_t decoder_threads;        /* 0: one per core, at most 4 */
    int64_t encoder_threads;        /* 0: one per core, at most 16 */
    int64_t frame_budget_bytes;     /* 0: worked out from the video's size */
    int64_t max_memory_bytes;       /* of one worker; 8 GB; 0: no limit */
    Share max_total_memory;         /* of the whole batch; 0: what there is */
    int64_t max_video_memory_bytes; /* of a graphics card */
    double memory_high;             /* percent; more than memory_resume */
    double memory_resume;           /* percent */
    double memory_timeout_s;        /* 0: as long as it takes */
    double memory_poll_s;
    char *on_memory_timeout; /* "continue", "fail" */
    int64_t jobs;            /* videos at once; 0: auto */
    char *order;             /* "natural", …: planner_order */
    int64_t lot_size;        /* videos in a lot; 0: all in one */
    char *models_dir;        /* NULL: the standard places */
    /* how to talk */
    bool dry_run;
    bool watch; /* `status` */
    bool quiet;
    bool verbose;
    bool json;
    unsigned char from[OPTION_MOST]; /* a SettingsFrom by row of the table; not in JSON */
    bool content_gate;
    char *content_gate_model;
    double content_gate_threshold;
    bool provenance;         /* write "made with" metadata into outputs */
    bool provenance_sidecar; /* and beside them; nothing without `provenance` */
} Settings;

/* Fills `settings` (which owns nothing before) with the table's defaults. */
void settings_defaults(Settings *settings);
/* Copes with a zeroed one; leaves it zeroed. */
void settings_free(Settings *settings);

/* The constant rate to write, or 0/1 for every frame at its own time: --output-fps, else 30 without
 * --keep-fps (as in roop), else 0/1. */
FrameRate settings_frame_rate(const Settings *settings);

/* Bytes of a share of `whole`; 0: none was set. */
int64_t settings_share_bytes(const Share *share, int64_t whole);

/* Whether faces are given to others. */
bool settings_swap(const Settings *settings);

/* Whether one of the processors needs the source face's picture: with a face map that names them, none. */
bool settings_needs_source(const Settings *settings);

/* The paths that a file option has; none for options of other types. */
void option_files(const Option *option, const Settings *settings, TextList *paths);

/* The files that the picture depends on beside the video and the source picture: those that options name
 * which change the picture. Paths as given. */
void settings_files(const Settings *settings, TextList *paths);

/* An option has its default, as if nobody had set it. */
void settings_reset(Settings *settings, const char *name);

/* Whether a graphics card is wanted, for the models or for the encoder. */
bool settings_use_gpu(const Settings *settings);

/* Whether frames go through files (--frame-store disk). */
bool settings_frames_on_disk(const Settings *settings);

/* Makes values agree with each other: frame files that are kept are frame files (as in roop, --keep-frames
 * alone is enough), and options that have no effect get their defaults, so that no output is made anew for
 * them. Done by options_parse and settings_from_json. */
void settings_settle(Settings *settings);

/* A new object; values equal to their defaults included. */
json_t *settings_to_json(const Settings *settings);
/* The same for a later run, which may be started in another folder: all paths are absolute. */
json_t *settings_to_json_anywhere(const Settings *settings);
/* Checks every value as the command line's are; a key that is left out keeps its default, an unknown one is
 * ERROR_USAGE. On failure `settings` owns nothing. */
Status settings_from_json(const json_t *object, Settings *settings, Error *err);

#endif
