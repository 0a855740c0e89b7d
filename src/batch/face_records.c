#include "batch/face_records.h"

#include <libavutil/cpu.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/hash.h"
#include "face/record.h"
#include "infer/known_model.h"
#include "memory/limiter.h"
#include "report/format.h"
#include "worker/message.h"
#include "worker/needed_models.h"
#include "worker/process.h"

enum { LOOKERS_MOST = 4, END_WAIT_MS = 300, POLL_MS = 100 };

/* A worker that looks at a video. */
typedef struct Looker {
    Process process;
    Limit limit;
    LineBuffer inbox;
    size_t index;
    int64_t alive_ms; /* when it last got on */
    int64_t work;
    bool answered;
} Looker;

typedef struct Looking {
    const Settings *settings;
    const Plan *plan;
    const FaceRecordsHooks *hooks;
    FaceRecords *records;
    json_t *settings_json;
    char models[HASH_SIZE]; /* what the models are */
    Limiter *limiter;       /* NULL: no limit */
    Looker looker[LOOKERS_MOST];
    int lookers;
    size_t next;
    size_t done;
} Looking;

void face_records_free(FaceRecords *records)
{
    for (size_t i = 0; i < records->count; i++) {
        memory_free(records->items[i].path);
    }
    memory_free(records->items);
    *records = (FaceRecords){0};
}

/* ---- what a record is made from ---- */

static void add_identity(Hash *hash, const FileIdentity *identity)
{
    char text[128];
    (void)snprintf(text, sizeof text, "%lld %lld %s\n", (long long)identity->size,
                   (long long)identity->mtime_ns, identity->parts);
    hash_add(hash, text, strlen(text));
}

static Status know_models(Looking *looking, Error *err)
{
    Hash *hash = hash_new();
    FaceModelsConfig faces = face_models_config(looking->settings);
    const KnownModel *list[FACE_MODELS_MOST];
    int count = 0;
    faces.with_embedder = true;
    Status status = face_models_list(&faces, list, &count, err);
    hash_add(hash, RUNBATCH_VERSION, sizeof RUNBATCH_VERSION);
    hash_add(hash, &faces.detector_score, sizeof faces.detector_score);
    for (int i = 0; status == STATUS_OK && i < count; i++) {
        FileIdentity identity;
        char *path = NULL;
        hash_add(hash, list[i]->name, strlen(list[i]->name) + 1);
        status = known_model_path(list[i], looking->settings->models_dir, &path, err);
        if (status == STATUS_OK) {
            status = file_identity(path, ERROR_MODEL, &identity, err);
        }
        if (status == STATUS_OK) {
            add_identity(hash, &identity);
        }
        memory_free(path);
    }
    hash_digest(hash, looking->models);
    hash_free(&hash);
    return status;
}

static Status make_key(const Looking *looking, const char *input, char key[HASH_SIZE], Error *err)
{
    FileIdentity identity;
    const Status status = file_identity(input, ERROR_INPUT, &identity, err);
    if (status == STATUS_OK) {
        Hash *hash = hash_new();
        hash_add(hash, looking->models, HASH_DIGITS);
        add_identity(hash, &identity);
        hash_digest(hash, key);
        hash_free(&hash);
    }
    return status;
}

/* ---- workers ---- */

static void settle(Looking *looking, size_t index)
{
    looking->done++;
    if (looking->hooks->told != NULL) {
        looking->hooks->told(looking->hooks->context, &looking->plan->items[index],
                             &looking->records->items[index], looking->done, looking->plan->count);
    }
}

static void end_looker(const Looking *looking, Looker *looker)
{
    if (looker->process.pid > 0) {
        process_end(&looker->process, END_WAIT_MS);
    }
    process_close(&looker->process);
    limiter_end(looking->limiter, &looker->limit);
    line_buffer_free(&looker->inbox);
    *looker = (Looker){.process = {.channel = -1, .errors = -1}};
}

static Status start(Looking *looking, Looker *looker, size_t index, const char *key, Error *err)
{
    static const char *const arguments[] = {"runbatch", "worker", NULL};
    const PlanItem *item = &looking->plan->items[index];
    char *folder = path_folder(looking->records->items[index].path);
    Message job = {.kind = MESSAGE_JOB,
                   .settings = looking->settings_json,
                   .input = item->input,
                   .output = item->output,
                   .temporary = folder,
                   .folder = folder,
                   .faces_only = true};
    text_copy(job.key, sizeof job.key, key);
    Status status = folder_make(folder, err);
    if (status == STATUS_OK) {
        limiter_begin(looking->limiter, looking->settings->max_memory_bytes, &looker->limit);
        status = process_spawn(NULL, arguments, &looker->process, err);
    }
    if (status == STATUS_OK) {
        (void)limiter_bind(looking->limiter, &looker->limit, looker->process.pid);
        (void)message_send(looker->process.channel, &job, NULL); /* one that is gone is seen soon */
        looker->index = index;
        looker->alive_ms = clock_now_ms();
    }
    memory_free(folder);
    return status;
}

/* Begins with the next video that has no record yet. */
static Status start_next(Looking *looking, Looker *looker, Error *err)
{
    while (looking->next < looking->plan->count) {
        const size_t index = looking->next++;
        FaceRecordFile *file = &looking->records->items[index];
        char key[HASH_SIZE];
        if (make_key(looking, looking->plan->items[index].input, key, &file->error) == STATUS_OK) {
            FaceRecord *record = NULL;
            const Status there = face_record_open(&record, file->path, key, &file->error);
            face_record_free(&record);
            if (there == STATUS_AGAIN) {
                return start(looking, looker, index, key, err);
            }
        }
        settle(looking, index);
    }
    return STATUS_OK;
}

