/* The middle step of the way over frame files, for bench/throughput.py: swaps the face in every PNG of a
 * folder, in place, each file for itself, as the old system does: read, detect, swap, write. Uses the
 * program's own face code, so that what is compared is the way the frames go and not the models.
 *
 * usage: frame_files SOURCE_IMAGE FOLDER THREADS
 */
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <libavcodec/avcodec.h>
#include <libswscale/swscale.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "face/face.h"
#include "face/processor.h"
#include "face/skin.h"
#include "media/still.h"

typedef struct Batch {
    FaceModels *models;
    const ProcessorKind *swapper;
    void *swapper_state;
    TextList files;
    atomic_size_t next;
    atomic_bool failed;
} Batch;

typedef struct Worker {
    Batch *batch;
    int number;
    pthread_t thread;
} Worker;

static Status png_write(const AVFrame *frame, const char *path, Error *err)
{
    Status status = STATUS_FAILED;
    FILE *file = NULL;
    AVPacket *packet = av_packet_alloc();
    AVFrame *rgb = av_frame_alloc();
    struct SwsContext *scaler = NULL;
    AVCodecContext *encoder = avcodec_alloc_context3(avcodec_find_encoder(AV_CODEC_ID_PNG));
    if (packet == NULL || rgb == NULL || encoder == NULL) {
        error_set(err, ERROR_MEMORY, "cannot write the picture", path, "out of memory");
        goto done;
    }
    rgb->format = AV_PIX_FMT_RGB24;
    rgb->width = frame->width;
    rgb->height = frame->height;
    scaler = sws_getContext(frame->width, frame->height, (enum AVPixelFormat)frame->format, rgb->width,
                            rgb->height, AV_PIX_FMT_RGB24, SWS_POINT, NULL, NULL, NULL);
    encoder->width = frame->width;
    encoder->height = frame->height;
    encoder->pix_fmt = AV_PIX_FMT_RGB24;
    encoder->time_base = (AVRational){1, 1};
    if (scaler == NULL || av_frame_get_buffer(rgb, 0) < 0 ||
        sws_scale(scaler, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height, rgb->data,
                  rgb->linesize) < 0 ||
        avcodec_open2(encoder, NULL, NULL) < 0 || avcodec_send_frame(encoder, rgb) < 0 ||
        avcodec_receive_packet(encoder, packet) < 0) {
        error_set(err, ERROR_ENCODER, "cannot write the picture", path, "the png encoder refused");
        goto done;
    }
    file = fopen(path, "wbe");
    if (file == NULL || fwrite(packet->data, 1, (size_t)packet->size, file) != (size_t)packet->size) {
        error_set(err, ERROR_SPACE, "cannot write the picture", path, "the write failed");
        goto done;
    }
    status = STATUS_OK;
done:
    if (file != NULL && fclose(file) != 0) {
        status = STATUS_FAILED;
    }
    sws_freeContext(scaler);
    avcodec_free_context(&encoder);
    av_frame_free(&rgb);
    av_packet_free(&packet);
    return status;
}

static Status swap_file(Worker *worker, const char *path, Error *err)
{
    const Batch *batch = worker->batch;
    Status status = STATUS_FAILED;
    Orientation orientation = {0};
    StillFace *found = memory_alloc(FACES_MAX, sizeof *found);
    FrameFaces *faces = memory_alloc(1, sizeof *faces);
    Image scratch = {0};
    int count = 0;
    AVFrame *frame = av_frame_alloc();
    if (frame == NULL || still_read(path, frame, &orientation, err) != STATUS_OK ||
        face_find_in_still(batch->models, frame, orientation, found, FACES_MAX, &count, err) != STATUS_OK) {
        goto done;
    }
    for (int i = 0; i < count; i++) {
        Face *face = &faces->face[faces->count++];
        *face = (Face){
            .track = i, .score = found[i].score, .opacity = 1.0F, .selected = true, .mesh = found[i].mesh};
        if (skin_stats_from_frame(frame, &face->mesh, orientation.mirrored, frame->sample_aspect_ratio,
                                  &scratch, &face->skin, err) != STATUS_OK) {
            goto done;
        }
    }
    if (av_frame_make_writable(frame) < 0 ||
        batch->swapper->process(batch->swapper_state, worker->number, frame, faces, err) != STATUS_OK) {
        goto done;
    }
    status = png_write(frame, path, err);
done:
    image_free(&scratch);
    av_frame_free(&frame);
    memory_free(found);
    memory_free(faces);
    return status;
}

static void *work(void *argument)
{
    Worker *worker = argument;
    Batch *batch = worker->batch;
    size_t index = 0;
    while ((index = atomic_fetch_add(&batch->next, 1)) < batch->files.count && !atomic_load(&batch->failed)) {
        Error err = {0};
        if (swap_file(worker, batch->files.items[index], &err) != STATUS_OK) {
            char line[1024];
            (void)fprintf(stderr, "%s\n", error_text(&err, line, sizeof line));
            atomic_store(&batch->failed, true);
        }
    }
    return NULL;
}

static void list_pictures(const char *folder, TextList *files)
{
    DIR *directory = opendir(folder);
    for (const struct dirent *entry = NULL; directory != NULL && (entry = readdir(directory)) != NULL;) {
        if (text_ends_with_nocase(entry->d_name, ".png")) {
            char *path = path_join(folder, entry->d_name);
            text_list_add(files, path);
            memory_free(path);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
}

int main(int argc, char **argv)
{
    enum { THREADS_MAX = 64 };
    const int threads = argc == 4 ? atoi(argv[3]) : 0;
    if (threads < 1 || threads > THREADS_MAX) {
        (void)fprintf(stderr, "usage: frame_files SOURCE_IMAGE FOLDER THREADS\n");
        return 2;
    }
    Batch batch = {.swapper = processor_find("face_swapper")};
    Worker workers[THREADS_MAX];
    Error err = {0};
    const FaceModelsConfig models = {.provider = PROVIDER_CPU, .threads = 1};
    if (face_models_open(&batch.models, &models, &err) == STATUS_OK) {
        const ProcessorConfig config = {.models = batch.models,
                                        .provider = PROVIDER_CPU,
                                        .options = {.source_path = argv[1]},
                                        .threads = threads};
        (void)batch.swapper->open(&batch.swapper_state, &config, &err);
    }
    if (error_is_set(&err)) {
        char line[1024];
        (void)fprintf(stderr, "%s\n", error_text(&err, line, sizeof line));
        return 1;
    }
    list_pictures(argv[2], &batch.files);
    for (int i = 0; i < threads; i++) {
        workers[i] = (Worker){.batch = &batch, .number = i};
        (void)pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
    for (int i = 0; i < threads; i++) {
        (void)pthread_join(workers[i].thread, NULL);
    }
    batch.swapper->free(&batch.swapper_state);
    face_models_free(&batch.models);
    text_list_free(&batch.files);
    return atomic_load(&batch.failed) ? 1 : 0;
}
