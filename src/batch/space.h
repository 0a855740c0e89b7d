/* Space on the volumes that a batch writes to: what a video will need, whether that is there. Pure but for
 * space_look.
 *
 * Three places are written to: the work folder (chunks), the output folder (the unfinished output), and with
 * --frame-store disk the folder of the frame files. Those on one volume are added. An estimate that is too
 * low does no harm (workers are held, and a video that ran out of space goes on from its last chunk); one
 * that is too high makes the batch wait for nothing: so guesses stay low until finished videos correct them.
 */
#ifndef RUNBATCH_BATCH_SPACE_H
#define RUNBATCH_BATCH_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "options/settings.h"

typedef enum SpacePlace {
    SPACE_WORK = 0,
    SPACE_OUTPUT,
    SPACE_FRAMES,
    SPACE_PLACES,
} SpacePlace;

typedef struct SpaceVolume {
    bool known;         /* a place that is not used, or of which nothing is known, always has enough */
    const char *folder; /* for messages */
    uint64_t device;    /* the same for places on one volume */
    int64_t total;      /* bytes */
    int64_t free;       /* bytes that this user may still write */
    int64_t files_free; /* how many files can still be made; -1: no limit */
} SpaceVolume;

/* What the volume of `folder` (or of its nearest parent that exists) has. Never fails: unknown then. */
SpaceVolume space_look(const char *folder);

/* The volumes of a batch's three places, by `look` (space_look, but for tests). The folders are the batch's
 * own strings. */
void space_look_all(const Settings *settings, const char *state_dir, const char *output_dir,
                    SpaceVolume (*look)(const char *folder), SpaceVolume volumes[SPACE_PLACES]);

/* What is known of a video. */
typedef struct SpaceVideo {
    int64_t input_bytes; /* -1 unknown */
    int width;           /* 0 unknown, as the next four */
    int height;
    double frame_rate;
    double duration_s;
    int bit_depth;
    int64_t chunk_bytes; /* of its chunks that are there already */
} SpaceVideo;

/* What videos made with the same settings took, summed up. Zero-initialise. */
typedef struct SpaceHistory {
    double pixel_seconds; /* of those whose size and duration are known */
    double pixel_bytes;   /* of their outputs */
    double input_bytes;   /* of all */
    double output_bytes;
} SpaceHistory;

void space_learn(SpaceHistory *history, const SpaceVideo *video, int64_t output_bytes);

typedef struct SpaceNeed {
    int64_t bytes[SPACE_PLACES];
} SpaceNeed;

/* How large the encoded video will be. By what finished videos took for each pixel and second (for each byte
 * of input where size or duration are not known), otherwise by the encoder and its quality. */
int64_t space_encoded_bytes(const SpaceVideo *video, const Settings *settings, const SpaceHistory *history);

/* What is still to be written. */
SpaceNeed space_need(const SpaceVideo *video, const Settings *settings, const SpaceHistory *history);
void space_add(SpaceNeed *sum, const SpaceNeed *need);

/* What must stay free: as asked, otherwise the smaller of 1 GB and 2 % of the volume. */
int64_t space_reserve(const Share *asked, int64_t total);

typedef struct SpaceVerdict {
    bool enough;
    SpaceVolume volume; /* that has not enough; its free space less what was promised to others */
    int64_t need;       /* on that volume; 0: none, it is just below its reserve */
    int64_t reserve;
} SpaceVerdict;

/* `volumes`: one a place. Whether `need` fits into what is free less the reserve and less what was `promised`
 * to running videos. */
SpaceVerdict space_fits(const SpaceVolume *volumes, const SpaceNeed *need, const SpaceNeed *promised,
                        const Share *reserve);

/* Whether workers may go on writing: no volume below its reserve. Once they are `held`, only when there is a
 * quarter of it more. */
SpaceVerdict space_may_go_on(const SpaceVolume volumes[SPACE_PLACES], const Share *reserve, bool held);

/* "needs 812.0 MB, 300.0 MB free of 1.00 GB on outputVideos, reserve 20.5 MB": a phrase (report/phrase.h).
 * `size` >= 256. Returns `buffer`. */
const char *space_text(const SpaceVerdict *verdict, char *buffer, size_t size);

#endif
