#include "worker/doubt_notes.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/files.h"

/* A file that cannot be written or read costs only what it would have told. */

static void load(DoubtNotes *notes, double go_on_s)
{
    enum { MOST = 8192 };
    char *text = NULL;
    int64_t size = 0;
    if (file_read(notes->path, MOST, &text, &size, NULL) == STATUS_OK) {
        json_t *object = json_loadb(text, (size_t)size, 0, NULL);
        (void)doubts_from_json(object, &notes->doubts);
        doubts_cut(&notes->doubts, go_on_s);
        json_decref(object);
        memory_free(text);
    }
}

static void save(const DoubtNotes *notes)
{
    json_t *object = doubts_to_json(&notes->doubts);
    (void)json_dump_file(object, notes->path, JSON_COMPACT);
    json_decref(object);
}

void doubt_notes_open(DoubtNotes *notes, const char *folder, double go_on_s)
{
    *notes = (DoubtNotes){.path = path_join(folder, DOUBT_NOTES_NAME)};
    if (go_on_s >= 0) {
        load(notes, go_on_s);
    }
}

void doubt_notes_free(DoubtNotes *notes)
{
    memory_free(notes->path);
    *notes = (DoubtNotes){0};
}

void doubt_notes_finish(DoubtNotes *notes)
{
    if (notes->open) {
        notes->open = false;
        doubts_add(&notes->doubts, notes->from_s, notes->to_s);
        save(notes);
    }
}

/* A face that is back after so long was perhaps there all the time; less is a frame or two. */
static const double gap_least_s = 0.2;
static const double gap_most_s = 2.0;

void doubt_notes_add(DoubtNotes *notes, const FrameFaces *faces, double time_s)
{
    const FacesDoubt doubt = faces_doubt(faces);
    notes->to_s = time_s;
    notes->shown = notes->shown && !faces->scene_cut;
    if (doubt != FACES_DOUBTFUL) {
        doubt_notes_finish(notes);
    } else if (!notes->open) {
        notes->open = true;
        notes->from_s = time_s;
    }
    if (doubt != FACES_NONE) {
        const double gap_s = time_s - notes->seen_s;
        if (notes->shown && gap_s >= gap_least_s && gap_s <= gap_most_s) {
            doubts_add(&notes->doubts, notes->seen_s, time_s);
            save(notes);
        }
        notes->shown = true;
        notes->seen_s = time_s;
    }
}

FacesDoubt faces_doubt(const FrameFaces *faces)
{
    static const float sure = 0.5F; /* of score and opacity */
    FacesDoubt doubt = FACES_NONE;
    for (int i = 0; i < faces->count; i++) {
        const Face *face = &faces->face[i];
        if (face->unsure) {
            doubt = FACES_DOUBTFUL;
        } else if (face->selected && doubt != FACES_DOUBTFUL) {
            const bool doubtful = !face->seen || face->opacity < sure || face->score < sure;
            doubt = doubtful ? FACES_DOUBTFUL : FACES_SURE;
        }
    }
    return doubt;
}
