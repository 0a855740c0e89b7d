#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "media/media_log.h"
#include "memory/meminfo.h"
#include "worker/faces_job.h"
#include "worker/job.h"
#include "worker/log_limit.h"
#include "worker/message.h"
#include "worker/preview_job.h"
#include "worker/probe_loop.h"
#include "worker/process.h"
#include "worker/rate.h"
#include "worker/sandbox_job.h"

enum { PROGRESS_MS = 100, HEARTBEAT_MS = 1000 };

/* The channel is written by every thread that logs. */
typedef struct Outbox {
    pthread_mutex_t lock;
    int fd; /* writing needs the lock */
    atomic_bool closed;
} Outbox;

static Outbox outbox = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = PROCESS_CHANNEL_FD};

static void outbox_send(const Message *message)
{
    (void)pthread_mutex_lock(&outbox.lock);
    if (message_send(outbox.fd, message, NULL) != STATUS_OK) {
        atomic_store(&outbox.closed, true);
    }
    (void)pthread_mutex_unlock(&outbox.lock);
}

static void send_log_line(void *context, LogLevel level, const char *line)
{
    LogLimit *limit = context;
    const LogLimitAnswer answer = log_limit_ask(limit, level, clock_now_ms());
    if (answer == LOG_LIMIT_DROP) {
        return;
    }
    if (answer == LOG_LIMIT_TELL) {
        line = "more lines were left out";
    }
    Message message = {.kind = MESSAGE_LOG, .level = level, .text = text_duplicate(line)};
    outbox_send(&message);
    message_free(&message);
}

/* ---- the job's thread ---- */

typedef struct Run {
    Message job;
    Settings settings;
    JobControl control;
    VideoResult result;
    Error error;
    Status status;
    int shared;         /* JobConfig.shared */
    int finished;       /* eventfd: the job's thread is done */
    int64_t stop_at_ms; /* when it must not wait any longer for the end of a chunk; 0: it was not asked to */
} Run;

static void tell_opened(void *context, const MediaInfo *info, const WorkerShape *shape,
                        const MemoryEstimate *estimate)
{
    (void)context;
    Message message = {.kind = MESSAGE_STARTED, .shape = *shape, .estimate = *estimate};
    media_look_from(&message.look, info);
    outbox_send(&message);
}

static void tell_chunk(void *context, const ChunkInfo *chunk)
{
    (void)context;
    ProcessMemory memory = {0};
    if (!chunk->reused) {
        (void)meminfo_read_process("/", 0, &memory, NULL);
    }
    Message message = {
        .kind = MESSAGE_CHUNK,
        .chunk = {.index = chunk->index,
                  .reused = chunk->reused,
                  .last = chunk->last,
                  .first_frame = chunk->begin.frame,
                  .frames = chunk->counts.frames,
                  .packets = chunk->packets,
                  .bytes = chunk->bytes,
                  .rss_bytes = memory.rss_bytes},
    };
    text_copy(message.chunk.checksum, sizeof message.chunk.checksum, chunk->checksum);
    outbox_send(&message);
}

static void *run_job(void *argument)
{
    Run *run = argument;
    const JobConfig config = {
        .settings = &run->settings,
        .input = run->job.input,
        .output = run->job.output,
        .temporary = run->job.temporary,
        .folder = run->job.folder,
        .key = run->job.key,
        .source = run->job.source,
        .shared = run->shared,
        .people = run->job.people,
        .memory_bytes = run->job.memory_bytes,
    };
    Status (*job)(const JobConfig *, JobControl *, VideoResult *, Error *) =
        run->job.faces_only ? faces_job_run
        : run->job.preview  ? preview_job_run
                            : job_run;
    run->status = job(&config, &run->control, &run->result, &run->error);
    const uint64_t one = 1;
    (void)!write(run->finished, &one, sizeof one);
    return NULL;
}

/* ---- the main thread: listens, tells how far it is ---- */

typedef struct Teller {
    RateWindow rate; /* of this run's frames */
    int64_t sent_ms;
    int64_t sent_frames;
    int64_t sent_work;
} Teller;

static void tell_progress(Teller *teller, JobControl *control)
{
    const int64_t now_ms = clock_now_ms();
    const int64_t frames = atomic_load(&control->frames_done);
    const int64_t work = atomic_load(&control->work);
    const int64_t made = frames - atomic_load(&control->frames_reused);
    if (made > 0) {
        rate_add(&teller->rate, now_ms, made); /* opening the models does not count as slow frames */
    }
    const bool news = frames != teller->sent_frames || work != teller->sent_work;
    if (now_ms - teller->sent_ms < (news ? PROGRESS_MS : HEARTBEAT_MS)) {
        return;
    }
    const Message message = {
        .kind = MESSAGE_PROGRESS,
        .frames = frames,
        .fps = made > 0 ? rate_per_second(&teller->rate, now_ms, made) : 0,
        .work = work,
    };
    outbox_send(&message);
    teller->sent_ms = now_ms;
    teller->sent_frames = frames;
    teller->sent_work = work;
}

