#include "worker/job_shape.h"

#include <libavutil/pixdesc.h>
#include <math.h>

#include "base/text.h"
#include "media/reader.h"
#include "media/writer.h"
#include "pipeline/pipeline.h"
#include "report/i18n.h"
#include "worker/needed_models.h"

MemoryTask job_memory_task(const Settings *settings, const MediaLook *look)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(av_get_pix_fmt(look->pixel_format));
    NeededModels needed;
    (void)needed_models(settings, &needed, NULL); /* what cannot be is refused elsewhere */
    const OwnModelsMemory own = needed_models_memory(&needed, settings->models_dir);
    return (MemoryTask){
        .decoder = look->codec,
        .width = look->width,
        .height = look->height,
        .bit_depth = look->bit_depth,
        .chroma_width_shift = format != NULL ? format->log2_chroma_w : 1,
        .chroma_height_shift = format != NULL ? format->log2_chroma_h : 1,
        .reference_frames = look->reference_frames,
        .frames = look->frames,
        .audio_streams = settings->skip_audio ? 0 : look->audio_streams,
        .encoder = settings->output_video_encoder,
        .preset = settings->output_video_preset,
        .enlarge = output_factor(settings),
        .faces = settings->frame_processors.count > 0,
        .own_model_bytes = own.bytes,
        .own_loading_bytes = own.loading_bytes,
        .own_thread_bytes = needed.thread_bytes + needed.column_bytes * look->width,
    };
}

static int threads_of(int64_t asked, int processors, int most)
{
    const int own = processors < most ? processors : most;
    return asked > 0 ? (int)asked : own;
}

WorkerShape job_shape_asked(const Settings *settings, const MemoryTask *task, int processors)
{
    const int64_t threads = settings->execution_threads;
    const int64_t frame_bytes = memory_frame_bytes(task);
    const int64_t budget = memory_frame_budget(settings->frame_budget_bytes, frame_bytes, threads);
    const int64_t most = pipeline_frames_most((int)threads) * frame_bytes;
    return (WorkerShape){
        .execution_threads = (int)threads,
        .decoder_threads = threads_of(settings->decoder_threads, processors, READER_THREADS_MAX),
        .encoder_threads = threads_of(settings->encoder_threads, processors, WRITER_THREADS_MAX),
        .frame_budget_bytes = most > 0 && most < budget ? most : budget,
    };
}

static double gigabytes_up(int64_t bytes)
{
    return ceil((double)bytes / 1e7) / 100;
}

const char *job_memory_text(const MemoryEstimate *estimate, char *buffer, size_t size)
{
    static const char *const names[MEMORY_PART_COUNT] = {
        [MEMORY_PROGRAM] = N_("program"), [MEMORY_DECODER] = N_("decoder"),
        [MEMORY_ENCODER] = N_("encoder"), [MEMORY_MODELS] = N_("models"),
        [MEMORY_FRAMES] = N_("frames"),   [MEMORY_CONTAINERS] = N_("containers"),
        [MEMORY_RESERVE] = N_("reserve"),
    };
    Text text = {0};
    text_appendf(&text, _("%.2f GB"), gigabytes_up(estimate->total_bytes));
    const char *between = ": ";
    for (int i = 0; i < MEMORY_PART_COUNT; i++) {
        const double part = (double)estimate->part_bytes[i] / 1e9;
        if (part >= 0.005) {
            text_append(&text, between);
            text_appendf(&text, "%s %.2f", _(names[i]), part);
            between = ", ";
        }
    }
    text_copy(buffer, size, text.data);
    text_free(&text);
    return buffer;
}

static bool is_default(int64_t max_memory_bytes)
{
    Settings usual;
    settings_defaults(&usual);
    const bool same = max_memory_bytes == usual.max_memory_bytes;
    settings_free(&usual);
    return same;
}

/* `asked`: it is --max-memory that is too little, not what there is. */
static Status refuse(bool asked, int64_t budget_bytes, const MemoryTask *task, Error *err)
{
    char needs[256];
    const WorkerShape least = memory_least_shape(task);
    const MemoryEstimate needed = memory_needed(task, &least);
    char what[128];
    const double budget_gb = (double)budget_bytes / 1e9;
    if (asked && is_default(budget_bytes)) {
        (void)snprintf(what, sizeof what, _("cannot work within %.2f GB, the default of --max-memory"),
                       budget_gb);
    } else if (asked) {
        (void)snprintf(what, sizeof what, _("cannot work within --max-memory %.2f GB"), budget_gb);
    } else {
        (void)snprintf(what, sizeof what,
                       _("cannot work within %.2f GB, which is all there is for a worker here"), budget_gb);
    }
    (void)error_setf(err, ERROR_USAGE, what, NULL, _("needs at least %s"),
                     job_memory_text(&needed, needs, sizeof needs));
    error_advise(
        err,
        asked ? _("--max-memory %.2f is the least that works")
              : _("a worker needs %.2f GB: see --max-total-memory, --memory-high, and the limit of the "
                  "machine or container"),
        gigabytes_up(needed.total_bytes));
    return STATUS_FAILED;
}

Status job_shape_choose(const Settings *settings, const MemoryTask *task, int processors,
                        int64_t budget_bytes, WorkerShape *shape, Error *err)
{
    *shape = job_shape_asked(settings, task, processors);
    return memory_shape(task, budget_bytes, shape) == MEMORY_FITS_NOT
               ? refuse(budget_bytes == settings->max_memory_bytes, budget_bytes, task, err)
               : STATUS_OK;
}
