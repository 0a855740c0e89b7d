#include "worker/gate_pass.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "face/content_gate.h"

bool gate_is_wanted(const Settings *settings)
{
    return settings->content_gate && settings_swap(settings);
}

Status gate_refuse_model(const char *name, Error *err)
{
    Text known = {0};
    for (size_t i = 0; i < known_model_count; i++) {
        if (known_models[i].role == MODEL_CONTENT_GATE) {
            text_appendf(&known, "%s%s", known.length > 0 ? ", " : "", known_models[i].name);
        }
    }
    (void)error_setf(err, ERROR_USAGE, "cannot look at the content", NULL, "no classifier is called \"%s\"",
                     name);
    error_advise(err, "--content-gate-model can be %s", known.data);
    text_free(&known);
    return STATUS_FAILED;
}

void gate_scores_add(GateScores *scores, float score)
{
    int place = scores->count < GATE_FRAMES ? scores->count : GATE_FRAMES;
    for (; place > 0 && scores->highest[place - 1] < score; place--) {
        if (place < GATE_FRAMES) {
            scores->highest[place] = scores->highest[place - 1];
        }
    }
    if (place < GATE_FRAMES) {
        scores->highest[place] = score;
    }
    scores->count++;
}

float gate_scores_decisive(const GateScores *scores)
{
    const int last = scores->count < GATE_FRAMES ? scores->count : GATE_FRAMES;
    return last > 0 ? scores->highest[last - 1] : 0;
}

/* ---- the note ---- */

static bool has_passed(const GatePass *pass)
{
    char *path = path_join(pass->folder, GATE_NOTE_NAME);
    json_t *note = json_load_file(path, 0, NULL);
    const char *key = json_string_value(json_object_get(note, "key"));
    const double threshold = json_number_value(json_object_get(note, "threshold"));
    const bool passed =
        key != NULL && strcmp(key, pass->key) == 0 && threshold <= pass->settings->content_gate_threshold;
    json_decref(note);
    memory_free(path);
    return passed;
}

/* Where it cannot be written the pass is taken again, no more. */
static void note_passed(const GatePass *pass, const GateScores *scores)
{
    char *path = path_join(pass->folder, GATE_NOTE_NAME);
    json_t *note = json_pack("{s:s, s:f, s:i, s:f}", "key", pass->key, "threshold",
                             pass->settings->content_gate_threshold, "frames", scores->count, "score",
                             (double)gate_scores_decisive(scores));
    char *text = memory_check(json_dumps(note, JSON_COMPACT));
    (void)unlink(path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd >= 0) {
        if (write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
            (void)unlink(path);
        }
        (void)close(fd);
    }
    memory_free(text);
    json_decref(note);
    memory_free(path);
}

/* ---- the frames ---- */

typedef struct Looking {
    const GatePass *pass;
    Reader *reader;
    const MediaInfo *info;
    AVFrame *frame;
    ContentGate *gate;
    GateScores scores;
} Looking;

static Status look_at(Looking *looking, Error *err)
{
    float score = 0;
    const Status status =
        content_gate_score(looking->gate, looking->frame, looking->info->orientation, &score, err);
    gate_scores_add(&looking->scores, score);
    return status;
}

static Status next_frame(Looking *looking, Error *err)
{
    av_frame_unref(looking->frame);
    atomic_fetch_add(looking->pass->work, 1);
    return atomic_load(looking->pass->stop) ? STATUS_STOPPED
                                            : reader_next(looking->reader, looking->frame, err);
}

static Status open_reader(Looking *looking, Error *err)
{
    reader_free(&looking->reader);
    const ReaderConfig config = {.path = looking->pass->input, .threads = looking->pass->decoder_threads};
    const Status status = reader_open(&looking->reader, &config, err);
    if (status == STATUS_OK) {
        reader_watch(looking->reader, looking->pass->stop, looking->pass->work);
        looking->info = reader_info(looking->reader);
    }
    return status;
}

/* Every hundredth frame, all of them decoded. */
static Status look_through(Looking *looking, Error *err)
{
    Status status = STATUS_OK;
    looking->scores = (GateScores){0};
    for (int64_t number = 0; status == STATUS_OK; number++) {
        status = next_frame(looking, err);
        if (status == STATUS_OK && number % GATE_EVERY == 0) {
            status = look_at(looking, err);
        }
    }
    return status == STATUS_EOF ? STATUS_OK : status;
}

