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

Status probe_ask(Probe *probe, const char *input, const char *output, int64_t now_ms, Error *err)
{
    const char *const arguments[] = {"runbatch", "worker", "--probe", probe->sandbox, NULL};
    if (probe->process.pid == 0 &&
        process_spawn(probe->executable, arguments, &probe->process, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    const Message question = {
        .kind = MESSAGE_PROBE, .input = (char *)(uintptr_t)input, .output = (char *)(uintptr_t)output};
    /* a worker that is gone is noticed by probe_poll */
    (void)message_send(probe->process.channel, &question, NULL);
    probe->asked = true;
    probe->asked_ms = now_ms;
    return STATUS_OK;
}

static void drain_errors(Probe *probe)
{
    char bytes[4096];
    if (probe->process.errors >= 0 && read(probe->process.errors, bytes, sizeof bytes) == 0) {
        (void)close(probe->process.errors);
        probe->process.errors = -1;
    }
}

static Status give_up(Probe *probe, const char *why, ProbeAnswer *answer)
{
    probe_close(probe);
    *answer = (ProbeAnswer){.exists = true};
    text_copy(answer->why, sizeof answer->why, why);
    return STATUS_OK;
}

static Status take_answer(Probe *probe, const Message *message, ProbeAnswer *answer)
{
    *answer = (ProbeAnswer){.exists = true};
    if (message->kind == MESSAGE_PROBED) {
        answer->complete = message->complete;
        text_copy(answer->why, sizeof answer->why, message->why);
    } else {
        text_copy(answer->why, sizeof answer->why, message->error.why);
    }
    probe->asked = false;
    return STATUS_OK;
}

Status probe_poll(Probe *probe, int64_t now_ms, ProbeAnswer *answer)
{
    if (probe->process.pid == 0 || !probe->asked) {
        return STATUS_AGAIN;
    }
    drain_errors(probe);
    const Status filled = line_buffer_fill(&probe->inbox, probe->process.channel);
    const char *line = NULL;
    size_t length = 0;
    Status status = STATUS_AGAIN;
    while ((status = line_buffer_next(&probe->inbox, &line, &length)) == STATUS_OK) {
        Message message;
        if (message_parse(line, length, &message, NULL) != STATUS_OK) {
            return give_up(probe, "its check gave nonsense", answer);
        }
        const bool is_answer = message.kind == MESSAGE_PROBED || message.kind == MESSAGE_FAILED;
        if (is_answer) {
            (void)take_answer(probe, &message, answer);
        }
        message_free(&message);
        if (is_answer) {
            return STATUS_OK;
        }
    }
    if (status == STATUS_OVER_BUDGET) {
        return give_up(probe, "its check gave nonsense", answer);
    }
    if (filled == STATUS_EOF) {
        return give_up(probe, "its check died on it", answer);
    }
    if (now_ms - probe->asked_ms > probe->timeout_ms) {
        return give_up(probe, "its check took too long", answer);
    }
    return STATUS_AGAIN;
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