static void stop_now(Run *run)
{
    atomic_store(&run->control.stop, true);
}

/* The supervisor asks to stop: at the end of the chunk if that is near, and in any case in time. */
static void stop_within(Run *run, const Teller *teller, int64_t grace_ms)
{
    const int64_t now_ms = clock_now_ms();
    const int64_t made = atomic_load(&run->control.frames_done) - atomic_load(&run->control.frames_reused);
    const double fps = made > 0 ? rate_per_second(&teller->rate, now_ms, made) : 0;
    if (!job_stop_at_chunk(&run->control, grace_ms, fps)) {
        stop_now(run);
    } else if (grace_ms < INT64_MAX - now_ms) {
        run->stop_at_ms = now_ms + grace_ms;
    }
}

/* Does what the supervisor said. */
static void obey(Run *run, LineBuffer *inbox, const Teller *teller)
{
    const char *line = NULL;
    size_t length = 0;
    while (line_buffer_next(inbox, &line, &length) == STATUS_OK) {
        Message message;
        if (message_parse(line, length, &message, NULL) == STATUS_OK) {
            if (message.kind == MESSAGE_STOP) {
                stop_within(run, teller, message.grace_ms);
            } else if (message.kind == MESSAGE_SHARE) {
                job_set_share(&run->control, message.percent);
            }
        }
        message_free(&message);
    }
}

/* Reads what came. Ends the process when the supervisor is gone: what is finished is on the disk, the rest
 * the next run clears away. */
static void listen_to_supervisor(Run *run, LineBuffer *inbox, const Teller *teller)
{
    if (line_buffer_fill(inbox, PROCESS_CHANNEL_FD) == STATUS_EOF) {
        _exit(0);
    }
    obey(run, inbox, teller);
}

static void watch_job(Run *run, LineBuffer *inbox, int signals)
{
    enum { CHANNEL, SIGNALS, FINISHED, WATCHED };
    struct pollfd files[WATCHED] = {
        [CHANNEL] = {.fd = PROCESS_CHANNEL_FD, .events = POLLIN},
        [SIGNALS] = {.fd = signals, .events = POLLIN},
        [FINISHED] = {.fd = run->finished, .events = POLLIN},
    };
    Teller teller = {0};
    obey(run, inbox, &teller); /* it may have come together with the job */
    for (;;) {
        (void)poll(files, WATCHED, PROGRESS_MS);
        if (files[FINISHED].revents != 0) {
            return;
        }
        if (files[CHANNEL].revents != 0) {
            listen_to_supervisor(run, inbox, &teller);
        }
        if (files[SIGNALS].revents != 0) {
            stop_now(run);
            files[SIGNALS].fd = -1;
        }
        if (atomic_load(&outbox.closed) || (run->stop_at_ms > 0 && clock_now_ms() >= run->stop_at_ms)) {
            stop_now(run);
        }
        tell_progress(&teller, &run->control);
    }
}

static void tell_end(const Run *run)
{
    Message message = {.kind = MESSAGE_FAILED, .error = run->error};
    if (run->status == STATUS_OK) {
        message.kind = MESSAGE_DONE;
        message.result = run->result;
    } else if (run->status == STATUS_STOPPED) {
        (void)error_set(&message.error, ERROR_INTERRUPTED, "stopped", run->job.input, "it was asked to stop");
    } else if (!error_is_set(&run->error)) {
        (void)error_set(&message.error, ERROR_INTERNAL, "the video failed", run->job.input,
                        "no reason was given");
    }
    outbox_send(&message);
}

/* Waits for the first message, which must be a job. */
static bool receive_job(LineBuffer *inbox, Run *run)
{
    const char *line = NULL;
    size_t length = 0;
    Status status = STATUS_AGAIN;
    while ((status = line_buffer_next(inbox, &line, &length)) == STATUS_AGAIN) {
        if (line_buffer_fill(inbox, PROCESS_CHANNEL_FD) == STATUS_EOF) {
            return false;
        }
    }
    if (status != STATUS_OK || message_parse(line, length, &run->job, &run->error) != STATUS_OK) {
        return false;
    }
    if (run->job.kind == MESSAGE_JOB) {
        return settings_from_json(run->job.settings, &run->settings, &run->error) == STATUS_OK;
    }
    return false;
}

