/* Stretches of a video in which it is not sure of a face: it was lost or turned far away, so that who watches
 * should look there. A fixed number of them; of more the longest stay. Pure, but for doubts_to_json. */
#ifndef RUNBATCH_REPORT_DOUBTS_H
#define RUNBATCH_REPORT_DOUBTS_H

#include <jansson.h>
#include <stdbool.h>

#include "base/text.h"

enum { DOUBTS_MOST = 20 };

/* In seconds from the first frame, in order, apart from each other. Zero-initialise. */
typedef struct Doubts {
    int count;
    int left_out; /* shorter ones, for which there was no room */
    double from_s[DOUBTS_MOST];
    double to_s[DOUBTS_MOST];
} Doubts;

/* Adds one that lies behind all others; near the last one (0.5 s) it goes on with that, shorter than 0.2 s it
 * is none. */
void doubts_add(Doubts *doubts, double from_s, double to_s);
/* Forgets what lies at or behind that time. */
void doubts_cut(Doubts *doubts, double time_s);

/* {"stretches": [[from, to], …], "left_out": n}. */
json_t *doubts_to_json(const Doubts *doubts);
/* From another process or a file: false, and none, unless it can be. */
bool doubts_from_json(const json_t *object, Doubts *doubts);

/* "0:12 to 0:14, 1:02 to 1:03, and 3 shorter ones"; at most `most` of them. */
void doubts_to_text(const Doubts *doubts, int most, Text *text);

#endif