static void hear(Looker *looker, const Message *message, FaceRecordFile *file)
{
    if (message->kind == MESSAGE_PROGRESS && message->work != looker->work) {
        looker->work = message->work;
        looker->alive_ms = clock_now_ms();
    } else if (message->kind == MESSAGE_DONE || message->kind == MESSAGE_FAILED) {
        looker->answered = true;
        file->error = message->error;
    }
}

static void explain_end(const Looker *looker, bool over, const char *input, Error *err)
{
    char limit[32];
    if (over || group_oom_kills(&looker->limit.group) > 0) {
        (void)error_setf(err, ERROR_MEMORY, "cannot look for faces", input,
                         "it needed more memory than its limit, %s",
                         format_gigabytes(looker->limit.bytes, limit, sizeof limit));
        error_advise(err, "give it more with --max-memory");
    } else {
        (void)error_set(err, ERROR_CRASH, "cannot look for faces", input, "its worker ended without a word");
    }
}

/* Whether it is over. */
static bool listen_to(const Looking *looking, Looker *looker)
{
    FaceRecordFile *file = &looking->records->items[looker->index];
    const PlanItem *item = &looking->plan->items[looker->index];
    const Status filled = line_buffer_fill(&looker->inbox, looker->process.channel);
    const char *line = NULL;
    size_t length = 0;
    char bytes[4096];
    while (read(looker->process.errors, bytes, sizeof bytes) > 0) {
    }
    while (line_buffer_next(&looker->inbox, &line, &length) == STATUS_OK) {
        Message message;
        if (message_parse(line, length, &message, &file->error) != STATUS_OK) {
            return true;
        }
        hear(looker, &message, file);
        message_free(&message);
    }
    const bool over = limit_is_over(&looker->limit, limit_used("/", looker->process.pid));
    if (!looker->answered && (over || filled == STATUS_EOF)) {
        explain_end(looker, over, item->input, &file->error);
        return true;
    }
    const double stalled_s = (double)(clock_now_ms() - looker->alive_ms) / 1000;
    const double most_s = looking->settings->stall_timeout_s;
    if (!looker->answered && most_s > 0 && stalled_s > most_s) {
        (void)error_setf(&file->error, ERROR_TIMEOUT, "cannot look for faces", item->input,
                         "nothing got on for %.0f s", stalled_s);
        return true;
    }
    return looker->answered;
}

static void wait_for_any(Looking *looking)
{
    struct pollfd files[LOOKERS_MOST];
    for (int i = 0; i < looking->lookers; i++) {
        files[i] = (struct pollfd){.fd = looking->looker[i].process.channel, .events = POLLIN};
    }
    (void)poll(files, (nfds_t)looking->lookers, POLL_MS);
}

static Status look(Looking *looking, Error *err)
{
    Status status = STATUS_OK;
    while (status == STATUS_OK && looking->done < looking->plan->count) {
        for (int i = 0; i < looking->lookers && status == STATUS_OK; i++) {
            if (looking->looker[i].process.pid == 0) {
                status = start_next(looking, &looking->looker[i], err);
            }
        }
        if (status != STATUS_OK || looking->done == looking->plan->count) {
            break;
        }
        wait_for_any(looking);
        for (int i = 0; i < looking->lookers; i++) {
            Looker *looker = &looking->looker[i];
            if (looker->process.pid > 0 && listen_to(looking, looker)) {
                const size_t index = looker->index;
                end_looker(looking, looker);
                settle(looking, index);
            }
        }
    }
    return status;
}

static json_t *settings_for(const Settings *settings, int lookers)
{
    json_t *json = settings_to_json(settings);
    if (settings->decoder_threads == 0 && lookers > 1) {
        (void)json_object_set_new(json, "decoder-threads", json_integer(1));
    }
    return json;
}

Status face_records_make(const Settings *settings, const Plan *plan, const FaceRecordsHooks *hooks,
                         FaceRecords *records, Error *err)
{
    const int asked = settings->jobs > 0 ? (int)settings->jobs : av_cpu_count();
    Looking looking = {.settings = settings, .plan = plan, .hooks = hooks, .records = records};
    looking.lookers = asked < LOOKERS_MOST ? asked : LOOKERS_MOST;
    looking.settings_json = settings_for(settings, looking.lookers);
    *records =
        (FaceRecords){.items = memory_alloc(plan->count + 1, sizeof *records->items), .count = plan->count};
    for (size_t i = 0; i < plan->count; i++) {
        char *name = text_format("faces/%s/" FACE_RECORD_NAME, path_name(plan->items[i].input));
        records->items[i].path = path_join(plan->state_dir, name);
        memory_free(name);
    }
    for (int i = 0; i < looking.lookers; i++) {
        looking.looker[i].process = (Process){.channel = -1, .errors = -1};
    }
    Status status = know_models(&looking, err);
    if (status == STATUS_OK) {
        looking.limiter = settings->max_memory_bytes > 0 ? limiter_new(&(LimiterConfig){.root = "/"}) : NULL;
        status = look(&looking, err);
    }
    for (int i = 0; i < looking.lookers; i++) {
        end_looker(&looking, &looking.looker[i]);
    }
    limiter_free(&looking.limiter);
    json_decref(looking.settings_json);
    if (status != STATUS_OK) {
        face_records_free(records);
    }
    return status;
}
