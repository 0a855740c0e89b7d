/* The mark every output of a changed face carries: a comment, and XMP with IPTC's DigitalSourceType.
 *
 * Sources: IPTC Photo Metadata Standard (Digital Source Type, term compositeWithTrainedAlgorithmicMedia), XMP
 * Specification Part 3 (the uuid box of MPEG-4 files). One thread.
 */
#ifndef RUNBATCH_WORKER_PROVENANCE_H
#define RUNBATCH_WORKER_PROVENANCE_H

#include <jansson.h>

#include "base/error.h"
#include "base/text.h"

enum { PROVENANCE_PAIRS = 4 };

/* Metadata for WriterConfig.metadata; the strings live as long as this. Zero-initialise, fill with
 * provenance_make, free with provenance_free. */
typedef struct Provenance {
    char *comment;
    const char *pairs[PROVENANCE_PAIRS][2]; /* the last has a NULL key */
} Provenance;

/* `processors`: the names of what was done, "face_swapper". `final_name` tells by its extension whether the
 * XMP packet goes into a box (provenance_add_xmp) or is a tag: Matroska and WebM have no other place for it.
 */
void provenance_make(Provenance *provenance, const TextList *processors, const char *final_name);
void provenance_free(Provenance *provenance);

/* Adds the XMP box to the end of a finished MPEG-4 or QuickTime file at `path`; `final_name` tells by its
 * extension whether it is one. Other containers carry the pairs only. */
Status provenance_add_xmp(const char *path, const char *final_name, Error *err);

#define PROVENANCE_PART_NAME "provenance.xmp" /* in a video's folder, for a moment */

/* Whether OUTPUT.xmp may be written: ERROR_ENVIRONMENT where there is one that runbatch has not written. */
Status provenance_check_sidecar(const char *output, Error *err);
/* Writes the XMP packet into the file OUTPUT.xmp, by way of a file in `folder`, so that it is whole under its
 * name. A file of that name that runbatch has not written is left, and is an ERROR_ENVIRONMENT. */
Status provenance_write_sidecar(const char *output, const char *folder, Error *err);

/* What a file says of that, from what media_describe told of it: "marked", "version", "processors",
 * "digital_source_type" (null where it does not say), "xmp" (whether the XMP packet says so too). New. */
json_t *provenance_read(const json_t *described);

#endif
