/* Where the program sees faces: for every frame of a video the five points of each face that its tracker
 * follows, and, to judge these by, of each face that is found in that frame for itself.
 *
 * usage: face_points [--alone] [--detector NAME] [--models DIR] VIDEO
 *
 * Prints a line of JSON a frame: {"t": seconds, "cut": bool, "faces": [{"track", "seen", "opacity", "points":
 * [[x, y] x 5], …}], "alone": [{"points"}]}, in pixels of the upright picture. "alone" is there with --alone,
 * which takes six times as long.
 */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/alloc.h"
#include "face/models.h"

typedef struct Options {
    const char *video;
    const char *detector;
    const char *models_dir;
    bool alone;
} Options;

typedef struct Seen {
    FaceModels *models;
    FaceTracker *tracker;
    Reader *reader;
    Affine to_upright;
} Seen;

static json_t *points_of(const Seen *seen, const Mesh *mesh)
{
    Point points[5];
    json_t *list = json_array();
    mesh_five_points(mesh, points);
    for (int i = 0; i < 5; i++) {
        const Point at = affine_apply(&seen->to_upright, points[i]);
        (void)json_array_append_new(list, json_pack("[f, f]", (double)at.x, (double)at.y));
    }
    return list;
}

static Status add_alone(const Seen *seen, const AVFrame *frame, json_t *line, Error *err)
{
    StillFace *faces = memory_alloc(FACES_MAX, sizeof *faces);
    int count = 0;
    const MediaInfo *info = reader_info(seen->reader);
    const Status status = face_find_in_frame(seen->models, frame, info->orientation,
                                             info->sample_aspect_ratio, faces, FACES_MAX, &count, err);
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        (void)json_array_append_new(list, json_pack("{s:o}", "points", points_of(seen, &faces[i].mesh)));
    }
    (void)json_object_set_new(line, "alone", list);
    memory_free(faces);
    return status;
}

static Status tell(const Seen *seen, const AVFrame *frame, bool alone, Error *err)
{
    static FrameFaces faces;
    if (face_tracker_next(seen->tracker, frame, &faces, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    json_t *list = json_array();
    for (int i = 0; i < faces.count; i++) {
        const Face *face = &faces.face[i];
        (void)json_array_append_new(list,
                                    json_pack("{s:i, s:b, s:f, s:f, s:o}", "track", face->track, "seen",
                                              face->seen, "opacity", (double)face->opacity, "score",
                                              (double)face->score, "points", points_of(seen, &face->mesh)));
    }
    json_t *line =
        json_pack("{s:f, s:b, s:o}", "t", (double)frame->pts * av_q2d(reader_info(seen->reader)->time_base),
                  "cut", faces.scene_cut, "faces", list);
    const Status status = alone ? add_alone(seen, frame, line, err) : STATUS_OK;
    if (status == STATUS_OK) {
        (void)json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(7));
        (void)fputc('\n', stdout);
    }
    json_decref(line);
    return status;
}

static Status open_all(Seen *seen, const Options *options, Error *err)
{
    const FaceModelsConfig models = {
        .models_dir = options->models_dir, .threads = 1, .detector = options->detector};
    if (face_models_open(&seen->models, &models, err) != STATUS_OK ||
        reader_open(&seen->reader, &(ReaderConfig){.path = options->video}, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    const MediaInfo *info = reader_info(seen->reader);
    int width = 0;
    int height = 0;
    const Affine to_stored = models_upright_to_stored(info->width, info->height, info->orientation,
                                                      info->sample_aspect_ratio, &width, &height);
    (void)affine_invert(&to_stored, &seen->to_upright);
    const FaceTrackerConfig tracker = {.models = seen->models,
                                       .orientation = info->orientation,
                                       .sample_aspect_ratio = info->sample_aspect_ratio,
                                       .time_base = info->time_base,
                                       .many_faces = true};
    return face_tracker_new(&seen->tracker, &tracker, err);
}

static Status look(const Options *options, Error *err)
{
    Seen seen = {0};
    AVFrame *frame = memory_check(av_frame_alloc());
    Status status = open_all(&seen, options, err);
    while (status == STATUS_OK) {
        av_frame_unref(frame);
        status = reader_next(seen.reader, frame, err);
        if (status == STATUS_OK) {
            status = tell(&seen, frame, options->alone, err);
        }
    }
    av_frame_free(&frame);
    face_tracker_free(&seen.tracker);
    reader_free(&seen.reader);
    face_models_free(&seen.models);
    return status == STATUS_EOF ? STATUS_OK : status;
}

static bool parse(int argc, char **argv, Options *options)
{
    *options = (Options){0};
    for (int i = 1; i < argc; i++) {
        const bool more = i + 1 < argc;
        if (strcmp(argv[i], "--alone") == 0) {
            options->alone = true;
        } else if (strcmp(argv[i], "--detector") == 0 && more) {
            options->detector = argv[++i];
        } else if (strcmp(argv[i], "--models") == 0 && more) {
            options->models_dir = argv[++i];
        } else if (argv[i][0] != '-' && options->video == NULL) {
            options->video = argv[i];
        } else {
            return false;
        }
    }
    return options->video != NULL;
}

int main(int argc, char **argv)
{
    Options options;
    if (!parse(argc, argv, &options)) {
        (void)fprintf(stderr, "usage: face_points [--alone] [--detector NAME] [--models DIR] VIDEO\n");
        return 2;
    }
    Error err = {0};
    if (look(&options, &err) != STATUS_OK) {
        char text[1024];
        (void)fprintf(stderr, "face_points: %s\n", error_text(&err, text, sizeof text));
        return 1;
    }
    return 0;
}