static int64_t ticks_between(const MediaInfo *info)
{
    const AVRational rate = info->frame_rate;
    return rate.num > 0 && rate.den > 0 ? av_rescale_q(GATE_EVERY, av_inv_q(rate), info->time_base) : 0;
}

/* The key frame at or before `pts`; where that was seen already, because key frames are far apart, the frame
 * at `pts` itself. */
static Status go_to(Looking *looking, int64_t pts, int64_t last_pts, Error *err)
{
    Status status = last_pts == INT64_MIN ? STATUS_OK : reader_seek(looking->reader, pts, err);
    if (status == STATUS_OK) {
        status = next_frame(looking, err);
    }
    if (status == STATUS_OK && looking->frame->pts <= last_pts) {
        while (status == STATUS_OK && looking->frame->pts < pts) {
            status = next_frame(looking, err);
        }
    }
    return status;
}

/* STATUS_AGAIN: this file does not lend itself to that. */
static Status look_by_seeking(Looking *looking, Error *err)
{
    const int64_t step = ticks_between(looking->info);
    const int64_t frames = looking->info->frame_count;
    int64_t last_pts = INT64_MIN;
    for (int64_t number = 0; number < frames; number += GATE_EVERY) {
        const int64_t pts = looking->info->first_pts + number / GATE_EVERY * step;
        Status status = go_to(looking, pts, last_pts, err);
        if (status == STATUS_EOF) {
            return looking->scores.count >= GATE_FRAMES ? STATUS_OK : STATUS_AGAIN;
        }
        if (status == STATUS_OK) {
            last_pts = looking->frame->pts;
            status = look_at(looking, err);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/* What could not be read looks like the end. */
static Status check_reads(const Looking *looking, Error *err)
{
    const int error = reader_damage(looking->reader).read_errno;
    return error == 0
               ? STATUS_OK
               : error_set_errno(err, ERROR_DISK, "cannot read the whole video", looking->pass->input, error);
}

static Status look(Looking *looking, Error *err)
{
    Error ignored = {0};
    Status status = open_reader(looking, err);
    if (status != STATUS_OK) {
        return status;
    }
    /* A few frames are decoded as fast. */
    if (ticks_between(looking->info) <= 0 || looking->info->frame_count < GATE_EVERY * (GATE_FRAMES + 1)) {
        return look_through(looking, err);
    }
    status = look_by_seeking(looking, &ignored);
    if (check_reads(looking, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (status == STATUS_AGAIN || (status == STATUS_FAILED && ignored.class_ == ERROR_INPUT)) {
        status = open_reader(looking, err);
        return status == STATUS_OK ? look_through(looking, err) : status;
    }
    if (status == STATUS_FAILED) {
        *err = ignored;
    }
    return status;
}

static Status judge(const GatePass *pass, const GateScores *scores, Error *err)
{
    const double score = (double)gate_scores_decisive(scores);
    log_info("content gate: %.2f on %d frames, refused from %.2f", score, scores->count,
             pass->settings->content_gate_threshold);
    if (scores->count > 0 && score >= pass->settings->content_gate_threshold) {
        (void)error_setf(err, ERROR_REFUSED, "refused by the content gate", pass->input,
                         "it seems to show pornography: %.2f on %d of %d frames looked at, refused from %.2f",
                         score, scores->count < GATE_FRAMES ? scores->count : GATE_FRAMES, scores->count,
                         pass->settings->content_gate_threshold);
        error_advise(err, "if that is wrong: --content-gate-threshold or --no-content-gate");
        return STATUS_FAILED;
    }
    note_passed(pass, scores);
    return STATUS_OK;
}

Status gate_pass(const GatePass *pass, Error *err)
{
    if (!gate_is_wanted(pass->settings) || has_passed(pass)) {
        return STATUS_OK;
    }
    const KnownModel *model = known_model_find(pass->settings->content_gate_model);
    if (model == NULL || model->role != MODEL_CONTENT_GATE) {
        return gate_refuse_model(pass->settings->content_gate_model, err);
    }
    Looking looking = {.pass = pass, .frame = memory_check(av_frame_alloc())};
    Status status = content_gate_open(&looking.gate, model, pass->settings->models_dir,
                                      provider_from_name(pass->settings->execution_provider), err);
    if (status == STATUS_OK) {
        status = look(&looking, err);
    }
    if (status == STATUS_OK) {
        status = check_reads(&looking, err);
    }
    content_gate_free(&looking.gate);
    reader_free(&looking.reader);
    av_frame_free(&looking.frame);
    return status == STATUS_OK ? judge(pass, &looking.scores, err) : status;
}
