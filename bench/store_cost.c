/* What the store and the recipes cost a batch, by the wall clock and in memory.
 *
 * usage: store_cost FOLDER VIDEOS INPUT
 *
 * FOLDER: where the store is made, anew; on the volume to be measured. INPUT: a file that stands for each
 * video.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/text.h"
#include "batch/recipe.h"
#include "batch/store.h"
#include "memory/meminfo.h"

static double now_ms(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec * 1e-6;
}

static double resident_mb(void)
{
    ProcessMemory memory;
    return meminfo_read_process("/", 0, &memory, NULL) == STATUS_OK ? (double)memory.rss_bytes / 1e6 : 0;
}

static void need(Status status, const Error *err)
{
    char text[1024];
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "%s\n", error_text(err, text, sizeof text));
        exit(1);
    }
}

/* A video of three chunks from being queued to being done: 10 synced transactions. */
static void live(Store *store, int number, const Recipe *recipe)
{
    Error err = {0};
    VideoRow row = {.output = text_format("face_%d.mp4", number),
                    .input = text_format("inputVideos/clip_%d.mp4", number),
                    .state = VIDEO_QUEUED,
                    .position = number,
                    .recipe = text_duplicate(recipe->json)};
    text_copy(row.key, sizeof row.key, recipe->key);
    need(store_video_save(store, &row, &err), &err);
    row.state = VIDEO_RUNNING;
    need(store_video_save(store, &row, &err), &err);
    AttemptRow attempt = {.video = row.id, .began_s = 1};
    need(store_attempt_begin(store, &attempt, &err), &err);
    need(store_video_save(store, &row, &err), &err); /* started: frames, duration */
    ChunkReport chunk = {.frames = 250, .checksum = "0123456789abcdef0123456789abcdef"};
    for (chunk.index = 0; chunk.index < 3; chunk.index++) {
        need(store_chunk_save(store, row.id, &chunk, &err), &err);
    }
    need(store_attempt_save(store, &attempt, &err), &err);
    row.state = VIDEO_DONE;
    need(store_video_save(store, &row, &err), &err);
    need(store_chunks_forget(store, row.id, &err), &err);
    video_row_free(&row);
}

static bool count_video(void *context, const VideoRow *row)
{
    (void)row;
    ++*(int *)context;
    return true;
}

static void measure_reading(const char *folder)
{
    Error err = {0};
    Store *store = NULL;
    int count = 0;
    const double began = now_ms();
    need(store_open(&store, folder, STORE_READ, NULL, NULL, &err), &err);
    const double opened = now_ms();
    need(store_each_video(store, count_video, &count, &err), &err);
    (void)printf("open for reading %.2f ms, read %d videos %.2f ms\n", opened - began, count,
                 now_ms() - opened);
    store_close(&store);
}

static void measure_progress(Store *store, int count)
{
    Error err = {0};
    VideoRow row = {.id = 1};
    double began = now_ms();
    for (int i = 0; i < count; i++) {
        row.frames_done = i;
        need(store_video_progress(store, &row, &err), &err);
    }
    (void)printf("progress alone %.3f ms\n", (now_ms() - began) / count);
    began = now_ms();
    for (int i = 0; i < count; i++) {
        store_begin(store);
        row.frames_done = i;
        need(store_video_progress(store, &row, &err), &err);
        need(store_sample(store, 1, 0, i, i, i, &err), &err);
        need(store_sample(store, 1, 1, i, i, i, &err), &err);
        need(store_commit(store, false, &err), &err);
    }
    (void)printf("progress and two samples %.3f ms\n", (now_ms() - began) / count);
    Request request;
    began = now_ms();
    for (int i = 0; i < count; i++) {
        (void)store_take_request(store, &request, &err);
    }
    (void)printf("asked for requests, none there %.4f ms\n", (now_ms() - began) / count);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        (void)fprintf(stderr, "usage: store_cost FOLDER VIDEOS INPUT\n");
        return 2;
    }
    const int videos = atoi(argv[2]);
    Error err = {0};
    Settings settings;
    settings_defaults(&settings);
    RecipeBook *book = NULL;
    Recipe recipe = {0};
    double began = now_ms();
    need(recipe_book_new(&book, &settings, &(TextList){&argv[3], 1, 0}, NULL, &err), &err);
    (void)printf("recipes: what is common %.2f ms", now_ms() - began);
    began = now_ms();
    for (int i = 0; i < videos; i++) {
        recipe_free(&recipe);
        need(recipe_make(book, argv[3], argv[3], &recipe, &err), &err);
    }
    (void)printf(", each %.3f ms\n", (now_ms() - began) / videos);

    Store *store = NULL;
    began = now_ms();
    need(store_open(&store, argv[1], STORE_WRITE, NULL, NULL, &err), &err);
    (void)printf("open for writing, new %.2f ms\n", now_ms() - began);
    double first = 0;
    began = now_ms();
    for (int i = 1; i <= videos; i++) {
        live(store, i, &recipe);
        first = i == 10 ? resident_mb() : first;
    }
    (void)printf("a video's life %.2f ms; growth of memory from video 10 on %.2f MB\n",
                 (now_ms() - began) / videos, resident_mb() - first);
    measure_progress(store, 10 * videos);
    store_close(&store);
    began = now_ms();
    need(store_open(&store, argv[1], STORE_WRITE, NULL, NULL, &err), &err);
    (void)printf("open for writing, found %.2f ms\n", now_ms() - began);
    store_close(&store);
    measure_reading(argv[1]);
    recipe_free(&recipe);
    recipe_book_free(&book);
    settings_free(&settings);
    return 0;
}
