#include "worker/reference_face.h"

static Status read_frame(const ReferenceFaceConfig *config, Reader *reader, AVFrame *frame, Error *err)
{
    for (int64_t number = 0;; number++) {
        if (atomic_load(config->stop)) {
            return STATUS_STOPPED;
        }
        av_frame_unref(frame);
        atomic_fetch_add(config->work, 1);
        const Status status = reader_next(reader, frame, err);
        if (status == STATUS_EOF) {
            (void)error_setf(err, ERROR_INPUT, "cannot take the reference face", config->input,
                             "the video has %lld frames, the reference is number %lld", (long long)number,
                             (long long)config->frame_number);
            error_advise(err, "choose another with --reference-frame-number");
            return STATUS_FAILED;
        }
        if (status != STATUS_OK || number == config->frame_number) {
            return status;
        }
    }
}

static Status take_face(const ReferenceFaceConfig *config, const AVFrame *frame, const MediaInfo *info,
                        float embedding[EMBEDDING_SIZE], Error *err)
{
    const int position = config->position < FACES_MAX ? (int)config->position : FACES_MAX;
    const Status status =
        face_reference_from_frame(config->models, frame, info->orientation, info->sample_aspect_ratio,
                                  config->order, position, embedding, err);
    if (status == STATUS_AGAIN) {
        (void)error_setf(err, ERROR_INPUT, "cannot take the reference face", config->input,
                         "there is no face in frame %lld", (long long)config->frame_number);
        error_advise(err, "choose another frame with --reference-frame-number, or use --many-faces");
        return STATUS_FAILED;
    }
    return status;
}

Status reference_face_find(const ReferenceFaceConfig *config, float embedding[EMBEDDING_SIZE], Error *err)
{
    Reader *reader = NULL;
    AVFrame *frame = av_frame_alloc();
    if (frame == NULL) {
        return error_set(err, ERROR_MEMORY, "cannot take the reference face", config->input, "out of memory");
    }
    Status status =
        reader_open(&reader, &(ReaderConfig){.path = config->input, .threads = config->decoder_threads}, err);
    if (status == STATUS_OK) {
        status = read_frame(config, reader, frame, err);
    }
    if (status == STATUS_OK) {
        status = take_face(config, frame, reader_info(reader), embedding, err);
    }
    av_frame_free(&frame);
    reader_free(&reader);
    return status;
}
