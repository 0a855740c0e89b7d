/* A folder of its own for frame files, a source of frames, and what a test wants to know of the files. */
#ifndef RUNBATCH_TESTS_FRAME_FIXTURES_H
#define RUNBATCH_TESTS_FRAME_FIXTURES_H

#include "frame_reference.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "media/frame_difference.h"
#include "media/frame_files.h"
#include "media/media_log.h"

enum { WIDTH = 37, HEIGHT = 21, MOST_FRAMES = 64 };

static char root[64];
static char folder[96];

static inline int make_root(void **state)
{
    (void)state;
    media_log_init();
    (void)snprintf(root, sizeof root, "/tmp/runbatch-frames-XXXXXX");
    const bool made = mkdtemp(root) != NULL;
    (void)snprintf(folder, sizeof folder, "%s/frames", root);
    return made ? 0 : -1;
}

static inline int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

static inline int remove_root(void **state)
{
    (void)state;
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- a source of frames ---- */

typedef struct Source {
    AVFrame *frames[MOST_FRAMES];
    int count;
    int next;
    int chunk; /* frames in each */
    FramePool *pool;
} Source;

static inline Status read_frame(void *context, AVFrame *frame, uint64_t *note, Error *err)
{
    (void)err;
    Source *source = context;
    if (source->next == source->count) {
        return STATUS_EOF;
    }
    assert_null(frame->buf[0]);
    assert_int_equal(av_frame_ref(frame, source->frames[source->next]), 0);
    *note = 1000 + (uint64_t)source->next++;
    return STATUS_OK;
}

static inline bool begins_chunk(void *context, int64_t pts, int64_t pts_before)
{
    const Source *source = context;
    return pts / 10 / source->chunk > pts_before / 10 / source->chunk;
}

static inline Source make_source(enum AVPixelFormat format, int count, int chunk)
{
    Source source = {.count = count, .chunk = chunk, .pool = frame_pool_new(1 << 24)};
    for (int i = 0; i < count; i++) {
        AVFrame *frame = make_moderate_frame(format, WIDTH, HEIGHT, AVCOL_RANGE_MPEG, AVCOL_SPC_BT709);
        frame->pts = 10 * i;
        frame->sample_aspect_ratio = (AVRational){4, 3};
        source.frames[i] = frame;
    }
    return source;
}

static inline void free_source(Source *source)
{
    for (int i = 0; i < source->count; i++) {
        av_frame_free(&source->frames[i]);
    }
    frame_pool_free(&source->pool);
}

static inline FrameFilesConfig config_of(Source *source)
{
    return (FrameFilesConfig){.folder = folder,
                              .kind = STILL_PNG,
                              .pool = source->pool,
                              .read = read_frame,
                              .begins_chunk = begins_chunk,
                              .context = source};
}

static inline FrameFiles *open_files(const FrameFilesConfig *config)
{
    char text[1600];
    Error err = {0};
    FrameFiles *files = NULL;
    if (frame_files_open(&files, config, &err) != STATUS_OK) {
        fail_msg("%s", error_text(&err, text, sizeof text));
    }
    return files;
}

static inline void assert_ok(Status status, const Error *err)
{
    char text[1600];
    if (status != STATUS_OK) {
        fail_msg("%d: %s", (int)status, error_text(err, text, sizeof text));
    }
}

static inline AVFrame *next_frame(FrameFiles *files, uint64_t *note)
{
    Error err = {0};
    AVFrame *frame = av_frame_alloc();
    Status status = STATUS_AGAIN;
    for (int i = 0; i < 1000 && status == STATUS_AGAIN; i++) {
        status = frame_files_next(files, frame, note, &err);
    }
    if (status == STATUS_EOF) {
        av_frame_free(&frame);
        return NULL;
    }
    assert_ok(status, &err);
    return frame;
}

static inline AVFrame *taken(FrameFiles *files, const AVFrame *frame)
{
    Error err = {0};
    AVFrame *picture = av_frame_alloc();
    assert_ok(frame_files_take(files, frame, picture, &err), &err);
    return picture;
}

/* ---- what lies in the folder ---- */

static inline int names_sorted(char names[MOST_FRAMES][64])
{
    struct dirent **entries = NULL;
    const int found = scandir(folder, &entries, NULL, alphasort);
    int count = 0;
    for (int i = 0; i < found; i++) {
        if (entries[i]->d_name[0] != '.') {
            assert_in_range(count, 0, MOST_FRAMES - 1);
            (void)snprintf(names[count++], 64, "%.63s", entries[i]->d_name);
        }
        free(entries[i]);
    }
    free(entries);
    return found < 0 ? -1 : count;
}

static inline void assert_holds(const char *expected)
{
    char names[MOST_FRAMES][64];
    const int count = names_sorted(names);
    Text text = {0};
    text_append(&text, "");
    for (int i = 0; i < count; i++) {
        text_appendf(&text, "%s%s", i > 0 ? " " : "", names[i]);
    }
    assert_string_equal(text.data, expected);
    text_free(&text);
}

static inline const char *file_path(const char *name)
{
    static char path[160];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static inline void put_file(const char *name, const void *bytes, size_t count)
{
    FILE *file = fopen(file_path(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

/* Makes a picture file of a format of its own, as a program for pictures would. */
static inline void draw(const char *name, const char *arguments)
{
    char command[512];
    (void)snprintf(command, sizeof command,
                   "ffmpeg -nostdin -v error -y -f lavfi -i color=c=0x246caa:s=64x64,format=rgb24,crop=%s "
                   "-frames:v 1 -f image2 "
                   "-update 1 %s",
                   arguments, file_path(name));
    assert_int_equal(system(command), 0); // NOLINT
}

#endif