/* Before the sandbox, which knows no such place. Without it the worker does all by itself. */
static void open_shared(Run *run)
{
    const int fd = run->job.shared != NULL ? open(run->job.shared, O_RDWR | O_CLOEXEC) : 0;
    run->shared = fd > 0 ? fd : 0;
}

static void run_video(LineBuffer *inbox, int signals)
{
    Run run = {.control = JOB_CONTROL_INIT, .status = STATUS_FAILED};
    run.control.opened = tell_opened;
    run.control.chunk = tell_chunk;
    run.finished = eventfd(0, EFD_CLOEXEC);
    const int failure = errno;
    const bool received = receive_job(inbox, &run);
    if (received) {
        open_shared(&run);
    }
    if (!received) {
        if (error_is_set(&run.error)) {
            tell_end(&run);
        }
    } else if (run.finished < 0 || signals < 0) {
        (void)error_set_errno(&run.error, ERROR_ENVIRONMENT, "cannot prepare the work", run.job.input,
                              signals < 0 ? -signals : failure);
        tell_end(&run);
    } else if (sandbox_enter_for_job(&run.job, &run.settings, &run.error) != STATUS_OK) {
        tell_end(&run);
    } else {
        log_set_level(run.settings.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
        pthread_t thread;
        if (pthread_create(&thread, NULL, run_job, &run) == 0) {
            watch_job(&run, inbox, signals);
            (void)pthread_join(thread, NULL);
        } else {
            (void)error_set(&run.error, ERROR_MEMORY, "cannot start a thread", NULL, "out of resources");
        }
        tell_end(&run);
    }
    if (run.finished >= 0) {
        (void)close(run.finished);
    }
    if (run.shared > 0) {
        (void)close(run.shared);
    }
    settings_free(&run.settings);
    message_free(&run.job);
}

/* ---- main ---- */

/* The signals' file, or -errno. */
static int open_signals(void)
{
    sigset_t mask;
    (void)sigemptyset(&mask);
    (void)sigaddset(&mask, SIGTERM);
    (void)sigaddset(&mask, SIGINT);
    (void)sigaddset(&mask, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &mask, NULL);
    const int fd = signalfd(-1, &mask, SFD_CLOEXEC);
    return fd >= 0 ? fd : -errno;
}

static bool has_channel(void)
{
    struct stat status;
    return fstat(PROCESS_CHANNEL_FD, &status) == 0 && S_ISSOCK(status.st_mode) &&
           fcntl(PROCESS_CHANNEL_FD, F_SETFD, FD_CLOEXEC) == 0;
}

/* What a worker takes of memory must follow from its job, not from the order in which things happened. */
static void settle_memory(void)
{
    enum { HEAPS = 2, LARGE = 1 << 20, SPARE = 4 << 20, STACK = 2 << 20 };
    /* Every thread with a heap of its own would keep its own peak. */
    (void)mallopt(M_ARENA_MAX, HEAPS);
    /* Set, they no longer grow with what was freed: what is large goes back to the system at once. */
    (void)mallopt(M_MMAP_THRESHOLD, LARGE);
    (void)mallopt(M_TRIM_THRESHOLD, SPARE);
    /* RLIMIT_DATA counts stacks in full, and there may be a hundred. */
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) == 0) {
        if (pthread_attr_setstacksize(&attributes, STACK) == 0) {
            (void)pthread_setattr_default_np(&attributes);
        }
        (void)pthread_attr_destroy(&attributes);
    }
}

int worker_main(int argc, char **argv)
{
    const char *probe = NULL; /* its sandbox */
    for (int i = 0; i + 1 < argc; i++) {
        probe = strcmp(argv[i], "--probe") == 0 ? argv[i + 1] : probe;
    }
    if (!has_channel()) {
        (void)fputs("runbatch: worker is started by runbatch itself, not by hand\n", stderr);
        return 2;
    }
    (void)prctl(PR_SET_NAME, probe != NULL ? WORKER_PROBE_NAME : WORKER_PROCESS_NAME);
    settle_memory();
    if (probe == NULL) { /* a question that lacks memory has its own answer */
        memory_guard();
    }
    const int signals = open_signals();
    LogLimit limit = {0};
    log_set_sink(send_log_line, &limit);
    media_log_init();
    outbox_send(&(Message){.kind = MESSAGE_HELLO, .version = MESSAGE_VERSION, .program = RUNBATCH_VERSION});
    LineBuffer inbox = {0};
    if (probe != NULL) {
        probe_loop(&inbox, signals, probe, outbox_send);
    } else {
        run_video(&inbox, signals);
    }
    log_set_sink(NULL, NULL);
    line_buffer_free(&inbox);
    if (signals >= 0) {
        (void)close(signals);
    }
    return 0;
}
