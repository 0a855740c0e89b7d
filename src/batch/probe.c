#include "batch/probe.h"

#include <stdio.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"

enum { END_WAIT_MS = 300, DEFAULT_TIMEOUT_MS = 60000 };

void probe_init(Probe *probe, const char *executable, const char *sandbox, int timeout_ms)
{
    *probe = (Probe){
        .executable = executable,
        .sandbox = sandbox,
        .timeout_ms = timeout_ms > 0 ? timeout_ms : DEFAULT_TIMEOUT_MS,
        .process = {.channel = -1, .errors = -1},
    };
}

static Status ask(Probe *probe, const Message *question, int64_t now_ms, Error *err)
{
    const char *const arguments[] = {"runbatch", "worker", "--probe", probe->sandbox, NULL};
    if (probe->process.pid == 0 &&
        process_spawn(probe->executable, arguments, &probe->process, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    /* a worker that is gone is noticed when it is asked for the answer */
    (void)message_send(probe->process.channel, question, NULL);
    probe->asked = true;
    probe->asked_ms = now_ms;
    return STATUS_OK;
}

Status probe_ask(Probe *probe, const char *input, const char *output, int64_t now_ms, Error *err)
{
    const Message question = {
        .kind = MESSAGE_PROBE, .input = (char *)(uintptr_t)input, .output = (char *)(uintptr_t)output};
    return ask(probe, &question, now_ms, err);
}

Status probe_ask_look(Probe *probe, const char *input, int64_t now_ms, Error *err)
{
    const Message question = {.kind = MESSAGE_LOOK, .input = (char *)(uintptr_t)input};
    return ask(probe, &question, now_ms, err);
}

static void drain_errors(Probe *probe)
{
    char bytes[4096];
    if (probe->process.errors >= 0 && read(probe->process.errors, bytes, sizeof bytes) == 0) {
        (void)close(probe->process.errors);
        probe->process.errors = -1;
    }
}

/* How a question ended. */
typedef enum Outcome {
    OUTCOME_NONE = 0, /* not yet */
    OUTCOME_ANSWERED,
    OUTCOME_NONSENSE,
    OUTCOME_DIED,
    OUTCOME_LATE,
} Outcome;

static const char *const outcome_texts[] = {
    [OUTCOME_NONE] = "",
    [OUTCOME_ANSWERED] = "",
    [OUTCOME_NONSENSE] = "its check gave nonsense",
    [OUTCOME_DIED] = "its check died on it",
    [OUTCOME_LATE] = "its check took too long",
};

/* The next line that is `kind` or a failure; other lines are the worker's log. */
static Outcome take_lines(Probe *probe, MessageKind kind, Message *message)
{
    const char *line = NULL;
    size_t length = 0;
    Status status = STATUS_AGAIN;
    while ((status = line_buffer_next(&probe->inbox, &line, &length)) == STATUS_OK) {
        if (message_parse(line, length, message, NULL) != STATUS_OK) {
            return OUTCOME_NONSENSE;
        }
        if (message->kind == kind || message->kind == MESSAGE_FAILED) {
            return OUTCOME_ANSWERED;
        }
        message_free(message);
    }
    return status == STATUS_OVER_BUDGET ? OUTCOME_NONSENSE : OUTCOME_NONE;
}

/* The caller frees `message` when it is answered. A worker that gave none is ended. */
static Outcome poll_once(Probe *probe, MessageKind kind, int64_t now_ms, Message *message)
{
    *message = (Message){0};
    if (probe->process.pid == 0 || !probe->asked) {
        return OUTCOME_NONE;
    }
    drain_errors(probe);
    const Status filled = line_buffer_fill(&probe->inbox, probe->process.channel);
    Outcome outcome = take_lines(probe, kind, message);
    if (outcome == OUTCOME_NONE && filled == STATUS_EOF) {
        outcome = OUTCOME_DIED;
    } else if (outcome == OUTCOME_NONE && now_ms - probe->asked_ms > probe->timeout_ms) {
        outcome = OUTCOME_LATE;
    }
    if (outcome == OUTCOME_ANSWERED) {
        probe->asked = false;
    } else if (outcome != OUTCOME_NONE) {
        probe_close(probe);
    }
    return outcome;
}

Status probe_poll(Probe *probe, int64_t now_ms, ProbeAnswer *answer)
{
    Message message;
    const Outcome outcome = poll_once(probe, MESSAGE_PROBED, now_ms, &message);
    if (outcome == OUTCOME_NONE) {
        return STATUS_AGAIN;
    }
    const char *why = outcome_texts[outcome];
    if (outcome == OUTCOME_ANSWERED) {
        why = message.kind == MESSAGE_PROBED ? message.why : message.error.why;
    }
    *answer = (ProbeAnswer){.exists = true, .complete = message.complete};
    text_copy(answer->why, sizeof answer->why, why);
    message_free(&message);
    return STATUS_OK;
}

Status probe_poll_look(Probe *probe, const char *input, int64_t now_ms, MediaLook *look, Error *err)
{
    Message message;
    const Outcome outcome = poll_once(probe, MESSAGE_LOOKED, now_ms, &message);
    if (outcome == OUTCOME_NONE) {
        return STATUS_AGAIN;
    }
    *look = message.look;
    Status status = STATUS_OK;
    if (outcome != OUTCOME_ANSWERED) {
        status = error_set(err, outcome == OUTCOME_LATE ? ERROR_TIMEOUT : ERROR_CRASH,
                           "cannot look at the video", input, outcome_texts[outcome]);
    } else if (message.kind == MESSAGE_FAILED) {
        if (err != NULL && !error_is_set(err)) {
            *err = message.error;
        }
        status = STATUS_FAILED;
    }
    message_free(&message);
    return status;
}

void probe_close(Probe *probe)
{
    if (probe->process.pid > 0) {
        process_end(&probe->process, END_WAIT_MS);
    }
    process_close(&probe->process);
    line_buffer_free(&probe->inbox);
    probe->asked = false;
}
